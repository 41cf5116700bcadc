package controllers

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// Limits of a resource whose receiver is not known: it has none yet, or it was deleted. The lengths are those that the
// CRD gives a receiver that sets none.
const (
	unknownReceiverOverdueAfter = 72 * time.Hour
	unknownReceiverStaleAfter   = 840 * time.Hour
)

// limits are the lengths of time that a receiver sets for its resources. 0 is never.
type limits struct {
	overdueAfter, staleAfter       time.Duration
	finishedOrders, inactiveAlerts time.Duration
	// So many transitions within so long make an alert Flapping.
	flapTransitions int
	flapWithin      time.Duration
	// orphaned says that the receiver was deleted.
	orphaned bool
}

// readLimits returns the limits that the named receiver sets. Where there is no such receiver, nothing is deleted for
// being old: somebody took the receiver away, and nobody is left to say how long its resources are wanted.
func readLimits(ctx context.Context, reader client.Reader, namespace, receiver string) (limits, error) {
	unknown := limits{overdueAfter: unknownReceiverOverdueAfter, staleAfter: unknownReceiverStaleAfter}
	if receiver == "" {
		return unknown, nil
	}
	var found v1alpha1.SimReceiver
	if err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: receiver}, &found); err != nil {
		if apierrors.IsNotFound(err) {
			unknown.orphaned = true
			return unknown, nil
		}
		return limits{}, fmt.Errorf("read SimReceiver %s/%s: %w", namespace, receiver, err)
	}
	return limitsOf(&found.Spec), nil
}

func limitsOf(spec *v1alpha1.SimReceiverSpec) limits {
	return limits{
		overdueAfter:   length(spec.OverdueAfter),
		staleAfter:     length(spec.StaleAfter),
		finishedOrders: length(spec.Retention.FinishedOrders),
		inactiveAlerts: length(spec.Retention.InactiveAlerts),

		flapTransitions: int(ptr.Deref(spec.Flapping.Transitions, 0)),
		flapWithin:      length(spec.Flapping.Within),
	}
}

// length is a Duration as Go has it. The schema lets through only what Go can read, but for lengths beyond 292 years:
// those, like 0, are never.
func length(d v1alpha1.Duration) time.Duration {
	parsed, err := time.ParseDuration(string(d))
	if err != nil {
		return 0
	}
	return parsed
}
