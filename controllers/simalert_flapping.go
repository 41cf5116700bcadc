package controllers

import (
	"time"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// flapping says whether an alert turns on and off too often now, since when, and until when if nothing more comes.
type flapping struct {
	is           bool
	since, until time.Time
	// fromStart says that the log shows no rest before since, so that it may have begun earlier.
	fromStart bool
}

// flappingAt looks at the times of the reports. After each, the alert flaps until the first of the last so many reports
// is as old as the limit says; a report that comes before that goes on with it.
func flappingAt(reports []v1alpha1.AlertReport, lim limits, now time.Time) flapping {
	if lim.flapTransitions == 0 || lim.flapWithin == 0 {
		return flapping{}
	}
	var current flapping
	sorted := inTime(reports)
	for i := lim.flapTransitions - 1; i < len(sorted); i++ {
		came := sorted[i].ReceivedAt.Time
		until := sorted[i-lim.flapTransitions+1].ReceivedAt.Add(lim.flapWithin)
		if !came.Before(current.until) {
			current = flapping{since: came, fromStart: i == lim.flapTransitions-1}
		}
		current.is, current.until = came.Before(until), until
	}
	if !current.is || !now.Before(current.until) {
		return flapping{}
	}
	return current
}
