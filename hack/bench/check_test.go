package main

import (
	"errors"
	"testing"
	"time"
)

func TestLastWork(t *testing.T) {
	tests := map[string]struct {
		percent []int // of a processor, second by second
		want    time.Duration
		err     error
	}{
		"what was used beyond that at rest":     {[]int{5, 5, 5, 5, 5, 85, 105, 45, 5}, 2200 * time.Millisecond, nil},
		"up to the end":                         {[]int{5, 5, 5, 5, 5, 5, 85, 105}, 1800 * time.Millisecond, nil},
		"other work before does not count":      {[]int{5, 95, 95, 5, 5, 5, 5, 5, 105, 5}, time.Second, nil},
		"a short pause belongs to the work":     {[]int{5, 5, 5, 5, 5, 5, 105, 5, 5, 105}, 2 * time.Second, nil},
		"without work there is no answer":       {[]int{5, 5, 5, 5}, 0, errNoWork},
		"without a rest it is not known either": {[]int{105, 5, 5, 105}, 0, errNoRest},
		"nor if nothing was looked at":          {nil, 0, errNoWork},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			readings := []time.Duration{time.Hour}
			for _, percent := range tt.percent {
				readings = append(readings, readings[len(readings)-1]+time.Duration(percent)*10*time.Millisecond)
			}
			got, err := lastWork(readings)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("lastWork = %s, %v; want %s, %v", got, err, tt.want, tt.err)
			}
		})
	}
}
