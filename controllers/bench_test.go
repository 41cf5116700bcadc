package controllers

import (
	"testing"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// BenchmarkFold is what a reconcile costs beside reading and writing.
func BenchmarkFold(b *testing.B) {
	lim := limitsOf(&v1alpha1.SimReceiverSpec{OverdueAfter: "72h", StaleAfter: "840h"})
	now := at(30).Time

	fresh := orderWith(orderReport(1, 1, v1alpha1.OrderStateOpen))
	settled := fresh.DeepCopy()
	settled.Status = foldOrder(fresh, lim, now).status
	full := orderWith()
	for i := range v1alpha1.MaxReports {
		state := []v1alpha1.OrderState{v1alpha1.OrderStateOpen, v1alpha1.OrderStatePending}[i%2]
		full.Spec.Reports = append(full.Spec.Reports, orderReport(int64(i+1), i, state))
	}
	full.Status.ObservedSequence = v1alpha1.MaxReports - 1
	for name, order := range map[string]*v1alpha1.SimOrder{"a new order": fresh, "a settled order": settled, "a full order": full} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				foldOrder(order, lim, now)
			}
		})
	}

	alert := alertWith(alertReport(1, 1, v1alpha1.AlertTriggerOn, "85"))
	b.Run("a new alert", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			foldAlert(alert, lim, now)
		}
	})
}
