package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
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
	err := e.withSmaller(ctx, "new", l.small-l.shortRounds()*n, func(smaller *estate) (err error) {
		smaller.lab.profile(ctx, localcluster.APIServer, fmt.Sprintf("new-%d", l.small), time.Minute)
		l.profile(ctx, localcluster.APIServer, fmt.Sprintf("new-%d", l.large), time.Minute)
		c, err = inTurns(smaller, e, func(rounds int) bool { return rounds < l.shortRounds() }, func(side *estate, _ int) (cost, error) {
			return side.costOfNew(ctx, n)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	c.note(l.table, l.sizes, record.NewAlert)
	return c.many, nil
}

// compareTransitions has the newest alerts turn, as many here as there are in all at a tenth of the size, a part of them in
// each round.
func (e *estate) compareTransitions(ctx context.Context) error {
	l := e.lab
	return e.withSmaller(ctx, "turning", l.small, func(smaller *estate) error {
		for _, side := range []*estate{smaller, e} {
			side.lab.profile(ctx, localcluster.APIServer, fmt.Sprintf("transition-%d", side.alerts), l.window)
		}
		before, err := cacheChecks(ctx, smaller, e)
		if err != nil {
			return err
		}
		began := time.Now()
		enough := func(rounds int) bool { return again(rounds, time.Since(began), l.window) }
		c, err := inTurns(smaller, e, enough, func(side *estate, round int) (cost, error) {
			return side.costOfTransitions(ctx, round, l.small)
		})
		if err != nil {
			return err
		}
		after, err := cacheChecks(ctx, smaller, e)
		if err != nil {
			return err
		}
		c.note(l.table, l.sizes, record.Transition)
		c.noteTogether(l.table, l.sizes, record.Transition)
		for i, side := range []*estate{smaller, e} {
			l.table.note(record.At(side.alerts, "checks by kube-apiserver of its cache of alerts while they turned"), after[i]-before[i], "")
		}
		meanCost(c.many).note(l.table, e.alerts, record.Transition)
		return nil
	})
}

// parts is in how many rounds the alerts turn that turn in all. A round is so short that what the API server does every few
// minutes falls into few of them.
const parts = 5

// mostPasses is how often an alert turns at most, where they are few: its log keeps 64 reports, and one that loses its oldest
// would cost something else.
const mostPasses = 50

// again says whether there is to be another round: until all the alerts have turned so often that they are On, as they were.
func again(rounds int, took, window time.Duration) bool {
	passes := rounds / parts
	return rounds%parts != 0 || passes%2 == 1 || passes == 0 || (took < window && passes < mostPasses)
}

// costOfTransitions has the next part of the newest n alerts turn.
func (e *estate) costOfTransitions(ctx context.Context, round, n int) (cost, error) {
	to := v1alpha1.AlertTriggerOff
	if pass := round / parts; pass%2 == 1 {
		to = v1alpha1.AlertTriggerOn
	}
	part := n / parts
	return e.costOf(ctx, part, func() error {
		_, _, err := e.turn(ctx, to, e.alerts-n+round%parts*part, part)
		return err
	})
}

// cacheChecks is how often the API server of each estate has compared all alerts in its cache to all in etcd, which it does
// every five minutes and more, whether something is delivered or not.
func cacheChecks(ctx context.Context, estates ...*estate) ([]float64, error) {
	var checks []float64
	for _, e := range estates {
		page, err := scrape(ctx, e.lab.http, e.lab.config.Host+"/metrics")
		if err != nil {
			return nil, err
		}
		checks = append(checks, sum(page, "apiserver_storage_consistency_checks_total", func(labels map[string]string) bool {
			return labels["resource"] == "simalerts"
		}))
	}
	return checks, nil
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

// note notes how many times as much a delivery costs with many resources: the median of the ratios of the rounds, so that
// what the API server does now and then does not count.
func (c *comparison) note(t *table, s sizes, of string) {
	few, many := each(c.few, inProcessors), each(c.many, inProcessors)
	rounds := ratios(many, few)
	t.atMost(reachCost, against(s, of, "processor"), median(rounds), "ratio")
	t.atMost(reachCost, against(s, of, "time"), median(ratios(each(c.many, inTime), each(c.few, inTime))), "ratio")
	t.note(against(s, of, "processor, rounds"), float64(len(rounds)), "")
	if len(rounds) > 0 {
		t.note(against(s, of, "processor, round with the lowest ratio"), slices.Min(rounds), "ratio")
		t.note(against(s, of, "processor, round with the highest ratio"), slices.Max(rounds), "ratio")
	}
	t.note(against(s, of, "processor with the fewer, median"), median(few), "ms")
	t.note(against(s, of, "processor with the more, median"), median(many), "ms")
	t.note(against(s, of, "processor with the fewer, mean"), mean(few), "ms")
	t.note(against(s, of, "processor with the more, mean"), mean(many), "ms")
}

// noteTogether notes the ratio of all rounds together, in which what the API server does now and then counts. That takes
// rounds that go on for long enough.
func (c *comparison) noteTogether(t *table, s sizes, of string) {
	t.atMost(reachCost, against(s, of, "processor, all rounds together"), mean(each(c.many, inProcessors))/mean(each(c.few, inProcessors)), "ratio")
	t.atMost(reachCost, against(s, of, "time, all rounds together"), mean(each(c.many, inTime))/mean(each(c.few, inTime)), "ratio")
}

// against names a row of a comparison.
func against(s sizes, of, what string) string {
	return fmt.Sprintf("cost of a delivery (%s) at %d resources against %d: %s", of, s.large, s.small, what)
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
