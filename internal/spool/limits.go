package spool

import "time"

// What a spool holds at most, unless Options say otherwise.
const (
	// DefaultMaxDeliveries and the next three bound what waits.
	DefaultMaxDeliveries            = 1_000_000
	DefaultMaxBytes                 = 512 << 20
	DefaultMaxDeliveriesPerReceiver = 500_000
	DefaultMaxBytesPerReceiver      = 256 << 20

	// DefaultMaxQuarantined and the next three bound the quarantine.
	DefaultMaxQuarantined                 = 20_000
	DefaultMaxQuarantinedBytes            = 64 << 20
	DefaultMaxQuarantinedPerReceiver      = 5_000
	DefaultMaxQuarantinedBytesPerReceiver = 16 << 20

	// DefaultKeepApplied and DefaultMaxAppliedBytes bound what was applied and stays for ReplayApplied.
	DefaultKeepApplied     = 24 * time.Hour
	DefaultMaxAppliedBytes = 256 << 20

	// DefaultMaxFileBytes bounds the file. It leaves more than twice the room that the bounds above take together.
	DefaultMaxFileBytes = 2 << 30

	// DefaultLockTimeout is longer than a process takes that is just ending.
	DefaultLockTimeout = 10 * time.Second
)

// Bounds of the committer's work.
const (
	// QuarantinePage is how many deliveries in quarantine are listed at once.
	QuarantinePage = 500
)
