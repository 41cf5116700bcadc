package apply

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/sim-operator/sim-operator/internal/spool"
)

// maxTask is how many deliveries of one resource go into one write.
const maxTask = 512

// A Task is what a worker does in one turn: the deliveries that wait for one resource, in the order of their numbers.
type Task struct {
	// Key is the resource, as spool.Delivery.Key has it.
	Key string
	// Numbers are the deliveries' numbers in the spool.
	Numbers []uint64

	resource *resourceQueue
	// attempts is how many turns in a row the resource has had with this one.
	attempts int
	// started is when the turn began.
	started time.Time
}

// Queue holds what waits in the spool, by resource. It hands out one task a resource at a time, so that a resource has
// one writer, and serves receivers in turn, so that a flood on one delays no other. It keeps numbers only; the bodies
// are in the spool.
type Queue struct {
	clock clock.WithDelayedExecution

	mu        sync.Mutex
	ready     *sync.Cond
	resources map[string]*resourceQueue
	// turns are the receivers that have a resource ready, the next one first.
	turns     []*receiverQueue
	receivers map[string]*receiverQueue
}

// A receiverQueue is the resources of one receiver that are ready, the next one first.
type receiverQueue struct {
	name  string
	ready []*resourceQueue
}

// A resourceQueue is what waits for one resource. It is in exactly one place: in its receiver's ready list, with a
// worker, or held until a time.
type resourceQueue struct {
	key      string
	receiver string
	numbers  []uint64
	failures int
	held     clock.Timer
}

// NewQueue makes an empty queue.
func NewQueue(c clock.WithDelayedExecution) *Queue {
	q := &Queue{clock: c, resources: map[string]*resourceQueue{}, receivers: map[string]*receiverQueue{}}
	q.ready = sync.NewCond(&q.mu)
	return q
}

// Add takes in deliveries that wait in the spool.
func (q *Queue) Add(entries []spool.Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range entries {
		r, known := q.resources[e.Key]
		if !known {
			r = &resourceQueue{key: e.Key, receiver: e.Receiver}
			q.resources[e.Key] = r
			q.makeReady(r)
		}
		r.insert(e.Number)
	}
}

// insert keeps the numbers in order; only a replay adds one that is not the highest.
func (r *resourceQueue) insert(number uint64) {
	at, found := slices.BinarySearch(r.numbers, number)
	if !found {
		r.numbers = slices.Insert(r.numbers, at, number)
	}
}

func (q *Queue) makeReady(r *resourceQueue) {
	turn, known := q.receivers[r.receiver]
	if !known {
		turn = &receiverQueue{name: r.receiver}
		q.receivers[r.receiver] = turn
		q.turns = append(q.turns, turn)
	}
	turn.ready = append(turn.ready, r)
	q.ready.Signal()
}

// Next waits for a task. It returns false when ctx has ended.
func (q *Queue) Next(ctx context.Context) (Task, bool) {
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.ready.Broadcast()
	})
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.turns) == 0 && ctx.Err() == nil {
		q.ready.Wait()
	}
	if ctx.Err() != nil {
		return Task{}, false
	}
	turn := q.turns[0]
	r := turn.ready[0]
	q.turns, turn.ready = q.turns[1:], turn.ready[1:]
	if len(turn.ready) > 0 {
		q.turns = append(q.turns, turn)
	} else {
		delete(q.receivers, turn.name)
	}
	numbers := slices.Clone(r.numbers[:min(len(r.numbers), maxTask)])
	return Task{Key: r.key, Numbers: numbers, resource: r, attempts: r.failures + 1}, true
}

// Done gives a task back. gone are the numbers, in order, of the deliveries that have left the spool; what is left is
// ready for another turn.
func (q *Queue) Done(t Task, gone []uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := t.resource
	r.failures = 0
	if q.leave(r, gone) {
		q.makeReady(r)
	}
}

// Hold gives a task back as Done does, but what is left has its next turn only after the time that delay gives for the
// number of times in a row that the resource was held.
func (q *Queue) Hold(t Task, gone []uint64, delay func(failures int) time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := t.resource
	if !q.leave(r, gone) {
		return
	}
	r.failures++
	r.held = q.clock.AfterFunc(delay(r.failures), func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		r.held = nil
		q.makeReady(r)
	})
}

// leave takes numbers from a resource, and forgets it where none is left.
func (q *Queue) leave(r *resourceQueue, gone []uint64) (some bool) {
	r.numbers = slices.DeleteFunc(r.numbers, func(number uint64) bool {
		_, found := slices.BinarySearch(gone, number)
		return found
	})
	if len(r.numbers) == 0 {
		delete(q.resources, r.key)
	}
	return len(r.numbers) > 0
}

// Stop ends the timers of what is held. The queue hands out nothing more once the contexts given to Next have ended.
func (q *Queue) Stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range q.resources {
		if r.held != nil {
			r.held.Stop()
		}
	}
}
