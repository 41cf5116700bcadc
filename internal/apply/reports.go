package apply

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// withMeta is a pointer to a report of either kind.
type withMeta[T any] interface {
	*T
	Meta() *v1alpha1.ReportMeta
}

// reportLog is the reports of one resource while deliveries are put in: oldest first by receivedAt, and each repeated,
// if at all, before the next one begins.
type reportLog[T any, P withMeta[T]] struct {
	reports []T
	// observed is status.observedSequence: reports up to it have their Event and may make room.
	observed int64
	// repeats says whether two reports say the same.
	repeats func(a, b *T) bool
	// refresh gives a report what a later repetition says anew.
	refresh func(r, later *T)
}

// add puts one delivery in its place in time. A delivery that repeats the report before it raises its count; any other
// one is a report of its own. It returns false, and changes nothing, where there is no room for it.
func (l *reportLog[T, P]) add(delivered T, at metav1.MicroTime) bool {
	before := l.lastAtOrBefore(at.Time)
	if before >= 0 && l.repeats(&l.reports[before], &delivered) {
		l.raise(before, &delivered, at)
		return true
	}
	if before >= 0 && l.meta(before).LastReceivedAt.After(at.Time) {
		return l.interrupt(before, delivered, at)
	}
	if !l.makeRoom(1, -1) {
		return false
	}
	l.insert(l.lastAtOrBefore(at.Time)+1, delivered, at)
	return true
}

func (l *reportLog[T, P]) meta(i int) *v1alpha1.ReportMeta {
	return P(&l.reports[i]).Meta()
}

func (l *reportLog[T, P]) raise(i int, delivered *T, at metav1.MicroTime) {
	meta := l.meta(i)
	meta.Count++
	if at.After(meta.LastReceivedAt.Time) {
		meta.LastReceivedAt = at
		l.refresh(&l.reports[i], delivered)
	}
}

// interrupt puts a late delivery between a report and its last repetition. The sender said last what it repeated, so
// the repetition becomes a report behind the delivery: else the late delivery would stand as the present state.
func (l *reportLog[T, P]) interrupt(i int, delivered T, at metav1.MicroTime) bool {
	interrupted := l.meta(i).Sequence
	if !l.makeRoom(2, interrupted) {
		return false
	}
	i = l.lastAtOrBefore(at.Time)
	resumed, meta := l.reports[i], l.meta(i)
	// Which of the deliveries that were counted was the last is not known.
	P(&resumed).Meta().DeliveryID = ""
	last := meta.LastReceivedAt
	meta.Count--
	meta.LastReceivedAt = meta.ReceivedAt
	l.insert(i+1, delivered, at)
	l.insert(i+2, resumed, last)
	return true
}

// insert makes a report of a single delivery, whose id it has already, and numbers it.
func (l *reportLog[T, P]) insert(i int, r T, at metav1.MicroTime) {
	meta := P(&r).Meta()
	*meta = v1alpha1.ReportMeta{Sequence: l.nextSequence(), ReceivedAt: at, LastReceivedAt: at, Count: 1, DeliveryID: meta.DeliveryID}
	l.reports = slices.Insert(l.reports, i, r)
}

// lastAtOrBefore is the index of the report in whose place in time t falls, -1 where t is before all.
func (l *reportLog[T, P]) lastAtOrBefore(t time.Time) int {
	for i := len(l.reports) - 1; i >= 0; i-- {
		if !l.meta(i).ReceivedAt.After(t) {
			return i
		}
	}
	return -1
}

// makeRoom drops the oldest reports that the manager has processed until n more fit. It never drops one that has no
// Event yet, nor the latest, which may be the present state, nor the one with the sequence keep. Where that is not
// enough it drops nothing and returns false.
func (l *reportLog[T, P]) makeRoom(n int, keep int64) bool {
	excess := len(l.reports) + n - v1alpha1.MaxReports
	if excess <= 0 {
		return true
	}
	kept := make([]T, 0, v1alpha1.MaxReports)
	for i := range l.reports {
		sequence, isLatest := l.meta(i).Sequence, i == len(l.reports)-1
		if excess > 0 && !isLatest && sequence != keep && sequence <= l.observed {
			excess--
			continue
		}
		kept = append(kept, l.reports[i])
	}
	if excess > 0 {
		return false
	}
	l.reports = kept
	return true
}

func (l *reportLog[T, P]) nextSequence() int64 {
	highest := l.observed
	for i := range l.reports {
		highest = max(highest, l.meta(i).Sequence)
	}
	return highest + 1
}

// latest is when the last delivery that is in the log came in.
func (l *reportLog[T, P]) latest() time.Time {
	if len(l.reports) == 0 {
		return time.Time{}
	}
	return l.meta(len(l.reports) - 1).LastReceivedAt.Time
}

// sequenceOf is the sequence of the report that a delivery has made, 0 where it made none that is still kept.
func sequenceOf[T any, P withMeta[T]](reports []T, deliveryID string) int64 {
	for i := range reports {
		if meta := P(&reports[i]).Meta(); meta.DeliveryID == deliveryID {
			return meta.Sequence
		}
	}
	return 0
}
