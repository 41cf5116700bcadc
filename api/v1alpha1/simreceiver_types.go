package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Keys of the Secret that spec.tokenSecretRef names.
const (
	// SecretKeyToken holds the token that stands in the webhook URLs.
	SecretKeyToken = "token"
	// SecretKeyPreviousToken holds a token that is still accepted while the sender is moved to the new one.
	SecretKeyPreviousToken = "previousToken"
	// SecretKeyOrdersURL holds the URL to paste into "Orders Update Webhook" of Mobile Manager.
	SecretKeyOrdersURL = "ordersURL"
	// SecretKeyAlertsURL holds the URL to paste into the Action Data of an alert of Mobile Manager.
	SecretKeyAlertsURL = "alertsURL"
)

// MinTokenLength is the fewest characters that a token may have.
const MinTokenLength = 32

// Duration is a length of time as Go writes it: 72h, 90m, 1h30m. 0 switches off what it limits.
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^(0|([0-9]+(\.[0-9]+)?(ms|s|m|h))+)$`
type Duration string

// CIDR is a network: an address and the length of its prefix, for example 192.0.2.0/24 or 2001:db8::/32.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="must be a network such as 192.0.2.0/24 or 2001:db8::/32; a single address has /32 or /128"
type CIDR string

// SecretReference names a Secret in the receiver's namespace.
type SecretReference struct {
	// name is the name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Retention says how long what has ended is kept.
type Retention struct {
	// finishedOrders is how long a SimOrder is kept after it became Complete, Failed or Cancelled. 0 keeps it for ever.
	// +optional
	// +kubebuilder:default="720h"
	FinishedOrders Duration `json:"finishedOrders,omitempty"`

	// inactiveAlerts is how long a SimAlert is kept after it turned Off. 0 keeps it for ever.
	// +optional
	// +kubebuilder:default="2160h"
	InactiveAlerts Duration `json:"inactiveAlerts,omitempty"`
}

// RateLimit bounds what one receiver accepts, so that a URL that leaked cannot fill the cluster.
type RateLimit struct {
	// deliveriesPerSecond is how many deliveries a second are accepted over time.
	// +optional
	// +kubebuilder:default=500
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	DeliveriesPerSecond int32 `json:"deliveriesPerSecond,omitempty"`

	// burst is how many deliveries may come at once. A month's end turns every alert off at the same time, and the
	// sender may not try again, so it is large.
	// +optional
	// +kubebuilder:default=200000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	Burst int32 `json:"burst,omitempty"`
}

// Flapping says from when on an alert counts as flapping.
type Flapping struct {
	// transitions is how many reports within the time make an alert Flapping. 0 is never.
	// +optional
	// +kubebuilder:default=6
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=60
	Transitions *int32 `json:"transitions,omitempty"`

	// within is the time. 0 is never.
	// +optional
	// +kubebuilder:default="1h"
	Within Duration `json:"within,omitempty"`
}

// SimReceiverSpec is what a user sets for one account of Mobile Manager.
type SimReceiverSpec struct {
	// tokenSecretRef names the Secret that holds the token of the webhook URLs under the key token, and, while the
	// token is being changed, the one before it under previousToken. The default is <name>-webhook. The manager creates
	// the Secret where there is none; one that exists is never written.
	// +optional
	TokenSecretRef *SecretReference `json:"tokenSecretRef,omitempty"`

	// externalURL is where Mobile Manager reaches the ingress, for example https://hooks.example.com. Where it is set,
	// the Secret that the manager owns also holds ordersURL and alertsURL, to paste into Mobile Manager.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://[^/?#]+(/[^?#]*)?$`
	ExternalURL string `json:"externalURL,omitempty"`

	// suspend makes the ingress answer every delivery with 503 and accept none.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// retention says how long finished orders and inactive alerts are kept.
	// +optional
	// +kubebuilder:default={}
	Retention Retention `json:"retention,omitempty,omitzero"`

	// overdueAfter is how long an order may take to finish before it is Overdue. 0 is never.
	// +optional
	// +kubebuilder:default="72h"
	OverdueAfter Duration `json:"overdueAfter,omitempty"`

	// staleAfter is how long an alert may be On with no word from the sender before it is Stale. 0 is never.
	// The default is longer than a billing month.
	// +optional
	// +kubebuilder:default="840h"
	StaleAfter Duration `json:"staleAfter,omitempty"`

	// flapping says from when on an alert that turns on and off has the condition Flapping. Its Events all appear
	// nevertheless.
	// +optional
	// +kubebuilder:default={}
	Flapping Flapping `json:"flapping,omitempty,omitzero"`

	// rateLimit bounds the deliveries that are accepted; those over it are answered 429.
	// +optional
	// +kubebuilder:default={}
	RateLimit RateLimit `json:"rateLimit,omitempty,omitzero"`

	// allowedSources are the networks from which deliveries are accepted. From elsewhere they are answered as if the
	// token were unknown. Where there is none, they are accepted from everywhere. Behind a load balancer the ingress knows
	// where a delivery comes from only if its flag --trusted-proxies names the load balancer.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	AllowedSources []CIDR `json:"allowedSources,omitempty"`
}

// IdleIngressKept is how long the row of a replica stays for which nothing waits and nothing is in quarantine.
const IdleIngressKept = 30 * 24 * time.Hour

// IngressStatus is how one ingress replica stands with this receiver. The replica writes it itself.
type IngressStatus struct {
	// replica is the name of the replica: its pod's name in a cluster.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Replica string `json:"replica"`

	// lastDelivery is when the last delivery was accepted.
	// +optional
	LastDelivery *metav1.MicroTime `json:"lastDelivery,omitempty"`

	// waiting is how many accepted deliveries wait to be applied.
	// +optional
	Waiting int64 `json:"waiting,omitempty"`

	// quarantined is how many deliveries are in quarantine.
	// +optional
	Quarantined int64 `json:"quarantined,omitempty"`

	// lastReason is why the last delivery went to quarantine, or why the oldest waits.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	LastReason string `json:"lastReason,omitempty"`
}

// IsIdle says that nothing waits, nothing is in quarantine, and no delivery has come since.
func (s *IngressStatus) IsIdle(since time.Time) bool {
	return s.Waiting == 0 && s.Quarantined == 0 && (s.LastDelivery == nil || s.LastDelivery.Time.Before(since))
}

// SimReceiverStatus is how the receiver stands.
type SimReceiverStatus struct {
	// observedGeneration is the generation of the spec that this status was made from; -1 before the first time.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// tokenHashes are the SHA-256 hashes, in hexadecimal, of the tokens that are accepted. They are all that the
	// ingress needs to recognise a caller.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MaxLength=64
	TokenHashes []string `json:"tokenHashes,omitempty"`

	// orders is how many SimOrders name this receiver.
	// +optional
	Orders int64 `json:"orders"`

	// alerts is how many SimAlerts name this receiver.
	// +optional
	Alerts int64 `json:"alerts"`

	// lastDelivery is the latest of the replicas' lastDelivery.
	// +optional
	LastDelivery *metav1.MicroTime `json:"lastDelivery,omitempty"`

	// ingresses is how each ingress replica stands with this receiver.
	// +optional
	// +listType=map
	// +listMapKey=replica
	// +kubebuilder:validation:MaxItems=64
	Ingresses []IngressStatus `json:"ingresses,omitempty"`

	// conditions are Ready, Stalled, Suspended and Quarantined; see the package's table of conditions.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// SimReceiver is one account of Mobile Manager, which delivers into this namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=simr,categories=sim
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Orders",type=integer,JSONPath=`.status.orders`
// +kubebuilder:printcolumn:name="Alerts",type=integer,JSONPath=`.status.alerts`
// +kubebuilder:printcolumn:name="Last Delivery",type=date,JSONPath=`.status.lastDelivery`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Quarantined",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Quarantined")].message`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="metadata.name must be at most 63 characters, for it is a label's value elsewhere"
type SimReceiver struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the user sets.
	// +optional
	// +kubebuilder:default={}
	Spec SimReceiverSpec `json:"spec,omitempty,omitzero"`

	// status is how it stands.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"orders":0,"alerts":0}
	Status SimReceiverStatus `json:"status,omitempty,omitzero"`
}

// SimReceiverList is a list of SimReceivers.
//
// +kubebuilder:object:root=true
type SimReceiverList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []SimReceiver `json:"items"`
}

// TokenSecretName is the name of the Secret that holds the receiver's token.
func (r *SimReceiver) TokenSecretName() string {
	if ref := r.Spec.TokenSecretRef; ref != nil {
		return ref.Name
	}
	return r.Name + "-webhook"
}
