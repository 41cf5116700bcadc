package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OrderType is what an order does. A code that this version does not know is kept as Code<N>.
// Source: "Order Types" of the sender's Orders Update webhook, codes 0 to 14 in this order.
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^(Activate|Cease|Bar|BoltOn|TariffChange|SimSwap|UnBar|ConditionalBar|CPE|PoolRegrade|PoolActivation|PoolCease|APNActivation|APNChangeRequest|FullBar|Code[0-9]+)$`
type OrderType string

// The order types, in the order of their codes from 0.
const (
	OrderTypeActivate         OrderType = "Activate"
	OrderTypeCease            OrderType = "Cease"
	OrderTypeBar              OrderType = "Bar"
	OrderTypeBoltOn           OrderType = "BoltOn"
	OrderTypeTariffChange     OrderType = "TariffChange"
	OrderTypeSimSwap          OrderType = "SimSwap"
	OrderTypeUnBar            OrderType = "UnBar"
	OrderTypeConditionalBar   OrderType = "ConditionalBar"
	OrderTypeCPE              OrderType = "CPE"
	OrderTypePoolRegrade      OrderType = "PoolRegrade"
	OrderTypePoolActivation   OrderType = "PoolActivation"
	OrderTypePoolCease        OrderType = "PoolCease"
	OrderTypeAPNActivation    OrderType = "APNActivation"
	OrderTypeAPNChangeRequest OrderType = "APNChangeRequest"
	OrderTypeFullBar          OrderType = "FullBar"
)

// OrderTypes returns the known types; the index is the sender's code.
func OrderTypes() []OrderType {
	return []OrderType{
		OrderTypeActivate, OrderTypeCease, OrderTypeBar, OrderTypeBoltOn, OrderTypeTariffChange, OrderTypeSimSwap,
		OrderTypeUnBar, OrderTypeConditionalBar, OrderTypeCPE, OrderTypePoolRegrade, OrderTypePoolActivation,
		OrderTypePoolCease, OrderTypeAPNActivation, OrderTypeAPNChangeRequest, OrderTypeFullBar,
	}
}

// OrderState is how far an order is. A code that this version does not know is kept as Code<N>.
// Source: "Order States" of the sender's Orders Update webhook, codes 0 to 5 in this order.
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^(Open|Complete|Failed|Stalled|Cancelled|Pending|Code[0-9]+)$`
type OrderState string

// The order states, in the order of their codes from 0.
const (
	OrderStateOpen      OrderState = "Open"
	OrderStateComplete  OrderState = "Complete"
	OrderStateFailed    OrderState = "Failed"
	OrderStateStalled   OrderState = "Stalled"
	OrderStateCancelled OrderState = "Cancelled"
	OrderStatePending   OrderState = "Pending"
)

// OrderStates returns the known states; the index is the sender's code.
func OrderStates() []OrderState {
	return []OrderState{
		OrderStateOpen, OrderStateComplete, OrderStateFailed, OrderStateStalled, OrderStateCancelled, OrderStatePending,
	}
}

// OrderReport is one change of an order's state as the sender reported it.
type OrderReport struct {
	ReportMeta `json:",inline"`

	// state is what the sender said.
	// +required
	State OrderState `json:"state"`
}

// SimOrderSpec is what Mobile Manager said of an order. Whoever wants to wait for an order before its first webhook
// creates a SimOrder with only orderID; everything else is written by the ingress.
type SimOrderSpec struct {
	// orderID is the order's id in Mobile Manager, in lower case. It is also the resource's name.
	// +required
	OrderID UUID `json:"orderID"`

	// type is what the order does: Activate, Cease, Bar, BoltOn, TariffChange, SimSwap, UnBar, ConditionalBar, CPE,
	// PoolRegrade, PoolActivation, PoolCease, APNActivation, APNChangeRequest or FullBar, or Code<N> for a code that this
	// version does not know. Absent until the sender names it.
	// +optional
	Type OrderType `json:"type,omitempty"`

	// simID is the SIM that the order is about. Absent where the sender named none.
	// +optional
	SimID UUID `json:"simID,omitempty"`

	// poolID is the pool of SIMs that the order is about. Absent where the sender named none.
	// +optional
	PoolID UUID `json:"poolID,omitempty"`

	// apnID is the APN (access point name) that the order is about. Absent where the sender named none.
	// +optional
	APNID UUID `json:"apnID,omitempty"`

	// receiver is the name of the SimReceiver, in this namespace, whose URL the last delivery came to.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Receiver string `json:"receiver,omitempty"`

	// reports is the log of what the sender said, oldest first by receivedAt. A report is a change: a delivery that
	// repeats the state of the report before it only raises that report's count.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Reports []OrderReport `json:"reports,omitempty"`

	// applied says which deliveries of which ingress spool this resource holds.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Applied []AppliedDeliveries `json:"applied,omitempty"`
}

// SimOrderStatus is the fold of spec.reports. It is written by the manager alone.
type SimOrderStatus struct {
	// observedGeneration is the generation of the spec that this status was made from; -1 before the first time.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// observedSequence is the highest report whose Event has been created.
	// +optional
	ObservedSequence int64 `json:"observedSequence,omitempty"`

	// state is the state of the latest report, but for this: Complete and Cancelled are final, so that a later Open,
	// Pending or Stalled does not take the order back.
	// +optional
	State OrderState `json:"state,omitempty"`

	// stateSince is when the report that brought the state came in.
	// +optional
	StateSince *metav1.MicroTime `json:"stateSince,omitempty"`

	// startedAt is when the first report came in.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`

	// finishedAt is when the order became Complete, Failed or Cancelled. Absent while it is none of these.
	// +optional
	FinishedAt *metav1.MicroTime `json:"finishedAt,omitempty"`

	// transitions counts the reports that the order ever had, those that are no longer kept included.
	// +optional
	Transitions int64 `json:"transitions,omitempty"`

	// conditions are Ready, Reconciling, Stalled, Complete, Failed, Overdue and Orphaned; see the package's table of conditions.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// SimOrder is one order of Mobile Manager: activate a SIM, cease it, bar it, and so on. Its name is the order id.
//
// kubectl wait --for=condition=Complete simorder/<order id> returns when the order has completed.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=simo,categories=sim
// +kubebuilder:subresource:status
// +kubebuilder:selectablefield:JSONPath=`.spec.type`
// +kubebuilder:selectablefield:JSONPath=`.spec.simID`
// +kubebuilder:selectablefield:JSONPath=`.spec.poolID`
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="SIM",type=string,JSONPath=`.spec.simID`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.status.stateSince`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Pool",type=string,priority=1,JSONPath=`.spec.poolID`
// +kubebuilder:printcolumn:name="APN",type=string,priority=1,JSONPath=`.spec.apnID`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == self.spec.orderID",message="metadata.name must be spec.orderID"
type SimOrder struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the sender said.
	// +required
	Spec SimOrderSpec `json:"spec"`

	// status is what follows from it. The manager alone writes it, as a whole.
	// +optional
	// +structType=atomic
	// +kubebuilder:default={"observedGeneration":-1}
	Status SimOrderStatus `json:"status,omitempty,omitzero"`
}

// SimOrderList is a list of SimOrders.
//
// +kubebuilder:object:root=true
type SimOrderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []SimOrder `json:"items"`
}
