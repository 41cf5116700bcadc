package controllers

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// receiverInput is all that a decision about a receiver is made from.
type receiverInput struct {
	receiver *v1alpha1.SimReceiver
	// secret is the one that the receiver names; nil where there is none.
	secret *corev1.Secret
	// freshToken is for the Secret that is made where there is none.
	freshToken string
	// others are the receivers of the whole cluster; the receiver itself among them does no harm.
	others []v1alpha1.SimReceiver
	// counts are nil while the cache is not complete: what was counted last then stays.
	counts *counts
	now    time.Time
}

// receiverDecision is what follows.
type receiverDecision struct {
	status v1alpha1.SimReceiverStatus
	// secret is to be created or updated; nil where it is right, or somebody else's.
	secret *corev1.Secret
}

// decideReceiver decides what a receiver publishes. Tokens are judged one by one, and each that is good is published,
// even where another is not: while the sender is being moved to a new token, a mistake in one must not cost the
// deliveries that come with the other.
func decideReceiver(in receiverInput) receiverDecision {
	secret, changed := wantedSecret(in)
	hashes, ready := judgeTokens(in.receiver, secret)
	if rival := olderRival(in.receiver, hashes, in.others); rival != "" {
		hashes = nil
		ready = verdict{v1alpha1.ReasonDuplicateToken, "The token is already that of SimReceiver " + rival}
	}
	if ready.reason == v1alpha1.ReasonTokenPublished && in.receiver.Spec.Suspend {
		ready = verdict{v1alpha1.ReasonSuspended, "Deliveries are refused, as spec.suspend asks"}
	}

	status := *in.receiver.Status.DeepCopy()
	status.ObservedGeneration = in.receiver.Generation
	status.TokenHashes = hashes
	if in.counts != nil {
		status.Orders, status.Alerts = in.counts.orders, in.counts.alerts
	}
	status.LastDelivery = lastDelivery(&status)
	status.Ingresses = withoutIdle(status.Ingresses, in.now)
	status.Conditions = receiverConditions(in, ready)

	decision := receiverDecision{status: status}
	if changed {
		decision.secret = secret
	}
	return decision
}

// wantedSecret is the Secret as it should be, and whether it differs from what there is. One that the receiver does not
// own is the user's, and right as it is.
func wantedSecret(in receiverInput) (wanted *corev1.Secret, changed bool) {
	if in.secret == nil {
		made := newSecret(in.receiver, in.freshToken)
		setURLs(made, in.receiver.Spec.ExternalURL)
		return made, true
	}
	immutable := in.secret.Immutable != nil && *in.secret.Immutable
	if immutable || !metav1.IsControlledBy(in.secret, in.receiver) {
		return in.secret, false
	}
	wanted = in.secret.DeepCopy()
	setURLs(wanted, in.receiver.Spec.ExternalURL)
	return wanted, !maps.EqualFunc(wanted.Data, in.secret.Data, bytes.Equal)
}

func newSecret(receiver *v1alpha1.SimReceiver, token string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: receiver.Namespace,
			Name:      receiver.TokenSecretName(),
			Labels:    map[string]string{v1alpha1.LabelReceiver: receiver.Name},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion().String(),
				Kind:       v1alpha1.KindSimReceiver,
				Name:       receiver.Name,
				UID:        receiver.UID,
				Controller: new(true),
			}},
		},
		Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{v1alpha1.SecretKeyToken: []byte(token)},
	}
}

// setURLs gives a Secret the URLs to paste into Mobile Manager, or takes them away where it is not known where Mobile
// Manager reaches us, or there is no token to reach us with.
func setURLs(secret *corev1.Secret, externalURL string) {
	token := string(secret.Data[v1alpha1.SecretKeyToken])
	if externalURL == "" || tokenFault(token) != "" {
		delete(secret.Data, v1alpha1.SecretKeyOrdersURL)
		delete(secret.Data, v1alpha1.SecretKeyAlertsURL)
		return
	}
	secret.Data[v1alpha1.SecretKeyOrdersURL] = []byte(hookURL(externalURL, token, "orders"))
	secret.Data[v1alpha1.SecretKeyAlertsURL] = []byte(hookURL(externalURL, token, "alerts"))
}

// verdict is why a receiver is Ready or not.
type verdict struct {
	reason, message string
}

// judgeTokens returns the hashes of the tokens that are good, and what is to be said of them.
func judgeTokens(receiver *v1alpha1.SimReceiver, secret *corev1.Secret) ([]string, verdict) {
	var hashes []string
	said := verdict{v1alpha1.ReasonTokenPublished, "Deliveries are accepted"}
	// The token itself comes last, for what is wrong with it is more urgent than what is wrong with the one before.
	for _, key := range []string{v1alpha1.SecretKeyPreviousToken, v1alpha1.SecretKeyToken} {
		token := string(secret.Data[key])
		fault := tokenFault(token)
		switch {
		case token == "" && key == v1alpha1.SecretKeyToken:
			said = verdict{v1alpha1.ReasonMissingToken, fmt.Sprintf("Secret %s has nothing under the key %s", receiver.TokenSecretName(), key)}
		case token == "":
		case fault != "":
			said = verdict{v1alpha1.ReasonWeakToken, fmt.Sprintf("In Secret %s, %s %s", receiver.TokenSecretName(), key, fault)}
		default:
			hashes = append([]string{hashToken(token)}, hashes...)
		}
	}
	return slices.Compact(hashes), said
}

// olderRival names the receiver that had one of the hashes first; empty where this one did.
func olderRival(receiver *v1alpha1.SimReceiver, hashes []string, others []v1alpha1.SimReceiver) string {
	for i := range others {
		other := &others[i]
		if other.UID == receiver.UID || !isOlder(other, receiver) {
			continue
		}
		if slices.ContainsFunc(hashes, func(hash string) bool { return slices.Contains(other.Status.TokenHashes, hash) }) {
			return other.Namespace + "/" + other.Name
		}
	}
	return ""
}

// isOlder orders receivers by age; those of the same second by name.
func isOlder(a, b *v1alpha1.SimReceiver) bool {
	return cmp.Or(
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
	) < 0
}

// lastDelivery is the latest of the replicas' last deliveries. It does not go back when a replica's row is gone.
func lastDelivery(status *v1alpha1.SimReceiverStatus) *metav1.MicroTime {
	last := status.LastDelivery
	for i := range status.Ingresses {
		row := status.Ingresses[i].LastDelivery
		if row != nil && (last == nil || last.Before(row)) {
			last = row
		}
	}
	return last
}

// withoutIdle drops the rows of replicas that have long had nothing to do with the receiver. Whether a replica is gone
// cannot be known, and whose disk still holds deliveries must be seen.
func withoutIdle(rows []v1alpha1.IngressStatus, now time.Time) []v1alpha1.IngressStatus {
	before := now.Add(-v1alpha1.IdleIngressKept)
	return slices.DeleteFunc(rows, func(row v1alpha1.IngressStatus) bool { return row.IsIdle(before) })
}

// receiverConditions keeps since when a condition has its status.
func receiverConditions(in receiverInput, ready verdict) []metav1.Condition {
	list := slices.Clone(in.receiver.Status.Conditions)
	set := func(kind string, status metav1.ConditionStatus, reason, message string) {
		meta.SetStatusCondition(&list, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: message,
			ObservedGeneration: in.receiver.Generation, LastTransitionTime: metav1.NewTime(in.now.Truncate(time.Second)),
		})
	}

	// Ready says that the receiver is as its spec asks, and so is one that is suspended: a False that nothing but a
	// change of the spec ends would have every tool that applies a spec and then waits for Ready wait for ever.
	switch ready.reason {
	case v1alpha1.ReasonTokenPublished, v1alpha1.ReasonSuspended:
		set(v1alpha1.ConditionReady, metav1.ConditionTrue, ready.reason, ready.message)
		meta.RemoveStatusCondition(&list, v1alpha1.ConditionStalled)
	default:
		set(v1alpha1.ConditionReady, metav1.ConditionFalse, ready.reason, ready.message)
		set(v1alpha1.ConditionStalled, metav1.ConditionTrue, ready.reason, ready.message)
	}

	if ready.reason == v1alpha1.ReasonSuspended {
		set(v1alpha1.ConditionSuspended, metav1.ConditionTrue, ready.reason, ready.message)
	} else {
		meta.RemoveStatusCondition(&list, v1alpha1.ConditionSuspended)
	}

	if message := quarantineMessage(in.receiver.Status.Ingresses); message != "" {
		set(v1alpha1.ConditionQuarantined, metav1.ConditionTrue, v1alpha1.ReasonDeliveriesKept, message)
	} else {
		meta.RemoveStatusCondition(&list, v1alpha1.ConditionQuarantined)
	}
	return list
}

// quarantineMessage says how many deliveries are in quarantine, and why the last one came there; empty for none.
func quarantineMessage(rows []v1alpha1.IngressStatus) string {
	var total int64
	var latest *v1alpha1.IngressStatus
	for i := range rows {
		row := &rows[i]
		if row.Quarantined == 0 {
			continue
		}
		total += row.Quarantined
		if latest == nil || latest.LastDelivery.Before(row.LastDelivery) {
			latest = row
		}
	}
	if latest == nil {
		return ""
	}
	noun := "deliveries"
	if total == 1 {
		noun = "delivery"
	}
	message := fmt.Sprintf("%d %s in quarantine", total, noun)
	if latest.LastReason != "" {
		message += ": " + clean(latest.LastReason, maxNote)
	}
	return message
}
