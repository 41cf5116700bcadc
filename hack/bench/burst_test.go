package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAgain(t *testing.T) {
	const window = 5 * time.Minute
	tests := map[string]struct {
		flips        int
		took, window time.Duration
		want         bool
	}{
		"there is one at least":                      {0, 0, 0, true},
		"without a window there is one alone":        {1, time.Second, 0, false},
		"within the window they go on":               {1, 90 * time.Second, window, true},
		"after it they are Off":                      {3, window, window, false},
		"as they are not after an even number":       {4, 2 * window, window, true},
		"few alerts do not turn for as long":         {mostFlips, time.Minute, window, false},
		"but one time less than the most is too few": {mostFlips - 1, time.Minute, window, true},
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
	return cost{processor: map[string]time.Duration{"etcd": took, "ingress": 2 * took}, time: took, writes: float64(ms), yardstick: took}
}

func TestATransitionCostsTheMeanOfAllBursts(t *testing.T) {
	rowsOf := func(bursts ...cost) map[string]float64 {
		made := &table{}
		noteTransition(made, 100, bursts)
		rows := map[string]float64{}
		for _, row := range made.Rows {
			rows[row.Name] = row.Value
		}
		return rows
	}
	of := "at 100 resources, processor of a transition"
	several := rowsOf(costing(2), costing(9), costing(1))
	want := map[string]float64{
		"at 100 resources, time of a transition": 4, "at 100 resources, writes of a transition": 4,
		"at 100 resources, the yardstick beside a transition": 4,
		of: 12, of + " in etcd": 4, of + " in ingress": 8, of + " in kube-apiserver": 0, of + " in manager": 0,
		"at 100 resources, bursts that a transition is the mean of": 3,
		of + " in the first burst":                                  6, of + " in the dearest burst": 27,
	}
	if diff := cmp.Diff(want, several); diff != "" {
		t.Errorf("rows of three bursts (-want +got):\n%s", diff)
	}
	if one := rowsOf(costing(2)); len(one) != 8 || one[of] != 6 {
		t.Errorf("rows of one burst: %v", one)
	}
}

func TestYetToTurn(t *testing.T) {
	const ready = `sim_operator_receiver_ready{namespace="scale",receiver="bench",reason="TokenPublished"} 1` + "\n"
	const some = `sim_operator_alerts_active{namespace="scale",receiver="bench",alert="one"} 2
sim_operator_alerts_active{namespace="scale",receiver="bench",alert="two"} 1
sim_operator_alerts_active{namespace="status",receiver="bench",alert="one"} 9
`
	tests := map[string]struct {
		page, trigger string
		n, want       int
	}{
		"what is still On has yet to go Off":                     {ready + some, "Off", 10, 3},
		"what is not On yet has yet to go On":                    {ready + some, "On", 10, 7},
		"where none is On, all are Off":                          {ready, "Off", 10, 0},
		"a manager that tells of no receiver tells of no alerts": {"", "Off", 10, 10},
		"one of another namespace is another's":                  {strings.ReplaceAll(ready, "scale", "status"), "Off", 10, 10},
		"those that do not turn stay On":                         {ready + some, "Off", 8, 1},
		"or are On already":                                      {ready + some, "On", 8, 7},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			page, err := parseMetrics(strings.NewReader(tt.page))
			if err != nil {
				t.Fatal(err)
			}
			if got := yetToTurn(page, tt.trigger, 10, tt.n); got != tt.want {
				t.Errorf("%d have yet to go %s, want %d", got, tt.trigger, tt.want)
			}
		})
	}
}
