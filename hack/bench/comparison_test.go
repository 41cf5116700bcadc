package main

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

func TestAgain(t *testing.T) {
	const window = 5 * time.Minute
	tests := map[string]struct {
		rounds       int
		took, window time.Duration
		want         bool
	}{
		"there is one at least":               {0, 0, 0, true},
		"all turn":                            {parts - 1, time.Hour, window, true},
		"and once more, so that they are On":  {parts, time.Hour, window, true},
		"all of them":                         {2*parts - 1, time.Hour, window, true},
		"without a window that is all":        {2 * parts, time.Second, 0, false},
		"within the window they go on":        {2 * parts, 90 * time.Second, window, true},
		"after it they are On":                {4 * parts, window, window, false},
		"as they are not after an odd number": {5 * parts, 2 * window, window, true},
		"few alerts do not turn for as long":  {mostPasses * parts, time.Minute, window, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := again(tt.rounds, tt.took, tt.window); got != tt.want {
				t.Errorf("again = %v after %d rounds in %s of %s", got, tt.rounds, tt.took, tt.window)
			}
		})
	}
}

// costing is a cost that is the same in each part.
func costing(ms int) cost {
	took := time.Duration(ms) * time.Millisecond
	return cost{processor: map[string]time.Duration{"etcd": took, "ingress": 2 * took}, time: took, writes: float64(ms)}
}

func TestInTurns(t *testing.T) {
	few, many := &estate{alerts: 1}, &estate{alerts: 10}
	var order []int
	three := func(rounds int) bool { return rounds < 3 }
	d, err := inTurns(few, many, three, func(e *estate, round int) (cost, error) {
		order = append(order, e.alerts)
		return costing(e.alerts + round), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 10, 10, 1, 1, 10}, order); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{1, 2, 3}, each(d.few, inTime)); diff != "" {
		t.Errorf("costs with few (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{10, 11, 12}, each(d.many, inTime)); diff != "" {
		t.Errorf("costs with many (-want +got):\n%s", diff)
	}
	broken := errors.New("broken")
	if _, err := inTurns(few, many, three, func(*estate, int) (cost, error) { return cost{}, broken }); !errors.Is(err, broken) {
		t.Errorf("a measurement that fails: %v", err)
	}
}

func TestAComparisonIsNotedByItsRounds(t *testing.T) {
	// The machine is half as fast in the second round, and the third has what the API server does now and then.
	d := comparison{few: []cost{costing(10), costing(20), costing(10)}, many: []cost{costing(11), costing(22), costing(29)}}
	const prefix = "cost of a delivery (a transition) at 100 resources against 10: "
	want := map[string]float64{
		prefix + "processor":                               1.1,
		prefix + "processor, all rounds together":          1.55,
		prefix + "time":                                    1.1,
		prefix + "time, all rounds together":               1.55,
		prefix + "processor, rounds":                       3,
		prefix + "processor, round with the lowest ratio":  1.1,
		prefix + "processor, round with the highest ratio": 2.9,
		prefix + "processor with the fewer, median":        30,
		prefix + "processor with the more, median":         66,
		prefix + "processor with the fewer, mean":          40,
		prefix + "processor with the more, mean":           62,
	}
	made := &table{}
	d.note(made, sizes{small: 10, large: 100}, record.Transition)
	d.noteTogether(made, sizes{small: 10, large: 100}, record.Transition)
	got, verdicts := map[string]float64{}, map[string]string{}
	for _, row := range made.Rows {
		got[row.Name] = row.Value
		if row.Reach != "" {
			verdicts[row.Name] = row.Verdict()
		}
	}
	wantVerdicts := map[string]string{
		prefix + "processor":                      "PASS",
		prefix + "time":                           "PASS",
		prefix + "processor, all rounds together": "SHORT",
		prefix + "time, all rounds together":      "SHORT",
	}
	if diff := cmp.Diff(wantVerdicts, verdicts); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
