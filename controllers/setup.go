package controllers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/lean"
	"github.com/sim-operator/sim-operator/internal/namespaces"
	"github.com/sim-operator/sim-operator/internal/tracing"
)

// To ask who scrapes the metrics, and whether they may:
//
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// DefaultConcurrency is how many SimOrders, and how many SimAlerts, are reconciled at the same time. More do not make an
// API server faster that is busy already: they wait for each other in it, and for that it is late with its watches, which
// it then closes and begins again.
const DefaultConcurrency = 16

// Options are what the controllers take from outside.
type Options struct {
	Clock clock.PassiveClock
	// Random is where tokens come from.
	Random io.Reader
	// Instance is the name under which this process signs its Events.
	Instance string
	// Concurrency is how many SimOrders, and how many SimAlerts, are reconciled at the same time.
	Concurrency int
	Registry    prometheus.Registerer
	// newQueue makes the queues; nil for those of controller-runtime, which wait by the real clock and no other.
	newQueue newQueue
	// Tracer is nil for no traces.
	Tracer *tracing.Tracer
}

type newQueue = func(controller string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request]

// perResource are the options of a controller that has a reconcile for each SimOrder or SimAlert.
func (o *Options) perResource() controller.Options {
	return controller.Options{MaxConcurrentReconciles: o.Concurrency, RateLimiter: retries(), NewQueue: o.newQueue}
}

// ManagerOptions are the options of a manager that the controllers rely on: what its client knows and how it writes, and
// what its cache holds. Managed fields are not kept, for nobody here reads them and they would double the memory; of
// SimOrders and SimAlerts only what a reconcile reads is; Secrets are not kept at all; and nothing is that the
// controllers did not ask to follow.
//
// The configuration is that of the manager, and only are the namespaces that it is kept to.
func ManagerOptions(config *rest.Config, only namespaces.Set) (ctrl.Options, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return ctrl.Options{}, fmt.Errorf("build the scheme: %w", err)
		}
	}
	lists, err := informers(config, only)
	if err != nil {
		return ctrl.Options{}, err
	}
	return ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultNamespaces: only.Cache(),
			NewInformer:       lists,
			DefaultTransform:  cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&v1alpha1.SimOrder{}: {Transform: slim},
				&v1alpha1.SimAlert{}: {Transform: slim},
			},
			ReaderFailOnMissingInformer: true,
		},
		Client:    client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		NewClient: newClient,
	}, nil
}

type newInformer = func(toolscache.ListerWatcher, runtime.Object, time.Duration, toolscache.Indexers) toolscache.SharedIndexInformer

// informers makes those of the cache. They are the usual ones where there are several namespaces: an informer is not told
// which is its own.
func informers(config *rest.Config, only namespaces.Set) (newInformer, error) {
	if len(only) > 1 {
		return toolscache.NewSharedIndexInformer, nil
	}
	lists, err := lean.NewLists(config, v1alpha1.GroupVersion(), only.String(),
		lean.Kind{Resource: "simorders", New: func() runtime.Object { return &v1alpha1.SimOrder{} }, Transform: slim},
		lean.Kind{Resource: "simalerts", New: func() runtime.Object { return &v1alpha1.SimAlert{} }, Transform: slim})
	if err != nil {
		return nil, err
	}
	return lists.NewInformer, nil
}

func newClient(config *rest.Config, options client.Options) (client.Client, error) {
	usual, err := client.New(config, options)
	if err != nil {
		return nil, err
	}
	return lean.New(usual, config, options.HTTPClient, v1alpha1.GroupVersion())
}

// Setup adds the three controllers, their metrics and their readiness check to the manager.
func Setup(ctx context.Context, mgr ctrl.Manager, o Options) error {
	counted, err := followCache(ctx, mgr.GetCache())
	if err != nil {
		return err
	}
	metrics, err := NewMetrics(o.Registry)
	if err != nil {
		return err
	}
	if err := o.Registry.Register(newStock(counted, mgr.Elected())); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	if err := NewSimReceiverReconciler(mgr.GetClient(), o.Clock, o.Random, counted).SetupWithManager(mgr, o.newQueue); err != nil {
		return fmt.Errorf("set up the SimReceiver controller: %w", err)
	}
	if err := NewSimOrderReconciler(mgr.GetClient(), o.Clock, o.Instance, metrics, o.Tracer).SetupWithManager(mgr, o.perResource()); err != nil {
		return fmt.Errorf("set up the SimOrder controller: %w", err)
	}
	if err := NewSimAlertReconciler(mgr.GetClient(), o.Clock, o.Instance, metrics, o.Tracer).SetupWithManager(mgr, o.perResource()); err != nil {
		return fmt.Errorf("set up the SimAlert controller: %w", err)
	}
	err = mgr.AddReadyzCheck("cache", func(*http.Request) error {
		if counted.synced() {
			return nil
		}
		return errors.New("the cache is not complete yet")
	})
	if err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	return nil
}

// followCache has the cache follow the three kinds from the start, on every replica: one that does not lead is ready,
// and takes over without reading the cluster first.
func followCache(ctx context.Context, c cache.Cache) (*tallies, error) {
	informers := map[string]cache.Informer{}
	for kind, obj := range map[string]client.Object{
		v1alpha1.KindSimOrder:    &v1alpha1.SimOrder{},
		v1alpha1.KindSimAlert:    &v1alpha1.SimAlert{},
		v1alpha1.KindSimReceiver: &v1alpha1.SimReceiver{},
	} {
		found, err := c.GetInformer(ctx, obj, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("follow %s: %w", kind, err)
		}
		informers[kind] = found
	}
	orders, err := newTally(informers[v1alpha1.KindSimOrder], orderKeyOf)
	if err != nil {
		return nil, fmt.Errorf("count SimOrders: %w", err)
	}
	alerts, err := newTally(informers[v1alpha1.KindSimAlert], alertKeyOf)
	if err != nil {
		return nil, fmt.Errorf("count SimAlerts: %w", err)
	}
	receivers, err := newTally(informers[v1alpha1.KindSimReceiver], receiverKeyOf)
	if err != nil {
		return nil, fmt.Errorf("count SimReceivers: %w", err)
	}
	return &tallies{orders: orders, alerts: alerts, receivers: receivers}, nil
}
