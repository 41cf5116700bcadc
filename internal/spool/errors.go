package spool

import (
	"errors"
	"fmt"
)

var (
	// ErrUnavailable is a spool that takes nothing now, since its disk fails or it is closing. Whether the delivery is on
	// disk is then not known.
	ErrUnavailable = errors.New("the spool is unavailable")
	// ErrLocked is a spool that another process holds.
	ErrLocked = errors.New("another process holds the spool")
	// ErrFormat is a spool that this version cannot read.
	ErrFormat = errors.New("unknown format")
	// ErrDamaged is a record that is not what was written.
	ErrDamaged = errors.New("damaged record")
	// ErrNotFound is a delivery that is not where it was looked for.
	ErrNotFound = errors.New("no such delivery")
)

// A Scope is what a bound bounds.
type Scope string

// The bounds of a spool.
const (
	ScopeDeliveries              Scope = "deliveries"
	ScopeBytes                   Scope = "bytes"
	ScopeReceiverDeliveries      Scope = "deliveries of the receiver"
	ScopeReceiverBytes           Scope = "bytes of the receiver"
	ScopeQuarantine              Scope = "deliveries in quarantine"
	ScopeQuarantineBytes         Scope = "bytes in quarantine"
	ScopeReceiverQuarantine      Scope = "deliveries of the receiver in quarantine"
	ScopeReceiverQuarantineBytes Scope = "bytes of the receiver in quarantine"
	ScopeFile                    Scope = "bytes of the file"
)

// FullError is a delivery that would exceed a bound.
type FullError struct {
	Receiver string
	Scope    Scope
	Limit    int64
}

// Error says which bound it is.
func (e *FullError) Error() string {
	return fmt.Sprintf("the spool is full: at most %d %s", e.Limit, e.Scope)
}
