package controllers

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sim-operator/sim-operator/internal/testenv"
)

// shared is the control plane of this package's tests.
var shared testenv.Cluster

func TestMain(m *testing.M) {
	os.Exit(shared.Main(m))
}

// managerOptions are how a test's manager differs from the usual.
type managerOptions struct {
	clock    clock.PassiveClock
	random   io.Reader
	registry *prometheus.Registry
	traffic  *traffic
	newQueue newQueue
}

// traffic is what a manager's client was asked for.
type traffic struct {
	mu     sync.Mutex
	read   map[string]bool
	writes []string
	// onDelete is called before each deletion; nil for nothing.
	onDelete func()
	// cache is what the manager reads from.
	cache client.Reader
}

func (f *traffic) hasRead(obj client.Object) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if key := fmt.Sprintf("%T %s", obj, client.ObjectKeyFromObject(obj)); !f.read[key] {
		return fmt.Errorf("%s has not been read", key)
	}
	return nil
}

func (f *traffic) wrote(verb string, obj client.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes = append(f.writes, writeOf(verb, obj))
}

// wroteNothing takes a note of a write back: it changed nothing.
func (f *traffic) wroteNothing(verb string, obj client.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	write := writeOf(verb, obj)
	for i := len(f.writes) - 1; i >= 0; i-- {
		if f.writes[i] == write {
			f.writes = slices.Delete(f.writes, i, i+1)
			return
		}
	}
}

// newClient makes a manager's client that notes what passes.
func (f *traffic) newClient(config *rest.Config, options client.Options) (client.Client, error) {
	plain, err := client.NewWithWatch(config, options)
	if err != nil {
		return nil, err
	}
	f.read = map[string]bool{}
	return interceptor.NewClient(plain, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			err := c.Get(ctx, key, obj, opts...)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.read[fmt.Sprintf("%T %s", obj, key)] = true
			return err
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			f.wrote("create", obj)
			return c.Create(ctx, obj, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			f.wrote("update", obj)
			return c.Update(ctx, obj, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			f.wrote("delete", obj)
			if f.onDelete != nil {
				f.onDelete()
			}
			err := c.Delete(ctx, obj, opts...)
			// Where a status was written just before a deletion, the cache may tell of the one before it tells of the other,
			// and what is gone is then deleted once more in vain.
			if apierrors.IsNotFound(err) {
				f.wroteNothing("delete", obj)
			}
			return err
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption) error {
			f.wrote("update "+sub, obj)
			err := c.SubResource(sub).Update(ctx, obj, opts...)
			// Where a reconcile comes before the cache has heard of the last write, the server refuses what it writes.
			if apierrors.IsConflict(err) {
				f.wroteNothing("update "+sub, obj)
			}
			return err
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			f.wrote("patch "+sub, obj)
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		},
	}), nil
}

// testConcurrency is how many SimOrders, and how many SimAlerts, a test's manager reconciles at the same time.
const testConcurrency = 8

// startManager runs the real manager over the namespaces, with the rights of its own ServiceAccount. The returned function
// stops it and waits until it has stopped; the end of the test does so too.
func startManager(t *testing.T, o managerOptions, namespaces ...string) (stop func()) {
	t.Helper()
	config := shared.ConfigFor(t, "sim-operator-manager")
	options, err := ManagerOptions(config, namespaces)
	if err != nil {
		t.Fatal(err)
	}
	options.Metrics.BindAddress = "0"
	options.HealthProbeBindAddress = "0"
	options.Controller.SkipNameValidation = new(true)
	if o.traffic != nil {
		options.NewClient = o.traffic.newClient
	}
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		t.Fatal(err)
	}
	if o.traffic != nil {
		o.traffic.cache = mgr.GetCache()
	}
	settings := Options{Clock: o.clock, Random: o.random, Instance: "manager-1", Concurrency: testConcurrency, Registry: prometheus.NewRegistry(), newQueue: o.newQueue}
	if settings.Clock == nil {
		// The reports of the tests are of one day: by the real clock they would all be overdue in time.
		settings.Clock = clocktesting.NewFakePassiveClock(at(60).Time)
	}
	if settings.Random == nil {
		settings.Random = rand.Reader
	}
	if o.registry != nil {
		settings.Registry = o.registry
	}
	if err := Setup(t.Context(), mgr, settings); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("the manager ended with: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func create(t *testing.T, c client.Client, obj client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), obj); err != nil {
		t.Fatalf("create %T %s: %v", obj, obj.GetName(), err)
	}
}

func update(t *testing.T, c client.Client, obj client.Object) {
	t.Helper()
	if err := c.Update(t.Context(), obj); err != nil {
		t.Fatalf("update %T %s: %v", obj, obj.GetName(), err)
	}
}

// fetch reads an object anew.
func fetch[T client.Object](t *testing.T, c client.Client, obj T) T {
	t.Helper()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
		t.Fatalf("get %T %s: %v", obj, obj.GetName(), err)
	}
	return obj
}

// eventsOf are the Events about an object, in the order in which they were created.
func eventsOf(t *testing.T, c client.Client, obj client.Object) []eventsv1.Event {
	t.Helper()
	var list eventsv1.EventList
	if err := c.List(t.Context(), &list, client.InNamespace(obj.GetNamespace())); err != nil {
		t.Fatal(err)
	}
	var about []eventsv1.Event
	for _, event := range list.Items {
		if event.Regarding.UID == obj.GetUID() {
			about = append(about, event)
		}
	}
	slices.SortFunc(about, func(a, b eventsv1.Event) int { return cmp.Compare(version(t, &a), version(t, &b)) })
	return about
}

// version is a resourceVersion as the number that etcd counts.
func version(t *testing.T, obj client.Object) int64 {
	t.Helper()
	number, err := strconv.ParseInt(obj.GetResourceVersion(), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return number
}
