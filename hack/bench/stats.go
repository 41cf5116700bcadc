package main

import (
	"math"
	"slices"
	"time"
)

// number is what a median can be taken of.
type number interface{ ~int | ~int64 | ~float64 }

// median is the middle of the values, and the mean of the two in the middle where there is no one such. That of none
// is 0.
func median[T number](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// mean is the sum by the number. That of none is 0.
func mean[T number](values []T) T {
	if len(values) == 0 {
		return 0
	}
	var sum T
	for _, value := range values {
		sum += value
	}
	return sum / T(len(values))
}

// percentile is the smallest of the values that at least so many percent of them do not exceed: the nearest rank. That
// of none is 0.
func percentile(values []time.Duration, percent float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// ratios divides pair by pair: what is measured by its baseline of the same round.
func ratios(ours, baseline []float64) []float64 {
	all := make([]float64, 0, len(ours))
	for i := range min(len(ours), len(baseline)) {
		if baseline[i] > 0 {
			all = append(all, ours[i]/baseline[i])
		}
	}
	return all
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// perSecond is a rate.
func perSecond(n int, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(n) / took.Seconds()
}
