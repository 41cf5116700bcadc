package spool

import "time"

// Stats is the state of a spool.
type Stats struct {
	// Waiting and WaitingBytes are what waits to be applied.
	Waiting      int
	WaitingBytes int64
	// OldestWaiting is when the waiting delivery with the lowest number was received; zero if none waits.
	OldestWaiting time.Time
	// Applied and AppliedBytes are what was applied and is kept for ReplayApplied.
	Applied      int
	AppliedBytes int64
	// Quarantined and QuarantinedBytes are what is in quarantine.
	Quarantined      int
	QuarantinedBytes int64
	// FileBytes is the size of the file, and UsedBytes how much of it is not free.
	FileBytes, UsedBytes int64
	// Err is why the spool takes nothing now, and nil while it does.
	Err error
	// Receivers are those that have anything in the spool, or had since it was opened.
	Receivers map[string]ReceiverStats
}

// ReceiverStats is one receiver's share of a spool.
type ReceiverStats struct {
	Waiting     int
	Quarantined int
	// LastReason is why the latest of its deliveries that went to quarantine did, while any is there.
	LastReason Reason
}
