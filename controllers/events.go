package controllers

import (
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// reportingController is who our Events say made them.
const reportingController = v1alpha1.GroupName + "/manager"

// What had happened, in the field action of our Events.
const (
	actionOrderState   = "OrderStateChanged"
	actionOrderOverdue = "OrderDeadlinePassed"
	actionAlertTrigger = "AlertTriggerChanged"
)

// uidInName is how many characters of a resource's uid stand in the names of its Events. A resource may be deleted and
// made again under its name, and its sequence then starts anew.
const uidInName = 8

// orderReportEvent is the Event of one report of an order.
func orderReportEvent(order *v1alpha1.SimOrder, r v1alpha1.OrderReport) eventsv1.Event {
	kind, reason := orderReason(r.State)
	event := newReportEvent(v1alpha1.KindSimOrder, &order.ObjectMeta, &r.ReportMeta)
	event.Action, event.Type, event.Reason, event.Note = actionOrderState, kind, reason, cut(orderMessage(order, r.State), maxNote)
	return event
}

// orderOverdueEvent is the Event of an order that did not finish in time.
func orderOverdueEvent(order *v1alpha1.SimOrder, deadline time.Time) eventsv1.Event {
	event := newEvent(v1alpha1.KindSimOrder, &order.ObjectMeta, "overdue", metav1.NewMicroTime(deadline))
	event.Action, event.Type, event.Reason = actionOrderOverdue, corev1.EventTypeWarning, v1alpha1.ReasonOrderOverdue
	event.Note = cut(overdueMessage(order, deadline), maxNote)
	return event
}

// alertReportEvent is the Event of one report of an alert.
func alertReportEvent(alert *v1alpha1.SimAlert, r v1alpha1.AlertReport) eventsv1.Event {
	event := newReportEvent(v1alpha1.KindSimAlert, &alert.ObjectMeta, &r.ReportMeta)
	event.Action, event.Type, event.Reason = actionAlertTrigger, corev1.EventTypeWarning, v1alpha1.ReasonAlertOn
	if r.Trigger == v1alpha1.AlertTriggerOff {
		event.Type, event.Reason = corev1.EventTypeNormal, v1alpha1.ReasonAlertOff
	}
	event.Note = alertMessage(&alert.Spec, r.Trigger, r.Value)
	return event
}

// newReportEvent starts the Event of a report.
func newReportEvent(kind string, about *metav1.ObjectMeta, r *v1alpha1.ReportMeta) eventsv1.Event {
	event := newEvent(kind, about, strconv.FormatInt(r.Sequence, 10), r.ReceivedAt)
	if r.DeliveryID != "" {
		event.Annotations = map[string]string{v1alpha1.AnnotationDeliveryID: r.DeliveryID}
	}
	return event
}

// newEvent starts an Event. Nothing in it depends on when or how often it is made, so that making it again after a crash
// makes nothing new; regarding leaves resourceVersion out for the same reason. The committer says which instance it is.
func newEvent(kind string, about *metav1.ObjectMeta, suffix string, at metav1.MicroTime) eventsv1.Event {
	uid := string(about.UID)
	return eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: about.Namespace,
			Name:      fmt.Sprintf("%s.%s.%s", about.Name, uid[:min(uidInName, len(uid))], suffix),
		},
		EventTime:           at,
		ReportingController: reportingController,
		Regarding: corev1.ObjectReference{
			APIVersion: v1alpha1.GroupVersion().String(),
			Kind:       kind,
			Namespace:  about.Namespace,
			Name:       about.Name,
			UID:        about.UID,
		},
	}
}

// orderReason is the type and the reason of the Event of a report of this state.
func orderReason(state v1alpha1.OrderState) (kind, reason string) {
	switch state {
	case v1alpha1.OrderStateOpen:
		return corev1.EventTypeNormal, v1alpha1.EventOrderOpen
	case v1alpha1.OrderStatePending:
		return corev1.EventTypeNormal, v1alpha1.EventOrderPending
	case v1alpha1.OrderStateComplete:
		return corev1.EventTypeNormal, v1alpha1.EventOrderComplete
	case v1alpha1.OrderStateFailed:
		return corev1.EventTypeWarning, v1alpha1.ReasonOrderFailed
	case v1alpha1.OrderStateStalled:
		return corev1.EventTypeWarning, v1alpha1.ReasonOrderStalled
	case v1alpha1.OrderStateCancelled:
		return corev1.EventTypeWarning, v1alpha1.ReasonOrderCancelled
	default:
		return corev1.EventTypeNormal, v1alpha1.EventOrderStateReported
	}
}
