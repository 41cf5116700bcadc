package controllers

import (
	"context"
	"hash/fnv"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/logging"
)

// longestWait is the longest that a resource is not looked at for which time alone will change something. Waiting goes by
// the time that the process has run, and deadlines go by the clock on the wall: the two part where the clock is set, or
// the machine sleeps. A look that finds nothing due writes nothing.
const longestWait = 12 * time.Hour

// whenDue has a resource looked at again when time alone will have changed something. That comes after what is fresh: ten
// thousand orders that expire in the same second hold no delivery up.
func whenDue(wait time.Duration, uid types.UID) ctrl.Result {
	return ctrl.Result{RequeueAfter: nextLook(wait, uid), Priority: new(handler.LowPriority)}
}

// nextLook is how long to wait before a resource is looked at again. A long wait is cut to between half of longestWait
// and the whole of it, by the resource's uid, so that the hundreds of thousands that were all looked at when the manager
// started are not all looked at in the same moment ever after.
func nextLook(wait time.Duration, uid types.UID) time.Duration {
	const half = longestWait / 2
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid)) // never fails
	return min(wait, half+half*time.Duration(hash.Sum32()>>16)/(1<<16))
}

// lister names the resources of one kind that name a receiver.
type lister func(ctx context.Context, reader client.Reader, receiver client.ObjectKey) ([]reconcile.Request, error)

// requeueOf has every resource of a receiver looked at again. They come after what is fresh: there may be hundreds of
// thousands of them, and most turn out to need no write.
func requeueOf(reader client.Reader, list lister) handler.EventHandler {
	requeue := func(ctx context.Context, receiver client.Object, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		requests, err := list(ctx, reader, client.ObjectKeyFromObject(receiver))
		if err != nil {
			log.FromContext(ctx).Error(err, "Could not list the resources of a receiver", logging.KeyReceiver, client.ObjectKeyFromObject(receiver).String())
			return
		}
		addLate(queue, requests)
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			requeue(ctx, e.Object, queue)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			requeue(ctx, e.ObjectNew, queue)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			requeue(ctx, e.Object, queue)
		},
	}
}

// limitsChanged passes what changes the limits of a receiver's resources. The receivers that exist when the manager
// starts do not: their resources are all looked at anyway.
func limitsChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, isBefore := e.ObjectOld.(*v1alpha1.SimReceiver)
			after, isAfter := e.ObjectNew.(*v1alpha1.SimReceiver)
			return isBefore && isAfter && limitsOf(&before.Spec) != limitsOf(&after.Spec)
		},
	}
}

// hashesChanged passes what may make a token a duplicate of another receiver's, or no longer one.
func hashesChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, isBefore := e.ObjectOld.(*v1alpha1.SimReceiver)
			after, isAfter := e.ObjectNew.(*v1alpha1.SimReceiver)
			return isBefore && isAfter && !apiequality.Semantic.DeepEqual(before.Status.TokenHashes, after.Status.TokenHashes)
		},
	}
}

func addLate(queue workqueue.TypedRateLimitingInterface[reconcile.Request], requests []reconcile.Request) {
	late, hasPriorities := queue.(priorityqueue.PriorityQueue[reconcile.Request])
	if hasPriorities {
		late.AddWithOpts(priorityqueue.AddOpts{Priority: new(handler.LowPriority)}, requests...)
		return
	}
	for _, request := range requests {
		queue.Add(request)
	}
}

// ordersOf goes over the whole namespace: it is rarely asked, and an index would cost memory for every order.
func ordersOf(ctx context.Context, reader client.Reader, receiver client.ObjectKey) ([]reconcile.Request, error) {
	var list v1alpha1.SimOrderList
	if err := reader.List(ctx, &list, client.InNamespace(receiver.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if list.Items[i].Spec.Receiver == receiver.Name {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests, nil
}

// alertsOf is ordersOf for alerts.
func alertsOf(ctx context.Context, reader client.Reader, receiver client.ObjectKey) ([]reconcile.Request, error) {
	var list v1alpha1.SimAlertList
	if err := reader.List(ctx, &list, client.InNamespace(receiver.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if list.Items[i].Spec.Receiver == receiver.Name {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests, nil
}
