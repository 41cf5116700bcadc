package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/failpoint"
)

// retryOutdated is how long to wait after a write was refused because the resource had changed meanwhile, or was gone.
// The cache usually tells of the change long before.
const retryOutdated = time.Second

// A resource that could not be written is tried again after firstRetry, then after twice as long, and so on, but never
// after more than maxRetry: when an API server is back after an hour, nothing waits for another quarter of one.
const (
	firstRetry = 50 * time.Millisecond
	maxRetry   = 10 * time.Second
)

func retries() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, maxRetry)
}

// change is what one reconcile has to carry out on one resource.
type change struct {
	// object is the resource with nothing but its identity, its version and the status that it is to have: the server takes
	// nothing else from a write of a status.
	object client.Object
	// before is the resource as it was, where others write into its status, too: then only what differs is sent. It is nil
	// where nobody else does.
	before client.Object
	events []eventsv1.Event
	// status says that the status is another one than the resource has.
	status bool
	// expired says that the resource is to be deleted when the rest is done.
	expired bool
}

// identity is the metadata that a write of a status, or a deletion, needs.
func identity(obj *metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: obj.Namespace, Name: obj.Name, UID: obj.UID, ResourceVersion: obj.ResourceVersion, DeletionTimestamp: obj.DeletionTimestamp,
	}
}

// committer carries changes out.
type committer struct {
	client   client.Client
	instance string
	metrics  *Metrics
	trail    trail
}

// maxInstance is the most that the API server takes as an Event's reportingInstance.
const maxInstance = 128

func newCommitter(c client.Client, instance string, metrics *Metrics, t trail) committer {
	return committer{client: c, instance: cut(instance, maxInstance), metrics: metrics, trail: t}
}

// commit is the outbox. Events come first and status follows, so that a crash between them repeats Events whose names
// exist already, and never loses one. Nothing is written where nothing is due. Status and deletion hold for the version
// that was judged, and no other.
func (c *committer) commit(ctx context.Context, ch change) error {
	for i := range ch.events {
		if err := c.createEvent(ctx, &ch.events[i]); err != nil {
			return err
		}
	}
	// Between Events and status: whoever is killed here does it all again, and that changes nothing.
	if len(ch.events) > 0 {
		failpoint.Hit(failpoint.BetweenEventAndStatus)
	}
	if ch.status {
		started := c.trail.now()
		if err := c.writeStatus(ctx, ch); err != nil {
			return fmt.Errorf("write status: %w", err)
		}
		c.trail.statusWritten(ctx, ch.events, started)
	}
	// What a finalizer holds has been deleted already.
	if ch.expired && ch.object.GetDeletionTimestamp().IsZero() {
		return c.deleteJudged(ctx, ch.object)
	}
	return nil
}

// writeStatus sends all of a status if it may: to apply a patch the server encodes the whole resource, and decodes it again.
func (c *committer) writeStatus(ctx context.Context, ch change) error {
	owner := client.FieldOwner(v1alpha1.FieldManagerManager)
	if ch.before != nil {
		return c.client.Status().Patch(ctx, ch.object, client.MergeFromWithOptions(ch.before, client.MergeFromWithOptimisticLock{}), owner)
	}
	return c.client.Status().Update(ctx, ch.object, owner)
}

func (c *committer) createEvent(ctx context.Context, event *eventsv1.Event) error {
	event.ReportingInstance = c.instance
	started := c.trail.now()
	err := c.client.Create(ctx, event, client.FieldOwner(v1alpha1.FieldManagerManager))
	existed := apierrors.IsAlreadyExists(err)
	if err != nil && !existed {
		return fmt.Errorf("create Event %s: %w", event.Name, err)
	}
	c.trail.eventIsOut(ctx, event, existed, started)
	if !existed {
		c.metrics.eventCreated(event)
	}
	return nil
}

func (c *committer) deleteJudged(ctx context.Context, obj client.Object) error {
	uid, version := obj.GetUID(), obj.GetResourceVersion()
	if err := c.client.Delete(ctx, obj, client.Preconditions{UID: &uid, ResourceVersion: &version}); err != nil {
		return fmt.Errorf("delete what has expired: %w", err)
	}
	return nil
}

// settled turns the end of a commit into that of a reconcile. That somebody else wrote first, or that the resource or
// its namespace is going away, is the ordinary course of things and no error.
func settled(next ctrl.Result, err error) (ctrl.Result, error) {
	if isOutdated(err) {
		return ctrl.Result{RequeueAfter: retryOutdated}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return next, nil
}

func isOutdated(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) ||
		apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}
