package apply

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/sim-operator/sim-operator/internal/spool"
)

func TestASlabGivesEachResourceARoomOfItsOwn(t *testing.T) {
	var s slab
	taken := map[handle]bool{}
	take := func(n int) {
		for range n {
			h := s.take()
			if h == 0 || taken[h] {
				t.Fatalf("room %d was given twice", h)
			}
			if *s.at(h) != (resource{}) {
				t.Fatalf("room %d was not empty: %+v", h, *s.at(h))
			}
			s.at(h).number = uint64(h)
			taken[h] = true
		}
	}
	take(5 * chunk)
	for h := range taken {
		if h%3 != 0 {
			s.give(h)
			delete(taken, h)
		}
	}
	take(6 * chunk)
	for h := range taken {
		if s.at(h).number != uint64(h) {
			t.Fatalf("room %d holds %d", h, s.at(h).number)
		}
		s.give(h)
		delete(taken, h)
	}
	if len(s.chunks) != 1 || cap(s.chunks) != 1 {
		t.Errorf("an empty slab keeps %d pieces", cap(s.chunks))
	}
	take(2 * chunk)
}

// A queueModel is a queue by its definition.
type queueModel struct {
	// waiting are the numbers of each resource, and busy are those that are with a worker or held.
	waiting map[resourceID][]uint64
	busy    map[resourceID]bool
}

// leave takes numbers from a resource, and says whether none is left.
func (m *queueModel) leave(id resourceID, gone []uint64) bool {
	m.waiting[id] = slices.DeleteFunc(m.waiting[id], func(n uint64) bool { return slices.Contains(gone, n) })
	if len(m.waiting[id]) > 0 {
		return false
	}
	delete(m.waiting, id)
	return true
}

func TestQueueAgainstAModel(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // nothing secret
		q, clock := newTestQueue()
		model := queueModel{waiting: map[resourceID][]uint64{}, busy: map[resourceID]bool{}}
		var tasks []Task
		held := map[resourceID]bool{}
		release := func() {
			clock.Step(time.Second)
			for id := range held {
				delete(model.busy, id)
			}
			clear(held)
		}
		giveBack := func() {
			at := random.IntN(len(tasks))
			task := tasks[at]
			tasks = slices.Delete(tasks, at, at+1)
			gone := task.Numbers[:random.IntN(len(task.Numbers)+1)]
			if random.IntN(2) == 0 {
				q.Done(task, gone)
				delete(model.busy, task.id)
			} else {
				q.Hold(task, gone, func(int) time.Duration { return time.Second })
				held[task.id] = true
			}
			if model.leave(task.id, gone) {
				delete(model.busy, task.id)
				delete(held, task.id)
			}
		}
		number := uint64(0)
		for range 2000 {
			switch random.IntN(4) {
			case 0, 1:
				number++
				key := strconv.Itoa(random.IntN(40))
				q.Add([]spool.Entry{entry(number, "r"+key[:1], key)})
				model.waiting[idOf(key)] = append(model.waiting[idOf(key)], number)
			case 2:
				if idle(q) {
					break
				}
				task := next(t, q)
				want := model.waiting[task.id]
				if model.busy[task.id] || !slices.Equal(task.Numbers, want[:min(len(want), maxTask)]) {
					t.Fatalf("seed %d: a task of %v, where %v wait; with another already: %v", seed, task.Numbers, want, model.busy[task.id])
				}
				model.busy[task.id] = true
				tasks = append(tasks, task)
			case 3:
				if len(tasks) > 0 {
					giveBack()
				} else {
					release()
				}
			}
		}
		release()
		for len(model.waiting) > 0 {
			if len(tasks) == 0 {
				task := next(t, q)
				if !slices.Equal(task.Numbers, model.waiting[task.id]) {
					t.Fatalf("seed %d: at the end a task of %v, where %v wait", seed, task.Numbers, model.waiting[task.id])
				}
				tasks = append(tasks, task)
			}
			task := tasks[0]
			tasks = tasks[1:]
			q.Done(task, task.Numbers)
			model.leave(task.id, task.Numbers)
		}
		if !idle(q) || q.resources.used != 0 || len(q.byID)+len(q.several)+len(q.receivers)+len(q.held) != 0 {
			t.Fatalf("seed %d: an empty queue holds %+v", seed, q)
		}
	}
}
