package lean

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// BenchmarkDecodeList is what the manager does with each page of its first list.
func BenchmarkDecodeList(b *testing.B) {
	list := v1alpha1.SimOrderList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}}
	for range defaultPageSize {
		list.Items = append(list.Items, settledOrder())
	}
	body, err := json.Marshal(list)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeList(body, orders()); err != nil {
			b.Fatal(err)
		}
	}
}

// settledOrder is an order as the API server gives it out, with a condition and the managed fields of both programs.
func settledOrder() v1alpha1.SimOrder {
	o := order("sims")
	at := o.Spec.Reports[0].ReceivedAt
	second := metav1.NewTime(at.Time)
	o.TypeMeta = v1alpha1TypeMeta("SimOrder")
	o.UID, o.ResourceVersion, o.Generation, o.CreationTimestamp = "53181151-c103-4db6-a98d-33a3a05ac2db", "302035", 2, second
	o.Spec.Reports[0].State = v1alpha1.OrderStateComplete
	o.Status = v1alpha1.SimOrderStatus{
		State: v1alpha1.OrderStateComplete, StateSince: &at, FinishedAt: &at, ObservedGeneration: 2, ObservedSequence: 1, Transitions: 1,
		Conditions: []metav1.Condition{{
			Type: "Ready", Status: metav1.ConditionTrue, Reason: "Complete", Message: "The order is complete", ObservedGeneration: 2, LastTransitionTime: second,
		}},
	}
	for manager, fields := range map[string]string{
		v1alpha1.FieldManagerIngress: `{"f:metadata":{"f:labels":{".":{},"f:sim-operator.io/receiver":{}}},"f:spec":{".":{},"f:orderID":{},"f:receiver":{},"f:reports":{},"f:type":{}}}`,
		v1alpha1.FieldManagerManager: `{"f:status":{}}`,
	} {
		o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: v1alpha1.GroupVersion().String(), Time: &second,
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
		})
	}
	return *o
}
