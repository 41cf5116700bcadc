package spool

import "time"

// A Delivery is one POST as it came.
type Delivery struct {
	// Number is given by the spool: 1, 2, 3, ... in the order of commit. A number is never given twice, and some may be
	// left out.
	Number uint64
	// Previous is the number of the delivery before this one with the same Key, and 0 where the spool held none when this
	// one came. It may be that of a delivery that had gone, and it is never too low.
	Previous uint64
	// ReceivedAt is in UTC, to the microsecond, and increases strictly within the spool. The spool moves it on where the
	// clock has not.
	ReceivedAt time.Time
	// Receiver is whose share of the bounds the delivery counts against.
	Receiver string
	// Kind says how to read the body.
	Kind string
	// Key names what the delivery is about; deliveries of one Key are applied in order. It is empty for what could not
	// be read.
	Key string
	// Body is verbatim. It must not be changed once the spool has it.
	Body []byte
	// Damaged is set by Read for a record that is not what was written, or that no longer waits. Such a delivery has only
	// its Number; Reject moves it out of the way.
	Damaged error
}

// An Entry is what it takes to put a waiting delivery in a queue. The body stays in the spool.
type Entry struct {
	Number              uint64
	Receiver, Kind, Key string
}

// A Reason says why a delivery is in quarantine.
type Reason struct {
	// Code is one word of CamelCase.
	Code string
	// Message is for a person.
	Message string
}

// size is at least what a reason adds to a record.
func (r Reason) size() int64 { return int64(len(r.Code)+len(r.Message)) + 32 }

// A Quarantined is a delivery in quarantine. Where its record is damaged, Damaged is set and Body is the record's bytes.
type Quarantined struct {
	Delivery
	Reason Reason
	// Since is when the delivery went to quarantine.
	Since time.Time
}

// A Filter selects deliveries in quarantine.
type Filter struct {
	// Receiver is empty for those of all receivers.
	Receiver string
	// Numbers is empty for any number.
	Numbers []uint64
	// After is the number to go on after.
	After uint64
	// Limit is how many at most; 0 stands for QuarantinePage.
	Limit int
}
