package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	tests := map[string]struct {
		values []float64
		want   float64
	}{
		"none is 0":                               {nil, 0},
		"one is itself":                           {[]float64{7}, 7},
		"of an odd number it is the one between":  {[]float64{9, 1, 5}, 5},
		"of an even number it is the mean of two": {[]float64{4, 1, 3, 100}, 3.5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := append([]float64(nil), tt.values...)
			if got := median(tt.values); got != tt.want {
				t.Errorf("median(%v) = %v, want %v", tt.values, got, tt.want)
			}
			if diff := cmp.Diff(before, tt.values); diff != "" {
				t.Errorf("median changed what it was given (-before +after):\n%s", diff)
			}
		})
	}
}

func TestMean(t *testing.T) {
	if got := mean([]float64{1, 2, 6}); got != 3 {
		t.Errorf("the mean of 1, 2 and 6 = %v", got)
	}
	if got := mean[time.Duration](nil); got != 0 {
		t.Errorf("the mean of none = %v", got)
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[99-i] = time.Duration(i+1) * time.Millisecond
	}
	tests := map[string]struct {
		values  []time.Duration
		percent float64
		want    time.Duration
	}{
		"of none it is 0":                          {nil, 50, 0},
		"of one it is that one":                    {hundred[:1], 99, 100 * time.Millisecond},
		"50 of a hundred is the 50th":              {hundred, 50, 50 * time.Millisecond},
		"99 of a hundred is the 99th":              {hundred, 99, 99 * time.Millisecond},
		"100 is the longest":                       {hundred, 100, 100 * time.Millisecond},
		"0 is the shortest":                        {hundred, 0, time.Millisecond},
		"of few the 99th is the longest":           {hundred[:10], 99, 100 * time.Millisecond},
		"between two ranks it is the higher":       {hundred[98:], 51, 2 * time.Millisecond},
		"a rank that is hit exactly is that value": {hundred[98:], 50, time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := percentile(tt.values, tt.percent); got != tt.want {
				t.Errorf("percentile(%v) = %v, want %v", tt.percent, got, tt.want)
			}
		})
	}
}

func TestRatios(t *testing.T) {
	tests := map[string]struct {
		ours, baseline, want []float64
	}{
		"each round is divided by its own baseline": {[]float64{50, 30}, []float64{100, 40}, []float64{0.5, 0.75}},
		"a round without a baseline is left out":    {[]float64{50, 30, 20}, []float64{100, 0}, []float64{0.5}},
		"none":                                      {nil, nil, []float64{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ratios(tt.ours, tt.baseline)); diff != "" {
				t.Errorf("ratios (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPerSecond(t *testing.T) {
	if got := perSecond(500, 250*time.Millisecond); got != 2000 {
		t.Errorf("500 in a quarter of a second = %v a second, want 2000", got)
	}
	if got := perSecond(500, 0); got != 0 {
		t.Errorf("500 in no time = %v a second, want 0", got)
	}
}

func TestOverride(t *testing.T) {
	got := quickSizes().override(sizes{large: 20_000, rounds: 9, turn: time.Second})
	want := quickSizes()
	want.large, want.small, want.rounds, want.turn = 20_000, 2000, 9, time.Second
	if got != want {
		t.Errorf("sizes = %+v, want %+v", got, want)
	}
}

func TestAsManyNewAlertsInARoundWithFewAsWithMany(t *testing.T) {
	for name, s := range map[string]sizes{"full": fullSizes(), "quick": quickSizes(), "few": fullSizes().override(sizes{large: 100})} {
		few, many := s.freshAt(s.small), s.freshAt(s.large)
		if few != many || s.shortRounds()*few > s.small/2 {
			t.Errorf("%s: %d rounds of %d on the way to %d, and of %d on the way to %d", name, s.shortRounds(), few, s.small, many, s.large)
		}
	}
}

func TestPause(t *testing.T) {
	tests := map[string]struct {
		done, left int
		took, want time.Duration
	}{
		"of what has not begun nothing is known":          {0, 100, time.Second, pollEvery},
		"half the time that the rest will take":           {100, 50, time.Second, 250 * time.Millisecond},
		"close to the end it is looked at often":          {999, 1, time.Second, 5 * time.Millisecond},
		"a long wait does not leave the waiting for lost": {1, 1_000_000, time.Second, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := pause(tt.done, tt.left, tt.took); got != tt.want {
				t.Errorf("pause = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMedianCost(t *testing.T) {
	got := medianCost([]cost{costing(9), costing(1), costing(5)})
	if got.time != 5*time.Millisecond || got.writes != 5 || got.total() != 15*time.Millisecond {
		t.Errorf("the middle of three costs is %+v", got)
	}
}
