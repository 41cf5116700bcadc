package plugin

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// reason is why something needs attention.
type reason string

// Reasons, the most urgent first: what is lost while nobody looks, what is late, and what somebody has to clear up.
const (
	reasonReceiverNotReady reason = "ReceiverNotReady"
	reasonDeliveriesWait   reason = "DeliveriesWaiting"
	reasonNotProcessed     reason = "NotProcessed"
	reasonQuarantined      reason = "DeliveriesQuarantined"
	reasonOrderFailed      reason = "OrderFailed"
	reasonOrderStalled     reason = "OrderStalled"
	reasonOrderOverdue     reason = "OrderOverdue"
	reasonAlertFlapping    reason = "AlertFlapping"
	reasonAlertStale       reason = "AlertStale"
	reasonOrphaned         reason = "Orphaned"
)

// reasons are all of them, the most urgent first.
func reasons() []reason {
	return []reason{
		reasonReceiverNotReady, reasonDeliveriesWait, reasonNotProcessed, reasonQuarantined, reasonOrderFailed,
		reasonOrderStalled, reasonOrderOverdue, reasonAlertFlapping, reasonAlertStale, reasonOrphaned,
	}
}

// critical says whether the way from Mobile Manager into the cluster itself is broken.
func (r reason) critical() bool {
	return r == reasonReceiverNotReady || r == reasonDeliveriesWait || r == reasonNotProcessed
}

// said is a sentence about n resources, and what to do.
func (r reason) said(n int64) (what, advice string) {
	switch r {
	case reasonReceiverNotReady:
		return counted(n, "receiver refuses", "receivers refuse") + " deliveries", "what Mobile Manager sends meanwhile may be lost"
	case reasonDeliveriesWait:
		return "deliveries wait to be applied for " + counted(n, "receiver", "receivers"), "nothing is lost: they are in the spool, and tried again"
	case reasonNotProcessed:
		return counted(n, "resource has", "resources have") + " not been processed", "does the manager run?"
	case reasonQuarantined:
		return "deliveries are in quarantine for " + counted(n, "receiver", "receivers"), "see them with ingress quarantine list, in the pod of the ingress"
	case reasonOrderFailed:
		return counted(n, "order has", "orders have") + " failed", ""
	case reasonOrderStalled:
		return counted(n, "order has", "orders have") + " stalled", ""
	case reasonOrderOverdue:
		return counted(n, "order is", "orders are") + " overdue", ""
	case reasonAlertFlapping:
		return counted(n, "alert is", "alerts are") + " flapping", ""
	case reasonAlertStale:
		return counted(n, "alert is", "alerts are") + " stale: on, and nothing heard since", "has the Off action of the alert the URL, too?"
	case reasonOrphaned:
		return counted(n, "resource has", "resources have") + " no receiver any more", "delete them when nobody needs them"
	default:
		return string(r), ""
	}
}

// wrong is one thing that is wrong with one resource.
type wrong struct {
	reason reason
	since  time.Time
	detail string
}

// wrongWithReceiver says what is wrong with a receiver.
func wrongWithReceiver(r *v1alpha1.SimReceiver, ready *metav1.Condition, view receiverView, now time.Time) []wrong {
	var found []wrong
	switch {
	case ready != nil && ready.Status != metav1.ConditionTrue:
		found = append(found, wrong{reasonReceiverNotReady, ready.LastTransitionTime.Time, ready.Reason + ": " + ready.Message})
	case ready == nil && now.Sub(r.CreationTimestamp.Time) > patienceManager:
		found = append(found, wrong{reasonReceiverNotReady, r.CreationTimestamp.Time, "the manager has not looked at it: does it run?"})
	}
	if view.Waiting > 0 && view.LastDelivery != nil && now.Sub(view.LastDelivery.Time) > patienceWaiting {
		found = append(found, wrong{reasonDeliveriesWait, view.LastDelivery.Time, waitingDetail(view)})
	}
	if view.Quarantined > 0 {
		w := wrong{reason: reasonQuarantined, detail: counted(view.Quarantined, "delivery", "deliveries")}
		if condition := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionQuarantined); condition != nil {
			w.since, w.detail = condition.LastTransitionTime.Time, condition.Message
		}
		found = append(found, w)
	}
	return found
}

// wrongWithOrder says what is wrong with an order. What failed or stalled is not called overdue as well.
func wrongWithOrder(o *v1alpha1.SimOrder, now time.Time) []wrong {
	found := unprocessed(&o.ObjectMeta, o.Status.ObservedGeneration, lastReport(o.Spec.Reports), now)
	overdue := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionOverdue)
	since := o.CreationTimestamp.Time
	if o.Status.StateSince != nil {
		since = o.Status.StateSince.Time
	}
	switch {
	case o.Status.State == v1alpha1.OrderStateFailed:
		found = append(found, wrong{reasonOrderFailed, since, orderDetail(&o.Spec)})
	case o.Status.State == v1alpha1.OrderStateStalled:
		found = append(found, wrong{reasonOrderStalled, since, orderDetail(&o.Spec)})
	case overdue != nil && overdue.Status == metav1.ConditionTrue:
		found = append(found, wrong{reasonOrderOverdue, overdue.LastTransitionTime.Time, orderDetail(&o.Spec)})
	}
	return append(found, orphaned(o.Status.Conditions, o.Spec.Receiver)...)
}

// wrongWithAlert says what is wrong with an alert.
func wrongWithAlert(a *v1alpha1.SimAlert, now time.Time) []wrong {
	found := unprocessed(&a.ObjectMeta, a.Status.ObservedGeneration, lastReport(a.Spec.Reports), now)
	for condition, why := range map[string]reason{
		v1alpha1.ConditionFlapping: reasonAlertFlapping,
		v1alpha1.ConditionStale:    reasonAlertStale,
	} {
		if c := meta.FindStatusCondition(a.Status.Conditions, condition); c != nil && c.Status == metav1.ConditionTrue {
			found = append(found, wrong{why, c.LastTransitionTime.Time, alertDetail(a)})
		}
	}
	return append(found, orphaned(a.Status.Conditions, a.Spec.Receiver)...)
}

// unprocessed finds a resource whose last report came some time ago and that the manager has not looked at since.
func unprocessed(about *metav1.ObjectMeta, observed int64, last time.Time, now time.Time) []wrong {
	if observed == about.Generation || last.IsZero() || now.Sub(last) <= patienceManager {
		return nil
	}
	return []wrong{{reason: reasonNotProcessed, since: last}}
}

func orphaned(conditions []metav1.Condition, receiver string) []wrong {
	c := meta.FindStatusCondition(conditions, v1alpha1.ConditionOrphaned)
	if c == nil || c.Status != metav1.ConditionTrue {
		return nil
	}
	return []wrong{{reasonOrphaned, c.LastTransitionTime.Time, "receiver " + receiver}}
}

// withMeta is a report of any kind.
type withMeta[T any] interface {
	*T
	Meta() *v1alpha1.ReportMeta
}

// lastReport is when the last delivery of any report came.
func lastReport[T any, R withMeta[T]](reports []T) time.Time {
	var last time.Time
	for i := range reports {
		if at := R(&reports[i]).Meta().LastReceivedAt.Time; at.After(last) {
			last = at
		}
	}
	return last
}

// orderDetail says what an order is about.
func orderDetail(spec *v1alpha1.SimOrderSpec) string {
	detail := string(spec.Type)
	for _, about := range []struct {
		kind string
		id   v1alpha1.UUID
	}{{"SIM", spec.SimID}, {"pool", spec.PoolID}, {"APN", spec.APNID}} {
		if about.id == "" {
			continue
		}
		if detail != "" {
			detail += ", "
		}
		detail += about.kind + " " + string(about.id)
	}
	return detail
}

// alertDetail says what an alert is about.
func alertDetail(a *v1alpha1.SimAlert) string {
	return clean(alertTitle(a), maxNameInText) + ", " + clean(string(a.Spec.TargetType), maxNameInText) + " " + string(a.Spec.EntityID)
}
