package controllers

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

const (
	testUID   = types.UID("0a1b2c3d-0000-4000-8000-000000000001")
	testOrder = v1alpha1.UUID("11111111-2222-4333-8444-555555555555")
	testSIM   = v1alpha1.UUID("3f0c0000-0000-4000-8000-000000000001")
	testAlert = v1alpha1.UUID("aaaaaaaa-0000-4000-8000-000000000001")
)

// at is a moment of the tests: so many seconds after noon, with microseconds, as reports have them.
func at(second int) metav1.MicroTime {
	return metav1.NewMicroTime(time.Date(2026, 11, 23, 12, 0, second, 123456000, time.UTC))
}

func atPtr(second int) *metav1.MicroTime {
	moment := at(second)
	return &moment
}

// wholeSecond is at(second) as conditions hold it.
func wholeSecond(second int) metav1.Time {
	return metav1.NewTime(at(second).Truncate(time.Second))
}

func reportMeta(sequence int64, second int) v1alpha1.ReportMeta {
	return v1alpha1.ReportMeta{Sequence: sequence, ReceivedAt: at(second), LastReceivedAt: at(second), Count: 1}
}

func orderReport(sequence int64, second int, state v1alpha1.OrderState) v1alpha1.OrderReport {
	return v1alpha1.OrderReport{ReportMeta: reportMeta(sequence, second), State: state}
}

func alertReport(sequence int64, second int, trigger v1alpha1.AlertTrigger, value string) v1alpha1.AlertReport {
	return v1alpha1.AlertReport{ReportMeta: reportMeta(sequence, second), Trigger: trigger, Value: value}
}

// orderWith is the activation of a SIM, created at noon.
func orderWith(reports ...v1alpha1.OrderReport) *v1alpha1.SimOrder {
	return &v1alpha1.SimOrder{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "sims", Name: string(testOrder), UID: testUID, Generation: 7, CreationTimestamp: wholeSecond(0),
		},
		Spec: v1alpha1.SimOrderSpec{
			OrderID: testOrder, Type: v1alpha1.OrderTypeActivate, SimID: testSIM, Receiver: "demo", Reports: reports,
		},
		Status: v1alpha1.SimOrderStatus{ObservedGeneration: -1},
	}
}

// alertWith is the sender's own example, created at noon.
func alertWith(reports ...v1alpha1.AlertReport) *v1alpha1.SimAlert {
	return &v1alpha1.SimAlert{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "sims", Name: fmt.Sprintf("%s-%s", testAlert, testSIM), UID: testUID, Generation: 7, CreationTimestamp: wholeSecond(0),
		},
		Spec: v1alpha1.SimAlertSpec{
			AlertID: testAlert, EntityID: testSIM, AlertName: "Alert Name 1", TargetType: v1alpha1.AlertTargetSIM,
			StatName: "SIM.%USED", Condition: "GreaterThan", ConditionalValue: "75", Receiver: "demo", Reports: reports,
		},
		Status: v1alpha1.SimAlertStatus{ObservedGeneration: -1},
	}
}
