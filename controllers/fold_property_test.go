package controllers

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	apiequality "k8s.io/apimachinery/pkg/api/equality"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// The order in which reports come in, how many of them the manager sees at a time, and whether it is killed between the
// Events and the status, must make no difference: neither to the status at the end, nor to which Events there were.
func TestHowReportsArriveMakesNoDifference(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 0))
		written := randomOrderReports(random)

		atOnce := foldOrder(orderWith(logOf(written)...), limits{}, at(1000).Time)
		grown := orderWith()
		events := map[string]int{}
		for n := 0; n < len(written); {
			n = min(n+1+random.IntN(4), len(written))
			grown.Spec.Reports = logOf(written[:n])
			d := foldOrder(grown, limits{}, at(1000).Time)
			for _, e := range d.events {
				events[e.Name]++
			}
			if statusIsWritten := random.IntN(3) > 0; statusIsWritten {
				grown.Status = d.status
			}
		}
		last := foldOrder(grown, limits{}, at(1000).Time)
		for _, e := range last.events {
			events[e.Name]++
		}
		if !apiequality.Semantic.DeepEqual(atOnce.status, last.status) {
			t.Fatalf("seed %d, %s: all at once (-) against bit by bit (+):\n%s", seed, describe(written), gocmp.Diff(atOnce.status, last.status))
		}
		for _, r := range written {
			if name := orderReportEvent(grown, r).Name; events[name] == 0 {
				t.Fatalf("seed %d, %s: no Event %s", seed, describe(written), name)
			}
		}
		if len(events) != len(written) {
			t.Fatalf("seed %d: %d Events of %d reports: %v", seed, len(events), len(written), events)
		}
	}
}

// The ingress drops the oldest reports that the manager has processed to make room. As long as nothing late comes in,
// that too must make no difference to the status.
func TestDroppingProcessedReportsMakesNoDifference(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 1))
		written := randomOrderReports(random)
		slices.SortFunc(written, func(a, b v1alpha1.OrderReport) int { return a.ReceivedAt.Compare(b.ReceivedAt.Time) })
		for i := range written {
			written[i].Sequence = int64(i + 1)
		}

		atOnce := foldOrder(orderWith(written...), limits{}, at(1000).Time)
		grown := orderWith()
		for _, r := range written {
			kept := grown.Spec.Reports[random.IntN(len(grown.Spec.Reports)+1):]
			grown.Spec.Reports = append(slices.Clone(kept), r)
			grown.Status = foldOrder(grown, limits{}, at(1000).Time).status
		}
		if !apiequality.Semantic.DeepEqual(atOnce.status, grown.Status) {
			t.Fatalf("seed %d, %s: all kept (-) against dropped (+):\n%s", seed, describe(written), gocmp.Diff(atOnce.status, grown.Status))
		}
	}
}

func TestHowAlertReportsArriveMakesNoDifference(t *testing.T) {
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, 2))
		written := make([]v1alpha1.AlertReport, 1+random.IntN(8))
		for i, second := range random.Perm(len(written)) {
			trigger := []v1alpha1.AlertTrigger{on, off}[random.IntN(2)]
			written[i] = alertReport(int64(i+1), second, trigger, fmt.Sprint(random.IntN(100)))
		}
		inLog := func(n int) []v1alpha1.AlertReport { return inTime(written[:n]) }

		atOnce := foldAlert(alertWith(inLog(len(written))...), limits{}, at(1000).Time)
		grown := alertWith()
		var names []string
		for n := range written {
			grown.Spec.Reports = inLog(n + 1)
			d := foldAlert(grown, limits{}, at(1000).Time)
			for _, e := range d.events {
				names = append(names, e.Name)
			}
			grown.Status = d.status
		}
		if !apiequality.Semantic.DeepEqual(atOnce.status, grown.Status) {
			t.Fatalf("seed %d: all at once (-) against one by one (+):\n%s", seed, gocmp.Diff(atOnce.status, grown.Status))
		}
		if len(names) != len(written) {
			t.Fatalf("seed %d: %d Events of %d reports", seed, len(names), len(written))
		}
	}
}

// randomOrderReports are reports in the order in which they were written, with their times in any order, some of them
// the same.
func randomOrderReports(random *rand.Rand) []v1alpha1.OrderReport {
	states := append(v1alpha1.OrderStates(), code6)
	reports := make([]v1alpha1.OrderReport, 1+random.IntN(8))
	for i := range reports {
		reports[i] = orderReport(int64(i+1), random.IntN(2*len(reports)), states[random.IntN(len(states))])
	}
	return reports
}

// logOf puts reports into the log as the ingress does: each at its place in time, after those of the same time.
func logOf(written []v1alpha1.OrderReport) []v1alpha1.OrderReport {
	log := slices.Clone(written)
	slices.SortStableFunc(log, func(a, b v1alpha1.OrderReport) int {
		return cmp.Or(a.ReceivedAt.Compare(b.ReceivedAt.Time), cmp.Compare(a.Sequence, b.Sequence))
	})
	return log
}

func describe(written []v1alpha1.OrderReport) string {
	text := ""
	for _, r := range written {
		text += fmt.Sprintf("%d:%s@%s ", r.Sequence, r.State, r.ReceivedAt.Format("04:05"))
	}
	return text
}
