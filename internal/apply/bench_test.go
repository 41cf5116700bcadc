package apply

import (
	"testing"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// BenchmarkMerge is what it costs to put deliveries into a resource, without the API server.
func BenchmarkMerge(b *testing.B) {
	settled := mergeOrder(&v1alpha1.SimOrder{}, "spool-b", []delivery[webhook.Order]{said(1, 1, v1alpha1.OrderStateOpen)}).object
	settled.Status.ObservedSequence = 1
	var flood []delivery[webhook.Order]
	for i := range maxTask {
		flood = append(flood, said(int64(i+2), i+2, v1alpha1.OrderStateOpen))
	}
	for name, run := range map[string]struct {
		order      *v1alpha1.SimOrder
		deliveries []delivery[webhook.Order]
	}{
		"a new order":              {&v1alpha1.SimOrder{}, []delivery[webhook.Order]{said(1, 1, v1alpha1.OrderStateOpen)}},
		"a change":                 {settled, []delivery[webhook.Order]{said(2, 2, v1alpha1.OrderStateComplete)}},
		"a repetition":             {settled, []delivery[webhook.Order]{said(2, 2, v1alpha1.OrderStateOpen)}},
		"a change of a full order": {full(v1alpha1.MaxReports), []delivery[webhook.Order]{said(1, 100, v1alpha1.OrderStateOpen)}},
		"512 repetitions":          {settled, flood},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := mergeOrder(run.order, "spool-b", run.deliveries); got.taken != len(run.deliveries) {
					b.Fatalf("%d taken", got.taken)
				}
			}
		})
	}
}
