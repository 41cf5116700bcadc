package controllers

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/logging"
	"github.com/sim-operator/sim-operator/internal/tracing"
)

// The middle of a resource's name in the log, the same as at the ingress: namespace/orders/name.
const (
	resourceOrders = "orders"
	resourceAlerts = "alerts"
)

// A trail tells the log and the traces what was done for a delivery.
type trail struct {
	clock clock.PassiveClock
	// tracer is nil for no traces.
	tracer *tracing.Tracer
}

// now is the time, where there are traces that it may stand in.
func (t trail) now() time.Time {
	if !t.tracer.Enabled() {
		return time.Time{}
	}
	return t.clock.Now()
}

// eventIsOut tells of an Event that is there. existed says that it was so before.
func (t trail) eventIsOut(ctx context.Context, event *eventsv1.Event, existed bool, started time.Time) {
	delivery := event.Annotations[v1alpha1.AnnotationDeliveryID]
	if debug := log.FromContext(ctx).V(logging.Debug); debug.Enabled() {
		debug.Info("The Event is out",
			logging.KeyDelivery, delivery, logging.KeyResource, resourceOf(event), logging.KeyEvent, event.Name, "existed", existed)
	}
	if t.tracer.Enabled() && delivery != "" {
		t.tracer.Event(ctx, delivery, resourceOf(event), event.Name, existed, started, t.clock.Now())
	}
}

// statusWritten tells of a status that covers the reports of the Events.
func (t trail) statusWritten(ctx context.Context, events []eventsv1.Event, started time.Time) {
	debug := log.FromContext(ctx).V(logging.Debug)
	if !debug.Enabled() && !t.tracer.Enabled() {
		return
	}
	ended := t.now()
	for i := range events {
		delivery := events[i].Annotations[v1alpha1.AnnotationDeliveryID]
		if delivery == "" {
			continue
		}
		debug.Info("The status is written", logging.KeyDelivery, delivery, logging.KeyResource, resourceOf(&events[i]))
		t.tracer.Status(ctx, delivery, resourceOf(&events[i]), started, ended)
	}
}

// resourceOf names what an Event is about.
func resourceOf(event *eventsv1.Event) string {
	kind := resourceOrders
	if event.Regarding.Kind == v1alpha1.KindSimAlert {
		kind = resourceAlerts
	}
	return resourceName(event.Regarding.Namespace, kind, event.Regarding.Name)
}

func resourceName(namespace, kind, name string) string {
	return namespace + "/" + kind + "/" + name
}

// loggerOf is the logger of the reconciles of one controller, which names what each is about under a key.
func loggerOf(mgr ctrl.Manager, controller, key string, name func(*reconcile.Request) string) func(*reconcile.Request) logr.Logger {
	base := mgr.GetLogger().WithValues("controller", controller)
	return func(r *reconcile.Request) logr.Logger {
		if r == nil {
			return base
		}
		return base.WithValues(key, name(r))
	}
}
