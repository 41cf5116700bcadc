package webhook

import (
	"errors"
	"flag"
	"fmt"
	"time"
)

// Sizes that bound what a body says. They are part of the resources' schema, so that no flag moves them.
const (
	// MaxDepth is how deeply a body may nest. The sender's documents do not nest at all.
	MaxDepth = 64
	// MaxNameRunes bounds AlertName.
	MaxNameRunes = 1024
	// MaxTextRunes bounds the other texts of an alert.
	MaxTextRunes = 256
	// MaxTargetRunes bounds AlertTargetType.
	MaxTargetRunes = 63
)

const (
	// RetryAfter is what a caller that is turned away for now is told to wait.
	RetryAfter = 5 * time.Second
	// largestBodyBytes is the most that --max-body-bytes can be: a delivery is held in memory, and in the spool as one record.
	largestBodyBytes = 1 << 20
)

// Limits is every other size and time that bounds the door.
type Limits struct {
	// BodyBytes is the largest body that is read.
	BodyBytes int64
	// HeaderBytes bounds the request line and the headers together.
	HeaderBytes int

	// ReadHeaderTimeout is how long the headers may take to arrive, and ReadTimeout how long the whole request may.
	ReadHeaderTimeout, ReadTimeout time.Duration
	// WriteTimeout bounds a request from the end of its headers to the end of its answer.
	WriteTimeout time.Duration
	// IdleTimeout is how long a connection may wait for its next request.
	IdleTimeout time.Duration

	// Connections is how many connections may be open.
	Connections int
	// Requests is how many deliveries may be under way. One receiver may have three quarters of them.
	Requests int
	// RequestWait is how long a delivery over Requests waits before it is answered 503.
	RequestWait time.Duration

	// MissBurst is how many requests with an unknown token or path one address may send at once before it is answered 429
	// instead of 404, and MissEvery is after how long it may send one more.
	MissBurst int
	MissEvery time.Duration
	// MissAddresses is of how many addresses misses are remembered.
	MissAddresses int
}

// DefaultLimits are the limits where no flag says otherwise.
func DefaultLimits() Limits {
	return Limits{
		// The sender's own examples are under 400 bytes.
		BodyBytes:   64 << 10,
		HeaderBytes: 8 << 10,

		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       90 * time.Second,

		Connections: 4096,
		// At 64 KiB each they cost 64 MiB; those that are served have some hundred bytes.
		Requests: 1024,
		// A month's end comes all at once, and the sender may not try again. The disk takes some 10,000 deliveries in this
		// time, more than there are connections to bring them.
		RequestWait: time.Second,

		MissBurst:     20,
		MissEvery:     3 * time.Second,
		MissAddresses: 16384,
	}
}

// BindFlags makes flags of the limits.
func (l *Limits) BindFlags(flags *flag.FlagSet) {
	flags.Int64Var(&l.BodyBytes, "max-body-bytes", l.BodyBytes, "The largest body that a delivery may have; a larger one is answered 413. At most 1048576.")
	flags.IntVar(&l.HeaderBytes, "max-header-bytes", l.HeaderBytes, "How large the request line and the headers may be together; larger ones are answered 431. Up to 4096 bytes more are let through.")
	flags.DurationVar(&l.ReadHeaderTimeout, "read-header-timeout", l.ReadHeaderTimeout, "How long the headers of a delivery, or the TLS handshake, may take to arrive.")
	flags.DurationVar(&l.ReadTimeout, "read-timeout", l.ReadTimeout, "How long a whole delivery may take to arrive.")
	flags.DurationVar(&l.WriteTimeout, "write-timeout", l.WriteTimeout, "How long it may take from the end of a delivery's headers to the end of its answer.")
	flags.DurationVar(&l.IdleTimeout, "idle-timeout", l.IdleTimeout, "How long a connection may wait for its next delivery.")
	flags.IntVar(&l.Connections, "max-connections", l.Connections, "How many connections may be open. Beyond it the one that has been silent longest is closed; where none is silent, new ones wait.")
	flags.IntVar(&l.Requests, "max-requests", l.Requests, "How many deliveries may be under way; one receiver may have three quarters of them.")
	flags.DurationVar(&l.RequestWait, "max-request-wait", l.RequestWait, "How long a delivery over --max-requests waits, before its body is read, until it is answered 503.")
	flags.IntVar(&l.MissBurst, "miss-burst", l.MissBurst, "How many requests with an unknown token or path an address may send at once; more are answered 429 instead of 404.")
	flags.DurationVar(&l.MissEvery, "miss-every", l.MissEvery, "After how long an address that used up --miss-burst may send one more.")
	flags.IntVar(&l.MissAddresses, "miss-addresses", l.MissAddresses, "Of how many addresses (of IPv6, /64 networks) it is remembered that they sent unknown tokens or paths.")
}

// Validate says which limit cannot be kept.
func (l *Limits) Validate() error {
	if l.BodyBytes > largestBodyBytes {
		return fmt.Errorf("--max-body-bytes is at most %d", largestBodyBytes)
	}
	var faults []error
	for flagName, value := range map[string]int64{
		"max-body-bytes":      l.BodyBytes,
		"max-header-bytes":    int64(l.HeaderBytes),
		"read-header-timeout": int64(l.ReadHeaderTimeout),
		"read-timeout":        int64(l.ReadTimeout),
		"write-timeout":       int64(l.WriteTimeout),
		"idle-timeout":        int64(l.IdleTimeout),
		"max-connections":     int64(l.Connections),
		"max-requests":        int64(l.Requests),
		"miss-burst":          int64(l.MissBurst),
		"miss-every":          int64(l.MissEvery),
		"miss-addresses":      int64(l.MissAddresses),
	} {
		// 0 would mean no bound to some of those who read it, and everything is bounded here.
		if value <= 0 {
			faults = append(faults, fmt.Errorf("--%s must be more than 0", flagName))
		}
	}
	return errors.Join(faults...)
}
