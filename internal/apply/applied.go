package apply

import (
	"slices"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// holds says whether the delivery with this number in this spool is in already.
func holds(applied []v1alpha1.AppliedDeliveries, spoolID string, number int64) bool {
	return slices.ContainsFunc(applied, func(run v1alpha1.AppliedDeliveries) bool {
		return run.Spool == spoolID && run.First <= number && number <= run.Last
	})
}

// record returns applied with one more delivery in it. previous is the number of the delivery before it to the same
// resource, 0 where the spool knows of none. The run that was extended last stands last.
func record(applied []v1alpha1.AppliedDeliveries, spoolID string, number, previous int64) []v1alpha1.AppliedDeliveries {
	next := slices.Clone(applied)
	// The run must be the last one that begins before the delivery: one further back has a gap behind it.
	at := -1
	for i, run := range next {
		if run.Spool == spoolID && run.Last < number && (at < 0 || run.Last > next[at].Last) {
			at = i
		}
	}
	run := v1alpha1.AppliedDeliveries{Spool: spoolID, First: number, Last: number}
	if at >= 0 && previous <= next[at].Last {
		run.First = next[at].First
		next = slices.Delete(next, at, at+1)
	}
	next = append(next, run)
	if over := len(next) - v1alpha1.MaxApplied; over > 0 {
		next = slices.Delete(next, 0, over)
	}
	return next
}
