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

// +kubebuilder:rbac:groups=sim-operator.io,resources=simalerts,verbs=list;watch;delete
// +kubebuilder:rbac:groups=sim-operator.io,resources=simalerts/status,verbs=update

// SimAlertReconciler keeps the status and the Events of SimAlerts.
type SimAlertReconciler struct {
	committer
	clock clock.PassiveClock
}

// NewSimAlertReconciler returns a reconciler that reads and writes through c and signs its Events as instance.
func NewSimAlertReconciler(c client.Client, clk clock.PassiveClock, instance string, metrics *Metrics, tracer *tracing.Tracer) *SimAlertReconciler {
	return &SimAlertReconciler{committer: newCommitter(c, instance, metrics, trail{clock: clk, tracer: tracer}), clock: clk}
}

// SetupWithManager starts the reconciler with the manager.
func (r *SimAlertReconciler) SetupWithManager(mgr ctrl.Manager, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.SimAlert{}).
		Watches(&v1alpha1.SimReceiver{}, requeueOf(mgr.GetCache(), alertsOf), builder.WithPredicates(limitsChanged())).
		WithLogConstructor(loggerOf(mgr, "simalert", logging.KeyResource, func(r *reconcile.Request) string {
			return resourceName(r.Namespace, resourceAlerts, r.Name)
		})).
		WithOptions(options).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// Reconcile reads the limits that hold for the alert, folds, and commits.
func (r *SimAlertReconciler) Reconcile(ctx context.Context, alert *v1alpha1.SimAlert) (ctrl.Result, error) {
	lim, err := readLimits(ctx, r.client, alert.Namespace, alert.Spec.Receiver)
	if err != nil {
		return ctrl.Result{}, err
	}
	d := foldAlert(alert, lim, r.clock.Now())
	return settled(whenDue(d.wait, alert.UID), r.commit(ctx, change{
		object:  &v1alpha1.SimAlert{ObjectMeta: identity(&alert.ObjectMeta), Status: d.status},
		events:  d.events,
		status:  !apiequality.Semantic.DeepEqual(alert.Status, d.status),
		expired: d.expired,
	}))
}
