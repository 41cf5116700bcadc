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
		flips        int
		took, window time.Duration
		want         bool
	}{
		"there is one at least":               {0, 0, 0, true},
		"and another, so that they are On":    {1, time.Hour, window, true},
		"without a window that is all":        {2, time.Second, 0, false},
		"within the window they go on":        {2, 90 * time.Second, window, true},
		"after it they are On":                {4, window, window, false},
		"as they are not after an odd number": {5, 2 * window, window, true},
		"few alerts do not turn for as long":  {mostFlips, time.Minute, window, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := again(tt.flips, tt.took, tt.window); got != tt.want {
				t.Errorf("again = %v after %d flips in %s of %s", got, tt.flips, tt.took, tt.window)
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
	const against = "cost of a delivery (a transition) at 100 resources against 10: "
	notes := map[string]float64{
		against + "processor, rounds":                       3,
		against + "processor, round with the lowest ratio":  1.1,
		against + "processor, round with the highest ratio": 2.9,
		against + "processor with the fewer, mean":          40,
		against + "processor with the more, mean":           62,
	}
	for name, tt := range map[string]struct {
		ratio   func(func(cost) float64) float64
		want    float64
		verdict string
	}{
		"round by round": {d.medianRatio, 1.1, "PASS"},
		"all in all":     {d.ratioOfMeans, 1.55, "SHORT"},
	} {
		t.Run(name, func(t *testing.T) {
			made := &table{}
			d.note(made, sizes{small: 10, large: 100}, record.Transition, tt.ratio)
			got := map[string]float64{}
			for _, row := range made.Rows {
				got[row.Name] = row.Value
				if row.Reach != "" && row.Verdict() != tt.verdict {
					t.Errorf("%s: %s", row.Name, row.Verdict())
				}
			}
			want := map[string]float64{against + "processor": tt.want, against + "time": tt.want}
			for name, value := range notes {
				want[name] = value
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}
