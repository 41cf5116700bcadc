package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AlertTrigger says whether an alert turned on or off. Source: AlertTriggerType of the sender's Alert webhook.
// +kubebuilder:validation:Enum=On;Off
type AlertTrigger string

// The alert triggers.
const (
	AlertTriggerOn  AlertTrigger = "On"
	AlertTriggerOff AlertTrigger = "Off"
)

// AlertTarget is what kind of thing an alert watches. One that this version does not know is kept as sent.
// Source: AlertTargetType of the sender's Alert webhook.
// +kubebuilder:validation:MaxLength=63
type AlertTarget string

// The alert targets that the sender names.
const (
	AlertTargetSIM  AlertTarget = "SIM"
	AlertTargetPool AlertTarget = "Pool"
)

// AlertReport is one turn of an alert as the sender reported it.
type AlertReport struct {
	ReportMeta `json:",inline"`

	// trigger is what the alert turned to.
	// +required
	Trigger AlertTrigger `json:"trigger"`

	// value is the watched value that the last delivery of this report gave, as sent.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Value string `json:"value,omitempty"`
}

// SimAlertSpec is what Mobile Manager said of one alert on one SIM or pool. Whoever wants to wait for an alert before
// its first webhook creates a SimAlert with only alertID and entityID; everything else is written by the ingress.
type SimAlertSpec struct {
	// alertID is the alert's id in Mobile Manager, in lower case: one set-up alert, which may watch many SIMs.
	// +required
	AlertID UUID `json:"alertID"`

	// entityID is the id of the SIM or pool that the alert turned on or off for, in lower case.
	// +required
	EntityID UUID `json:"entityID"`

	// alertName is the name that the alert was given in Mobile Manager.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	AlertName string `json:"alertName,omitempty"`

	// targetType is SIM or Pool; another one is kept as sent.
	// +optional
	TargetType AlertTarget `json:"targetType,omitempty"`

	// statName is the statistic that the alert watches, for example SIM.%USED.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	StatName string `json:"statName,omitempty"`

	// condition is how the statistic is compared with the conditional value, for example GreaterThan.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Condition string `json:"condition,omitempty"`

	// conditionalValue is the limit that the statistic is compared with, as sent.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	ConditionalValue string `json:"conditionalValue,omitempty"`

	// receiver is the name of the SimReceiver, in this namespace, whose URL the last delivery came to.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Receiver string `json:"receiver,omitempty"`

	// reports is the log of what the sender said, oldest first by receivedAt. A report is a change: a delivery that
	// repeats the trigger of the report before it only raises that report's count and updates its value.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Reports []AlertReport `json:"reports,omitempty"`

	// applied says which deliveries of which ingress spool this resource holds.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Applied []AppliedDeliveries `json:"applied,omitempty"`
}

// SimAlertStatus is the fold of spec.reports. It is written by the manager alone.
type SimAlertStatus struct {
	// observedGeneration is the generation of the spec that this status was made from; -1 before the first time.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// observedSequence is the highest report whose Event has been created.
	// +optional
	ObservedSequence int64 `json:"observedSequence,omitempty"`

	// trigger is the trigger of the latest report: On while the alert is active.
	// +optional
	Trigger AlertTrigger `json:"trigger,omitempty"`

	// triggerValue is the watched value of the latest report, as sent.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	TriggerValue string `json:"triggerValue,omitempty"`

	// since is when the report that brought the trigger came in.
	// +optional
	Since *metav1.MicroTime `json:"since,omitempty"`

	// transitions counts the reports that the alert ever had, those that are no longer kept included.
	// +optional
	Transitions int64 `json:"transitions,omitempty"`

	// conditions are Ready, Reconciling, Active, Stale, Flapping and Orphaned; see the package's table of conditions.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// SimAlert is one usage alert of Mobile Manager on one SIM or pool. Its name is <alert id>-<entity id>.
//
// kubectl get simalerts --field-selector status.trigger=On lists what is active.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=sima,categories=sim
// +kubebuilder:subresource:status
// +kubebuilder:selectablefield:JSONPath=`.spec.alertID`
// +kubebuilder:selectablefield:JSONPath=`.spec.entityID`
// +kubebuilder:selectablefield:JSONPath=`.spec.targetType`
// +kubebuilder:selectablefield:JSONPath=`.status.trigger`
// +kubebuilder:printcolumn:name="Alert",type=string,JSONPath=`.spec.alertName`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.spec.targetType`
// +kubebuilder:printcolumn:name="Entity",type=string,JSONPath=`.spec.entityID`
// +kubebuilder:printcolumn:name="Active",type=string,JSONPath=`.status.conditions[?(@.type=="Active")].status`
// +kubebuilder:printcolumn:name="Stat",type=string,JSONPath=`.spec.statName`
// +kubebuilder:printcolumn:name="Value",type=string,JSONPath=`.status.triggerValue`
// +kubebuilder:printcolumn:name="Limit",type=string,JSONPath=`.spec.conditionalValue`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.status.since`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Condition",type=string,priority=1,JSONPath=`.spec.condition`
// +kubebuilder:printcolumn:name="Receiver",type=string,priority=1,JSONPath=`.spec.receiver`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == self.spec.alertID + '-' + self.spec.entityID",message="metadata.name must be spec.alertID, a dash, and spec.entityID"
type SimAlert struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the sender said.
	// +required
	Spec SimAlertSpec `json:"spec"`

	// status is what follows from it. The manager alone writes it, as a whole.
	// +optional
	// +structType=atomic
	// +kubebuilder:default={"observedGeneration":-1}
	Status SimAlertStatus `json:"status,omitempty,omitzero"`
}

// SimAlertList is a list of SimAlerts.
//
// +kubebuilder:object:root=true
type SimAlertList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []SimAlert `json:"items"`
}
