package spool

import (
	"io"
	"os"
	"time"

	"go.etcd.io/bbolt"
	"k8s.io/utils/clock"
)

// Options are the settings of a Spool. A bound that is 0 or less is no bound.
type Options struct {
	// MaxDeliveries and the next three bound what waits. Bytes are those of records, with what it costs to store them.
	MaxDeliveries            int
	MaxBytes                 int64
	MaxDeliveriesPerReceiver int
	MaxBytesPerReceiver      int64

	// MaxQuarantined and the next three bound the quarantine.
	MaxQuarantined                 int
	MaxQuarantinedBytes            int64
	MaxQuarantinedPerReceiver      int
	MaxQuarantinedBytesPerReceiver int64

	// KeepApplied is how long what was applied stays for ReplayApplied (0 is not at all), and MaxAppliedBytes how much of
	// it.
	KeepApplied     time.Duration
	MaxAppliedBytes int64

	// MaxFileBytes is a quota: the file never grows beyond it, and the spool is full when three quarters are in use.
	MaxFileBytes int64

	// LockTimeout is how long Open waits for a process that holds the spool.
	LockTimeout time.Duration

	// Clock times what has to do with waiting and pruning.
	Clock clock.Clock
	// Rand is where the spool's id comes from.
	Rand io.Reader

	// Committed is called by the committer with what has come to wait, in order of number within a call, after the commit
	// that made it durable and before the calls that brought it return. It must not block and must not call the spool.
	Committed func([]Entry)

	// openFile, commit and sync let a test put a failing disk in place of the real one.
	openFile func(path string, flags int, mode os.FileMode) (*os.File, error)
	commit   func(*bbolt.DB, func(*bbolt.Tx) error) error
	sync     func(*os.File) error
	// gather is maxGather, but for tests.
	gather time.Duration
}

// DefaultOptions are the bounds in limits.go. Clock, Rand and Committed are the caller's to set.
func DefaultOptions() Options {
	return Options{
		MaxDeliveries:                  DefaultMaxDeliveries,
		MaxBytes:                       DefaultMaxBytes,
		MaxDeliveriesPerReceiver:       DefaultMaxDeliveriesPerReceiver,
		MaxBytesPerReceiver:            DefaultMaxBytesPerReceiver,
		MaxQuarantined:                 DefaultMaxQuarantined,
		MaxQuarantinedBytes:            DefaultMaxQuarantinedBytes,
		MaxQuarantinedPerReceiver:      DefaultMaxQuarantinedPerReceiver,
		MaxQuarantinedBytesPerReceiver: DefaultMaxQuarantinedBytesPerReceiver,
		KeepApplied:                    DefaultKeepApplied,
		MaxAppliedBytes:                DefaultMaxAppliedBytes,
		MaxFileBytes:                   DefaultMaxFileBytes,
		LockTimeout:                    DefaultLockTimeout,
		gather:                         maxGather,
	}
}
