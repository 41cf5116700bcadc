package plugin

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// timelineView is what timeline prints.
type timelineView struct {
	viewMeta `json:",inline"`

	// SimID or PoolID is whose story it is.
	SimID   string  `json:"simID,omitempty"`
	PoolID  string  `json:"poolID,omitempty"`
	Entries []entry `json:"entries"`
	// NotKept is how many older reports the resources no longer hold.
	NotKept int64 `json:"notKept"`
}

// entry is one report.
type entry struct {
	Time     metav1.MicroTime `json:"time"`
	LastTime metav1.MicroTime `json:"lastTime"`
	Kind     string           `json:"kind"`
	// What is the type of an order, or the name of an alert.
	What string `json:"what"`
	// State is the state of an order, or the trigger of an alert.
	State            string `json:"state"`
	Value            string `json:"value,omitempty"`
	StatName         string `json:"statName,omitempty"`
	Condition        string `json:"condition,omitempty"`
	ConditionalValue string `json:"conditionalValue,omitempty"`
	// Count is how many deliveries said the same in a row, the last of them at LastTime.
	Count     int64  `json:"count"`
	Sequence  int64  `json:"sequence"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Receiver  string `json:"receiver,omitempty"`
}

// timelineOptions say what stands in a timeline.
type timelineOptions struct {
	simID, poolID string
	// after leaves out what was last said before; the zero time leaves out nothing.
	after   time.Time
	reverse bool
}

// newTimeline puts the reports of orders and alerts in the order of time, the newest last.
func newTimeline(orders []v1alpha1.SimOrder, alerts []v1alpha1.SimAlert, o timelineOptions) timelineView {
	view := timelineView{
		viewMeta: viewMeta{APIVersion: viewVersion, Kind: "Timeline"},
		SimID:    o.simID, PoolID: o.poolID, Entries: []entry{},
	}
	for i := range orders {
		view.Entries = append(view.Entries, orderEntries(&orders[i])...)
		view.NotKept += notKept(orders[i].Status.Transitions, len(orders[i].Spec.Reports))
	}
	for i := range alerts {
		view.Entries = append(view.Entries, alertEntries(&alerts[i])...)
		view.NotKept += notKept(alerts[i].Status.Transitions, len(alerts[i].Spec.Reports))
	}
	view.Entries = slices.DeleteFunc(view.Entries, func(e entry) bool { return e.LastTime.Time.Before(o.after) })
	slices.SortFunc(view.Entries, func(a, b entry) int {
		return cmp.Or(
			a.Time.Compare(b.Time.Time), cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Sequence, b.Sequence),
		)
	})
	if o.reverse {
		slices.Reverse(view.Entries)
	}
	return view
}

// notKept is how many reports there were beyond those that are there. The manager may not have counted the latest yet.
func notKept(transitions int64, kept int) int64 {
	return max(transitions-int64(kept), 0)
}

func orderEntries(o *v1alpha1.SimOrder) []entry {
	var entries []entry
	for i := range o.Spec.Reports {
		r := &o.Spec.Reports[i]
		e := newEntry(v1alpha1.KindSimOrder, &o.ObjectMeta, &r.ReportMeta, o.Spec.Receiver)
		e.What, e.State = string(o.Spec.Type), string(r.State)
		entries = append(entries, e)
	}
	return entries
}

func alertEntries(a *v1alpha1.SimAlert) []entry {
	var entries []entry
	for i := range a.Spec.Reports {
		r := &a.Spec.Reports[i]
		e := newEntry(v1alpha1.KindSimAlert, &a.ObjectMeta, &r.ReportMeta, a.Spec.Receiver)
		e.What, e.State, e.Value = alertTitle(a), string(r.Trigger), r.Value
		e.StatName, e.Condition, e.ConditionalValue = a.Spec.StatName, a.Spec.Condition, a.Spec.ConditionalValue
		entries = append(entries, e)
	}
	return entries
}

func newEntry(kind string, about *metav1.ObjectMeta, r *v1alpha1.ReportMeta, receiver string) entry {
	return entry{
		Time: r.ReceivedAt, LastTime: r.LastReceivedAt, Kind: kind, Count: r.Count, Sequence: r.Sequence,
		Namespace: about.Namespace, Name: about.Name, Receiver: receiver,
	}
}
