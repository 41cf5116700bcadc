package controllers

import (
	"fmt"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// foldAlert makes an alert's status from its reports, its previous status, the limits of its receiver and the time.
func foldAlert(alert *v1alpha1.SimAlert, lim limits, now time.Time) decision[v1alpha1.SimAlertStatus] {
	status := reportedAlert(alert)
	lastWord := alertLastWord(alert)
	staleAt := alertStaleAt(&status, lastWord, lim.staleAfter)
	expiry := alertExpiry(&status, lim.inactiveAlerts)

	list := alertConditions(alert, &status)
	if reached(staleAt, now) {
		since, already := trueSince(alert.Status.Conditions, v1alpha1.ConditionStale)
		if !already {
			since = staleAt
		}
		message := "On, and no word since " + lastWord.UTC().Format(time.RFC3339)
		list.set(v1alpha1.ConditionStale, metav1.ConditionTrue, v1alpha1.ReasonNoWordSince, message, since)
	}
	flapping := flappingAt(alert.Spec.Reports, lim, now)
	if flapping.is {
		since := flapping.since
		// The reports with which it began may be gone from the log.
		if before, already := trueSince(alert.Status.Conditions, v1alpha1.ConditionFlapping); already && flapping.fromStart && before.Before(since) {
			since = before
		}
		message := fmt.Sprintf("At least %d transitions within %s", lim.flapTransitions, lim.flapWithin)
		list.set(v1alpha1.ConditionFlapping, metav1.ConditionTrue, v1alpha1.ReasonManyTransitions, message, since)
	}
	if lim.orphaned {
		list.setOrphaned(alert.Status.Conditions, alert.Spec.Receiver, now)
	}
	status.Conditions = list.list

	return decision[v1alpha1.SimAlertStatus]{
		status:  status,
		events:  alertEvents(alert),
		wait:    untilNext(now, staleAt, expiry, flapping.until),
		expired: reached(expiry, now),
	}
}

// reportedAlert is the part of the status that follows from the reports alone.
func reportedAlert(alert *v1alpha1.SimAlert) v1alpha1.SimAlertStatus {
	last := lastSequence(alert.Spec.Reports, alert.Status.ObservedSequence)
	status := v1alpha1.SimAlertStatus{
		ObservedGeneration: alert.Generation,
		ObservedSequence:   last,
		Transitions:        last,
		TriggerValue:       alert.Status.TriggerValue,
	}

	var known standing[v1alpha1.AlertTrigger]
	if since := alert.Status.Since; since != nil {
		known = standing[v1alpha1.AlertTrigger]{state: alert.Status.Trigger, since: *since}
	}
	var reported []standing[v1alpha1.AlertTrigger]
	for _, r := range inTime(alert.Spec.Reports) {
		reported = append(reported, standing[v1alpha1.AlertTrigger]{state: r.Trigger, since: r.ReceivedAt})
		status.TriggerValue = r.Value
	}

	current := settle(known, reported, neverFinal)
	if current.state == "" {
		return status
	}
	status.Trigger, status.Since = current.state, &current.since
	return status
}

// neverFinal lets an alert turn on and off for ever.
func neverFinal(_, _ v1alpha1.AlertTrigger) bool {
	return false
}

// alertLastWord is when the sender last said anything of this alert; zero when it never did.
func alertLastWord(alert *v1alpha1.SimAlert) time.Time {
	var last time.Time
	for _, r := range alert.Spec.Reports {
		if r.LastReceivedAt.After(last) {
			last = r.LastReceivedAt.Time
		}
	}
	return last
}

// alertStaleAt is when an alert that is On becomes Stale if nothing more is heard of it.
func alertStaleAt(status *v1alpha1.SimAlertStatus, lastWord time.Time, staleAfter time.Duration) time.Time {
	if status.Trigger != v1alpha1.AlertTriggerOn {
		return time.Time{}
	}
	return after(lastWord, staleAfter)
}

// alertExpiry is when an alert that is Off is no longer kept.
func alertExpiry(status *v1alpha1.SimAlertStatus, retention time.Duration) time.Time {
	if status.Trigger != v1alpha1.AlertTriggerOff {
		return time.Time{}
	}
	return after(status.Since.Time, retention)
}

// alertConditions are those that follow from the trigger, as the table in the API package has them.
func alertConditions(alert *v1alpha1.SimAlert, status *v1alpha1.SimAlertStatus) *conditions {
	list := &conditions{generation: alert.Generation}
	if status.Trigger == "" {
		since := alert.CreationTimestamp.Time
		const message = "No report of this alert has come in yet"
		list.set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAwaitingReport, message, since)
		list.set(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonAwaitingReport, message, since)
		return list
	}

	since, message := status.Since.Time, alertMessage(&alert.Spec, status.Trigger, status.TriggerValue)
	list.set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReportProcessed, "The last report has been processed", since)
	if status.Trigger == v1alpha1.AlertTriggerOn {
		list.set(v1alpha1.ConditionActive, metav1.ConditionTrue, v1alpha1.ReasonAlertOn, message, since)
	} else {
		list.set(v1alpha1.ConditionActive, metav1.ConditionFalse, v1alpha1.ReasonAlertOff, message, since)
	}
	return list
}

// alertEvents are the Events of the reports for which none is known to be out.
func alertEvents(alert *v1alpha1.SimAlert) []eventsv1.Event {
	var events []eventsv1.Event
	for _, r := range unseen(alert.Spec.Reports, alert.Status.ObservedSequence) {
		events = append(events, alertReportEvent(alert, r))
	}
	return events
}

// alertMessage reads: SIM 3f0c... has SIM.%USED 85, GreaterThan 75 ("Alert Name 1").
// When the alert is Off: SIM 3f0c... has SIM.%USED 60, no longer GreaterThan 75 ("Alert Name 1").
func alertMessage(spec *v1alpha1.SimAlertSpec, trigger v1alpha1.AlertTrigger, value string) string {
	target := clean(string(spec.TargetType), maxValueInText)
	if target == "" {
		target = "Entity"
	}
	message := target + " " + string(spec.EntityID)
	if spec.StatName != "" {
		message += strings.TrimRight(" has "+clean(spec.StatName, maxValueInText)+" "+clean(value, maxValueInText), " ")
	}
	message += alertClause(spec, trigger)
	if spec.AlertName != "" {
		message += fmt.Sprintf(" (%q)", clean(spec.AlertName, maxNameInText))
	}
	return cut(message, maxNote)
}

func alertClause(spec *v1alpha1.SimAlertSpec, trigger v1alpha1.AlertTrigger) string {
	if spec.StatName == "" || spec.Condition == "" {
		return ": alert " + string(trigger)
	}
	clause := ", "
	if trigger == v1alpha1.AlertTriggerOff {
		clause += "no longer "
	}
	clause += clean(spec.Condition, maxValueInText)
	if spec.ConditionalValue != "" {
		clause += " " + clean(spec.ConditionalValue, maxValueInText)
	}
	return clause
}
