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

	resource handle
	id       resourceID
	receiver string
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
	resources slab
	byID      map[resourceID]handle
	// several are the numbers of each resource for which more than one delivery waits.
	several   map[handle][]uint64
	receivers map[string]*receiverQueue
	// turns are the receivers that have a resource ready, the next one first.
	turns []*receiverQueue
	// held are the resources that wait until a time.
	held map[handle]clock.Timer
}

// A resourceID stands for a key in memory: the key of an alert alone would take 96 bytes. It is of a hash that nobody can
// make two keys of one value for.
type resourceID [16]byte

func idOf(key string) resourceID {
	sum := sha256.Sum256([]byte(key))
	return resourceID(sum[:])
}

// A receiverQueue is the resources of one receiver: the first and the last of those that are ready, and how many there
// are in all.
type receiverQueue struct {
	name        string
	first, last handle
	resources   int
}

// A resource is what waits for one resource. It is in exactly one place: among those of its receiver that are ready, with
// a worker, or held until a time.
type resource struct {
	id       resourceID
	receiver *receiverQueue
	// number is of the delivery that waits, where it is the only one.
	number   uint64
	failures int32
	// next is the one that is ready after it.
	next handle
}

// NewQueue makes an empty queue.
func NewQueue(c clock.WithDelayedExecution) *Queue {
	q := &Queue{
		clock: c, byID: map[resourceID]handle{}, several: map[handle][]uint64{}, receivers: map[string]*receiverQueue{}, held: map[handle]clock.Timer{},
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
		h, known := q.byID[id]
		if !known {
			h = q.resources.take()
			q.byID[id] = h
			receiver := q.receiverOf(e.Receiver)
			receiver.resources++
			r := q.resources.at(h)
			r.id, r.receiver = id, receiver
			q.makeReady(h)
		}
		q.insert(h, e.Number)
	}
}

// insert keeps the numbers in order; only a replay adds one that is not the highest.
func (q *Queue) insert(h handle, number uint64) {
	numbers := q.numbers(h)
	at, found := slices.BinarySearch(numbers, number)
	if !found {
		q.setNumbers(h, slices.Insert(numbers, at, number))
	}
}

func (q *Queue) numbers(h handle) []uint64 {
	if numbers, ok := q.several[h]; ok {
		return numbers
	}
	if number := q.resources.at(h).number; number != 0 { // the spool counts from 1
		return []uint64{number}
	}
	return nil
}

func (q *Queue) setNumbers(h handle, numbers []uint64) {
	if len(numbers) > 1 {
		q.several[h] = numbers
		return
	}
	delete(q.several, h)
	q.resources.at(h).number = numbers[0]
}

func (q *Queue) receiverOf(name string) *receiverQueue {
	r, known := q.receivers[name]
	if !known {
		r = &receiverQueue{name: name}
		q.receivers[name] = r
	}
	return r
}

func (q *Queue) makeReady(h handle) {
	turn := q.resources.at(h).receiver
	if turn.first == 0 {
		turn.first = h
		q.turns = append(q.turns, turn)
	} else {
		q.resources.at(turn.last).next = h
	}
	turn.last = h
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
	h := turn.first
	r := q.resources.at(h)
	turn.first, r.next = r.next, 0
	q.turns = q.turns[1:]
	if turn.first != 0 {
		q.turns = append(q.turns, turn)
	}
	numbers := q.numbers(h)
	return Task{
		Numbers:  slices.Clone(numbers[:min(len(numbers), maxTask)]),
		resource: h, id: r.id, receiver: turn.name, attempts: int(r.failures) + 1,
	}, true
}

// Done gives a task back. gone are the numbers, in order, of the deliveries that have left the spool; what is left is
// ready for another turn.
func (q *Queue) Done(t Task, gone []uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.leave(t.resource, gone) {
		q.resources.at(t.resource).failures = 0
		q.makeReady(t.resource)
	}
}

// Hold gives a task back as Done does, but what is left has its next turn only after the time that delay gives for the
// number of times in a row that the resource was held.
func (q *Queue) Hold(t Task, gone []uint64, delay func(failures int) time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := t.resource
	if !q.leave(h, gone) {
		return
	}
	r := q.resources.at(h)
	r.failures++
	q.held[h] = q.clock.AfterFunc(delay(int(r.failures)), func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.held, h)
		q.makeReady(h)
	})
}

// leave takes numbers from a resource, and forgets it where none is left.
func (q *Queue) leave(h handle, gone []uint64) (some bool) {
	left := slices.DeleteFunc(q.numbers(h), func(number uint64) bool {
		_, found := slices.BinarySearch(gone, number)
		return found
	})
	if len(left) > 0 {
		q.setNumbers(h, left)
		return true
	}
	q.forget(h)
	return false
}

func (q *Queue) forget(h handle) {
	r := q.resources.at(h)
	delete(q.several, h)
	delete(q.byID, r.id)
	if r.receiver.resources--; r.receiver.resources == 0 {
		delete(q.receivers, r.receiver.name)
	}
	q.resources.give(h)
	if len(q.byID) == 0 {
		q.byID = map[resourceID]handle{} // a map does not shrink
	}
}

// Stop ends the timers of what is held. The queue hands out nothing more once the contexts given to Next have ended.
func (q *Queue) Stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, timer := range q.held {
		timer.Stop()
	}
}
