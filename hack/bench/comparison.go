package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

// reachCost is the number of the design.
const reachCost = 1.15

// A comparison is what a delivery cost with few resources and with many, round by round. Each of the two estates has a control
// plane of its own, and they take turns, so that whatever else the machine does hits both.
type comparison struct{ few, many []cost }

// inTurns measures both estates until again says that it was enough, few first in every second round.
func inTurns(few, many *estate, again func(rounds int) bool, measure func(e *estate, round int) (cost, error)) (comparison, error) {
	var c comparison
	sides := []struct {
		estate *estate
		costs  *[]cost
	}{{few, &c.few}, {many, &c.many}}
	for round := 0; again(round); round++ {
		for i := range sides {
			side := sides[(i+round)%len(sides)]
			one, err := measure(side.estate, round)
			if err != nil {
				return c, err
			}
			*side.costs = append(*side.costs, one)
		}
	}
	return c, nil
}

// compareNew measures new alerts, n in each round, on the way to this estate's size and on the way to a tenth of it. It returns
// what those of this estate cost.
func (e *estate) compareNew(ctx context.Context, n int) ([]cost, error) {
	l := e.lab
	var c comparison
	err := e.withSmaller(ctx, "new", l.small-l.freshRounds()*n, func(smaller *estate) (err error) {
		c, err = inTurns(smaller, e, func(rounds int) bool { return rounds < l.freshRounds() }, func(side *estate, _ int) (cost, error) {
			return side.costOfNew(ctx, n)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	c.note(l.table, l.sizes, record.NewAlert, c.medianRatio)
	return c.many, nil
}

// compareTransitions has the newest alerts turn, as many here as there are in all at a tenth of the size. What a transition
// costs is the mean, so that what kube-apiserver does every five minutes has its part in it.
func (e *estate) compareTransitions(ctx context.Context) error {
	l := e.lab
	return e.withSmaller(ctx, "turning", l.small, func(smaller *estate) error {
		began := time.Now()
		enough := func(rounds int) bool { return again(rounds, time.Since(began), l.window) }
		c, err := inTurns(smaller, e, enough, func(side *estate, round int) (cost, error) {
			return side.costOf(ctx, l.small, func() error {
				_, _, err := side.flip(ctx, round, l.small)
				return err
			})
		})
		if err != nil {
			return err
		}
		c.note(l.table, l.sizes, record.Transition, c.ratioOfMeans)
		meanCost(c.many).note(l.table, e.alerts, record.Transition)
		return nil
	})
}

// again says whether the alerts are to turn once more. In the end they are On, as they were.
func again(flips int, took, window time.Duration) bool {
	return flips == 0 || flips%2 == 1 || (took < window && flips < mostFlips)
}

// withSmaller makes another estate, of n alerts, on a control plane of its own, that is there until use returns.
func (e *estate) withSmaller(ctx context.Context, name string, n int, use func(smaller *estate) error) error {
	step("making the estate that this one is compared to")
	return withLab(ctx, e.lab.options, e.lab.table, name, func(ctx context.Context, l *lab) error {
		return withEstate(ctx, l, func(smaller *estate) error {
			if err := smaller.grow(ctx, n); err != nil {
				return err
			}
			return use(smaller)
		})
	})
}

// note notes how many times as much a delivery costs with many resources, by a ratio that is made of all rounds.
func (c *comparison) note(t *table, s sizes, of string, ratio func(part func(cost) float64) float64) {
	against := fmt.Sprintf("cost of a delivery (%s) at %d resources against %d: ", of, s.large, s.small)
	t.atMost(reachCost, against+"processor", ratio(inProcessors), "ratio")
	t.atMost(reachCost, against+"time", ratio(inTime), "ratio")
	rounds := ratios(each(c.many, inProcessors), each(c.few, inProcessors))
	t.note(against+"processor, rounds", float64(len(rounds)), "")
	if len(rounds) > 0 {
		t.note(against+"processor, round with the lowest ratio", slices.Min(rounds), "ratio")
		t.note(against+"processor, round with the highest ratio", slices.Max(rounds), "ratio")
	}
	t.note(against+"processor with the fewer, mean", mean(each(c.few, inProcessors)), "ms")
	t.note(against+"processor with the more, mean", mean(each(c.many, inProcessors)), "ms")
}

// medianRatio divides round by round.
func (c *comparison) medianRatio(part func(cost) float64) float64 {
	return median(ratios(each(c.many, part), each(c.few, part)))
}

// ratioOfMeans divides what all rounds took.
func (c *comparison) ratioOfMeans(part func(cost) float64) float64 {
	return mean(each(c.many, part)) / mean(each(c.few, part))
}

func inProcessors(c cost) float64 { return milliseconds(c.total()) }

func inTime(c cost) float64 { return milliseconds(c.time) }

func each(costs []cost, part func(cost) float64) []float64 {
	all := make([]float64, len(costs))
	for i, c := range costs {
		all[i] = part(c)
	}
	return all
}
