package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// source is an informer of whatever the test calls it with.
type source struct{ complete bool }

func (s *source) AddEventHandler(toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	return s, nil
}

func (s *source) HasSynced() bool { return s.complete }

func (s *source) HasSyncedChecker() toolscache.DoneChecker { return nil }

func newTallies(t *testing.T, s *source) *tallies {
	t.Helper()
	orders, err := newTally(s, orderKeyOf)
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := newTally(s, alertKeyOf)
	if err != nil {
		t.Fatal(err)
	}
	return &tallies{orders: orders, alerts: alerts}
}

func TestTallies(t *testing.T) {
	s := &source{}
	counted := newTallies(t, s)
	declared, activating := orderWith(), orderWith()
	activating.Status.State = open
	active, inactive := alertWith(), alertWith()
	active.Status.Trigger = on

	counted.orders.OnAdd(declared, true)
	counted.orders.OnUpdate(declared, activating)
	counted.orders.OnAdd(declared, false)
	counted.alerts.OnAdd(inactive, true)
	counted.alerts.OnAdd(active, true)
	if _, ok := counted.of("sims", "demo"); ok {
		t.Error("counted before the cache was complete")
	}
	s.complete = true
	if got, ok := counted.of("sims", "demo"); !ok || got != (counts{orders: 2, alerts: 2}) {
		t.Errorf("%+v, %t", got, ok)
	}
	if got, _ := counted.of("sims", "another"); got != (counts{}) {
		t.Errorf("another receiver: %+v", got)
	}

	counted.orders.OnDelete(toolscache.DeletedFinalStateUnknown{Obj: activating})
	counted.alerts.OnUpdate(active, inactive)
	counted.alerts.OnDelete(inactive)
	want := map[orderKey]int64{{"sims", "demo", "Activate", "AwaitingReport"}: 1}
	if diff := cmp.Diff(want, counted.orders.snapshot(), cmp.AllowUnexported(orderKey{})); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	if got, _ := counted.of("sims", "demo"); got != (counts{orders: 1, alerts: 1}) {
		t.Errorf("at the end: %+v", got)
	}
}

func TestStockIsToldByTheLeaderAlone(t *testing.T) {
	counted := newTallies(t, &source{complete: true})
	unknown := orderWith()
	unknown.Spec.Type, unknown.Status.State = "Code15", "Code6"
	counted.orders.OnAdd(unknown, true)
	active := alertWith()
	active.Status.Trigger = v1alpha1.AlertTriggerOn
	counted.alerts.OnAdd(active, true)
	counted.alerts.OnAdd(active, true)
	counted.alerts.OnAdd(alertWith(), true)

	leading := make(chan struct{})
	registry := prometheus.NewRegistry()
	registry.MustRegister(newStock(counted, leading))
	if got := gather(t, registry); len(got) > 0 {
		t.Errorf("without leading: %v", got)
	}
	close(leading)
	want := map[string]float64{
		"sim_operator_orders namespace=sims receiver=demo state=other type=other":    1,
		"sim_operator_alerts_active alert=Alert Name 1 namespace=sims receiver=demo": 2,
	}
	if diff := cmp.Diff(want, gather(t, registry)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestNamesOfAlertsAreBounded(t *testing.T) {
	all := map[alertKey]int64{
		{"sims", "demo", "a", true}: 1, {"sims", "demo", "b", true}: 2, {"sims", "demo", "c", true}: 3, {"sims", "demo", "d", true}: 4,
		{"sims", "demo", "", false}: 9,
	}
	want := map[alertKey]int64{{"sims", "demo", "a", true}: 1, {"sims", "demo", "b", true}: 2, {"sims", "demo", "other", true}: 7}
	if diff := cmp.Diff(want, activeAlerts(all, 2), cmp.AllowUnexported(alertKey{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// gather reads gauges and counters as name and labels, and value; of a histogram, how often it observed.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetName() + "=" + label.GetValue()
			}
			got[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return got
}
