package plugin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// pollEvery is how often --wait looks.
const pollEvery = 200 * time.Millisecond

// settled is how a resource stands that holds a delivery.
type settled struct {
	applied []v1alpha1.AppliedDeliveries
	// processed says whether the manager has seen the spec as it is.
	processed bool
	// state is that of an order, or the trigger of an alert.
	state      string
	conditions []metav1.Condition
}

// waitFor waits until a resource holds a delivery and the manager has processed it.
func waitFor(ctx context.Context, reader client.Reader, namespace string, about resource, deliveryID string, timeout time.Duration) (settled, error) {
	spool, number, err := splitDeliveryID(deliveryID)
	if err != nil {
		return settled{}, err
	}
	var last settled
	missing := "the delivery has not been applied"
	err = wait.PollUntilContextTimeout(ctx, pollEvery, timeout, true, func(ctx context.Context) (bool, error) {
		found, err := readSettled(ctx, reader, client.ObjectKey{Namespace: namespace, Name: about.name}, about.kind)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		last = found
		if !holds(found.applied, spool, number) {
			return false, nil
		}
		missing = "the delivery has been applied, but not processed by the manager"
		return found.processed, nil
	})
	if wait.Interrupted(err) {
		return last, fmt.Errorf("after %s %s", timeout, missing)
	}
	if err != nil {
		return last, fmt.Errorf("read %s %s/%s: %w", about.kind, namespace, about.name, err)
	}
	return last, nil
}

func readSettled(ctx context.Context, reader client.Reader, key client.ObjectKey, kind string) (settled, error) {
	if kind == v1alpha1.KindSimOrder {
		var o v1alpha1.SimOrder
		err := reader.Get(ctx, key, &o)
		return settled{o.Spec.Applied, o.Status.ObservedGeneration == o.Generation, string(o.Status.State), o.Status.Conditions}, err
	}
	var a v1alpha1.SimAlert
	err := reader.Get(ctx, key, &a)
	return settled{a.Spec.Applied, a.Status.ObservedGeneration == a.Generation, string(a.Status.Trigger), a.Status.Conditions}, err
}

// message is what the conditions say of the state.
func (s settled) message() string {
	for _, kind := range []string{v1alpha1.ConditionActive, v1alpha1.ConditionReady} {
		if c := meta.FindStatusCondition(s.conditions, kind); c != nil {
			return c.Message
		}
	}
	return ""
}

// holds says whether a resource holds a delivery: that is what spec.applied is for.
func holds(applied []v1alpha1.AppliedDeliveries, spool string, number int64) bool {
	for _, run := range applied {
		if run.Spool == spool && run.First <= number && number <= run.Last {
			return true
		}
	}
	return false
}

// splitDeliveryID takes <spool>-<number> apart.
func splitDeliveryID(id string) (spool string, number int64, err error) {
	cut := strings.LastIndexByte(id, '-')
	if cut < 0 {
		return "", 0, errors.New("the answer has no delivery id of sim-operator")
	}
	number, err = strconv.ParseInt(id[cut+1:], 10, 64)
	if err != nil {
		return "", 0, errors.New("the answer has no delivery id of sim-operator")
	}
	return id[:cut], number, nil
}
