package apply

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// A delivery is one delivery of the spool, read: P is webhook.Order or webhook.Alert.
type delivery[P any] struct {
	number     int64
	previous   int64
	receivedAt time.Time
	receiver   string
	payload    P
}

// merged is what a merge comes to.
type merged[O client.Object] struct {
	// object is the resource with the deliveries in it; the one that was given is not changed.
	object O
	// taken is how many of the deliveries, from the first on, the resource now holds. The others found no room.
	taken int
	// changed is false where the resource held all that was taken before.
	changed bool
}

// mergeOrder puts deliveries, in the order of their numbers, into an order. It stops at the first that finds no room.
func mergeOrder(current *v1alpha1.SimOrder, spoolID string, deliveries []delivery[webhook.Order]) merged[*v1alpha1.SimOrder] {
	order := current.DeepCopy()
	spec := &order.Spec
	log := reportLog[v1alpha1.OrderReport, *v1alpha1.OrderReport]{
		reports:  spec.Reports,
		observed: order.Status.ObservedSequence,
		repeats:  func(a, b *v1alpha1.OrderReport) bool { return a.State == b.State },
		refresh:  func(_, _ *v1alpha1.OrderReport) {},
	}
	result := putIn(&log, &spec.Applied, spoolID, deliveries,
		func(o webhook.Order) v1alpha1.OrderReport { return v1alpha1.OrderReport{State: o.State} },
		func(d delivery[webhook.Order], newest bool) {
			spec.OrderID = d.payload.OrderID
			learn(&spec.Type, d.payload.Type, newest)
			learn(&spec.SimID, d.payload.SimID, newest)
			learn(&spec.PoolID, d.payload.PoolID, newest)
			learn(&spec.APNID, d.payload.APNID, newest)
			learn(&spec.Receiver, d.receiver, newest)
		})
	spec.Reports = log.reports
	if result.changed {
		label(order, v1alpha1.LabelReceiver, spec.Receiver)
		label(order, v1alpha1.LabelSimID, string(spec.SimID))
		label(order, v1alpha1.LabelPoolID, string(spec.PoolID))
		label(order, v1alpha1.LabelAPNID, string(spec.APNID))
	}
	return merged[*v1alpha1.SimOrder]{object: order, taken: result.taken, changed: result.changed}
}

// mergeAlert puts deliveries, in the order of their numbers, into an alert. It stops at the first that finds no room.
func mergeAlert(current *v1alpha1.SimAlert, spoolID string, deliveries []delivery[webhook.Alert]) merged[*v1alpha1.SimAlert] {
	alert := current.DeepCopy()
	spec := &alert.Spec
	log := reportLog[v1alpha1.AlertReport, *v1alpha1.AlertReport]{
		reports:  spec.Reports,
		observed: alert.Status.ObservedSequence,
		repeats:  func(a, b *v1alpha1.AlertReport) bool { return a.Trigger == b.Trigger },
		refresh:  func(r, later *v1alpha1.AlertReport) { r.Value = later.Value },
	}
	result := putIn(&log, &spec.Applied, spoolID, deliveries,
		func(a webhook.Alert) v1alpha1.AlertReport {
			return v1alpha1.AlertReport{Trigger: a.Trigger, Value: a.TriggerValue}
		},
		func(d delivery[webhook.Alert], newest bool) {
			spec.AlertID, spec.EntityID = d.payload.AlertID, d.payload.EntityID
			learn(&spec.AlertName, d.payload.AlertName, newest)
			learn(&spec.TargetType, d.payload.TargetType, newest)
			learn(&spec.StatName, d.payload.StatName, newest)
			learn(&spec.Condition, d.payload.Condition, newest)
			learn(&spec.ConditionalValue, d.payload.ConditionalValue, newest)
			learn(&spec.Receiver, d.receiver, newest)
		})
	spec.Reports = log.reports
	if result.changed {
		label(alert, v1alpha1.LabelReceiver, spec.Receiver)
		label(alert, v1alpha1.LabelAlertID, string(spec.AlertID))
		labelEntity(alert)
	}
	return merged[*v1alpha1.SimAlert]{object: alert, taken: result.taken, changed: result.changed}
}

type putResult struct {
	taken   int
	changed bool
}

// putIn is the part of a merge that is the same for orders and alerts: it keeps the log and the record of what is
// applied, and calls note for each delivery that it puts in. newest says that no later delivery is in yet.
func putIn[T any, R withMeta[T], P any](
	log *reportLog[T, R], applied *[]v1alpha1.AppliedDeliveries, spoolID string, deliveries []delivery[P],
	reportOf func(P) T, note func(d delivery[P], newest bool),
) putResult {
	var result putResult
	for _, d := range deliveries {
		latest := log.latest()
		// No delivery that is in is later than the latest that is in. One that is, and whose number was seen before, comes
		// from a spool that was put back to an older copy and gives its numbers a second time.
		if !holds(*applied, spoolID, d.number) || d.receivedAt.After(latest) {
			newest := !d.receivedAt.Before(latest)
			report := reportOf(d.payload)
			R(&report).Meta().DeliveryID = webhook.DeliveryID(spoolID, uint64(d.number)) //nolint:gosec // came from a uint64
			if !log.add(report, metav1.NewMicroTime(d.receivedAt)) {
				return result
			}
			note(d, newest)
			*applied = record(*applied, spoolID, d.number, d.previous)
			result.changed = true
		}
		result.taken++
	}
	return result
}

// learn takes what a delivery says into a field: the newest word counts, an older one only fills what is not known. A
// delivery that says nothing erases nothing.
func learn[S ~string](field *S, said S, newest bool) {
	if said != "" && (newest || *field == "") {
		*field = said
	}
}

func label(object client.Object, key, value string) {
	labels := object.GetLabels()
	if value == "" || labels[key] == value {
		return
	}
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	object.SetLabels(labels)
}

// labelEntity names the SIM or pool that an alert is about. An alert on something else has no such label.
func labelEntity(alert *v1alpha1.SimAlert) {
	key, known := map[v1alpha1.AlertTarget]string{
		v1alpha1.AlertTargetSIM:  v1alpha1.LabelSimID,
		v1alpha1.AlertTargetPool: v1alpha1.LabelPoolID,
	}[alert.Spec.TargetType]
	if known {
		label(alert, key, string(alert.Spec.EntityID))
	}
}
