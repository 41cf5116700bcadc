package controllers

import (
	"strings"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// slim is what the cache keeps of a SimOrder or a SimAlert: there may be hundreds of thousands of them. What no
// controller reads is dropped, and texts that most of them have in common are kept once.
func slim(obj any) (any, error) {
	switch resource := obj.(type) {
	case *v1alpha1.SimOrder:
		slimOrder(resource)
	case *v1alpha1.SimAlert:
		slimAlert(resource)
	}
	return obj, nil
}

func slimOrder(order *v1alpha1.SimOrder) {
	slimMeta(&order.TypeMeta, &order.ObjectMeta)
	spec, status := &order.Spec, &order.Status
	spec.Applied = nil
	partOf(order.Name, &spec.OrderID)
	share(&spec.Receiver)
	share(&spec.Type)
	spec.Reports = exact(spec.Reports)
	for i := range spec.Reports {
		share(&spec.Reports[i].State)
	}
	share(&status.State)
	slimConditions(status.Conditions)
	status.Conditions = exact(status.Conditions)
}

func slimAlert(alert *v1alpha1.SimAlert) {
	slimMeta(&alert.TypeMeta, &alert.ObjectMeta)
	spec, status := &alert.Spec, &alert.Status
	spec.Applied = nil
	share(&spec.Receiver)
	partOf(alert.Name, &spec.AlertID)
	partOf(alert.Name, &spec.EntityID)
	share(&spec.AlertName)
	share(&spec.TargetType)
	share(&spec.StatName)
	share(&spec.Condition)
	share(&spec.ConditionalValue)
	spec.Reports = exact(spec.Reports)
	for i := range spec.Reports {
		share(&spec.Reports[i].Trigger)
	}
	share(&status.Trigger)
	slimConditions(status.Conditions)
	status.Conditions = exact(status.Conditions)
}

// slimMeta drops what the cache finds nothing by, and the controllers do not read.
func slimMeta(kind *metav1.TypeMeta, meta *metav1.ObjectMeta) {
	*kind = metav1.TypeMeta{}
	meta.ManagedFields, meta.Labels, meta.Annotations, meta.OwnerReferences = nil, nil, nil, nil
	share(&meta.Namespace)
}

func slimConditions(conditions []metav1.Condition) {
	for i := range conditions {
		share(&conditions[i].Type)
		share(&conditions[i].Status)
		share(&conditions[i].Reason)
		// Other messages name the SIM.
		if conditions[i].Type == v1alpha1.ConditionReady {
			share(&conditions[i].Message)
		}
	}
}

// share makes a text one with all that are equal to it.
func share[S ~string](text *S) {
	*text = S(unique.Make(string(*text)).Value())
}

// partOf makes an id one with the name that is made of it.
func partOf(name string, id *v1alpha1.UUID) {
	if at := strings.Index(name, string(*id)); at >= 0 {
		*id = v1alpha1.UUID(name[at : at+len(*id)])
	}
}

// exact gives up the room that a decoder left at the end of a list.
func exact[T any](list []T) []T {
	if cap(list) == len(list) {
		return list
	}
	return append(make([]T, 0, len(list)), list...)
}
