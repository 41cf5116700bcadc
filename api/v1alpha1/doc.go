// Package v1alpha1 holds the resources of sim-operator.io/v1alpha1: [SimReceiver], one account of
// Mobile Manager; [SimOrder], one order; [SimAlert], one usage alert on one SIM or pool.
//
// Facts about the sender come from its only description, the "Webhooks" page of Mobile Manager
// (the Orders Update webhook and the Alert webhooks, both beta).
//
// +kubebuilder:object:generate=true
// +groupName=sim-operator.io
package v1alpha1
