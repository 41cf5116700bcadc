package controllers

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

func readyFor(t *testing.T, c client.Client, r *v1alpha1.SimReceiver, status metav1.ConditionStatus, reason string) {
	t.Helper()
	testenv.Eventually(t, func() error {
		return conditionIs(fetch(t, c, r).Status.Conditions, "Ready", status, reason)
	})
}

func secretOf(r *v1alpha1.SimReceiver, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{StringData: data}
	s.Namespace, s.Name = r.Namespace, r.TokenSecretName()
	return s
}

// touch has a receiver reconciled without waiting until it is looked at again.
func touch(t *testing.T, c client.Client, r *v1alpha1.SimReceiver) {
	t.Helper()
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{"touched-at":%q}}}`, r.ResourceVersion))
	if err := c.Patch(t.Context(), r, patch); err != nil {
		t.Fatal(err)
	}
}

func TestAReceiverWithoutASecretGetsOne(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	startManager(t, managerOptions{random: strings.NewReader(strings.Repeat("0123456789abcdef", 2))}, namespace)
	r := demoReceiver(namespace)
	create(t, c, r)
	readyFor(t, c, r, metav1.ConditionTrue, v1alpha1.ReasonTokenPublished)

	secret := fetch(t, c, secretOf(r, nil))
	token := string(secret.Data["token"])
	if len(token) != 43 || len(secret.Data) != 1 || !metav1.IsControlledBy(secret, r) {
		t.Errorf("the Secret has %d keys, a token of %d characters, and is owned by %v", len(secret.Data), len(token), secret.OwnerReferences)
	}
	if diff := cmp.Diff([]string{hashToken(token)}, r.Status.TokenHashes); diff != "" {
		t.Errorf("tokenHashes (-want +got):\n%s", diff)
	}

	r.Spec.ExternalURL = "https://hooks.example.com"
	update(t, c, r)
	testenv.Eventually(t, func() error {
		if got := string(fetch(t, c, secret).Data["ordersURL"]); got != "https://hooks.example.com/hooks/"+token+"/orders" {
			return fmt.Errorf("ordersURL is %q", got)
		}
		return nil
	})
	if got := string(secret.Data["alertsURL"]); got != "https://hooks.example.com/hooks/"+token+"/alerts" {
		t.Errorf("alertsURL is %q", got)
	}

	testenv.Eventually(t, func() error {
		fetch(t, c, r).Spec.ExternalURL = ""
		return c.Update(t.Context(), r)
	})
	testenv.Eventually(t, func() error {
		if n := len(fetch(t, c, secret).Data); n != 1 {
			return fmt.Errorf("the Secret has %d keys", n)
		}
		return nil
	})
	if string(secret.Data["token"]) != token {
		t.Error("the token was changed")
	}
}

func TestTheUsersSecretIsReadAndNeverWritten(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	startManager(t, managerOptions{}, namespace)
	r := demoReceiver(namespace)
	r.Spec.ExternalURL = "https://hooks.example.com"
	secret := secretOf(r, map[string]string{"token": weakToken})
	create(t, c, secret)
	create(t, c, r)
	readyFor(t, c, r, metav1.ConditionFalse, v1alpha1.ReasonWeakToken)
	if len(r.Status.TokenHashes) > 0 {
		t.Error("a weak token is published")
	}
	if err := conditionIs(r.Status.Conditions, "Stalled", metav1.ConditionTrue, v1alpha1.ReasonWeakToken); err != nil {
		t.Error(err)
	}

	for _, step := range []struct {
		data   map[string]string
		tokens []string
	}{
		{map[string]string{"token": goodToken}, []string{goodToken}},
		{map[string]string{"token": otherToken, "previousToken": goodToken}, []string{otherToken, goodToken}},
	} {
		secret.StringData = step.data
		update(t, c, secret)
		written := secret.ResourceVersion
		touch(t, c, fetch(t, c, r))
		var want []string
		for _, token := range step.tokens {
			want = append(want, hashToken(token))
		}
		testenv.Eventually(t, func() error {
			if diff := cmp.Diff(want, fetch(t, c, r).Status.TokenHashes); diff != "" {
				return fmt.Errorf("tokenHashes (-want +got):\n%s", diff)
			}
			return nil
		})
		readyFor(t, c, r, metav1.ConditionTrue, v1alpha1.ReasonTokenPublished)
		if fetch(t, c, secret).ResourceVersion != written {
			t.Error("the user's Secret was written")
		}
	}

	r.Spec.Suspend = true
	update(t, c, r)
	readyFor(t, c, r, metav1.ConditionTrue, v1alpha1.ReasonSuspended)
	if err := conditionIs(r.Status.Conditions, v1alpha1.ConditionSuspended, metav1.ConditionTrue, v1alpha1.ReasonSuspended); err != nil {
		t.Error(err)
	}
	if len(r.Status.TokenHashes) != 2 {
		t.Errorf("suspended with tokenHashes %v", r.Status.TokenHashes)
	}

	r.Spec.Suspend = false
	update(t, c, r)
	readyFor(t, c, r, metav1.ConditionTrue, v1alpha1.ReasonTokenPublished)
	if meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionSuspended) != nil {
		t.Error("resumed, and still Suspended")
	}
}

// uncounted has no counts, like a cache that is not complete.
type uncounted struct{}

func (uncounted) of(string, string) (counts, bool) { return counts{}, false }

func TestATokenThatIsChangedIsSeenWithoutBeingTold(t *testing.T) {
	c := shared.Client(t)
	reconciler := NewSimReceiverReconciler(c, clocktesting.NewFakePassiveClock(at(0).Time), nil, uncounted{})
	r := demoReceiver(shared.Namespace(t))
	secret := secretOf(r, map[string]string{"tokn": goodToken})
	create(t, c, secret)
	create(t, c, r)
	for _, reason := range []string{v1alpha1.ReasonMissingToken, v1alpha1.ReasonTokenPublished} {
		result, err := reconciler.Reconcile(t.Context(), fetch(t, c, r))
		if err != nil || result.RequeueAfter != lookAgain {
			t.Errorf("%+v, %v", result, err)
		}
		ready := meta.FindStatusCondition(fetch(t, c, r).Status.Conditions, "Ready")
		if ready == nil || ready.Reason != reason {
			t.Errorf("Ready is %+v, want %s", ready, reason)
		}
		secret.StringData = map[string]string{"token": goodToken + r.Namespace}
		update(t, c, secret)
	}
}

func TestOfTwoWithOneTokenTheOlderHasIt(t *testing.T) {
	c := shared.Client(t)
	first, second := shared.Namespace(t), shared.Namespace(t)
	startManager(t, managerOptions{}, first, second)
	older, younger := demoReceiver(first), demoReceiver(second)
	for _, r := range []*v1alpha1.SimReceiver{older, younger} {
		create(t, c, secretOf(r, map[string]string{"token": goodToken + t.Name()}))
		create(t, c, r)
	}
	readyFor(t, c, older, metav1.ConditionTrue, v1alpha1.ReasonTokenPublished)
	readyFor(t, c, younger, metav1.ConditionFalse, v1alpha1.ReasonDuplicateToken)
	if len(younger.Status.TokenHashes) > 0 {
		t.Errorf("the younger publishes %v", younger.Status.TokenHashes)
	}
	if message := younger.Status.Conditions[0].Message; !strings.Contains(message, first+"/demo") {
		t.Errorf("message: %s", message)
	}

	if err := c.Delete(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	readyFor(t, c, younger, metav1.ConditionTrue, v1alpha1.ReasonTokenPublished)
}

// The manager and the ingresses share a receiver's status, and neither takes anything of the other's away.
func TestTheRowsOfTheIngressesStay(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	startManager(t, managerOptions{}, namespace)
	r := demoReceiver(namespace)
	create(t, c, r)
	readyFor(t, c, r, metav1.ConditionTrue, v1alpha1.ReasonTokenPublished)

	row := v1alpha1.IngressStatus{Replica: "ingress-0", LastDelivery: atPtr(5), Quarantined: 2, LastReason: "not JSON"}
	testenv.Eventually(t, func() error {
		fetch(t, c, r).Status.Ingresses = []v1alpha1.IngressStatus{row}
		return c.Status().Update(t.Context(), r, client.FieldOwner(v1alpha1.FieldManagerIngress))
	})
	testenv.Eventually(t, func() error {
		if fetch(t, c, r); !r.Status.LastDelivery.Equal(atPtr(5)) {
			return errors.New("lastDelivery is not taken over")
		}
		return conditionIs(r.Status.Conditions, "Quarantined", metav1.ConditionTrue, v1alpha1.ReasonDeliveriesKept)
	})
	if diff := cmp.Diff([]v1alpha1.IngressStatus{row}, r.Status.Ingresses); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(r.Status.TokenHashes) != 1 {
		t.Errorf("tokenHashes: %v", r.Status.TokenHashes)
	}
}
