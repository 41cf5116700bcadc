package controllers

import (
	"cmp"
	"slices"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// decision is what follows from a resource, its previous status, the limits of its receiver and the time.
type decision[S any] struct {
	status S
	// events are those that are due, in the order in which they are to be created.
	events []eventsv1.Event
	// wait is how long until time alone changes the decision; 0 when it never does.
	wait time.Duration
	// expired says that the resource has ended and has been kept for long enough.
	expired bool
}

// report is a pointer to a report of either kind.
type report[R any] interface {
	*R
	Meta() *v1alpha1.ReportMeta
}

// inTime returns the reports, oldest first. They are written in this order; sorting them again costs little and keeps a
// hand that edited the log from changing what the latest report is.
func inTime[R any, P report[R]](reports []R) []R {
	sorted := slices.Clone(reports)
	slices.SortStableFunc(sorted, func(a, b R) int {
		return P(&a).Meta().ReceivedAt.Compare(P(&b).Meta().ReceivedAt.Time)
	})
	return sorted
}

// unseen returns the reports for which no Event is known to be out, in the order in which they were written.
func unseen[R any, P report[R]](reports []R, observed int64) []R {
	var due []R
	for i := range reports {
		if P(&reports[i]).Meta().Sequence > observed {
			due = append(due, reports[i])
		}
	}
	slices.SortStableFunc(due, func(a, b R) int {
		return cmp.Compare(P(&a).Meta().Sequence, P(&b).Meta().Sequence)
	})
	return due
}

// lastSequence is the highest sequence that the resource ever had. As sequences have no gap, it is also how many
// reports there ever were, those that are no longer kept included.
func lastSequence[R any, P report[R]](reports []R, observed int64) int64 {
	last := observed
	for i := range reports {
		last = max(last, P(&reports[i]).Meta().Sequence)
	}
	return last
}

// standing is what a resource is said to be, and since when.
type standing[S ~string] struct {
	state S
	since metav1.MicroTime
}

// settle walks over what was reported, in order of time, and returns what stands at its end. A report takes over when
// its state differs from the one that stands, unless that one holds against it.
//
// What was known before takes part at its own place in time, for the report that brought it may be gone from the log
// while later ones are still there: an order stays Complete although the log now starts with a later Open. While that
// report is still in the log, its twin changes nothing: it stands before the reports of its own microsecond, and these
// are walked through again after it.
func settle[S ~string](known standing[S], reported []standing[S], holds func(standing, next S) bool) standing[S] {
	walk := slices.Clone(reported)
	if known.state != "" {
		walk = slices.Insert(walk, 0, known)
		slices.SortStableFunc(walk, func(a, b standing[S]) int { return a.since.Compare(b.since.Time) })
	}
	var current standing[S]
	for _, next := range walk {
		if next.state != current.state && !holds(current.state, next.state) {
			current = next
		}
	}
	return current
}

// conditions is a list of conditions in the making. It is made anew in each fold, so that a condition that the table
// does not name is absent, and the lastTransitionTime is that of the report that brought the present state, even where
// only the reason changed: an order that went from Open to Failed was not Ready before and after, and has not been
// ready for the reason Failed since the report that said so.
type conditions struct {
	list       []metav1.Condition
	generation int64
}

// set adds a condition. Conditions hold whole seconds: rounding here keeps what is made equal to what is read back.
func (c *conditions) set(kind string, status metav1.ConditionStatus, reason, message string, since time.Time) {
	if since.IsZero() {
		// Only a hand can write such a time. The setter would read the clock instead, and so write anew at each fold.
		since = time.Unix(0, 0)
	}
	meta.SetStatusCondition(&c.list, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message,
		ObservedGeneration: c.generation, LastTransitionTime: metav1.NewTime(since.Truncate(time.Second)),
	})
}

// setOrphaned says that the receiver is gone, and keeps since when that is known.
func (c *conditions) setOrphaned(before []metav1.Condition, receiver string, now time.Time) {
	since, already := trueSince(before, v1alpha1.ConditionOrphaned)
	if !already {
		since = now
	}
	message := "SimReceiver " + receiver + " was deleted; this is kept until somebody deletes it"
	c.set(v1alpha1.ConditionOrphaned, metav1.ConditionTrue, v1alpha1.ReasonReceiverDeleted, message, since)
}

// trueSince is when a condition became True, if it is.
func trueSince(list []metav1.Condition, kind string) (time.Time, bool) {
	if found := meta.FindStatusCondition(list, kind); found != nil && found.Status == metav1.ConditionTrue {
		return found.LastTransitionTime.Time, true
	}
	return time.Time{}, false
}

// after is the moment at which the length of time has gone by since start; zero, which is never, where either is zero.
func after(start time.Time, length time.Duration) time.Time {
	if start.IsZero() || length == 0 {
		return time.Time{}
	}
	return start.Add(length)
}

// reached says whether a moment has come. The zero moment never comes.
func reached(moment, now time.Time) bool {
	return !moment.IsZero() && !now.Before(moment)
}

// untilNext is how long until the first of the moments that are still to come; 0 when there is none.
func untilNext(now time.Time, moments ...time.Time) time.Duration {
	var wait time.Duration
	for _, moment := range moments {
		left := moment.Sub(now)
		if moment.After(now) && (wait == 0 || left < wait) {
			wait = left
		}
	}
	return wait
}
