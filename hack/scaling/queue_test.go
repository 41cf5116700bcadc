package main

import (
	"math"
	"math/rand/v2"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, math.Abs(a), math.Abs(b)) }

func TestServe(t *testing.T) {
	tests := map[string]struct {
		waiting, arriving deliveries
		capacity          float64
		applied, left     deliveries
	}{
		"all goes at once if there is room":         {deliveries{alertOn: 1}, deliveries{alertOff: 2}, 3, deliveries{alertOn: 1, alertOff: 2}, deliveries{}},
		"what there is no room for waits":           {deliveries{}, deliveries{alertOn: 10}, 4, deliveries{alertOn: 4}, deliveries{alertOn: 6}},
		"each kind gets the same share of the room": {deliveries{alertOn: 10}, deliveries{orderOpened: 30}, 20, deliveries{alertOn: 5, orderOpened: 15}, deliveries{alertOn: 5, orderOpened: 15}},
		"without room all waits":                    {deliveries{alertOn: 1}, deliveries{}, 0, deliveries{}, deliveries{alertOn: 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			applied, left := serve(tt.waiting, tt.arriving, tt.capacity)
			for kind := range applied {
				if !near(applied[kind], tt.applied[kind]) || !near(left[kind], tt.left[kind]) {
					t.Fatalf("applied %v, left %v; want %v, %v", applied, left, tt.applied, tt.left)
				}
			}
		})
	}
}

func TestServeLosesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		var waiting, arriving deliveries
		for kind := range waiting {
			waiting[kind], arriving[kind] = random.Float64()*1e6, random.Float64()*1e6
		}
		capacity := random.Float64() * 1e7
		applied, left := serve(waiting, arriving, capacity)
		if !near(applied.total()+left.total(), waiting.total()+arriving.total()) {
			t.Fatalf("%v and %v became %v and %v", waiting, arriving, applied, left)
		}
		if applied.total() > capacity*(1+1e-9) {
			t.Fatalf("applied %v with room for %v", applied.total(), capacity)
		}
	}
}

func TestExpiry(t *testing.T) {
	e := newExpiry(3)
	var ended []float64
	for hour, added := range []float64{1, 2, 4, 8, 0, 0} {
		ended = append(ended, e.turn(hour, added))
	}
	for hour, want := range []float64{0, 0, 0, 1, 2, 4} {
		if ended[hour] != want {
			t.Fatalf("ended %v", ended)
		}
	}
	if newExpiry(0).turn(7, 100) != 0 {
		t.Error("what is kept for ever has ended")
	}
}

func TestSimulateBurst(t *testing.T) {
	tests := map[string]struct{ n, arriving, applied, want float64 }{
		"nothing takes no time":                          {0, 100, 10, 0},
		"the slower of the two says how long: applying":  {1000, 1000, 100, 10},
		"the slower of the two says how long: accepting": {1000, 100, 1000, 9.1},
		"part of a second":                               {50, 100, 100, 0.5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := simulateBurst(tt.n, tt.arriving, tt.applied); !near(got, tt.want) {
				t.Errorf("burst took %v, want %v", got, tt.want)
			}
		})
	}
}
