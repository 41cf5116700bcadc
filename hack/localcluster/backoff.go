package localcluster

import "time"

// Backoff is how long a Supervisor waits before it starts a process again: not at all the first time, then First, and
// twice as long each time up to Max. A process that ran for Settled starts afresh. Zero fields have defaults.
type Backoff struct {
	// First is by default one second.
	First time.Duration
	// Max is by default ten seconds.
	Max time.Duration
	// Settled is by default ten seconds.
	Settled time.Duration

	upcoming time.Duration
}

func (b Backoff) withDefaults() Backoff {
	if b.First == 0 {
		b.First = time.Second
	}
	if b.Max == 0 {
		b.Max = 10 * time.Second
	}
	if b.Settled == 0 {
		b.Settled = 10 * time.Second
	}
	return b
}

// next is how long to wait now, after the process ran for so long.
func (b *Backoff) next(ran time.Duration) time.Duration {
	if ran >= b.Settled {
		b.upcoming = 0
	}
	delay := b.upcoming
	b.upcoming = min(max(2*delay, b.First), b.Max)
	return delay
}
