package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

const secondsPerHour = 3600

// Orders and alerts through their lives, by the limits that a receiver has by default: each thing happens in its second,
// nothing happens before or twice, and in the ten years after nothing happens at all.
func TestYears(t *testing.T) {
	w := newWorld(t)
	w.receiver("demo", asIs)
	w.receiver("keeper", func(spec *v1alpha1.SimReceiverSpec) {
		spec.Retention = v1alpha1.Retention{FinishedOrders: "0", InactiveAlerts: "0"}
	})
	byKeeper := func(spec *v1alpha1.SimOrderSpec) { spec.Receiver = "keeper" }
	slow := w.order(1, func(*v1alpha1.SimOrderSpec) {}, orderReport(1, 0, open))
	quick := w.order(2, func(*v1alpha1.SimOrderSpec) {}, orderReport(1, 0, complete))
	kept := w.order(3, byKeeper, orderReport(1, 0, failed))
	apn := w.order(4, func(spec *v1alpha1.SimOrderSpec) { spec.Type = v1alpha1.OrderTypeAPNActivation }, orderReport(1, 0, open))
	silent := w.alert(1, "demo", alertReport(1, 0, on, "85"))
	over := w.alert(2, "demo", alertReport(1, 0, off, "10"))
	forever := w.alert(3, "keeper", alertReport(1, 0, on, "85"))
	stays := w.alert(4, "keeper", alertReport(1, 0, off, "10"))
	w.start()
	if n := len(w.settled(16)); n < 16 {
		t.Fatalf("%d writes at first", n)
	}

	const before, then = -time.Second, 0
	timeline := []struct {
		hour   int
		more   time.Duration
		first  func()
		writes []string
	}{
		{hour: 72, more: before},
		{hour: 72, more: then, writes: []string{eventCreated(slow, "overdue"), wroteStatus(slow)}},
		{hour: 720, more: before},
		{hour: 720, more: then, writes: []string{deleted(quick)}},
		{hour: 840, more: before},
		{hour: 840, more: then, writes: []string{wroteStatus(silent), wroteStatus(forever)}},
		{
			hour: 960, more: then, writes: []string{eventCreated(slow, 2), wroteStatus(slow)},
			first: func() {
				fetch(t, w.client, slow)
				slow.Spec.Reports = append(slow.Spec.Reports, orderReport(2, 960*secondsPerHour, complete))
				update(t, w.client, slow)
			},
		},
		{hour: 960 + 720, more: before},
		{hour: 960 + 720, more: then, writes: []string{deleted(slow)}},
		{hour: 2160, more: before},
		{hour: 2160, more: then, writes: []string{deleted(over)}},
		{
			hour: 2400, more: then, writes: []string{eventCreated(silent, 2), wroteStatus(silent)},
			first: func() {
				fetch(t, w.client, silent)
				silent.Spec.Reports = append(silent.Spec.Reports, alertReport(2, 2400*secondsPerHour, off, "10"))
				update(t, w.client, silent)
			},
		},
		{hour: 2400 + 2160, more: before},
		{hour: 2400 + 2160, more: then, writes: []string{deleted(silent)}},
	}
	for _, step := range timeline {
		w.to(step.hour, step.more)
		if step.first != nil {
			step.first()
		}
		w.wrote(step.writes...)
	}

	// The receivers' counts come last.
	w.to(2400+2160, time.Minute)
	w.wrote()
	w.nothingInTenYears(5000)
	for _, o := range []*v1alpha1.SimOrder{kept, apn} {
		if fetch(t, w.client, o); meta.FindStatusCondition(o.Status.Conditions, "Overdue") != nil {
			t.Errorf("%s of %s is Overdue", o.Spec.Type, o.Spec.Receiver)
		}
	}
	if err := conditionIs(fetch(t, w.client, forever).Status.Conditions, "Stale", metav1.ConditionTrue, "NoWordSince"); err != nil {
		t.Error(err)
	}
	if err := conditionIs(fetch(t, w.client, stays).Status.Conditions, "Active", metav1.ConditionFalse, "AlertOff"); err != nil {
		t.Error(err)
	}
	if left := len(w.versions(w.client)); left != 6 {
		t.Errorf("%d resources are left", left)
	}
}

// nothingInTenYears goes through the years after an hour by the month, and wants no write in any.
func (w *world) nothingInTenYears(hour int) {
	w.t.Helper()
	for month := range 120 {
		w.to(hour+month*730, 0)
		if month%12 == 11 {
			if writes := w.settled(0); len(writes) > 0 {
				w.t.Errorf("in the year before month %d: %v", month, writes)
			}
		}
	}
}

// What a process waits for is gone with it; the next one looks at everything when it starts.
func TestWhatFellDueWhileNoManagerRan(t *testing.T) {
	w := newWorld(t)
	w.receiver("demo", asIs)
	overdue := w.order(1, func(*v1alpha1.SimOrderSpec) {}, orderReport(1, 0, open))
	later := w.order(2, func(*v1alpha1.SimOrderSpec) {}, orderReport(1, 50*secondsPerHour, open))
	over := w.alert(1, "demo", alertReport(1, -2090*secondsPerHour, off, "10"))
	w.start()
	w.settled(6)
	w.stop()
	w.to(72, 0)
	w.start()
	w.wrote(eventCreated(overdue, "overdue"), wroteStatus(overdue), deleted(over))
	w.to(50+72, -time.Second)
	w.wrote()
	w.to(50+72, 0)
	w.wrote(eventCreated(later, "overdue"), wroteStatus(later))
}

// A machine slept, or its clock was set: the manager notices in half a day at most. Where the clock lags behind, what
// was waited for has not come yet.
func TestAClockThatWasSet(t *testing.T) {
	w := newWorld(t)
	w.receiver("demo", asIs)
	finished := w.order(1, func(*v1alpha1.SimOrderSpec) {}, orderReport(1, 0, complete))
	unfinished := w.order(2, func(*v1alpha1.SimOrderSpec) {}, orderReport(1, 700*secondsPerHour, open))
	w.start()
	w.settled(4)

	w.wall.SetTime(at(720 * secondsPerHour).Time)
	w.wrote()
	w.run.Step(longestWait)
	w.wrote(deleted(finished))

	w.wall.SetTime(at(700 * secondsPerHour).Time)
	for range 10 {
		w.run.Step(longestWait)
		w.wrote()
	}
	w.to(772, 0)
	w.wrote(eventCreated(unfinished, "overdue"), wroteStatus(unfinished))
}

// The receiver is gone, and what it brought stays, says so, and is not deleted however long it takes. When there is a
// receiver of that name again, its limits hold again.
func TestOrphans(t *testing.T) {
	w := newWorld(t)
	r := w.receiver("demo", asIs)
	finished := w.order(1, func(*v1alpha1.SimOrderSpec) {}, orderReport(1, 0, complete))
	active := w.alert(1, "demo", alertReport(1, 0, on, "85"))
	w.start()
	w.settled(4)

	if err := w.client.Delete(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	w.wrote(wroteStatus(finished), wroteStatus(active))
	for _, list := range [][]metav1.Condition{fetch(t, w.client, finished).Status.Conditions, fetch(t, w.client, active).Status.Conditions} {
		if err := conditionIs(list, "Orphaned", metav1.ConditionTrue, "ReceiverDeleted"); err != nil {
			t.Error(err)
		}
	}
	w.to(840, 0)
	w.wrote(wroteStatus(active))
	for year := 1; year < 10; year++ {
		w.to(year*8760, 0)
		w.wrote()
	}

	w.receiver("demo", asIs)
	w.wrote(wroteStatus(finished), deleted(finished), wroteStatus(active))
	if meta.FindStatusCondition(fetch(t, w.client, active).Status.Conditions, "Orphaned") != nil {
		t.Error("its receiver is back, and it is still Orphaned")
	}
}

func TestFlappingLastsAsLongAsItFlaps(t *testing.T) {
	w := newWorld(t)
	r := w.receiver("demo", asIs)
	alert := w.alert(1, "demo", turnsAt(0, 60, 120, 180, 240, 300, 360).Spec.Reports...)
	w.to(0, 6*time.Minute)
	w.start()
	w.settled(8)
	if err := conditionIs(fetch(t, w.client, alert).Status.Conditions, "Flapping", metav1.ConditionTrue, "ManyTransitions"); err != nil {
		t.Error(err)
	}
	if n := len(eventsOf(t, w.client, alert)); n != 7 {
		t.Errorf("%d Events of 7 reports", n)
	}

	w.to(1, time.Minute-time.Second)
	w.wrote()
	w.to(1, time.Minute)
	w.wrote(wroteStatus(alert))
	if meta.FindStatusCondition(fetch(t, w.client, alert).Status.Conditions, "Flapping") != nil {
		t.Error("it is quiet, and still Flapping")
	}

	// The limit can be set, for what exists too.
	for _, within := range []v1alpha1.Duration{"2h", "0"} {
		fetch(t, w.client, r).Spec.Flapping.Within = within
		update(t, w.client, r)
		w.wrote(wroteStatus(alert))
	}
}

// Of many orders, a limit that is changed writes those that it changes, once, and those that it does not never. Back again
// the same.
func TestAChangedLimitWritesWhatItChanges(t *testing.T) {
	const all, affected = 2000, 300
	w := newWorld(t)
	r := w.receiver("demo", func(spec *v1alpha1.SimReceiverSpec) { spec.OverdueAfter = "0" })
	orders := make([]*v1alpha1.SimOrder, all)
	eachOf(all, func(i int) {
		orders[i] = w.unmadeOrder(i)
		orders[i].Spec.Type = v1alpha1.OrderTypeAPNActivation
		if i < affected {
			orders[i].Spec.Type = v1alpha1.OrderTypeActivate
		}
		if err := w.client.Create(t.Context(), orders[i]); err != nil {
			t.Error(err)
		}
	})
	// They were declared, so that their time goes by the API server's clock.
	w.wall.SetTime(r.CreationTimestamp.Add(24 * time.Hour))
	w.start()
	if n := len(w.settled(all)); n < all {
		t.Fatalf("%d writes at first", n)
	}

	var statuses, both []string
	for _, o := range orders[:affected] {
		statuses = append(statuses, wroteStatus(o))
		both = append(both, wroteStatus(o), eventCreated(o, "overdue"))
	}
	for i, step := range []struct {
		overdueAfter v1alpha1.Duration
		writes       []string
	}{{"1h", both}, {"2h", nil}, {"48h", statuses}, {"1h", both}, {"0", statuses}} {
		fetch(t, w.client, r).Spec.OverdueAfter = step.overdueAfter
		update(t, w.client, r)
		if step.writes == nil {
			seen(t, w, r)
		}
		w.wrote(step.writes...)
		if t.Failed() {
			t.Fatalf("step %d", i+1)
		}
	}
}

// seen waits until the manager's cache knows the receiver as it is.
func seen(t *testing.T, w *world, r *v1alpha1.SimReceiver) {
	t.Helper()
	within(t, time.Minute, func() error {
		var known v1alpha1.SimReceiver
		if err := w.traffic.cache.Get(t.Context(), client.ObjectKeyFromObject(r), &known); err != nil {
			return err
		}
		if known.Generation != r.Generation {
			return fmt.Errorf("generation %d is known, not %d", known.Generation, r.Generation)
		}
		return nil
	})
}

// Many orders expire in the same second. No more of them are deleted at a time than the manager's concurrency, and an
// order that comes in meanwhile does not wait until all are gone.
func TestManyExpireAtOnce(t *testing.T) {
	const all = 500
	w := newWorld(t)
	w.receiver("demo", asIs)
	eachOf(all, func(i int) {
		if err := w.client.Create(t.Context(), w.unmadeOrder(i, orderReport(1, 0, complete))); err != nil {
			t.Error(err)
		}
	})
	w.start()
	w.settled(2 * all)

	fresh := w.unmadeOrder(all, orderReport(1, 720*secondsPerHour, open))
	var began atomic.Int64
	var deletions crowd
	w.traffic.onDelete = func() {
		deletions.enter()
		defer deletions.leave()
		if began.Add(1) == 20 {
			if err := w.client.Create(t.Context(), fresh); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.to(720, 0)
	writes := w.settled(all + 2)
	if left := len(w.versions(w.client)); left != 2 {
		t.Errorf("%d resources are left", left)
	}
	if n := deletions.most.Load(); n > testConcurrency {
		t.Errorf("%d deletions at a time", n)
	}
	last := lastDeletion(writes)
	if at := slices.Index(writes, wroteStatus(fresh)); at < 0 || at > last {
		t.Errorf("the fresh order was write %d; the last deletion was write %d", at, last)
	}
}

// A crowd is what is under way at once.
type crowd struct{ now, most atomic.Int64 }

func (c *crowd) enter() {
	for now := c.now.Add(1); ; {
		if before := c.most.Load(); now <= before || c.most.CompareAndSwap(before, now) {
			return
		}
	}
}

func (c *crowd) leave() {
	c.now.Add(-1)
}

// lastDeletion is the place of the last deletion among writes, or -1.
func lastDeletion(writes []string) int {
	last := -1
	for i, write := range writes {
		if strings.HasPrefix(write, "delete ") {
			last = i
		}
	}
	return last
}

// Between judging an order and deleting it there is time for a delivery. The delivery wins.
func TestADeliveryWinsOverTheDeletion(t *testing.T) {
	tests := map[string]struct {
		meanwhile func(t *testing.T, c client.Client, order *v1alpha1.SimOrder)
		state     v1alpha1.OrderState
		sequence  int64
	}{
		"a report comes in": {
			meanwhile: func(t *testing.T, c client.Client, order *v1alpha1.SimOrder) {
				fetch(t, c, order)
				order.Spec.Reports = append(order.Spec.Reports, orderReport(2, 719*secondsPerHour, open))
				update(t, c, order)
			},
			state: open, sequence: 2,
		},
		"it is deleted and comes again": {
			meanwhile: func(t *testing.T, c client.Client, order *v1alpha1.SimOrder) {
				if err := c.Delete(t.Context(), order.DeepCopy()); err != nil {
					t.Fatal(err)
				}
				again := freshOrder(order.Namespace, orderReport(1, 719*secondsPerHour, pending))
				create(t, c, again)
			},
			state: pending, sequence: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var b *bench
			late := func() { test.meanwhile(t, b.client, b.order.DeepCopy()) }
			b = newBench(t, deletingClient(t, func() { late() }), func(r *v1alpha1.SimReceiver) { r.Spec.Retention.FinishedOrders = "720h" }, orderReport(1, 0, failed))
			b.reconcile(t)
			b.clock.SetTime(at(720 * secondsPerHour).Time)
			if result := b.reconcile(t); result.RequeueAfter != retryOutdated {
				t.Errorf("%+v", result)
			}
			late = func() { t.Error("it is deleted after all") }
			b.reconcile(t)
			fetch(t, b.client, b.order)
			if b.order.Status.State != test.state || b.order.Status.ObservedSequence != test.sequence {
				t.Errorf("status: %+v", b.order.Status)
			}
			if n := int64(len(eventsOf(t, b.client, b.order))); n != test.sequence {
				t.Errorf("%d Events", n)
			}
		})
	}
}

// deletingClient has the rights of the manager, and does something just before each deletion.
func deletingClient(t *testing.T, before func()) client.Client {
	t.Helper()
	c := shared.Client(t)
	plain, err := client.NewWithWatch(shared.ConfigFor(t, "sim-operator-manager"), client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return interceptor.NewClient(plain, interceptor.Funcs{
		// A manager reads from its cache, and has no right to get what it may list and watch.
		Get: func(ctx context.Context, _ client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			return c.Get(ctx, key, obj, opts...)
		},
		Delete: func(ctx context.Context, plain client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			before()
			return plain.Delete(ctx, obj, opts...)
		},
	})
}

// An order whose time is up is not deleted as long as a report of it has no Event.
func TestNothingIsDeletedBeforeItsEvents(t *testing.T) {
	c := shared.Client(t)
	refused := errors.New("refused")
	plain, err := client.NewWithWatch(shared.Config(t), client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, interceptor.NewClient(plain, interceptor.Funcs{
		Create: func(ctx context.Context, plain client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			if event, ok := obj.(*eventsv1.Event); ok && event.Reason == "OrderComplete" {
				return refused
			}
			return plain.Create(ctx, obj, opts...)
		},
	}), func(r *v1alpha1.SimReceiver) { r.Spec.Retention.FinishedOrders = "720h" }, reportsOf(open, complete)...)
	b.clock.SetTime(at(1000 * secondsPerHour).Time)
	if _, err := b.reconciler.Reconcile(t.Context(), fetch(t, c, b.order)); !errors.Is(err, refused) {
		t.Fatalf("the reconcile ended with %v", err)
	}
	fetch(t, c, b.order)

	b.reconciler.client = c
	b.reconcile(t)
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(b.order), b.order.DeepCopy()); !apierrors.IsNotFound(err) {
		t.Errorf("it is still there: %v", err)
	}
	if n := len(eventsOf(t, c, b.order)); n != 2 {
		t.Errorf("%d Events of 2 reports", n)
	}
}

// Somebody's finalizer holds what has expired: it has been deleted once, and that is enough.
func TestWhatAFinalizerHoldsIsDeletedOnce(t *testing.T) {
	deletions := 0
	b := newBench(t, deletingClient(t, func() { deletions++ }), func(r *v1alpha1.SimReceiver) { r.Spec.Retention.FinishedOrders = "720h" }, orderReport(1, 0, complete))
	fetch(t, b.client, b.order).Finalizers = []string{"example.com/held"}
	update(t, b.client, b.order)
	b.clock.SetTime(at(720 * secondsPerHour).Time)
	for range 3 {
		if wait := b.reconcile(t).RequeueAfter; wait != 0 {
			t.Errorf("waits %s", wait)
		}
	}
	if diff := cmp.Diff(1, deletions); diff != "" {
		t.Errorf("deletions (-want +got):\n%s", diff)
	}
	fetch(t, b.client, b.order).Finalizers = nil
	update(t, b.client, b.order)
}
