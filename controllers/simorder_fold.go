package controllers

import (
	"fmt"
	"slices"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// foldOrder makes an order's status from its reports, its previous status, the limits of its receiver and the time.
func foldOrder(order *v1alpha1.SimOrder, lim limits, now time.Time) decision[v1alpha1.SimOrderStatus] {
	status := reportedOrder(order)
	deadline := orderDeadline(order, &status, lim.overdueAfter)
	expiry := orderExpiry(&status, lim.finishedOrders)

	list := orderConditions(order, &status)
	events := orderEvents(order)
	if reached(deadline, now) {
		// The condition keeps the moment at which it became True when the limit is changed: then nothing differs, and
		// nothing is written.
		since, already := trueSince(order.Status.Conditions, v1alpha1.ConditionOverdue)
		if !already {
			since = deadline
			events = append(events, orderOverdueEvent(order, deadline))
		}
		list.set(v1alpha1.ConditionOverdue, metav1.ConditionTrue, v1alpha1.ReasonOrderOverdue, overdueMessage(order, since), since)
	}
	if lim.orphaned {
		list.setOrphaned(order.Status.Conditions, order.Spec.Receiver, now)
	}
	status.Conditions = list.list

	return decision[v1alpha1.SimOrderStatus]{
		status:  status,
		events:  events,
		wait:    untilNext(now, deadline, expiry),
		expired: reached(expiry, now),
	}
}

// reportedOrder is the part of the status that follows from the reports alone.
func reportedOrder(order *v1alpha1.SimOrder) v1alpha1.SimOrderStatus {
	last := lastSequence(order.Spec.Reports, order.Status.ObservedSequence)
	status := v1alpha1.SimOrderStatus{
		ObservedGeneration: order.Generation,
		ObservedSequence:   last,
		Transitions:        last,
		StartedAt:          order.Status.StartedAt,
	}

	var known standing[v1alpha1.OrderState]
	if since := order.Status.StateSince; since != nil {
		known = standing[v1alpha1.OrderState]{state: order.Status.State, since: *since}
	}
	var reported []standing[v1alpha1.OrderState]
	for _, r := range inTime(order.Spec.Reports) {
		reported = append(reported, standing[v1alpha1.OrderState]{state: r.State, since: r.ReceivedAt})
	}
	if len(reported) > 0 && (status.StartedAt == nil || reported[0].since.Before(status.StartedAt)) {
		status.StartedAt = &reported[0].since
	}

	current := settle(known, reported, isFinal)
	if current.state == "" {
		return status
	}
	status.State, status.StateSince = current.state, &current.since
	if status.StartedAt == nil {
		status.StartedAt = &current.since
	}
	if hasFinished(current.state) {
		status.FinishedAt = &current.since
	}
	return status
}

// isFinal says that an order in state current is not taken back by a later report of next.
func isFinal(current, next v1alpha1.OrderState) bool {
	final := []v1alpha1.OrderState{v1alpha1.OrderStateComplete, v1alpha1.OrderStateCancelled}
	back := []v1alpha1.OrderState{v1alpha1.OrderStateOpen, v1alpha1.OrderStatePending, v1alpha1.OrderStateStalled}
	return slices.Contains(final, current) && slices.Contains(back, next)
}

func hasFinished(state v1alpha1.OrderState) bool {
	return state == v1alpha1.OrderStateComplete || state == v1alpha1.OrderStateFailed || state == v1alpha1.OrderStateCancelled
}

// orderDeadline is when an order that has not finished becomes Overdue. One that was declared and of which nothing was
// ever reported is measured from its creation: whoever waits for it wants to know that too.
func orderDeadline(order *v1alpha1.SimOrder, status *v1alpha1.SimOrderStatus, overdueAfter time.Duration) time.Time {
	if hasFinished(status.State) || order.Spec.Type == v1alpha1.OrderTypeAPNActivation {
		return time.Time{}
	}
	started := order.CreationTimestamp.Time
	if status.StartedAt != nil {
		started = status.StartedAt.Time
	}
	return after(started, overdueAfter)
}

// orderExpiry is when an order that has finished is no longer kept.
func orderExpiry(status *v1alpha1.SimOrderStatus, retention time.Duration) time.Time {
	if status.FinishedAt == nil {
		return time.Time{}
	}
	return after(status.FinishedAt.Time, retention)
}

// orderConditions are those that follow from the state, as the table in the API package has them.
func orderConditions(order *v1alpha1.SimOrder, status *v1alpha1.SimOrderStatus) *conditions {
	list := &conditions{generation: order.Generation}
	if status.State == "" {
		since := order.CreationTimestamp.Time
		const message = "No report of this order has come in yet"
		list.set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAwaitingReport, message, since)
		list.set(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonAwaitingReport, message, since)
		return list
	}

	since, reason, message := status.StateSince.Time, string(status.State), orderMessage(order, status.State)
	ready := metav1.ConditionFalse
	if status.State == v1alpha1.OrderStateComplete {
		ready = metav1.ConditionTrue
	}
	list.set(v1alpha1.ConditionReady, ready, reason, message, since)
	switch status.State {
	case v1alpha1.OrderStateComplete:
		list.set(v1alpha1.ConditionComplete, metav1.ConditionTrue, reason, message, since)
	case v1alpha1.OrderStateStalled:
		list.set(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonOrderStalled, message, since)
	case v1alpha1.OrderStateCancelled:
		list.set(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonOrderCancelled, message, since)
	case v1alpha1.OrderStateFailed:
		list.set(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonOrderFailed, message, since)
		list.set(v1alpha1.ConditionFailed, metav1.ConditionTrue, reason, message, since)
	case v1alpha1.OrderStateOpen, v1alpha1.OrderStatePending:
		fallthrough
	default:
		list.set(v1alpha1.ConditionReconciling, metav1.ConditionTrue, reason, message, since)
	}
	return list
}

// orderEvents are the Events of the reports for which none is known to be out.
func orderEvents(order *v1alpha1.SimOrder) []eventsv1.Event {
	var events []eventsv1.Event
	for _, r := range unseen(order.Spec.Reports, order.Status.ObservedSequence) {
		events = append(events, orderReportEvent(order, r))
	}
	return events
}

// orderMessage reads: Activate of SIM 3f0c... is Complete.
func orderMessage(order *v1alpha1.SimOrder, state v1alpha1.OrderState) string {
	return orderSubject(&order.Spec) + " is " + string(state)
}

func overdueMessage(order *v1alpha1.SimOrder, since time.Time) string {
	return fmt.Sprintf("%s had not finished by %s", orderSubject(&order.Spec), since.UTC().Format(time.RFC3339))
}

// orderSubject says which order it is, by what it does to what.
func orderSubject(spec *v1alpha1.SimOrderSpec) string {
	what := string(spec.Type)
	if what == "" {
		what = "An order"
	}
	switch {
	case spec.SimID != "":
		return what + " of SIM " + string(spec.SimID)
	case spec.PoolID != "":
		return what + " of pool " + string(spec.PoolID)
	case spec.APNID != "":
		return what + " of APN " + string(spec.APNID)
	default:
		return what + " (order " + string(spec.OrderID) + ")"
	}
}
