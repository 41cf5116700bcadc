package spool

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

func TestSurge(t *testing.T) {
	const perWindow = surgeRate / int(time.Second/surgeWindow)
	for _, test := range []struct {
		name string
		// commits are how many deliveries each brought, and every how long there was one.
		commits []int
		every   time.Duration
		after   time.Duration
		want    bool
	}{
		{name: "nothing", after: 0, want: false},
		{name: "many in one commit", commits: []int{0, perWindow}, every: surgeWindow, want: true},
		{name: "one fewer", commits: []int{0, perWindow - 1}, every: surgeWindow, want: false},
		{name: "as many in twice the time", commits: []int{0, perWindow}, every: 2 * surgeWindow, want: false},
		{name: "many in small commits", commits: []int{perWindow / 2, perWindow / 2}, every: surgeWindow / 2, want: true},
		{name: "many callers on a slow disk", commits: []int{64, 64, 64, 64}, every: 30 * time.Millisecond, want: false},
		{name: "a while later", commits: []int{0, perWindow}, every: surgeWindow, after: surgeLasts - 1, want: true},
		{name: "later", commits: []int{0, perWindow}, every: surgeWindow, after: surgeLasts, want: false},
	} {
		t.Run(test.name, func(t *testing.T) {
			clk := clocktesting.NewFakeClock(start)
			s := &Spool{options: Options{Clock: clk}}
			s.surge.note(0, clk.Now())
			for _, n := range test.commits {
				clk.Step(test.every)
				s.surge.note(n, clk.Now())
			}
			clk.Step(test.after)
			if got := s.Surging(); got != test.want {
				t.Errorf("surging: %t", got)
			}
		})
	}
}

func TestAppendsMakeASurge(t *testing.T) {
	clk := clocktesting.NewFakeClock(start)
	o := testOptions()
	o.Clock = clk
	i := run(t, t.TempDir(), o)
	i.append(order(0))
	clk.Step(surgeWindow)
	if i.Surging() {
		t.Fatal("after one delivery")
	}
	for n := range surgeRate {
		i.append(order(n))
	}
	clk.Step(surgeWindow)
	i.append(order(0))
	if !i.Surging() {
		t.Error("after very many")
	}
}
