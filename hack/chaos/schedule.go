package main

import (
	"math/rand/v2"
	"time"

	"github.com/sim-operator/sim-operator/hack/localcluster"
	"github.com/sim-operator/sim-operator/internal/failpoint"
)

// An action is what a fault does.
type action string

const (
	kill     action = "kill"
	freeze   action = "freeze"
	fill     action = "fill the disk of"
	killAt   action = "kill at failpoint"
	longest         = 3 * time.Second
	shortest        = 500 * time.Millisecond
	// leaseLost is longer than the manager's lease lasts: it finds that it is no longer the leader.
	leaseLost = 12 * time.Second
)

// A step is one fault of the schedule. All that is left to chance is decided when it is made.
type step struct {
	action    action
	target    string
	failpoint string
	// nth is how often the failpoint is passed until it takes effect.
	nth int
	// length is how long a freeze or a full disk lasts, pause how long it takes until the next fault.
	length, pause time.Duration
}

func (s step) String() string {
	if s.action == killAt {
		return string(s.action) + " " + s.failpoint + ": " + s.target
	}
	return string(s.action) + " " + s.target
}

// A schedule is a deck of all faults, shuffled anew each time that it is used up.
type schedule struct {
	rng   *rand.Rand
	pause time.Duration
	deck  []step
}

func newSchedule(seed uint64, pause time.Duration) *schedule {
	return &schedule{rng: rand.New(rand.NewPCG(seed, 1)), pause: pause} //nolint:gosec // meant to be repeatable
}

// faultKinds has each fault once, and those more often that are cheap to recover from.
func faultKinds(again bool) []step {
	first, second := localcluster.IngressName(0), localcluster.IngressName(1)
	kinds := []step{
		{action: kill, target: first},
		{action: kill, target: second},
		{action: kill, target: localcluster.Manager},
		{action: kill, target: localcluster.APIServer},
		{action: kill, target: localcluster.Etcd},
		{action: freeze, target: localcluster.APIServer},
		{action: freeze, target: localcluster.Manager},
		{action: freeze, target: localcluster.Etcd},
		{action: fill, target: second},
		{action: killAt, target: localcluster.Manager, failpoint: failpoint.BetweenEventAndStatus},
		{action: killAt, target: first, failpoint: failpoint.BetweenWriteAndDone},
		{action: killAt, target: first, failpoint: failpoint.BeforeCommit},
		{action: killAt, target: first, failpoint: failpoint.AfterCommit},
		{action: killAt, target: first, failpoint: failpoint.BetweenDataAndMeta},
		{action: killAt, target: first, failpoint: failpoint.WithinFrame},
	}
	if again {
		kinds = append(kinds,
			step{action: kill, target: first}, step{action: kill, target: first}, step{action: kill, target: second},
			step{action: kill, target: second}, step{action: kill, target: localcluster.Manager},
		)
	}
	return kinds
}

// firstRound is how many steps it takes until each fault was tried once.
func firstRound() int { return len(faultKinds(false)) }

func (s *schedule) next() step {
	if len(s.deck) == 0 {
		s.deck = faultKinds(s.deck != nil)
		s.rng.Shuffle(len(s.deck), func(i, j int) { s.deck[i], s.deck[j] = s.deck[j], s.deck[i] })
	}
	next := s.deck[0]
	s.deck = s.deck[1:]
	next.length = shortest + time.Duration(s.rng.Int64N(int64(longest-shortest)))
	if next.target == localcluster.Manager && s.rng.IntN(4) == 0 {
		next.length = leaseLost
	}
	next.pause = s.pause/2 + time.Duration(s.rng.Int64N(int64(s.pause)+1))
	next.nth = 1 + s.rng.IntN(20)
	return next
}

// again puts a step that could not be carried out to the end of the deck.
func (s *schedule) again(failed step) { s.deck = append(s.deck, failed) }
