package controllers

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

const (
	// patience is how long a test waits for what must come. It is only spent when a test fails.
	patience = 30 * time.Second
	pollWait = 20 * time.Millisecond
)

// shared is the control plane of this package's tests. It starts when the first test asks for it: the tests of pure
// functions need none.
var shared environment

type environment struct {
	start   sync.Once
	err     error
	plane   envtest.Environment
	config  *rest.Config
	client  client.Client
	counter int
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	m.Run()
	if shared.config != nil {
		if err := shared.plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the control plane:", err)
		}
	}
}

// cluster returns a client with every right.
func cluster(t *testing.T) client.Client {
	t.Helper()
	shared.start.Do(func() { shared.err = shared.up(t.Context()) })
	if shared.err != nil {
		t.Fatalf("These tests need etcd and kube-apiserver. `make test` provides them; otherwise set KUBEBUILDER_ASSETS to the directory that they are in. %v", shared.err)
	}
	return shared.client
}

func (e *environment) up(ctx context.Context) error {
	e.plane = envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	config, err := e.plane.Start()
	if err != nil {
		return err
	}
	config.QPS = -1
	e.config = config
	options, err := ManagerOptions()
	if err != nil {
		return err
	}
	if e.client, err = client.New(config, client.Options{Scheme: options.Scheme}); err != nil {
		return err
	}
	if err := e.client.Create(ctx, namespaceNamed("sim-operator-system")); err != nil {
		return err
	}
	for _, name := range []string{"manager.yaml", "manager_role.yaml"} {
		if err := e.install(ctx, filepath.Join("..", "config", "rbac", name)); err != nil {
			return fmt.Errorf("install %s: %w", name, err)
		}
	}
	return nil
}

func (e *environment) install(ctx context.Context, path string) error {
	file, err := os.Open(path) //nolint:gosec // a file of this repository
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	for documents := yaml.NewYAMLOrJSONDecoder(file, 4096); ; {
		var obj unstructured.Unstructured
		if err := documents.Decode(&obj.Object); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if len(obj.Object) == 0 {
			continue
		}
		if err := e.client.Create(ctx, &obj); err != nil {
			return err
		}
	}
}

func namespaceNamed(name string) *corev1.Namespace {
	ns := &corev1.Namespace{}
	ns.Name = name
	return ns
}

// newNamespace makes a namespace of the test's own.
func newNamespace(t *testing.T, c client.Client) string {
	t.Helper()
	shared.counter++
	name := fmt.Sprintf("test-%d", shared.counter)
	create(t, c, namespaceNamed(name))
	return name
}

// managerOptions are how a test's manager differs from the usual.
type managerOptions struct {
	clock    clock.PassiveClock
	random   io.Reader
	registry *prometheus.Registry
	traffic  *traffic
}

// traffic is what a manager's client was asked for.
type traffic struct {
	mu     sync.Mutex
	read   map[string]bool
	writes []string
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
	f.writes = append(f.writes, fmt.Sprintf("%s %T %s", verb, obj, client.ObjectKeyFromObject(obj)))
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
			return c.Delete(ctx, obj, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			f.wrote("patch "+sub, obj)
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		},
	}), nil
}

// startManager runs the real manager over the namespaces, with the rights of its own ServiceAccount. The returned function
// stops it and waits until it has stopped; the end of the test does so too.
func startManager(t *testing.T, o managerOptions, namespaces ...string) (stop func()) {
	t.Helper()
	cluster(t)
	config := rest.CopyConfig(shared.config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:sim-operator-system:sim-operator-manager",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:sim-operator-system", "system:authenticated"},
	}
	options, err := ManagerOptions()
	if err != nil {
		t.Fatal(err)
	}
	options.Metrics.BindAddress = "0"
	options.HealthProbeBindAddress = "0"
	options.Controller.SkipNameValidation = new(true)
	options.Cache.DefaultNamespaces = map[string]cache.Config{}
	for _, namespace := range namespaces {
		options.Cache.DefaultNamespaces[namespace] = cache.Config{}
	}
	if o.traffic != nil {
		options.NewClient = o.traffic.newClient
	}
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		t.Fatal(err)
	}
	settings := Options{Clock: o.clock, Random: o.random, Instance: "manager-1", Concurrency: 8, Registry: prometheus.NewRegistry()}
	if settings.Clock == nil {
		settings.Clock = clock.RealClock{}
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

// eventually polls until the check returns nothing, and fails with what it last returned.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(pollWait)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("after %s still: %v", patience, err)
		}
	}
}
