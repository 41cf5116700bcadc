package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kinds, as they stand in TypeMeta and as metric labels.
const (
	KindSimReceiver = "SimReceiver"
	KindSimOrder    = "SimOrder"
	KindSimAlert    = "SimAlert"
)

// Field managers: which program wrote which field.
const (
	// FieldManagerIngress writes specs, labels and its own row of SimReceiver.status.ingresses.
	FieldManagerIngress = "sim-operator-ingress"
	// FieldManagerManager writes statuses and the Secrets that it owns.
	FieldManagerManager = "sim-operator-manager"
)

// Labels on SimOrders and SimAlerts, so that one selector finds the whole story of one SIM. Each is there only where
// the sender named such an id.
const (
	LabelReceiver = GroupName + "/receiver"
	LabelSimID    = GroupName + "/sim-id"
	LabelPoolID   = GroupName + "/pool-id"
	LabelAPNID    = GroupName + "/apn-id"
	LabelAlertID  = GroupName + "/alert-id"
)

// AnnotationDeliveryID is, on an Event, the id of the delivery that made its report.
const AnnotationDeliveryID = GroupName + "/delivery-id"

// MaxReports is how many reports one resource keeps. The ingress makes room by dropping the oldest that the manager
// has processed, and holds further deliveries back in its spool while there is none.
const MaxReports = 64

// MaxApplied is how many runs of applied deliveries one resource remembers, over all ingress replicas, past ones
// included. Beyond that the run that was extended least recently is forgotten.
const MaxApplied = 16

// MaxIngresses is how many ingress replicas, past ones included, a SimReceiver's status tells of.
const MaxIngresses = 64

// UUID is an id as the sender gives it, in lower case: 8-4-4-4-12 hexadecimal digits.
// +kubebuilder:validation:MinLength=36
// +kubebuilder:validation:MaxLength=36
// +kubebuilder:validation:Pattern=`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`
type UUID string

// ReportMeta is what every report has: which change it is, and when and how often it was said.
type ReportMeta struct {
	// sequence numbers the reports of one resource in the order in which they were written, from 1, with no gap.
	// A late report has a higher sequence than one that stands after it in time.
	// +required
	// +kubebuilder:validation:Minimum=1
	Sequence int64 `json:"sequence"`

	// receivedAt is when the first delivery of this report came in at the ingress. The sender gives no time of its own.
	// +required
	ReceivedAt metav1.MicroTime `json:"receivedAt"`

	// lastReceivedAt is when the last delivery that said the same came in.
	// +required
	LastReceivedAt metav1.MicroTime `json:"lastReceivedAt"`

	// count is how many deliveries said the same in a row.
	// +required
	// +kubebuilder:validation:Minimum=1
	Count int64 `json:"count"`

	// deliveryID is the id of the delivery that made this report, as the sender was answered. It is absent from what was
	// written before there was this field, and where a late delivery cut a report in two, from the second piece.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	DeliveryID string `json:"deliveryID,omitempty"`
}

// Meta returns the report's own meta, so that code can serve the reports of every kind.
func (m *ReportMeta) Meta() *ReportMeta {
	return m
}

// AppliedDeliveries names deliveries of one spool that this resource holds. It is what makes applying idempotent: an
// ingress that was killed between its write here and its own note of it finds the note here. A resource has more than
// one of them for a spool only after it was restored from an older copy: the gap between them is what a replay fills.
type AppliedDeliveries struct {
	// spool is the id of the spool, made at random when the spool was.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Spool string `json:"spool"`

	// first is the number, in that spool, of the first delivery of the run.
	// +required
	// +kubebuilder:validation:Minimum=1
	First int64 `json:"first"`

	// last is the number of the last delivery of the run: every delivery to this resource from first to last is held.
	// +required
	// +kubebuilder:validation:Minimum=1
	Last int64 `json:"last"`
}
