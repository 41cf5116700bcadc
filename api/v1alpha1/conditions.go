package v1alpha1

// Condition types. Those of kstatus (Ready, Reconciling, Stalled) come first, so that kubectl wait, Flux and Argo CD
// read every kind as it is. All carry observedGeneration.
//
//	SimOrder state        Ready                    Reconciling  Stalled               others
//	no report yet         False AwaitingReport     True         absent
//	Open, Pending, Code<N> False, reason = state   True         absent
//	Stalled               False Stalled            absent       True OrderStalled
//	Complete              True Complete            absent       absent                Complete=True
//	Failed                False Failed             absent       True OrderFailed      Failed=True
//	Cancelled             False Cancelled          absent       True OrderCancelled
//
//	SimAlert trigger      Ready                    Reconciling  Active
//	no report yet         False AwaitingReport     True         absent
//	On                    True ReportProcessed     absent       True AlertOn
//	Off                   True ReportProcessed     absent       False AlertOff
//
//	SimReceiver             Ready                  Stalled               Suspended
//	deliveries are accepted True TokenPublished    absent                absent
//	spec.suspend is set     True Suspended         absent                True Suspended
//	token missing, weak or  False MissingToken,    True, the same reason absent
//	a duplicate             WeakToken or DuplicateToken
//
// The lastTransitionTime of Active and of an order's state conditions is the report's time, not the manager's.
const (
	// ConditionReady is True when an order is Complete, an alert's last report has been processed, or a receiver is as its
	// spec asks: its token is published, or it is suspended.
	ConditionReady = "Ready"
	// ConditionReconciling is True while more is expected.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when nothing more will come of itself.
	ConditionStalled = "Stalled"
	// ConditionComplete is True on an order that is Complete, and absent otherwise.
	ConditionComplete = "Complete"
	// ConditionFailed is True on an order that has Failed, and absent otherwise.
	ConditionFailed = "Failed"
	// ConditionOverdue is True on an order that has not finished within the receiver's overdueAfter. Never on
	// APNActivation, whose completion the sender does not report.
	ConditionOverdue = "Overdue"
	// ConditionActive is True on an alert that is On, False on one that is Off.
	ConditionActive = "Active"
	// ConditionStale is True on an alert that has been On for the receiver's staleAfter with no word since. On and Off
	// are set up separately in Mobile Manager, so the Off may never come.
	ConditionStale = "Stale"
	// ConditionFlapping is True on an alert while it has turned on and off at least as often as the receiver's flapping
	// says, and absent otherwise.
	ConditionFlapping = "Flapping"
	// ConditionOrphaned is True on an order or alert whose receiver was deleted. It is kept until somebody deletes it.
	ConditionOrphaned = "Orphaned"
	// ConditionSuspended is True on a receiver while spec.suspend is set, and absent otherwise.
	ConditionSuspended = "Suspended"
	// ConditionQuarantined is True on a receiver for which an ingress keeps deliveries in quarantine.
	ConditionQuarantined = "Quarantined"
)

// Reasons of conditions. An order's Ready has the state itself as its reason.
const (
	ReasonAwaitingReport  = "AwaitingReport"
	ReasonReportProcessed = "ReportProcessed"
	ReasonOrderStalled    = "OrderStalled"
	ReasonOrderFailed     = "OrderFailed"
	ReasonOrderCancelled  = "OrderCancelled"
	ReasonOrderOverdue    = "OrderOverdue"
	ReasonAlertOn         = "AlertOn"
	ReasonAlertOff        = "AlertOff"
	ReasonNoWordSince     = "NoWordSince"
	ReasonManyTransitions = "ManyTransitions"
	ReasonReceiverDeleted = "ReceiverDeleted"

	// Reasons of a SimReceiver's Ready. ReasonSuspended is also that of Suspended.
	ReasonTokenPublished = "TokenPublished"
	ReasonSuspended      = "Suspended"
	ReasonWeakToken      = "WeakToken"
	ReasonMissingToken   = "MissingToken"
	ReasonDuplicateToken = "DuplicateToken"

	// ReasonDeliveriesKept is the reason of Quarantined.
	ReasonDeliveriesKept = "DeliveriesKept"
)

// Reasons of Events that are not also reasons of conditions. There is one Event for each report.
const (
	EventOrderOpen          = "OrderOpen"
	EventOrderPending       = "OrderPending"
	EventOrderComplete      = "OrderComplete"
	EventOrderStateReported = "OrderStateReported"
)
