package apply

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/sim-operator/sim-operator/internal/spool"
)

func entry(number uint64, receiver, key string) spool.Entry {
	return spool.Entry{Number: number, Receiver: receiver, Key: key}
}

func newTestQueue() (*Queue, *clocktesting.FakeClock) {
	clock := clocktesting.NewFakeClock(epoch)
	return NewQueue(clock), clock
}

func next(t *testing.T, q *Queue) Task {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	task, ok := q.Next(ctx)
	if !ok {
		t.Fatal("the queue gave no task")
	}
	return task
}

// idle says whether the queue has no task now.
func idle(q *Queue) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.turns) == 0
}

func TestQueueGivesAllThatWaitsForAResourceAtOnce(t *testing.T) {
	q, _ := newTestQueue()
	q.Add([]spool.Entry{entry(1, "a", "x"), entry(2, "a", "y"), entry(3, "a", "x")})
	first := next(t, q)
	if first.id != idOf("x") || !slices.Equal(first.Numbers, []uint64{1, 3}) {
		t.Errorf("got %x %v", first.id, first.Numbers)
	}
	if second := next(t, q); second.id != idOf("y") || !slices.Equal(second.Numbers, []uint64{2}) {
		t.Errorf("got %x %v", second.id, second.Numbers)
	}
}

func TestQueueHasOneWriterAResource(t *testing.T) {
	q, _ := newTestQueue()
	q.Add([]spool.Entry{entry(1, "a", "x")})
	task := next(t, q)
	q.Add([]spool.Entry{entry(2, "a", "x"), entry(3, "b", "x")})
	if !idle(q) {
		t.Fatal("a resource was given out twice")
	}
	q.Done(task, task.Numbers)
	if again := next(t, q); !slices.Equal(again.Numbers, []uint64{2, 3}) {
		t.Errorf("got %v", again.Numbers)
	}
}

func TestQueueServesReceiversInTurn(t *testing.T) {
	q, _ := newTestQueue()
	for i := range uint64(1000) {
		q.Add([]spool.Entry{entry(i+1, "flood", "flood/"+strconv.FormatUint(i, 10))})
	}
	q.Add([]spool.Entry{entry(2001, "calm", "calm/1"), entry(2002, "calm", "calm/2"), entry(2003, "other", "other/1")})
	var served []string
	for range 6 {
		task := next(t, q)
		served = append(served, task.receiver)
		q.Done(task, task.Numbers)
	}
	if diff := cmp.Diff([]string{"flood", "calm", "other", "flood", "calm", "flood"}, served); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQueueLeavesWhatIsNotGone(t *testing.T) {
	q, _ := newTestQueue()
	q.Add([]spool.Entry{entry(1, "a", "x"), entry(2, "a", "x"), entry(3, "a", "x")})
	task := next(t, q)
	q.Done(task, []uint64{1, 3})
	if again := next(t, q); !slices.Equal(again.Numbers, []uint64{2}) {
		t.Errorf("got %v", again.Numbers)
	}
}

func TestQueueHolds(t *testing.T) {
	q, clock := newTestQueue()
	var failures []int
	delay := func(n int) time.Duration {
		failures = append(failures, n)
		return time.Second
	}
	q.Add([]spool.Entry{entry(1, "a", "x"), entry(2, "a", "x")})
	for range 2 {
		q.Hold(next(t, q), nil, delay)
		if !idle(q) {
			t.Fatal("what is held was ready")
		}
		clock.Step(time.Second)
	}
	task := next(t, q)
	q.Hold(task, task.Numbers, delay)
	clock.Step(time.Second)
	if !idle(q) || len(q.byID) != 0 || q.resources.used != 0 {
		t.Error("what has left the spool was held")
	}
	if diff := cmp.Diff([]int{1, 2}, failures); diff != "" {
		t.Errorf("failures in a row (-want +got):\n%s", diff)
	}
}

func TestQueueKeepsReplayedNumbersInOrderAndOnce(t *testing.T) {
	q, _ := newTestQueue()
	q.Add([]spool.Entry{entry(9, "a", "x")})
	q.Add([]spool.Entry{entry(3, "a", "x"), entry(9, "a", "x"), entry(5, "a", "x")})
	if task := next(t, q); !slices.Equal(task.Numbers, []uint64{3, 5, 9}) {
		t.Errorf("got %v", task.Numbers)
	}
}

func TestQueueBoundsATask(t *testing.T) {
	q, _ := newTestQueue()
	for i := range uint64(maxTask + 5) {
		q.Add([]spool.Entry{entry(i+1, "a", "x")})
	}
	task := next(t, q)
	if len(task.Numbers) != maxTask {
		t.Errorf("a task has %d deliveries", len(task.Numbers))
	}
	q.Done(task, task.Numbers)
	if rest := next(t, q); len(rest.Numbers) != 5 {
		t.Errorf("the rest has %d deliveries", len(rest.Numbers))
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	q, _ := newTestQueue()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() {
		_, ok := q.Next(ctx)
		ended <- ok
	}()
	cancel()
	if <-ended {
		t.Error("a task came from an empty queue")
	}
}
