package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// world is a namespace with a manager whose time a test turns. The clock on the wall, which the folds are given, and the
// time that the process has run, by which its queues wait, are two things there as they are on a machine.
type world struct {
	t         *testing.T
	client    client.Client
	namespace string
	wall      *clocktesting.FakePassiveClock
	run       *clocktesting.FakeClock
	traffic   *traffic
	busy      atomic.Int64
	stop      func()

	mu     sync.Mutex
	queues []*turnedQueue
}

// newWorld starts at noon, as the reports of the tests do.
func newWorld(t *testing.T) *world {
	return &world{
		t:         t,
		client:    shared.Client(t),
		namespace: shared.Namespace(t),
		wall:      clocktesting.NewFakePassiveClock(at(0).Time),
		run:       clocktesting.NewFakeClock(at(0).Time),
		traffic:   &traffic{},
	}
}

func (w *world) start() {
	w.t.Helper()
	w.queues = nil
	w.stop = startManager(w.t, managerOptions{clock: w.wall, traffic: w.traffic, newQueue: w.newQueue}, w.namespace)
}

// turnedQueue is the queue that the manager always has, but what waits in it waits by a clock that is turned.
type turnedQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	clock *clocktesting.FakeClock
	busy  *atomic.Int64
}

func (w *world) newQueue(controller string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	queue := &turnedQueue{
		PriorityQueue: priorityqueue.New(controller, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter }),
		clock:         w.run,
		busy:          &w.busy,
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queues = append(w.queues, queue)
	return queue
}

func (q *turnedQueue) AddWithOpts(o priorityqueue.AddOpts, items ...reconcile.Request) {
	wait := o.After
	o.After = 0
	if wait == 0 {
		q.PriorityQueue.AddWithOpts(o, items...)
		return
	}
	q.clock.AfterFunc(wait, func() { q.PriorityQueue.AddWithOpts(o, items...) })
}

func (q *turnedQueue) GetWithPriority() (reconcile.Request, int, bool) {
	item, priority, shutdown := q.PriorityQueue.GetWithPriority()
	if !shutdown {
		q.busy.Add(1)
	}
	return item, priority, shutdown
}

func (q *turnedQueue) Done(item reconcile.Request) {
	q.PriorityQueue.Done(item)
	q.busy.Add(-1)
}

// to turns both clocks to so many hours after noon, and a little less or more.
func (w *world) to(hour int, more time.Duration) {
	w.t.Helper()
	moment := at(hour * 3600).Add(more)
	gone := moment.Sub(w.wall.Now())
	w.wall.SetTime(moment)
	w.run.Step(gone)
}

// wrote checks that the manager made these writes since it was last asked, and no other; those to SimReceivers, which
// hold counts of the resources, are left out.
func (w *world) wrote(want ...string) {
	w.t.Helper()
	got := w.settled(len(want))
	got = slices.DeleteFunc(got, func(write string) bool {
		return strings.Contains(write, "SimReceiver") || strings.Contains(write, "Secret")
	})
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.t.Fatalf("%s after noon, writes (-want +got):\n%s", w.wall.Now().Sub(at(0).Time), diff)
	}
}

// settled waits until at least so many writes have been made and nothing is left to do, and takes all that were made.
func (w *world) settled(atLeast int) []string {
	w.t.Helper()
	within(w.t, 5*time.Minute, func() error {
		if n := len(w.written()); n < atLeast {
			return fmt.Errorf("%d writes of %d", n, atLeast)
		}
		return nil
	})
	calm := 0
	within(w.t, 5*time.Minute, func() error {
		calm++
		if w.isBusy() {
			calm = 0
		}
		// The lists are long in some tests, and so are compared last.
		if calm < 5 || !w.isCached() {
			return errors.New("there is still something to do")
		}
		return nil
	})
	w.traffic.mu.Lock()
	defer w.traffic.mu.Unlock()
	writes := w.traffic.writes
	w.traffic.writes = nil
	return writes
}

func (w *world) written() []string {
	w.traffic.mu.Lock()
	defer w.traffic.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.traffic.writes), func(write string) bool {
		return strings.Contains(write, "SimReceiver") || strings.Contains(write, "Secret")
	})
}

func (w *world) isBusy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.busy.Load() > 0 || slices.ContainsFunc(w.queues, func(q *turnedQueue) bool { return q.Len() > 0 })
}

// isCached says that the manager's cache holds what the API server holds.
func (w *world) isCached() bool {
	return cmp.Equal(w.versions(w.client), w.versions(w.traffic.cache))
}

func (w *world) versions(reader client.Reader) map[string]string {
	versions := map[string]string{}
	for _, list := range []client.ObjectList{&v1alpha1.SimOrderList{}, &v1alpha1.SimAlertList{}, &v1alpha1.SimReceiverList{}} {
		if err := reader.List(w.t.Context(), list, client.InNamespace(w.namespace)); err != nil {
			w.t.Fatal(err)
		}
		for _, obj := range objectsOf(list) {
			versions[fmt.Sprintf("%T %s", obj, obj.GetName())] = obj.GetResourceVersion()
		}
	}
	return versions
}

func objectsOf(list client.ObjectList) []client.Object {
	var all []client.Object
	switch list := list.(type) {
	case *v1alpha1.SimOrderList:
		for i := range list.Items {
			all = append(all, &list.Items[i])
		}
	case *v1alpha1.SimAlertList:
		for i := range list.Items {
			all = append(all, &list.Items[i])
		}
	case *v1alpha1.SimReceiverList:
		for i := range list.Items {
			all = append(all, &list.Items[i])
		}
	}
	return all
}

// receiver makes a SimReceiver with the defaults, but for what is changed.
func (w *world) receiver(name string, change func(*v1alpha1.SimReceiverSpec)) *v1alpha1.SimReceiver {
	w.t.Helper()
	r := &v1alpha1.SimReceiver{}
	r.Namespace, r.Name = w.namespace, name
	change(&r.Spec)
	create(w.t, w.client, r)
	return r
}

func asIs(*v1alpha1.SimReceiverSpec) {}

// order makes a SimOrder of receiver demo; n tells it from others.
func (w *world) order(n int, change func(*v1alpha1.SimOrderSpec), reports ...v1alpha1.OrderReport) *v1alpha1.SimOrder {
	w.t.Helper()
	o := w.unmadeOrder(n, reports...)
	change(&o.Spec)
	create(w.t, w.client, o)
	return o
}

func (w *world) unmadeOrder(n int, reports ...v1alpha1.OrderReport) *v1alpha1.SimOrder {
	o := freshOrder(w.namespace, reports...)
	o.Name = fmt.Sprintf("11111111-2222-4333-8444-%012d", n)
	o.Spec.OrderID = v1alpha1.UUID(o.Name)
	return o
}

// alert makes a SimAlert; n tells it from others.
func (w *world) alert(n int, receiver string, reports ...v1alpha1.AlertReport) *v1alpha1.SimAlert {
	w.t.Helper()
	a := freshAlert(w.namespace)
	a.Spec.EntityID = v1alpha1.UUID(fmt.Sprintf("3f0c0000-0000-4000-8000-%012d", n))
	a.Name = string(a.Spec.AlertID + "-" + a.Spec.EntityID)
	a.Spec.Receiver, a.Spec.Reports = receiver, reports
	create(w.t, w.client, a)
	return a
}

// eachOf does something so many times, some at a time.
func eachOf(n int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	group.Wait()
}

func wroteStatus(obj client.Object) string { return writeOf("update status", obj) }
func deleted(obj client.Object) string     { return writeOf("delete", obj) }

func writeOf(verb string, obj client.Object) string {
	return fmt.Sprintf("%s %T %s", verb, obj, client.ObjectKeyFromObject(obj))
}

func eventCreated(obj client.Object, suffix any) string {
	return fmt.Sprintf("create *v1.Event %s/%s.%s.%v", obj.GetNamespace(), obj.GetName(), obj.GetUID()[:uidInName], suffix)
}

// within is testenv.Eventually for what takes long where the machine is slow.
func within(t *testing.T, patience time.Duration, check func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("after %s still: %v", patience, err)
		}
	}
}
