package webhook

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// A gate bounds how many deliveries are under way, for each may hold a whole body in memory. One receiver gets at most
// three quarters of it, so that whoever has one URL and sends slowly cannot shut the door for the other receivers.
type gate struct {
	limits Limits
	all    *semaphore.Weighted

	mu sync.Mutex
	// shares has the receivers that have deliveries under way, or waiting.
	shares map[string]*share
}

type share struct {
	places *semaphore.Weighted
	users  int
}

func newGate(limits Limits) *gate {
	return &gate{limits: limits, all: semaphore.NewWeighted(int64(limits.Requests)), shares: map[string]*share{}}
}

// enter waits for a place, and returns how to give it back, or nil where there was none in time.
func (g *gate) enter(ctx context.Context, receiver string) (leave func()) {
	own := g.join(receiver)
	if !g.acquire(ctx, own.places) {
		g.part(receiver, own)
		return nil
	}
	return func() {
		g.all.Release(1)
		own.places.Release(1)
		g.part(receiver, own)
	}
}

// acquire takes a place of the receiver's own and one of all, or neither.
func (g *gate) acquire(ctx context.Context, own *semaphore.Weighted) bool {
	if own.TryAcquire(1) {
		if g.all.TryAcquire(1) {
			return true
		}
		own.Release(1)
	}
	// Only here, for the timer costs more than all the rest.
	ctx, cancel := context.WithTimeout(ctx, g.limits.RequestWait)
	defer cancel()
	if own.Acquire(ctx, 1) != nil {
		return false
	}
	if g.all.Acquire(ctx, 1) != nil {
		own.Release(1)
		return false
	}
	return true
}

func (g *gate) join(receiver string) *share {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.shares[receiver]
	if s == nil {
		s = &share{places: semaphore.NewWeighted(int64(max(g.limits.Requests*3/4, 1)))}
		g.shares[receiver] = s
	}
	s.users++
	return s
}

func (g *gate) part(receiver string, s *share) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.users--
	if s.users == 0 {
		delete(g.shares, receiver)
	}
}
