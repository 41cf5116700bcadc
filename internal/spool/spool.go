// Package spool is a durable queue of deliveries.
package spool

import (
	"context"
	"errors"
	"iter"
	"time"
)

var errNotYet = errors.New("not yet")

// A Spool is a durable queue of deliveries.
type Spool struct {
	options Options
	id      string
}

// Open opens the spool in a directory, and makes both if they are not there.
func Open(dir string, o Options) (*Spool, error) { return nil, errNotYet }

// ID is the spool's id: 8 lower-case letters and digits, made once.
func (s *Spool) ID() string { return s.id }

// Run commits what the other methods ask for until ctx ends, then what is queued, and closes the spool. It is called once.
func (s *Spool) Run(ctx context.Context) error { return errNotYet }

// Append keeps a delivery. When it returns without an error, the delivery is on disk, with its Number and ReceivedAt as
// returned.
func (s *Spool) Append(ctx context.Context, d Delivery) (Delivery, error) { return d, errNotYet }

// Quarantine keeps a delivery that could not be read, as Append does, but in quarantine.
func (s *Spool) Quarantine(ctx context.Context, d Delivery, r Reason) (Delivery, error) {
	return d, errNotYet
}

// Done notes that deliveries were applied. It does not wait for the disk.
func (s *Spool) Done(numbers ...uint64) {}

// Reject moves waiting deliveries to quarantine. It returns when that is on disk. Those that do not wait are left out.
func (s *Spool) Reject(ctx context.Context, r Reason, numbers ...uint64) error { return errNotYet }

// Read returns waiting deliveries, one for each number, in the same order. One that cannot be read has Damaged set.
func (s *Spool) Read(numbers []uint64) ([]Delivery, error) { return nil, errNotYet }

// Waiting lists all that waits, in order of number. It is meant for the time before Run: what comes later is given to
// Options.Committed.
func (s *Spool) Waiting() iter.Seq2[Entry, error] { return func(func(Entry, error) bool) {} }

// Quarantined lists deliveries in quarantine, in order of number.
func (s *Spool) Quarantined(f Filter) ([]Quarantined, error) { return nil, errNotYet }

// Drop removes deliveries from quarantine for good. It returns how many there were.
func (s *Spool) Drop(ctx context.Context, numbers ...uint64) (int, error) { return 0, errNotYet }

// Replay moves deliveries from quarantine back to those that wait, under new numbers, with the ReceivedAt that they had.
// key gives each the Key to wait under; one for which it returns an error stays in quarantine. If key is nil they keep
// theirs. Replay returns how many it moved; the error joins what kept the others.
func (s *Spool) Replay(ctx context.Context, key func(Delivery) (string, error), numbers ...uint64) (int, error) {
	return 0, errNotYet
}

// ReplayApplied makes what was applied at or after a time wait again, under its old numbers. It returns how many.
func (s *Spool) ReplayApplied(ctx context.Context, since time.Time) (int, error) {
	return 0, errNotYet
}

// Stats is the state of the spool. It is kept in memory.
func (s *Spool) Stats() Stats { return Stats{} }

// Check returns nil while the spool takes deliveries, and else why not.
func (s *Spool) Check() error { return nil }
