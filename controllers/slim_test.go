package controllers

import (
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// What the cache drops of a resource changes no decision about it, whether it is new or has been decided about before.
func TestWhatTheCacheDropsChangesNoDecision(t *testing.T) {
	dressed := func(meta *metav1.ObjectMeta) {
		meta.Labels = map[string]string{v1alpha1.LabelReceiver: "demo"}
		meta.Annotations = map[string]string{"somebody's": "note"}
		meta.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: v1alpha1.FieldManagerIngress}}
	}
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 7))
		lim, now := randomLimits(random), at(random.IntN(100)).Time

		order := orderWith(logOf(randomOrderReports(random))...)
		dressed(&order.ObjectMeta)
		order.Spec.Applied = []v1alpha1.AppliedDeliveries{{Spool: "b4d2ce3y", First: 1, Last: 1}}
		alert := alertWith(randomAlertReports(random)...)
		dressed(&alert.ObjectMeta)
		if random.IntN(2) == 0 {
			order.Status, alert.Status = foldOrder(order, lim, at(0).Time).status, foldAlert(alert, lim, at(0).Time).status
		}
		if diff := gocmp.Diff(foldOrder(order, lim, now), foldOrder(cached(t, order), lim, now), gocmp.AllowUnexported(decision[v1alpha1.SimOrderStatus]{})); diff != "" {
			t.Fatalf("seed %d, whole - slim +:\n%s", seed, diff)
		}
		if diff := gocmp.Diff(foldAlert(alert, lim, now), foldAlert(cached(t, alert), lim, now), gocmp.AllowUnexported(decision[v1alpha1.SimAlertStatus]{})); diff != "" {
			t.Fatalf("seed %d, whole - slim +:\n%s", seed, diff)
		}
	}
}

func TestWhatTheCacheDrops(t *testing.T) {
	order := orderWith(orderReport(1, 1, v1alpha1.OrderStateOpen))
	order.Labels, order.Annotations = map[string]string{"a": "label"}, map[string]string{"an": "annotation"}
	order.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: v1alpha1.FieldManagerIngress}}
	order.Spec.Applied = []v1alpha1.AppliedDeliveries{{Spool: "b4d2ce3y", First: 1, Last: 1}}
	slimmed := cached(t, order)
	if slimmed.Labels != nil || slimmed.Annotations != nil || slimmed.ManagedFields != nil || slimmed.Spec.Applied != nil {
		t.Errorf("kept: %+v", slimmed)
	}
	stranger := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "label"}}}
	if got, err := slim(stranger); err != nil || got.(*v1alpha1.SimReceiver).Labels == nil {
		t.Errorf("a receiver: %+v, %v", got, err)
	}
}

// cached is a resource as the cache has it after it came over the wire.
func cached[T any](tb testing.TB, resource *T) *T {
	tb.Helper()
	wire, err := json.Marshal(resource)
	if err != nil {
		tb.Fatal(err)
	}
	got := new(T)
	if err := json.Unmarshal(wire, got); err != nil {
		tb.Fatal(err)
	}
	kept, err := slim(got)
	if err != nil {
		tb.Fatal(err)
	}
	return kept.(*T) //nolint:forcetypeassert // slim returns what it is given
}

// BenchmarkCached is what a settled order takes in the cache, without the index around it.
func BenchmarkCached(b *testing.B) {
	order := orderWith(orderReport(1, 1, v1alpha1.OrderStateOpen), orderReport(2, 2, v1alpha1.OrderStateComplete))
	order.Status = foldOrder(order, limits{}, at(30).Time).status
	order.Labels = map[string]string{v1alpha1.LabelReceiver: "demo", v1alpha1.LabelSimID: string(testSIM)}
	order.Spec.Applied = []v1alpha1.AppliedDeliveries{{Spool: "b4d2ce3y", First: 1, Last: 2}}
	order.CreationTimestamp = metav1.NewTime(at(0).Truncate(time.Second))

	const n = 2000
	var before, after runtime.MemStats
	for b.Loop() {
		kept := make([]*v1alpha1.SimOrder, n)
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range kept {
			kept[i] = cached(b, order)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(kept)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/order")
	b.ReportMetric(0, "ns/op")
}
