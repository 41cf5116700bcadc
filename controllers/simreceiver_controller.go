package controllers

import (
	"context"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/logging"
)

// +kubebuilder:rbac:groups=sim-operator.io,resources=simreceivers,verbs=list;watch
// +kubebuilder:rbac:groups=sim-operator.io,resources=simreceivers/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;update

// lookAgain is how often a receiver is looked at although nothing is known to have happened: to see a token that was
// changed, and to count the resources. It bounds how long a change takes to show, and how often a receiver under load
// is written.
const lookAgain = 10 * time.Second

// SimReceiverReconciler publishes the hashes of receivers' tokens, and makes a token where there is none.
//
// It reads a Secret only by name, only where a receiver names it, and straight from the API server: the manager has no
// right to list or to watch Secrets, so its memory never holds those of a whole cluster, and nobody who takes it over
// can read what no receiver names. The price is that it must look again to see a token that was changed.
//
// A token is in no log, error, Event, metric or status; only its hash is.
type SimReceiverReconciler struct {
	committer
	clock   clock.PassiveClock
	random  io.Reader
	counted counter
}

// counter counts the resources that name a receiver; it has no count while it does not know of all of them.
type counter interface {
	of(namespace, receiver string) (counts, bool)
}

// NewSimReceiverReconciler returns a reconciler that reads and writes through c and makes tokens from random.
func NewSimReceiverReconciler(c client.Client, clk clock.PassiveClock, random io.Reader, counted counter) *SimReceiverReconciler {
	return &SimReceiverReconciler{committer: committer{client: c}, clock: clk, random: random, counted: counted}
}

// SetupWithManager starts the reconciler with the manager. Receivers are taken one at a time, so that of two with the
// same token one is judged after the other.
func (r *SimReceiverReconciler) SetupWithManager(mgr ctrl.Manager, newQueue newQueue) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.SimReceiver{}).
		Watches(&v1alpha1.SimReceiver{}, requeueOf(mgr.GetCache(), allReceivers), builder.WithPredicates(hashesChanged())).
		WithLogConstructor(loggerOf(mgr, "simreceiver", logging.KeyReceiver, func(r *reconcile.Request) string { return r.String() })).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1, NewQueue: newQueue}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// Reconcile gathers, decides, and commits: the Secret first, for what is not stored must not be published.
func (r *SimReceiverReconciler) Reconcile(ctx context.Context, receiver *v1alpha1.SimReceiver) (ctrl.Result, error) {
	if !receiver.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	in, err := r.gather(ctx, receiver)
	if err != nil {
		return ctrl.Result{}, err
	}
	d := decideReceiver(in)
	if err := r.writeSecret(ctx, d.secret); err != nil {
		return settled(ctrl.Result{RequeueAfter: lookAgain}, err)
	}
	after := receiver.DeepCopy()
	after.Status = d.status
	return settled(ctrl.Result{RequeueAfter: lookAgain}, r.commit(ctx, change{
		object: after,
		before: receiver,
		status: !apiequality.Semantic.DeepEqual(receiver.Status, d.status),
	}))
}

func (r *SimReceiverReconciler) gather(ctx context.Context, receiver *v1alpha1.SimReceiver) (receiverInput, error) {
	in := receiverInput{receiver: receiver, now: r.clock.Now()}
	if counted, ok := r.counted.of(receiver.Namespace, receiver.Name); ok {
		in.counts = &counted
	}
	var all v1alpha1.SimReceiverList
	if err := r.client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return in, fmt.Errorf("list SimReceivers: %w", err)
	}
	in.others = all.Items

	var secret corev1.Secret
	key := client.ObjectKey{Namespace: receiver.Namespace, Name: receiver.TokenSecretName()}
	err := r.client.Get(ctx, key, &secret)
	switch {
	case err == nil:
		in.secret = &secret
		return in, nil
	case apierrors.IsNotFound(err):
		in.freshToken, err = newToken(r.random)
		return in, err
	default:
		return in, fmt.Errorf("read Secret %s: %w", key, err)
	}
}

// writeSecret creates or updates the Secret. One that has meanwhile been made by somebody else is looked at again.
func (r *SimReceiverReconciler) writeSecret(ctx context.Context, secret *corev1.Secret) error {
	if secret == nil {
		return nil
	}
	owner := client.FieldOwner(v1alpha1.FieldManagerManager)
	if secret.ResourceVersion != "" {
		if err := r.client.Update(ctx, secret, owner); err != nil {
			return fmt.Errorf("update Secret %s/%s: %w", secret.Namespace, secret.Name, err)
		}
		return nil
	}
	if err := r.client.Create(ctx, secret, owner); err != nil {
		return fmt.Errorf("create Secret %s/%s: %w", secret.Namespace, secret.Name, err)
	}
	return nil
}

// allReceivers names every receiver: any of them may share a token with the one that changed.
func allReceivers(ctx context.Context, reader client.Reader, _ client.ObjectKey) ([]reconcile.Request, error) {
	var all v1alpha1.SimReceiverList
	if err := reader.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	requests := make([]reconcile.Request, 0, len(all.Items))
	for i := range all.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])})
	}
	return requests, nil
}
