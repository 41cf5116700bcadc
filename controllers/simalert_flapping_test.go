package controllers

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// turnsAt is an alert that turned on and off at these seconds.
func turnsAt(seconds ...int) *v1alpha1.SimAlert {
	var reports []v1alpha1.AlertReport
	for i, second := range seconds {
		trigger := []v1alpha1.AlertTrigger{on, off}[i%2]
		reports = append(reports, alertReport(int64(i+1), second, trigger, "1"))
	}
	return alertWith(reports...)
}

func TestFlapping(t *testing.T) {
	lim := limits{flapTransitions: 3, flapWithin: 10 * time.Second}
	tests := map[string]struct {
		alert *v1alpha1.SimAlert
		lim   limits
		now   int
		since int
		wait  time.Duration
	}{
		"too few transitions":                   {alert: turnsAt(1, 2), lim: lim, now: 3},
		"enough of them in time":                {alert: turnsAt(1, 2, 3), lim: lim, now: 3, since: 3, wait: 8 * time.Second},
		"enough of them, but too far apart":     {alert: turnsAt(1, 2, 11), lim: lim, now: 11},
		"it ends when the first is too old":     {alert: turnsAt(1, 2, 3), lim: lim, now: 11},
		"a further one goes on with it":         {alert: turnsAt(1, 2, 3, 9), lim: lim, now: 9, since: 3, wait: 3 * time.Second},
		"after a rest it begins anew":           {alert: turnsAt(1, 2, 3, 50, 51, 52), lim: lim, now: 52, since: 52, wait: 8 * time.Second},
		"one that comes too late does not flap": {alert: turnsAt(1, 2, 3, 30), lim: lim, now: 30},
		"0 transitions is never":                {alert: turnsAt(1, 2, 3), lim: limits{flapWithin: time.Hour}, now: 3},
		"0 time is never":                       {alert: turnsAt(1, 2, 3), lim: limits{flapTransitions: 1}, now: 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := foldAlert(test.alert, test.lim, at(test.now).Time)
			condition := meta.FindStatusCondition(d.status.Conditions, v1alpha1.ConditionFlapping)
			if (condition != nil) != (test.since > 0) {
				t.Fatalf("the condition is %+v", condition)
			}
			if condition != nil {
				if diff := cmp.Diff(wholeSecond(test.since), condition.LastTransitionTime); diff != "" {
					t.Errorf("since (-want +got):\n%s", diff)
				}
			}
			if d.wait != test.wait {
				t.Errorf("it is looked at again after %s; want %s", d.wait, test.wait)
			}
			if len(d.events) != len(test.alert.Spec.Reports) {
				t.Errorf("%d Events of %d reports", len(d.events), len(test.alert.Spec.Reports))
			}
		})
	}
}

func TestFlappingKeepsSinceWhenReportsAreDropped(t *testing.T) {
	lim := limits{flapTransitions: 3, flapWithin: 10 * time.Second}
	alert := turnsAt(1, 2, 3, 4, 5)
	alert.Status = foldAlert(alert, lim, at(5).Time).status
	alert.Spec.Reports = alert.Spec.Reports[2:]
	d := foldAlert(alert, lim, at(6).Time)
	if diff := cmp.Diff(alert.Status, d.status); diff != "" {
		t.Errorf("dropping reports changed the status (-before +after):\n%s", diff)
	}
}

// It stopped and began anew while no manager ran: the log shows the rest between.
func TestFlappingAnewHasANewSince(t *testing.T) {
	lim := limits{flapTransitions: 3, flapWithin: 10 * time.Second}
	alert := turnsAt(1, 2, 3)
	alert.Status = foldAlert(alert, lim, at(3).Time).status
	alert.Spec.Reports = turnsAt(1, 2, 3, 50, 51, 52).Spec.Reports
	condition := meta.FindStatusCondition(foldAlert(alert, lim, at(52).Time).status.Conditions, v1alpha1.ConditionFlapping)
	if condition == nil || condition.LastTransitionTime != wholeSecond(52) {
		t.Errorf("the condition is %+v", condition)
	}
}

func TestOrphaned(t *testing.T) {
	alert := turnsAt(1)
	alert.Status = foldAlert(alert, limits{orphaned: true}, at(5).Time).status
	condition := meta.FindStatusCondition(alert.Status.Conditions, v1alpha1.ConditionOrphaned)
	if condition == nil || condition.LastTransitionTime != wholeSecond(5) {
		t.Fatalf("the condition is %+v", condition)
	}
	if diff := cmp.Diff(alert.Status, foldAlert(alert, limits{orphaned: true}, at(9).Time).status); diff != "" {
		t.Errorf("time changed the status (-before +after):\n%s", diff)
	}
	if back := foldAlert(alert, limits{}, at(9).Time).status; meta.FindStatusCondition(back.Conditions, v1alpha1.ConditionOrphaned) != nil {
		t.Error("the receiver is back, and the condition is still there")
	}
	order := orderWith(orderReport(1, 1, open))
	if meta.FindStatusCondition(foldOrder(order, limits{orphaned: true}, at(5).Time).status.Conditions, v1alpha1.ConditionOrphaned) == nil {
		t.Error("an order has no such condition")
	}
}
