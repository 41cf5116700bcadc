package controllers

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

const (
	goodToken  = "good-token-0123456789-0123456789-abc"
	otherToken = "another-token-0123456789-0123456789-"
	weakToken  = "too-short"
)

func receiver(name string, second int, change ...func(*v1alpha1.SimReceiver)) *v1alpha1.SimReceiver {
	r := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{
		Namespace: "sims", Name: name, UID: types.UID("uid-of-" + name), Generation: 3, CreationTimestamp: wholeSecond(second),
	}}
	for _, c := range change {
		c(r)
	}
	return r
}

func usersSecret(data ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: "demo-webhook", ResourceVersion: "1"}, Data: map[string][]byte{}}
	for i := 0; i < len(data); i += 2 {
		s.Data[data[i]] = []byte(data[i+1])
	}
	return s
}

func ownedSecret(data ...string) *corev1.Secret {
	s := usersSecret(data...)
	s.OwnerReferences = newSecret(receiver("demo", 0), "").OwnerReferences
	return s
}

func TestDecideReceiver(t *testing.T) {
	suspended := func(r *v1alpha1.SimReceiver) { r.Spec.Suspend = true }
	publishes := func(tokens ...string) func(*v1alpha1.SimReceiver) {
		return func(r *v1alpha1.SimReceiver) {
			for _, token := range tokens {
				r.Status.TokenHashes = append(r.Status.TokenHashes, hashToken(token))
			}
		}
	}
	demo := receiver("demo", 10)
	published := []brief{{"Ready", "True", "TokenPublished"}}
	stalled := func(reason string) []brief { return []brief{{"Ready", "False", reason}, {"Stalled", "True", reason}} }

	tests := map[string]struct {
		receiver *v1alpha1.SimReceiver
		secret   *corev1.Secret
		others   []v1alpha1.SimReceiver
		tokens   []string
		want     []brief
	}{
		"a token that is made is published at once": {
			tokens: []string{goodToken}, want: published,
		},
		"the user's token is published": {
			secret: usersSecret("token", goodToken), tokens: []string{goodToken}, want: published,
		},
		"both tokens are while it is being changed": {
			secret: usersSecret("token", goodToken, "previousToken", otherToken), tokens: []string{goodToken, otherToken}, want: published,
		},
		"the same token twice has one hash": {
			secret: usersSecret("token", goodToken, "previousToken", goodToken), tokens: []string{goodToken}, want: published,
		},
		"a weak token is not published": {
			secret: usersSecret("token", weakToken), want: stalled("WeakToken"),
		},
		"a token of 31 characters is weak": {
			secret: usersSecret("token", strings.Repeat("x", 31)), want: stalled("WeakToken"),
		},
		"one of 32 is not": {
			secret: usersSecret("token", strings.Repeat("x", 32)), tokens: []string{strings.Repeat("x", 32)}, want: published,
		},
		"a token with the end of a line cannot stand in a URL": {
			secret: usersSecret("token", goodToken+"\n"), want: stalled("WeakToken"),
		},
		"nor one with a slash": {
			secret: usersSecret("token", goodToken+"/x"), want: stalled("WeakToken"),
		},
		"a weak previous token is said, and costs the good one nothing": {
			secret: usersSecret("token", goodToken, "previousToken", weakToken), tokens: []string{goodToken}, want: stalled("WeakToken"),
		},
		"a weak new token costs the previous one nothing": {
			secret: usersSecret("token", weakToken, "previousToken", otherToken), tokens: []string{otherToken}, want: stalled("WeakToken"),
		},
		"a Secret without a token": {
			secret: usersSecret("tokn", goodToken), want: stalled("MissingToken"),
		},
		"a token that an older receiver has": {
			secret: usersSecret("token", goodToken), others: []v1alpha1.SimReceiver{*receiver("older", 9, publishes(goodToken))},
			want: stalled("DuplicateToken"),
		},
		"also where it is that one's previous token": {
			secret: usersSecret("token", goodToken, "previousToken", otherToken),
			others: []v1alpha1.SimReceiver{*receiver("older", 9, publishes("x", otherToken))},
			want:   stalled("DuplicateToken"),
		},
		"a token that a younger receiver has is ours": {
			secret: usersSecret("token", goodToken), others: []v1alpha1.SimReceiver{*receiver("a-younger", 11, publishes(goodToken))},
			tokens: []string{goodToken}, want: published,
		},
		"of two of the same second the first by name has it": {
			secret: usersSecret("token", goodToken), others: []v1alpha1.SimReceiver{*receiver("a-twin", 10, publishes(goodToken))},
			want: stalled("DuplicateToken"),
		},
		"its own hash is no duplicate": {
			receiver: receiver("demo", 10, publishes(goodToken)),
			secret:   usersSecret("token", goodToken), others: []v1alpha1.SimReceiver{*receiver("demo", 10, publishes(goodToken))},
			tokens: []string{goodToken}, want: published,
		},
		"suspended keeps the hashes, so that the door knows whom to turn away": {
			receiver: receiver("demo", 10, suspended), secret: usersSecret("token", goodToken),
			tokens: []string{goodToken}, want: []brief{{"Ready", "True", "Suspended"}, {"Suspended", "True", "Suspended"}},
		},
		"a mistake is said before that it is suspended": {
			receiver: receiver("demo", 10, suspended), secret: usersSecret("token", weakToken), want: stalled("WeakToken"),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := receiverInput{receiver: demo, secret: test.secret, freshToken: goodToken, others: test.others, now: at(60).Time}
			if test.receiver != nil {
				in.receiver = test.receiver
			}
			got := decideReceiver(in)

			if diff := cmp.Diff(hashesOf(test.tokens), got.status.TokenHashes); diff != "" {
				t.Errorf("tokenHashes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.want, briefsOf(got.status.Conditions)); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
			expectNoToken(t, got.status)

			in.receiver = in.receiver.DeepCopy()
			in.receiver.Status = got.status
			if got.secret != nil {
				in.secret = got.secret
			}
			in.now = in.now.Add(time.Hour)
			again := decideReceiver(in)
			if !apiequality.Semantic.DeepEqual(got.status, again.status) || again.secret != nil {
				t.Errorf("deciding again differs:\n%s", cmp.Diff(got.status, again.status))
			}
		})
	}
}

func expectNoToken(t *testing.T, status v1alpha1.SimReceiverStatus) {
	t.Helper()
	said := fmt.Sprint(status)
	for _, token := range []string{goodToken, otherToken, weakToken} {
		if strings.Contains(said, token) {
			t.Errorf("a token stands in the status: %s", said)
		}
	}
}

func hashesOf(tokens []string) []string {
	var hashes []string
	for _, token := range tokens {
		hashes = append(hashes, hashToken(token))
	}
	return hashes
}

func briefsOf(conditions []metav1.Condition) []brief {
	var briefs []brief
	for _, c := range conditions {
		briefs = append(briefs, brief{c.Type, string(c.Status), c.Reason})
	}
	return briefs
}

func TestReceiverSecret(t *testing.T) {
	withURL := receiver("demo", 0, func(r *v1alpha1.SimReceiver) { r.Spec.ExternalURL = "https://hooks.example.com/sims/" })
	orders := "https://hooks.example.com/sims/hooks/" + goodToken + "/orders"
	alerts := "https://hooks.example.com/sims/hooks/" + goodToken + "/alerts"
	immutable := ownedSecret("token", goodToken)
	immutable.Immutable = new(true)
	tests := map[string]struct {
		receiver *v1alpha1.SimReceiver
		secret   *corev1.Secret
		want     map[string]string // nil: nothing is written
	}{
		"there is none":                        {receiver("demo", 0), nil, map[string]string{"token": goodToken}},
		"there is none, and the URL is known":  {withURL, nil, map[string]string{"token": goodToken, "ordersURL": orders, "alertsURL": alerts}},
		"the user's is never written":          {withURL, usersSecret("token", goodToken), nil},
		"ours gets the URLs":                   {withURL, ownedSecret("token", goodToken), map[string]string{"token": goodToken, "ordersURL": orders, "alertsURL": alerts}},
		"ours has them":                        {withURL, ownedSecret("token", goodToken, "ordersURL", orders, "alertsURL", alerts), nil},
		"ours follows a token that is changed": {withURL, ownedSecret("token", goodToken, "ordersURL", "old", "alertsURL", "old"), map[string]string{"token": goodToken, "ordersURL": orders, "alertsURL": alerts}},
		"the URL is not known any more":        {receiver("demo", 0), ownedSecret("token", goodToken, "ordersURL", orders, "alertsURL", alerts), map[string]string{"token": goodToken}},
		"the token cannot stand in a URL":      {withURL, ownedSecret("token", weakToken, "ordersURL", orders, "alertsURL", alerts), map[string]string{"token": weakToken}},
		"ours was made immutable":              {withURL, immutable, nil},
		"what else is in ours stays":           {receiver("demo", 0), ownedSecret("token", goodToken, "note", "x", "ordersURL", orders), map[string]string{"token": goodToken, "note": "x"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := test.secret.DeepCopy()
			got := decideReceiver(receiverInput{receiver: test.receiver, secret: test.secret, freshToken: goodToken}).secret
			if diff := cmp.Diff(before, test.secret); diff != "" {
				t.Errorf("the Secret that was read was changed:\n%s", diff)
			}
			var data map[string]string
			if got != nil {
				data = map[string]string{}
				for key, value := range got.Data {
					data[key] = string(value)
				}
				if !metav1.IsControlledBy(got, test.receiver) {
					t.Errorf("owners: %v", got.OwnerReferences)
				}
			}
			if diff := cmp.Diff(test.want, data); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
		})
	}
}

// receiverNumbers is what a receiver's status sums up.
type receiverNumbers struct {
	Orders, Alerts int64
	Last           *metav1.MicroTime
	Quarantined    string
}

func numbersOf(status v1alpha1.SimReceiverStatus) receiverNumbers {
	numbers := receiverNumbers{Orders: status.Orders, Alerts: status.Alerts, Last: status.LastDelivery}
	if kept := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionQuarantined); kept != nil {
		numbers.Quarantined = string(kept.Status) + " " + kept.Reason + ": " + kept.Message
	}
	return numbers
}

func TestReceiverNumbers(t *testing.T) {
	r := receiver("demo", 0)
	r.Status.Orders, r.Status.Alerts, r.Status.LastDelivery = 5, 6, atPtr(7)
	r.Status.Ingresses = []v1alpha1.IngressStatus{
		{Replica: "a", LastDelivery: atPtr(8), Quarantined: 2, LastReason: "not\nJSON"},
		{Replica: "b", LastDelivery: atPtr(9)},
		{Replica: "c", LastDelivery: atPtr(3), Quarantined: 1, LastReason: "older"},
		{Replica: "d", Waiting: 1},
	}
	in := receiverInput{receiver: r, secret: usersSecret("token", goodToken), now: at(60).Time}
	uncounted := decideReceiver(in).status
	want := receiverNumbers{5, 6, atPtr(9), "True DeliveriesKept: 3 deliveries in quarantine: not JSON"}
	if diff := cmp.Diff(want, numbersOf(uncounted)); diff != "" {
		t.Errorf("with no count (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(r.Status.Ingresses, uncounted.Ingresses); diff != "" {
		t.Errorf("the ingresses' rows were changed:\n%s", diff)
	}

	in.receiver = receiver("demo", 0)
	in.receiver.Status = uncounted
	in.receiver.Status.Ingresses = nil
	in.counts = &counts{orders: 1, alerts: 2}
	if diff := cmp.Diff(receiverNumbers{1, 2, atPtr(9), ""}, numbersOf(decideReceiver(in).status)); diff != "" {
		t.Errorf("counted, with the rows gone (-want +got):\n%s", diff)
	}
}

func TestRowsOfIdleReplicas(t *testing.T) {
	now := at(0).Add(v1alpha1.IdleIngressKept)
	tests := map[string]struct {
		row   v1alpha1.IngressStatus
		stays bool
	}{
		"a delivery within the time keeps it":      {v1alpha1.IngressStatus{LastDelivery: atPtr(0)}, true},
		"a delivery longer ago does not":           {v1alpha1.IngressStatus{LastDelivery: atPtr(-1)}, false},
		"nor does the reason of what has gone":     {v1alpha1.IngressStatus{LastDelivery: atPtr(-1), LastReason: "x"}, false},
		"with no delivery and nothing to say":      {v1alpha1.IngressStatus{}, false},
		"what waits keeps it, however long":        {v1alpha1.IngressStatus{LastDelivery: atPtr(-1), Waiting: 1}, true},
		"what is in quarantine keeps it, likewise": {v1alpha1.IngressStatus{Quarantined: 1}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := receiver("demo", 0)
			r.Status.Ingresses = []v1alpha1.IngressStatus{test.row}
			status := decideReceiver(receiverInput{receiver: r, secret: usersSecret("token", goodToken), now: now}).status
			if stays := len(status.Ingresses) == 1; stays != test.stays {
				t.Errorf("rows: %+v", status.Ingresses)
			}
			if !status.LastDelivery.Equal(test.row.LastDelivery) {
				t.Errorf("the receiver's last delivery is %v", status.LastDelivery)
			}
			if len(r.Status.Ingresses) != 1 || r.Status.Ingresses[0] != test.row {
				t.Errorf("the decision changed what it was given: %+v", r.Status.Ingresses)
			}
		})
	}
}

func TestNewToken(t *testing.T) {
	token, err := newToken(bytes.NewReader(make([]byte, tokenBytes)))
	if err != nil || token != strings.Repeat("A", 43) || tokenFault(token) != "" {
		t.Errorf("%q, %v", token, err)
	}
	if _, err := newToken(bytes.NewReader(make([]byte, tokenBytes-1))); err == nil {
		t.Error("made a token from too little randomness")
	}
}
