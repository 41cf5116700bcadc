package apply

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	firstDelay = 100 * time.Millisecond
	// maxDelay bounds how long a resource that the API server does not take waits for its next turn.
	maxDelay = time.Minute
	// maxFullDelay bounds how long a resource that has no room for reports waits until it is looked at again.
	maxFullDelay = 10 * time.Second
	// maxGateDelay bounds how long all wait before the API server is tried again.
	maxGateDelay = 2 * time.Second
)

// backoff doubles from firstDelay to limit. jitter in [0,1) takes up to half of it off, so that what failed together
// does not come back together.
func backoff(failures int, limit time.Duration, jitter float64) time.Duration {
	delay := limit
	if failures < 32 {
		delay = min(limit, firstDelay<<max(failures-1, 0))
	}
	return delay - time.Duration(jitter*float64(delay)/2)
}

// A gate holds all workers back while the API server takes nothing from anybody.
type gate struct {
	clock  clock.Clock
	jitter func() float64

	mu       sync.Mutex
	failures int
	opensAt  time.Time
}

// wait returns once the gate is open, or false when ctx has ended.
func (g *gate) wait(ctx context.Context) bool {
	for {
		g.mu.Lock()
		left := g.opensAt.Sub(g.clock.Now())
		g.mu.Unlock()
		if left <= 0 {
			return ctx.Err() == nil
		}
		timer := g.clock.NewTimer(left)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C():
		}
	}
}

// shut closes the gate for a while. It returns true if it was the first failure in a row. What fails while the gate is
// shut was under way before, and does not make the wait longer.
func (g *gate) shut() (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if now.Before(g.opensAt) {
		return false
	}
	g.failures++
	g.opensAt = now.Add(backoff(g.failures, maxGateDelay, g.jitter()))
	return g.failures == 1
}

// open returns true if the gate was shut before.
func (g *gate) open() (was bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was = g.failures > 0
	g.failures, g.opensAt = 0, time.Time{}
	return was
}
