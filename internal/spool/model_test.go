package spool

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// A model says what a spool must hold.
type model struct {
	last        uint64
	waiting     map[uint64]string
	applied     map[uint64]string
	quarantined map[uint64]string
}

type modelTest struct {
	*testing.T
	model
	i      *instance
	o      Options
	clk    *clocktesting.FakeClock
	random *rand.Rand
}

// TestModel does a random sequence of operations to a spool and to a model of it, and compares them.
func TestModel(t *testing.T) {
	const steps = 400
	seed := time.Now().UnixNano() // put the printed one here to see a failure again
	t.Logf("seed %d", seed)
	m := &modelTest{
		T: t, random: rand.New(rand.NewSource(seed)), clk: clocktesting.NewFakeClock(start),
		model: model{waiting: map[uint64]string{}, applied: map[uint64]string{}, quarantined: map[uint64]string{}},
	}
	m.o = testOptions()
	m.o.Clock, m.o.MaxDeliveries, m.o.MaxQuarantined = m.clk, 25, 10
	dir := t.TempDir()
	m.i = run(t, dir, m.o)
	operations := []func(){
		m.append, m.append, m.append, m.append, m.done, m.done, m.reject, m.quarantine, m.drop, m.replay, m.replayApplied, m.pass,
		func() {
			m.i.end()
			m.i = run(t, dir, m.o)
		},
	}
	for range steps {
		operations[m.random.Intn(len(operations))]()
		m.compare()
	}
}

// some picks a few numbers of a map, and now and then one that is nowhere.
func (m *modelTest) some(of map[uint64]string) []uint64 {
	numbers := slices.Sorted(maps.Keys(of))
	m.random.Shuffle(len(numbers), func(a, b int) { numbers[a], numbers[b] = numbers[b], numbers[a] })
	numbers = numbers[:min(len(numbers), m.random.Intn(4))]
	if m.random.Intn(8) == 0 {
		numbers = append(numbers, 1_000_000)
	}
	return numbers
}

func (m *modelTest) noError(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

// isFull expects a FullError of Scope if there is one too many, and no error otherwise.
func (m *modelTest) isFull(err error, tooMany bool, scope Scope) bool {
	m.Helper()
	if !tooMany {
		m.noError(err)
		return false
	}
	same(m.T, "scope", fullScope(m.T, err), scope)
	return true
}

func (m *modelTest) delivery() Delivery {
	d := order(m.random.Intn(5))
	d.Body = []byte(fmt.Sprint(m.random.Int63()))
	if m.random.Intn(20) == 0 {
		d.Body = append(d.Body, make([]byte, m.random.Intn(64<<10))...)
	}
	return d
}

func (m *modelTest) append() {
	d, err := m.i.Append(m.Context(), m.delivery())
	if !m.isFull(err, len(m.waiting) >= m.o.MaxDeliveries, ScopeDeliveries) {
		m.last++
		m.waiting[m.last] = string(d.Body)
		same(m.T, "number", d.Number, m.last)
	}
}

func (m *modelTest) quarantine() {
	d, err := m.i.Quarantine(m.Context(), m.delivery(), Reason{Code: "Bad", Message: "why"})
	if !m.isFull(err, len(m.quarantined) >= m.o.MaxQuarantined, ScopeQuarantine) {
		m.last++
		m.quarantined[m.last] = string(d.Body)
		same(m.T, "number", d.Number, m.last)
	}
}

func (m *modelTest) done() {
	numbers := m.some(m.waiting)
	m.i.Done(numbers...)
	move(m.waiting, m.applied, numbers)
}

func (m *modelTest) reject() {
	numbers := m.some(m.waiting)
	known := 0
	for _, number := range numbers {
		if _, waits := m.waiting[number]; waits {
			known++
		}
	}
	err := m.i.Reject(m.Context(), Reason{Code: "No"}, numbers...)
	if !m.isFull(err, len(m.quarantined)+known > m.o.MaxQuarantined, ScopeQuarantine) {
		move(m.waiting, m.quarantined, numbers)
	}
}

func (m *modelTest) drop() {
	numbers := m.some(m.quarantined)
	_, err := m.i.Drop(m.Context(), numbers...)
	m.noError(err)
	move(m.quarantined, map[uint64]string{}, numbers)
}

func (m *modelTest) replay() {
	for _, number := range m.some(m.quarantined) {
		body, there := m.quarantined[number]
		_, err := m.i.Replay(m.Context(), nil, number)
		switch {
		case !there:
			if !errors.Is(err, ErrNotFound) {
				m.Fatal(err)
			}
		case !m.isFull(err, len(m.waiting) >= m.o.MaxDeliveries, ScopeDeliveries):
			m.last++
			delete(m.quarantined, number)
			m.waiting[m.last] = body
		}
	}
}

func (m *modelTest) replayApplied() {
	if len(m.waiting)+len(m.applied) > m.o.MaxDeliveries {
		return // it would wait
	}
	n, err := m.i.ReplayApplied(m.Context(), time.Time{})
	m.noError(err)
	same(m.T, "replayed", n, len(m.applied))
	move(m.applied, m.waiting, slices.Collect(maps.Keys(m.applied)))
}

// pass lets so much time pass that all that was applied is forgotten.
func (m *modelTest) pass() {
	m.clk.Step(m.o.KeepApplied + time.Second)
	m.i.settle()
	clear(m.applied)
}

func (m *modelTest) compare() {
	m.Helper()
	m.i.settle()
	numbers := slices.Sorted(maps.Keys(m.waiting))
	same(m.T, "waiting", m.i.waiting(), numbers)
	for _, d := range m.i.read(numbers...) {
		same(m.T, "body", string(d.Body), m.waiting[d.Number])
	}
	quarantined := map[uint64]string{}
	for _, q := range m.i.inQuarantine(Filter{}) {
		quarantined[q.Number] = string(q.Body)
	}
	same(m.T, "quarantined", quarantined, m.quarantined)
	stats := m.i.Stats()
	same(m.T, "counts", []int{stats.Waiting, stats.Applied, stats.Quarantined}, []int{len(m.waiting), len(m.applied), len(m.quarantined)})
	m.compareWithFile()
}

// compareWithFile checks that the ledger is what a restart would make of the file.
func (m *modelTest) compareWithFile() {
	m.Helper()
	m.noError(m.i.store.view(func(b buckets) error {
		l, err := readLedger(b)
		if err != nil {
			return err
		}
		m.i.Spool.mu.Lock()
		defer m.i.Spool.mu.Unlock()
		if l.held != m.i.ledger.held || l.applied != m.i.ledger.applied {
			m.Fatalf("the ledger is %+v, the file has %+v", m.i.ledger, l)
		}
		for hash, live := range m.i.ledger.lines {
			if live.held != l.lines[hash].held || live.newest < l.lines[hash].newest {
				m.Fatalf("of a key the ledger has %+v, the file %+v", live, l.lines[hash])
			}
		}
		same(m.T, "keys", len(m.i.ledger.lines), len(l.lines))
		if !l.oldestWaiting.Equal(m.i.ledger.oldestWaiting) {
			m.Fatalf("oldest: %v and %v", m.i.ledger.oldestWaiting, l.oldestWaiting)
		}
		return nil
	}))
}

func move(from, to map[uint64]string, numbers []uint64) {
	for _, number := range numbers {
		if body, there := from[number]; there {
			to[number] = body
			delete(from, number)
		}
	}
}
