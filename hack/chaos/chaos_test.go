package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// TestChaosShort tries each fault once. The seed is always the same, so that a failure has to do with what was changed;
// make chaos takes others, and longer.
func TestChaosShort(t *testing.T) {
	const root = "../.."
	assets, err := localcluster.FindAssets(root)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "sim-operator-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	o := options{
		root: root, assets: assets, dir: dir, seed: 20261124, rate: 60, duration: 10 * time.Second, pause: 300 * time.Millisecond, out: testOutput{t},
	}
	t.Logf("seed %d; make chaos SEED=%[1]d takes more time", o.seed)
	flawless, err := run(t.Context(), o)
	if err != nil || !flawless {
		t.Fatalf("the cluster is not what the ledger says, or a fault failed: %v; all that was made stays in %s", err, dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// testOutput writes lines into a test's log.
type testOutput struct{ t *testing.T }

func (o testOutput) Write(p []byte) (int, error) {
	o.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

func TestTheScheduleIsThatOfItsSeed(t *testing.T) {
	first, second, other := newSchedule(1, time.Second), newSchedule(1, time.Second), newSchedule(2, time.Second)
	same, tried := 0, map[string]bool{}
	for n := range 100 {
		a, b := first.next(), second.next()
		if a != b {
			t.Fatalf("step %d is %+v and %+v", n, a, b)
		}
		if a == other.next() {
			same++
		}
		if n < firstRound() {
			tried[a.String()] = true
		}
	}
	if same > 50 {
		t.Errorf("%d of 100 steps are those of another seed", same)
	}
	if len(tried) != firstRound() {
		t.Errorf("the first round tries %d faults, want %d", len(tried), firstRound())
	}
}
