package simulator

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// A Snapshot is a SimOrder or a SimAlert as the cluster shows it, in one form for both.
type Snapshot struct {
	Resource   Resource
	UID        string
	Generation int64
	Facts      map[string]string
	Reports    []Report
	Status     Status
}

// A Report is one entry of spec.reports.
type Report struct {
	Sequence, Count            int64
	ReceivedAt, LastReceivedAt time.Time
	Says, Value                string
}

// A Status is what the status says.
type Status struct {
	Generation, Sequence, Transitions int64
	Says, Value                       string
	Since, StartedAt, FinishedAt      time.Time
	// Conditions are Status/Reason by type, and Times their lastTransitionTime.
	Conditions map[string]string
	Times      map[string]time.Time
}

// An Event is one of events.k8s.io/v1.
type Event struct {
	Name, UID string
	Reason    string
	Time      time.Time
	Regarding Resource
}

// Contents is all that a cluster shows of a run.
type Contents struct {
	Resources []Snapshot
	Events    []Event
	// Quarantined is how many deliveries the ingresses keep in quarantine more than before the run.
	Quarantined int
}

func (r *Snapshot) lastSequence() int64 {
	last := r.Status.Sequence
	for i := range r.Reports {
		last = max(last, r.Reports[i].Sequence)
	}
	return last
}

// dropped says that the first reports are no longer there.
func (r *Snapshot) dropped() bool { return r.lastSequence() > int64(len(r.Reports)) }

func snapshotOfOrder(o *v1alpha1.SimOrder) Snapshot {
	s := Snapshot{
		Resource: Resource{Orders, o.Name}, UID: string(o.UID), Generation: o.Generation,
		Facts: map[string]string{
			"orderID": string(o.Spec.OrderID), "type": string(o.Spec.Type), "simID": string(o.Spec.SimID),
			"poolID": string(o.Spec.PoolID), "apnID": string(o.Spec.APNID),
		},
		Status: Status{
			Generation: o.Status.ObservedGeneration, Sequence: o.Status.ObservedSequence, Transitions: o.Status.Transitions,
			Says: string(o.Status.State), Since: timeOf(o.Status.StateSince), StartedAt: timeOf(o.Status.StartedAt), FinishedAt: timeOf(o.Status.FinishedAt),
		},
	}
	for i := range o.Spec.Reports {
		r := &o.Spec.Reports[i]
		s.Reports = append(s.Reports, reportOf(&r.ReportMeta, string(r.State), ""))
	}
	s.Status.setConditions(o.Status.Conditions)
	return s
}

func snapshotOfAlert(a *v1alpha1.SimAlert) Snapshot {
	s := Snapshot{
		Resource: Resource{Alerts, a.Name}, UID: string(a.UID), Generation: a.Generation,
		Facts: map[string]string{
			"alertID": string(a.Spec.AlertID), "entityID": string(a.Spec.EntityID), "alertName": a.Spec.AlertName, "targetType": string(a.Spec.TargetType),
			"statName": a.Spec.StatName, "condition": a.Spec.Condition, "conditionalValue": a.Spec.ConditionalValue,
		},
		Status: Status{
			Generation: a.Status.ObservedGeneration, Sequence: a.Status.ObservedSequence, Transitions: a.Status.Transitions,
			Says: string(a.Status.Trigger), Value: a.Status.TriggerValue, Since: timeOf(a.Status.Since),
		},
	}
	for i := range a.Spec.Reports {
		r := &a.Spec.Reports[i]
		s.Reports = append(s.Reports, reportOf(&r.ReportMeta, string(r.Trigger), r.Value))
	}
	s.Status.setConditions(a.Status.Conditions)
	return s
}

func reportOf(m *v1alpha1.ReportMeta, says, value string) Report {
	return Report{
		Sequence: m.Sequence, Count: m.Count, ReceivedAt: m.ReceivedAt.UTC(), LastReceivedAt: m.LastReceivedAt.UTC(), Says: says, Value: value,
	}
}

func (s *Status) setConditions(list []metav1.Condition) {
	s.Conditions, s.Times = map[string]string{}, map[string]time.Time{}
	for i := range list {
		s.Conditions[list[i].Type] = string(list[i].Status) + "/" + list[i].Reason
		s.Times[list[i].Type] = list[i].LastTransitionTime.UTC()
	}
}

func timeOf(t *metav1.MicroTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
