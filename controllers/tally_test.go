package controllers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	receivers, err := newTally(s, receiverKeyOf)
	if err != nil {
		t.Fatal(err)
	}
	return &tallies{orders: orders, alerts: alerts, receivers: receivers}
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
	want := map[orderKey]int64{{owner: demo, orderType: "Activate", state: "AwaitingReport"}: 1}
	if diff := cmp.Diff(want, counted.orders.snapshot(), cmp.AllowUnexported(orderKey{}, owner{})); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	if got, _ := counted.of("sims", "demo"); got != (counts{orders: 1, alerts: 1}) {
		t.Errorf("at the end: %+v", got)
	}
}

var demo = owner{"sims", "demo"}

func TestStockIsToldByTheLeaderAlone(t *testing.T) {
	counted := newTallies(t, &source{complete: true})
	unknown := orderWith()
	unknown.Spec.Type, unknown.Status.State = "Code15", "Code6"
	counted.orders.OnAdd(unknown, true)
	overdue := unknown.DeepCopy()
	overdue.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionOverdue, Status: metav1.ConditionTrue}}
	counted.orders.OnAdd(overdue, true)
	active := alertWith()
	active.Status.Trigger = v1alpha1.AlertTriggerOn
	counted.alerts.OnAdd(active, true)
	stale := active.DeepCopy()
	stale.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStale, Status: metav1.ConditionTrue}}
	counted.alerts.OnAdd(stale, true)
	flapping := alertWith()
	flapping.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionFlapping, Status: metav1.ConditionTrue}}
	counted.alerts.OnAdd(flapping, true)
	for name, ready := range map[string]metav1.Condition{
		"demo": {Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonTokenPublished},
		"weak": {Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonWeakToken},
	} {
		receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: name}}
		ready.Type = v1alpha1.ConditionReady
		receiver.Status.Conditions = []metav1.Condition{ready}
		counted.receivers.OnAdd(receiver, true)
	}

	leading := make(chan struct{})
	registry := prometheus.NewRegistry()
	registry.MustRegister(newStock(counted, leading))
	if got := gather(t, registry); len(got) > 0 {
		t.Errorf("without leading: %v", got)
	}
	close(leading)
	want := map[string]float64{
		"sim_operator_orders namespace=sims receiver=demo state=other type=other":                          2,
		"sim_operator_orders_overdue namespace=sims receiver=demo":                                         1,
		"sim_operator_orders_overdue namespace=sims receiver=weak":                                         0,
		"sim_operator_alerts_active alert=Alert Name 1 namespace=sims receiver=demo":                       2,
		"sim_operator_alerts_stale namespace=sims receiver=demo":                                           1,
		"sim_operator_alerts_stale namespace=sims receiver=weak":                                           0,
		"sim_operator_alerts_flapping namespace=sims receiver=demo":                                        1,
		"sim_operator_alerts_flapping namespace=sims receiver=weak":                                        0,
		"sim_operator_receiver_ready namespace=sims reason=TokenPublished receiver=demo":                   1,
		"sim_operator_receiver_ready namespace=sims reason=" + v1alpha1.ReasonWeakToken + " receiver=weak": 0,
	}
	if diff := cmp.Diff(want, gather(t, registry)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestNamesOfAlertsAreBounded(t *testing.T) {
	all := map[alertKey]int64{}
	for name, n := range map[string]int64{"a": 1, "b": 2, "c": 3, "d": 4} {
		all[alertKey{owner: demo, name: name, active: true}] = n
	}
	want := map[alertKey]int64{}
	for name, n := range map[string]int64{"a": 1, "b": 2, "other": 7} {
		want[alertKey{owner: demo, name: name, active: true}] = n
	}
	if diff := cmp.Diff(want, activeAlerts(all, 2), cmp.AllowUnexported(alertKey{}, owner{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Thousands of receivers, names and codes make a bounded number of series, and no id gets into one.
func TestSeriesAreBounded(t *testing.T) {
	const many = 5000
	counted := newTallies(t, &source{complete: true})
	registry := prometheus.NewRegistry()
	done, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, many)
	for i := range many {
		ids[i] = uuid.NewString()
		countStranger(counted, done, i, ids[i])
	}
	leading := make(chan struct{})
	close(leading)
	registry.MustRegister(newStock(counted, leading))

	series := map[string]int{}
	var text strings.Builder
	var others float64
	for name, value := range gather(t, registry) {
		metric, labels, _ := strings.Cut(name, " ")
		series[metric]++
		text.WriteString(labels + "\n")
		if metric == "sim_operator_orders" && strings.Contains(labels, "namespace= receiver=other") {
			others += value
		}
	}
	checkNumbersOfSeries(t, series)
	if others < many-maxReceivers {
		t.Errorf("%v orders are those of receivers with no series of their own", others)
	}
	for _, id := range ids {
		if strings.Contains(text.String(), id) {
			t.Fatalf("id %s is in a label", id)
		}
	}
	if found := anID.FindString(text.String()); found != "" {
		t.Errorf("%s is in a label", found)
	}
}

// countStranger counts a receiver, an order and alerts that share nothing with those of another number.
func countStranger(counted *tallies, done *Metrics, number int, id string) {
	order := orderWith()
	order.Name, order.Spec.OrderID, order.Spec.SimID = id, v1alpha1.UUID(id), v1alpha1.UUID(id)
	order.Spec.Receiver = fmt.Sprintf("receiver-%d", number)
	order.Spec.Type, order.Status.State = v1alpha1.OrderType(fmt.Sprintf("Code%d", number)), v1alpha1.OrderState(fmt.Sprintf("Code%d", number))
	counted.orders.OnAdd(order, false)
	alert := alertWith()
	alert.Spec.AlertID, alert.Spec.EntityID, alert.Status.Trigger = v1alpha1.UUID(id), v1alpha1.UUID(id), v1alpha1.AlertTriggerOn
	for _, name := range []string{fmt.Sprintf("Alert Name %d", number), "SIM " + id, fmt.Sprintf("8944500%013d", number)} {
		alert := alert.DeepCopy()
		alert.Spec.AlertName = name
		counted.alerts.OnAdd(alert, false)
	}
	counted.receivers.OnAdd(&v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: "more", Name: order.Spec.Receiver}}, false)
	done.orderFinished(order.Spec.Type, time.Minute)
	done.eventCreated(&eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: id}, Reason: v1alpha1.EventOrderOpen, Regarding: corev1.ObjectReference{Kind: v1alpha1.KindSimOrder, Name: id},
	})
}

// checkNumbersOfSeries checks how many series each metric has.
func checkNumbersOfSeries(t *testing.T, series map[string]int) {
	t.Helper()
	for metric, n := range series {
		most := maxReceivers + 1
		if metric == "sim_operator_alerts_active" {
			most = maxAlertNames + maxReceivers + 1 // each receiver may have others
		}
		if n > most {
			t.Errorf("%s has %d series, want at most %d", metric, n, most)
		}
	}
	if len(series) != 8 {
		t.Errorf("these have series: %v", series)
	}
}

// The help, the names and the units are as Prometheus wants them.
func TestMetricsAreLinted(t *testing.T) {
	counted := newTallies(t, &source{complete: true})
	counted.orders.OnAdd(orderWith(), true)
	active := alertWith()
	active.Status.Trigger = on
	counted.alerts.OnAdd(active, true)
	leading := make(chan struct{})
	close(leading)
	registry := prometheus.NewRegistry()
	done, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	done.orderFinished("Activate", time.Minute)
	done.eventCreated(&eventsv1.Event{})
	registry.MustRegister(newStock(counted, leading))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
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
