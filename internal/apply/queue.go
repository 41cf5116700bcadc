package apply

import (
	"context"
	"crypto/sha256"
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
	// Numbers are the deliveries' numbers in the spool.
	Numbers []uint64

	resource *resourceQueue
	// key is the resource, as spool.Delivery.Key has it. It is empty until one of the deliveries has been read.
	key string
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
	resources map[resourceID]*resourceQueue
	receivers map[string]*receiverQueue
	// turns are the receivers that have a resource ready, the next one first.
	turns []*receiverQueue
	// held are the resources that wait until a time.
	held map[*resourceQueue]clock.Timer
}

// A resourceID stands for a key in memory, where a million may wait: the key of an alert alone would take 96 bytes. It is
// of a hash that nobody can make two keys of one value for.
type resourceID [16]byte

func idOf(key string) resourceID {
	sum := sha256.Sum256([]byte(key))
	return resourceID(sum[:])
}

// A receiverQueue is the resources of one receiver that are ready, the next one first, and how many there are in all.
type receiverQueue struct {
	name      string
	ready     []*resourceQueue
	resources int
}

// A resourceQueue is what waits for one resource. It is in exactly one place: in its receiver's ready list, with a
// worker, or held until a time.
type resourceQueue struct {
	id       resourceID
	receiver *receiverQueue
	numbers  []uint64
	failures int
}

// NewQueue makes an empty queue.
func NewQueue(c clock.WithDelayedExecution) *Queue {
	q := &Queue{
		clock: c, resources: map[resourceID]*resourceQueue{}, receivers: map[string]*receiverQueue{}, held: map[*resourceQueue]clock.Timer{},
	}
	q.ready = sync.NewCond(&q.mu)
	return q
}

// Add takes in deliveries that wait in the spool.
func (q *Queue) Add(entries []spool.Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range entries {
		id := idOf(e.Key)
		r, known := q.resources[id]
		if !known {
			r = &resourceQueue{id: id, receiver: q.receiverOf(e.Receiver)}
			r.receiver.resources++
			q.resources[id] = r
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

func (q *Queue) receiverOf(name string) *receiverQueue {
	r, known := q.receivers[name]
	if !known {
		r = &receiverQueue{name: name}
		q.receivers[name] = r
	}
	return r
}

func (q *Queue) makeReady(r *resourceQueue) {
	turn := r.receiver
	if len(turn.ready) == 0 {
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
		turn.ready = nil // with the array, which a burst has made large
	}
	numbers := slices.Clone(r.numbers[:min(len(r.numbers), maxTask)])
	return Task{Numbers: numbers, resource: r, attempts: r.failures + 1}, true
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
	q.held[r] = q.clock.AfterFunc(delay(r.failures), func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.held, r)
		q.makeReady(r)
	})
}

// leave takes numbers from a resource, and forgets it where none is left.
func (q *Queue) leave(r *resourceQueue, gone []uint64) (some bool) {
	r.numbers = slices.DeleteFunc(r.numbers, func(number uint64) bool {
		_, found := slices.BinarySearch(gone, number)
		return found
	})
	if len(r.numbers) > 0 {
		return true
	}
	delete(q.resources, r.id)
	if r.receiver.resources--; r.receiver.resources == 0 {
		delete(q.receivers, r.receiver.name)
	}
	return false
}

// Stop ends the timers of what is held. The queue hands out nothing more once the contexts given to Next have ended.
func (q *Queue) Stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, timer := range q.held {
		timer.Stop()
	}
}
