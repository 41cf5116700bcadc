package logging

// Keys of what is logged, and of the attributes of spans: one word for one thing in both programs.
const (
	// KeyDelivery is the id of a delivery, as the sender was answered.
	KeyDelivery = "delivery"
	// KeyResource is a SimOrder as namespace/orders/name, or a SimAlert as namespace/alerts/name.
	KeyResource = "resource"
	// KeyReceiver is a SimReceiver as namespace/name.
	KeyReceiver = "receiver"
	// KeyKind is orders or alerts.
	KeyKind = "kind"
	// KeyBytes is the length of a delivery's body.
	KeyBytes = "bytes"
	// KeyResult is what came of a delivery at the door, as in sim_operator_deliveries_total.
	KeyResult = "result"
	// KeySequence is the number of a report within its resource.
	KeySequence = "sequence"
	// KeyEvent is the name of an Event.
	KeyEvent = "event"
	// KeyReason is one word that says why, and KeyMessage says it to a person.
	KeyReason  = "reason"
	KeyMessage = "message"
)

// Debug is the level at which each step of a delivery is logged: --zap-log-level=debug.
const Debug = 1
