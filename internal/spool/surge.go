package spool

import (
	"sync/atomic"
	"time"
)

const (
	// surgeRate is how many deliveries a second make a surge. No API server takes as many from one ingress: with 16 writes at
	// a time it would have to answer each in 4 ms.
	surgeRate = 4000
	// surgeWindow is how long they are counted at least.
	surgeWindow = 10 * time.Millisecond
	// surgeLasts is how long a surge is taken to go on after it was last seen.
	surgeLasts = 30 * time.Millisecond
)

// A surge is more deliveries at a time than can be applied. All but until is the committer's own.
type surge struct {
	began      time.Time
	deliveries int
	until      atomic.Int64 // nanoseconds, as of time.Time.UnixNano
}

// note counts deliveries that a commit brought.
func (s *surge) note(deliveries int, now time.Time) {
	s.deliveries += deliveries
	counted := now.Sub(s.began)
	if counted < surgeWindow {
		return
	}
	if float64(s.deliveries) >= surgeRate*counted.Seconds() {
		s.until.Store(now.Add(surgeLasts).UnixNano())
	}
	s.began, s.deliveries = now, 0
}

// Surging says whether more deliveries come in than could be applied, so that they wait in any case.
func (s *Spool) Surging() bool {
	return s.options.Clock.Now().UnixNano() < s.surge.until.Load()
}
