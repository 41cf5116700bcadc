package apply

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/sim-operator/sim-operator/internal/spool"
)

// A queueModel is what a queue is to do, by its definition, beside a queue.
type queueModel struct {
	queue  *Queue
	clock  *clocktesting.FakeClock
	random *rand.Rand
	number uint64
	// waiting are the numbers of each resource; tasks and held those that are with a worker or held.
	waiting map[resourceID][]uint64
	tasks   []Task
	held    map[resourceID]bool
}

func (m *queueModel) add() {
	m.number++
	key := strconv.Itoa(m.random.IntN(40))
	m.queue.Add([]spool.Entry{entry(m.number, "r"+key[:1], key)})
	m.waiting[idOf(key)] = append(m.waiting[idOf(key)], m.number)
}

func (m *queueModel) take(t *testing.T) {
	t.Helper()
	task := next(t, m.queue)
	busy := m.held[task.id] || slices.ContainsFunc(m.tasks, func(other Task) bool { return other.id == task.id })
	want := m.waiting[task.id]
	if busy || !slices.Equal(task.Numbers, want[:min(len(want), maxTask)]) {
		t.Fatalf("a task of %v, where %v wait; with another already: %v", task.Numbers, want, busy)
	}
	m.tasks = append(m.tasks, task)
}

// giveBack gives a task back of which so many deliveries have left the spool.
func (m *queueModel) giveBack(task Task, n int, hold bool) {
	gone := task.Numbers[:n]
	left := slices.DeleteFunc(m.waiting[task.id], func(n uint64) bool { return slices.Contains(gone, n) })
	if m.waiting[task.id] = left; len(left) == 0 {
		delete(m.waiting, task.id)
	}
	if !hold {
		m.queue.Done(task, gone)
		return
	}
	m.queue.Hold(task, gone, func(int) time.Duration { return time.Second })
	if len(left) > 0 {
		m.held[task.id] = true
	}
}

func (m *queueModel) release() {
	m.clock.Step(time.Second)
	clear(m.held)
}

func (m *queueModel) step(t *testing.T) {
	t.Helper()
	switch n := m.random.IntN(4); {
	case n < 2:
		m.add()
	case n == 2 && !idle(m.queue):
		m.take(t)
	case len(m.tasks) > 0:
		at := m.random.IntN(len(m.tasks))
		task := m.tasks[at]
		m.tasks = slices.Delete(m.tasks, at, at+1)
		m.giveBack(task, m.random.IntN(len(task.Numbers)+1), m.random.IntN(2) == 0)
	default:
		m.release()
	}
}

// finish has everything leave.
func (m *queueModel) finish(t *testing.T) {
	t.Helper()
	m.release()
	for len(m.waiting) > 0 {
		if len(m.tasks) == 0 {
			m.take(t)
		}
		task := m.tasks[0]
		m.tasks = m.tasks[1:]
		m.giveBack(task, len(task.Numbers), false)
	}
}

func TestQueueAgainstAModel(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			q, clock := newTestQueue()
			m := queueModel{queue: q, clock: clock, random: rand.New(rand.NewPCG(seed, 0)), waiting: map[resourceID][]uint64{}, held: map[resourceID]bool{}}
			for range 2000 {
				m.step(t)
			}
			m.finish(t)
			if !idle(q) || q.resources.used != 0 || len(q.byID)+len(q.several)+len(q.receivers)+len(q.held) != 0 {
				t.Errorf("an empty queue holds %+v", q)
			}
		})
	}
}
