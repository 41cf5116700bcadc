package controllers

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

// demoReceiver keeps for ever what the tests report, for that was long ago or is to come, by the clock of the machine.
func demoReceiver(namespace string) *v1alpha1.SimReceiver {
	r := &v1alpha1.SimReceiver{}
	r.Namespace, r.Name = namespace, "demo"
	r.Spec.OverdueAfter, r.Spec.StaleAfter = "0", "0"
	r.Spec.Retention = v1alpha1.Retention{FinishedOrders: "0", InactiveAlerts: "0"}
	return r
}

func observed(t *testing.T, c client.Client, o *v1alpha1.SimOrder, sequence int64) {
	t.Helper()
	testenv.Eventually(t, func() error {
		if fetch(t, c, o); o.Status.ObservedGeneration != o.Generation || o.Status.ObservedSequence != sequence {
			return fmt.Errorf("status is %+v", o.Status)
		}
		return nil
	})
}

func observedAlert(t *testing.T, c client.Client, a *v1alpha1.SimAlert, sequence int64) {
	t.Helper()
	testenv.Eventually(t, func() error {
		if fetch(t, c, a); a.Status.ObservedGeneration != a.Generation || a.Status.ObservedSequence != sequence {
			return fmt.Errorf("status is %+v", a.Status)
		}
		return nil
	})
}

func conditionIs(list []metav1.Condition, kind string, status metav1.ConditionStatus, reason string) error {
	found := meta.FindStatusCondition(list, kind)
	if found == nil || found.Status != status || found.Reason != reason {
		return fmt.Errorf("%s is %+v, not %s %s", kind, found, status, reason)
	}
	return nil
}

func TestADeclaredOrderAwaitsItsReport(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	startManager(t, managerOptions{}, namespace)

	o := &v1alpha1.SimOrder{Spec: v1alpha1.SimOrderSpec{OrderID: testOrder}}
	o.Namespace, o.Name = namespace, string(testOrder)
	create(t, c, o)
	observed(t, c, o, 0)
	if err := conditionIs(o.Status.Conditions, "Ready", metav1.ConditionFalse, "AwaitingReport"); err != nil {
		t.Error(err)
	}
	if events := eventsOf(t, c, o); len(events) > 0 {
		t.Errorf("Events of an order of which nothing was reported: %v", summariesOf(events))
	}

	o.Spec = freshOrder(namespace, reportsOf(open)...).Spec
	update(t, c, o)
	observed(t, c, o, 1)
	if err := conditionIs(o.Status.Conditions, "Ready", metav1.ConditionFalse, "Open"); err != nil {
		t.Error(err)
	}
}

// expectStatusOwned: the manager owns the status, as a whole, so that every resource carries one managed field for it.
func expectStatusOwned(t *testing.T, o client.Object) {
	t.Helper()
	managed := o.GetManagedFields()
	owner := managed[len(managed)-1]
	if owner.Manager != v1alpha1.FieldManagerManager || owner.Subresource != "status" || owner.FieldsV1.GetRawString() != `{"f:status":{}}` {
		t.Errorf("the status was written by %+v", owner)
	}
}

func TestReportsBecomeStatusAndEvents(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	registry := prometheus.NewRegistry()
	create(t, c, demoReceiver(namespace))
	startManager(t, managerOptions{registry: registry}, namespace)

	o := freshOrder(namespace, reportsOf(open, complete)...)
	create(t, c, o)
	observed(t, c, o, 2)
	want := said{complete, atPtr(2), atPtr(1), atPtr(2), 2}
	if diff := cmp.Diff(want, saidOf(o.Status)); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if err := conditionIs(o.Status.Conditions, "Complete", metav1.ConditionTrue, "Complete"); err != nil {
		t.Error(err)
	}
	expectStatusOwned(t, o)

	var times []metav1.MicroTime
	for _, e := range eventsOf(t, c, o) {
		times = append(times, e.EventTime)
		if e.ReportingInstance != "manager-1" {
			t.Errorf("Event: %+v", e)
		}
	}
	if diff := cmp.Diff([]metav1.MicroTime{at(1), at(2)}, times); diff != "" {
		t.Errorf("times of the Events (-want +got):\n%s", diff)
	}

	of := " namespace=" + namespace
	counted := map[string]float64{
		"sim_operator_alerts_flapping" + of + " receiver=demo":                      0,
		"sim_operator_alerts_stale" + of + " receiver=demo":                         0,
		"sim_operator_events_created_total kind=SimOrder reason=OrderOpen":          1,
		"sim_operator_events_created_total kind=SimOrder reason=OrderComplete":      1,
		"sim_operator_order_duration_seconds type=Activate":                         1,
		"sim_operator_orders" + of + " receiver=demo state=Complete type=Activate":  1,
		"sim_operator_orders_overdue" + of + " receiver=demo":                       0,
		"sim_operator_receiver_ready" + of + " reason=TokenPublished receiver=demo": 1,
	}
	testenv.Eventually(t, func() error {
		if diff := cmp.Diff(counted, gather(t, registry)); diff != "" {
			return fmt.Errorf("metrics (-want +got):\n%s", diff)
		}
		return nil
	})
}

func TestAlertTurnsOnAndOff(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	create(t, c, demoReceiver(namespace))
	startManager(t, managerOptions{}, namespace)

	a := freshAlert(namespace)
	create(t, c, a)
	observedAlert(t, c, a, 1)
	if err := conditionIs(a.Status.Conditions, "Active", metav1.ConditionTrue, "AlertOn"); err != nil {
		t.Error(err)
	}
	a.Spec.Reports = append(a.Spec.Reports, alertReport(2, 2, off, "60"))
	update(t, c, a)
	observedAlert(t, c, a, 2)
	if err := conditionIs(a.Status.Conditions, "Active", metav1.ConditionFalse, "AlertOff"); err != nil {
		t.Error(err)
	}
	expectStatusOwned(t, a)
	var got []string
	for _, e := range eventsOf(t, c, a) {
		got = append(got, e.Type+" "+e.Reason)
	}
	if diff := cmp.Diff([]string{"Warning AlertOn", "Normal AlertOff"}, got); diff != "" {
		t.Errorf("Events (-want +got):\n%s", diff)
	}
}

func TestManyReportsAtOnceAreAsManyEventsInOrder(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	o := freshOrder(namespace, manyReports(v1alpha1.MaxReports)...)
	create(t, c, o)
	startManager(t, managerOptions{}, namespace)
	observed(t, c, o, v1alpha1.MaxReports)

	events := eventsOf(t, c, o)
	if len(events) != v1alpha1.MaxReports {
		t.Fatalf("%d Events", len(events))
	}
	for i, e := range events {
		if want := orderReportEvent(o, o.Spec.Reports[i]); e.Name != want.Name || !e.EventTime.Equal(&want.EventTime) || e.Note != want.Note {
			t.Errorf("Event %d is %+v", i+1, e)
		}
	}
}

func TestARestartOverWhatIsSettledWritesNothing(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	r := demoReceiver(namespace)
	o, a := freshOrder(namespace, reportsOf(open, failed)...), freshAlert(namespace)
	create(t, c, r)
	create(t, c, o)
	create(t, c, a)
	stop := startManager(t, managerOptions{}, namespace)
	observed(t, c, o, 2)
	observedAlert(t, c, a, 1)
	testenv.Eventually(t, func() error {
		if fetch(t, c, r); r.Status.Orders != 1 || r.Status.Alerts != 1 {
			return fmt.Errorf("status: %+v", r.Status)
		}
		return nil
	})
	stop()
	fetch(t, c, o)
	fetch(t, c, a)
	before := []string{o.ResourceVersion, a.ResourceVersion, r.ResourceVersion}

	// Stopping waits for the reconciles that are running.
	again := &traffic{}
	stop = startManager(t, managerOptions{traffic: again}, namespace)
	for _, obj := range []client.Object{o, a, r, secretOf(r, nil)} {
		testenv.Eventually(t, func() error { return again.hasRead(obj) })
	}
	stop()
	if diff := cmp.Diff([]string(nil), again.writes); diff != "" {
		t.Errorf("writes:\n%s", diff)
	}
	after := []string{fetch(t, c, o).ResourceVersion, fetch(t, c, a).ResourceVersion, fetch(t, c, r).ResourceVersion}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("resourceVersions (-before +after):\n%s", diff)
	}
	if n := len(eventsOf(t, c, o)) + len(eventsOf(t, c, a)); n != 3 {
		t.Errorf("%d Events of 3 reports", n)
	}
}

func TestChangedLimitsTakeEffectOnWhatExists(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	r := demoReceiver(namespace)
	create(t, c, r)
	o, finished := freshOrder(namespace, reportsOf(open)...), freshOrder(namespace, reportsOf(complete)...)
	finished.Spec.OrderID, finished.Name = testAlert, string(testAlert)
	create(t, c, o)
	create(t, c, finished)
	startManager(t, managerOptions{clock: clocktesting.NewFakePassiveClock(at(7200).Time)}, namespace)
	observed(t, c, o, 1)
	observed(t, c, finished, 1)
	untouched := finished.ResourceVersion

	testenv.Eventually(t, func() error {
		fetch(t, c, r)
		r.Spec.OverdueAfter = "1h"
		return c.Update(t.Context(), r)
	})
	testenv.Eventually(t, func() error {
		return conditionIs(fetch(t, c, o).Status.Conditions, "Overdue", metav1.ConditionTrue, "OrderOverdue")
	})
	testenv.Eventually(t, func() error {
		fetch(t, c, r)
		r.Spec.OverdueAfter = "3h"
		return c.Update(t.Context(), r)
	})
	testenv.Eventually(t, func() error {
		if meta.FindStatusCondition(fetch(t, c, o).Status.Conditions, "Overdue") != nil {
			return errors.New("still Overdue")
		}
		return nil
	})
	if fetch(t, c, finished).ResourceVersion != untouched {
		t.Error("an order was written for which nothing had changed")
	}
}

// bench is one order under a reconciler that is called by hand, with a clock that is turned by hand.
type bench struct {
	client     client.Client
	clock      *clocktesting.FakePassiveClock
	reconciler *SimOrderReconciler
	order      *v1alpha1.SimOrder
}

func newBench(t *testing.T, c client.Client, change func(*v1alpha1.SimReceiver), reports ...v1alpha1.OrderReport) *bench {
	t.Helper()
	plain := shared.Client(t)
	namespace := shared.Namespace(t)
	r := demoReceiver(namespace)
	change(r)
	create(t, plain, r)
	o := freshOrder(namespace, reports...)
	create(t, plain, o)
	metrics, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	clk := clocktesting.NewFakePassiveClock(at(60).Time)
	return &bench{client: plain, clock: clk, reconciler: NewSimOrderReconciler(c, clk, "manager-1", metrics, nil), order: o}
}

func (b *bench) reconcile(t *testing.T) ctrl.Result {
	t.Helper()
	result, err := b.reconciler.Reconcile(t.Context(), fetch(t, b.client, b.order))
	if err != nil {
		t.Fatalf("reconcile: %v", err)
	}
	return result
}

func TestOverdueComesWithTime(t *testing.T) {
	b := newBench(t, shared.Client(t), func(r *v1alpha1.SimReceiver) { r.Spec.OverdueAfter = "72h" }, orderReport(1, 0, open))
	if wait := b.reconcile(t).RequeueAfter; wait != nextLook(72*time.Hour-time.Minute, b.order.UID) {
		t.Errorf("waits %s", wait)
	}
	b.clock.SetTime(at(0).Add(72 * time.Hour))
	b.reconcile(t)
	b.reconcile(t)
	if err := conditionIs(fetch(t, b.client, b.order).Status.Conditions, "Overdue", metav1.ConditionTrue, "OrderOverdue"); err != nil {
		t.Error(err)
	}
	events := eventsOf(t, b.client, b.order)
	if len(events) != 2 || events[1].Reason != "OrderOverdue" || events[1].Type != "Warning" {
		t.Errorf("Events: %v", summariesOf(events))
	}
}

func TestWhatHasEndedIsDeletedInTime(t *testing.T) {
	b := newBench(t, shared.Client(t), func(r *v1alpha1.SimReceiver) { r.Spec.Retention.FinishedOrders = "720h" }, orderReport(1, 0, complete))
	if wait := b.reconcile(t).RequeueAfter; wait != nextLook(720*time.Hour-time.Minute, b.order.UID) {
		t.Errorf("waits %s", wait)
	}
	b.clock.SetTime(at(0).Add(10 * 365 * 24 * time.Hour))
	b.reconcile(t)
	if err := b.client.Get(t.Context(), client.ObjectKeyFromObject(b.order), b.order); !apierrors.IsNotFound(err) {
		t.Errorf("it is still there: %v", err)
	}
	if events := eventsOf(t, b.client, b.order); len(events) != 1 {
		t.Errorf("Events: %v", summariesOf(events))
	}
}

func TestWhatChangedMeanwhileIsNotDeleted(t *testing.T) {
	b := newBench(t, shared.Client(t), func(r *v1alpha1.SimReceiver) { r.Spec.Retention.FinishedOrders = "720h" }, orderReport(1, 0, failed))
	b.reconcile(t)
	judged := fetch(t, b.client, b.order).DeepCopy()
	b.order.Spec.Reports = append(b.order.Spec.Reports, orderReport(2, 50, open))
	update(t, b.client, b.order)

	b.clock.SetTime(at(0).Add(1000 * time.Hour))
	result, err := b.reconciler.Reconcile(t.Context(), judged)
	if err != nil || result.RequeueAfter != retryOutdated {
		t.Errorf("%+v, %v", result, err)
	}
	b.reconcile(t)
	if fetch(t, b.client, b.order).Status.State != open {
		t.Errorf("status: %+v", b.order.Status)
	}
}

func TestNothingIsDeletedWithoutAReceiver(t *testing.T) {
	b := newBench(t, shared.Client(t), func(r *v1alpha1.SimReceiver) { r.Name = "another" }, orderReport(1, 0, complete))
	b.clock.SetTime(at(0).Add(10 * 365 * 24 * time.Hour))
	if wait := b.reconcile(t).RequeueAfter; wait != 0 {
		t.Errorf("waits %s", wait)
	}
	fetch(t, b.client, b.order)
}

// A manager that is killed between the Events and the status finds the Events there and writes the status.
func TestKilledBetweenEventsAndStatus(t *testing.T) {
	c := shared.Client(t)
	killed := errors.New("killed")
	withWatch, err := client.NewWithWatch(shared.ConfigFor(t, "sim-operator-manager"), client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	dying := interceptor.NewClient(withWatch, interceptor.Funcs{
		// A manager reads from its cache, and has no right to get what it may list and watch.
		Get: func(ctx context.Context, _ client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			return c.Get(ctx, key, obj, opts...)
		},
		SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
			return killed
		},
	})
	b := newBench(t, dying, func(*v1alpha1.SimReceiver) {}, reportsOf(open, pending, complete)...)
	if _, err := b.reconciler.Reconcile(t.Context(), fetch(t, c, b.order)); !errors.Is(err, killed) {
		t.Fatalf("the reconcile ended with %v", err)
	}
	first := eventsOf(t, c, b.order)

	b.reconciler.client = c
	b.reconcile(t)
	if fetch(t, c, b.order).Status.ObservedSequence != 3 {
		t.Errorf("status: %+v", b.order.Status)
	}
	if diff := cmp.Diff(first, eventsOf(t, c, b.order)); diff != "" || len(first) != 3 {
		t.Errorf("%d Events; second time:\n%s", len(first), diff)
	}
}

func TestAnOutdatedResourceIsLookedAtAgainQuietly(t *testing.T) {
	b := newBench(t, shared.Client(t), func(*v1alpha1.SimReceiver) {}, reportsOf(open)...)
	outdated := b.order.DeepCopy()
	b.order.Spec.Reports = reportsOf(open, complete)
	update(t, b.client, b.order)

	result, err := b.reconciler.Reconcile(t.Context(), outdated)
	if err != nil || result.RequeueAfter != retryOutdated {
		t.Errorf("%+v, %v", result, err)
	}
	b.reconcile(t)
	if n := len(eventsOf(t, b.client, b.order)); n != 2 || fetch(t, b.client, b.order).Status.State != complete {
		t.Errorf("%d Events, status %+v", n, b.order.Status)
	}

	if err := b.client.Delete(t.Context(), b.order.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	b.order.Spec.Reports = reportsOf(open, complete, failed)
	if result, err := b.reconciler.Reconcile(t.Context(), b.order); err != nil || result.RequeueAfter != retryOutdated {
		t.Errorf("deleted meanwhile: %+v, %v", result, err)
	}
}
