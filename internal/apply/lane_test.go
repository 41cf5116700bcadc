package apply

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

// underSurge has workers work for a while each, turn after turn, and returns how many turns there were in all and how many
// worked at a time at most.
func underSurge(t *testing.T, surging func() bool, workers int, work, length time.Duration) (turns, most int) {
	t.Helper()
	l := newLane(clock.RealClock{}, surging)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var total, now, peak atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for ctx.Err() == nil {
				in := l.enter(ctx)
				if ctx.Err() != nil {
					return
				}
				peak.Store(max(peak.Load(), now.Add(1)))
				time.Sleep(work)
				now.Add(-1)
				total.Add(1)
				if in {
					l.leave(ctx, work)
				}
			}
		})
	}
	all.Wait()
	return int(total.Load()), int(peak.Load())
}

func TestAllWorkWhileThereIsNoSurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, most := underSurge(t, func() bool { return false }, 16, 10*time.Millisecond, time.Second)
		if most != 16 || turns < 16*99 {
			t.Errorf("%d turns, %d at a time", turns, most)
		}
	})
}

func TestOneWorksAQuarterOfTheTimeOfASurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, most := underSurge(t, func() bool { return true }, 16, 10*time.Millisecond, time.Second)
		if most != 1 || turns < 24 || turns > 26 {
			t.Errorf("%d turns, %d at a time", turns, most)
		}
	})
}

func TestAllGoOnAfterASurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := time.Now().Add(time.Second)
		turns, most := underSurge(t, func() bool { return time.Now().Before(ends) }, 16, 10*time.Millisecond, 2*time.Second)
		// A quarter of a worker for a second, then 16 for a second, but for the one that rests and those that look; all finish what they have begun.
		if most != 16 || turns < 16*96 || turns > 26+16*102 {
			t.Errorf("%d turns, %d at a time", turns, most)
		}
	})
}

func TestTheLaneEndsWithItsContext(t *testing.T) {
	l := newLane(clock.RealClock{}, func() bool { return true })
	ctx, cancel := context.WithCancel(t.Context())
	if !l.enter(ctx) {
		t.Fatal("the lane is free")
	}
	cancel()
	if l.enter(ctx) {
		t.Error("the lane is taken")
	}
	l.leave(ctx, time.Hour)
	if len(l.free) != 1 {
		t.Error("the lane was not left")
	}
}
