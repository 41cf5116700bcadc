package spool

import (
	"context"
	"testing"
	"time"
)

// gathering opens a spool whose commits gather for so long, after one at which a crowd waited.
func gathering(t *testing.T, limit time.Duration, crowd int) *Spool {
	t.Helper()
	o := testOptions()
	o.gather = limit
	s, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	s.crowd = crowd
	return s
}

// call has so many callers append, and returns what came of each.
func call(t *testing.T, s *Spool, callers int) <-chan error {
	t.Helper()
	results := make(chan error, callers)
	for range callers {
		go func() {
			_, err := s.Append(t.Context(), Delivery{Receiver: "sims/demo", Kind: "orders", Key: "sims/orders/a", Body: []byte("{}")})
			results <- err
		}()
	}
	return results
}

// With an hour to gather, that it ends at all is because enough are there.
func TestACommitGathersHalfOfThoseWhoCalled(t *testing.T) {
	s := gathering(t, time.Hour, 8)
	results := call(t, s, 4)
	s.gather(t.Context())
	s.mu.Lock()
	waiting := len(s.pending)
	s.mu.Unlock()
	if waiting != 4 {
		t.Errorf("a commit of %d", waiting)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := <-results; err == nil {
			t.Error("kept by a spool that was closed")
		}
	}
}

func TestWhoCallsAloneWaitsForNobody(t *testing.T) {
	for _, crowd := range []int{0, 1, 2, 3} {
		s := gathering(t, time.Hour, crowd)
		s.gather(t.Context())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGatheringEndsInTime(t *testing.T) {
	s := gathering(t, time.Millisecond, 1000)
	s.gather(t.Context())
	ended, end := context.WithCancel(t.Context())
	end()
	s.options.gather = time.Hour
	s.gather(ended)
	if s.enoughAt != 0 {
		t.Errorf("still waits for %d", s.enoughAt)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Those who leave with the crowd are not missed for long: what comes after them is committed all the same.
func TestASpoolGathersAndGoesOn(t *testing.T) {
	o := testOptions()
	o.gather = time.Millisecond
	s := run(t, t.TempDir(), o)
	for _, callers := range []int{64, 1, 16, 2} {
		results := call(t, s.Spool, callers)
		for range callers {
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := s.Stats().Waiting; n != 64+1+16+2 {
		t.Errorf("%d wait", n)
	}
}
