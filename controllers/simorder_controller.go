package controllers

import (
	"context"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/logging"
	"github.com/sim-operator/sim-operator/internal/tracing"
)

// +kubebuilder:rbac:groups=sim-operator.io,resources=simorders,verbs=list;watch;delete
// +kubebuilder:rbac:groups=sim-operator.io,resources=simorders/status,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create

// SimOrderReconciler keeps the status and the Events of SimOrders.
type SimOrderReconciler struct {
	committer
	clock clock.PassiveClock
}

// NewSimOrderReconciler returns a reconciler that reads and writes through c and signs its Events as instance.
func NewSimOrderReconciler(c client.Client, clk clock.PassiveClock, instance string, metrics *Metrics, tracer *tracing.Tracer) *SimOrderReconciler {
	return &SimOrderReconciler{committer: newCommitter(c, instance, metrics, trail{clock: clk, tracer: tracer}), clock: clk}
}

// SetupWithManager starts the reconciler with the manager.
func (r *SimOrderReconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.SimOrder{}).
		Watches(&v1alpha1.SimReceiver{}, requeueOf(mgr.GetCache(), ordersOf), builder.WithPredicates(limitsChanged())).
		WithLogConstructor(loggerOf(mgr, "simorder", logging.KeyResource, func(r *reconcile.Request) string {
			return resourceName(r.Namespace, resourceOrders, r.Name)
		})).
		WithOptions(options).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// Reconcile reads the limits that hold for the order, folds, and commits.
func (r *SimOrderReconciler) Reconcile(ctx context.Context, order *v1alpha1.SimOrder) (ctrl.Result, error) {
	lim, err := readLimits(ctx, r.client, order.Namespace, order.Spec.Receiver)
	if err != nil {
		return ctrl.Result{}, err
	}
	d := foldOrder(order, lim, r.clock.Now())
	return settled(whenDue(d.wait, order.UID), r.commitOrder(ctx, order, &d))
}

func (r *SimOrderReconciler) commitOrder(ctx context.Context, order *v1alpha1.SimOrder, d *decision[v1alpha1.SimOrderStatus]) error {
	err := r.commit(ctx, change{
		object:  &v1alpha1.SimOrder{ObjectMeta: identity(&order.ObjectMeta), Status: d.status},
		events:  d.events,
		status:  !apiequality.Semantic.DeepEqual(order.Status, d.status),
		expired: d.expired,
	})
	if err == nil && order.Status.FinishedAt == nil && d.status.FinishedAt != nil {
		r.metrics.orderFinished(order.Spec.Type, d.status.FinishedAt.Sub(d.status.StartedAt.Time))
	}
	return err
}
