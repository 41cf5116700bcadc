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

// Fullness says how far a spool with these bounds is filled, and its quarantine, by the bound that is nearest. At 1 it
// takes no more.
func (o Options) Fullness(s Stats) (waiting, quarantine float64) {
	waiting = max(
		portion(int64(s.Waiting), int64(o.MaxDeliveries)),
		portion(s.WaitingBytes, o.MaxBytes),
		portion(s.UsedBytes, o.MaxFileBytes/100*acceptPercent),
	)
	quarantine = max(portion(int64(s.Quarantined), int64(o.MaxQuarantined)), portion(s.QuarantinedBytes, o.MaxQuarantinedBytes))
	for _, receiver := range s.Receivers {
		waiting = max(waiting, portion(int64(receiver.Waiting), int64(o.MaxDeliveriesPerReceiver)))
		quarantine = max(quarantine, portion(int64(receiver.Quarantined), int64(o.MaxQuarantinedPerReceiver)))
	}
	return waiting, quarantine
}

// portion is a part of a bound; where there is none, it is none.
func portion(part, bound int64) float64 {
	if bound <= 0 {
		return 0
	}
	return float64(part) / float64(bound)
}
