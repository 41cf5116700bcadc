package main

import (
	"context"
	"slices"
	"time"

	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// mostFlips is how often the alerts turn at one size at most, where they are few. Beside it some get five reports more, at the
// other sizes: with so many that they were Flapping, or that the oldest had to go, they would cost something else.
const mostFlips = 51

// measureTransition has the newest n alerts go Off at once, as at a month's end, over two replicas of the ingress; and On and
// Off again until the window of this size is over. What a transition costs is the mean, so that what kube-apiserver does
// every five minutes has its part in it. flips is how often the alerts have turned.
func (e *estate) measureTransition(ctx context.Context, n int) (flips int, err error) {
	var bursts []cost
	began := time.Now()
	for again(len(bursts), time.Since(began), e.lab.windowAt(e.alerts)) {
		c, err := e.costOfFlip(ctx, len(bursts), n)
		if err != nil {
			return len(bursts), err
		}
		bursts = append(bursts, c)
		if err := e.noteFlipped(ctx, len(bursts), n); err != nil {
			return len(bursts), err
		}
	}
	e.costs[record.Transition][e.alerts] = meanCost(bursts)
	noteTransition(e.lab.table, e.alerts, bursts)
	return len(bursts), nil
}

// again says whether the alerts are to turn once more. In the end they are Off, as after a single burst.
func again(flips int, took, window time.Duration) bool {
	return flips%2 == 0 || (took < window && flips < mostFlips)
}

// costOfFlip measures a burst of n, and notes how it went if it is the first of all alerts.
func (e *estate) costOfFlip(ctx context.Context, flips, n int) (cost, error) {
	var f flow
	var lastEvent time.Duration
	c, err := e.costOf(ctx, n, func() (err error) {
		f, lastEvent, err = e.flip(ctx, flips, n)
		return err
	})
	if err != nil || flips > 0 || n < e.alerts {
		return c, err
	}
	t := e.lab.table
	t.note(record.Burst(e.alerts, record.Accepted), f.took.Seconds(), "s")
	t.note(record.Burst(e.alerts, record.P99), milliseconds(percentile(f.answers, 99)), "ms")
	t.note(record.Burst(e.alerts, record.LastEvent), lastEvent.Seconds(), "s")
	t.note(record.Burst(e.alerts, record.EventRate), perSecond(e.alerts, lastEvent), "1/s")
	return c, nil
}

// noteTransition notes the mean of the bursts at a size, and how far they lie apart where there are several.
func noteTransition(t *table, size int, bursts []cost) {
	meanCost(bursts).note(t, size, record.Transition)
	if len(bursts) == 1 {
		return
	}
	processor := record.At(size, record.Processor(record.Transition))
	t.note(record.At(size, "bursts that a transition is the mean of"), float64(len(bursts)), "")
	t.note(processor+" in the first burst", milliseconds(bursts[0].total()), "ms")
	t.note(processor+" in the dearest burst", milliseconds(dearest(bursts).total()), "ms")
}

// noteFlipped notes what two reports more make of an alert, when all alerts have turned just twice at this size.
func (e *estate) noteFlipped(ctx context.Context, flips, n int) error {
	if flips != 2 || n < e.alerts {
		return nil
	}
	flipped, err := e.etcd.meanSize(ctx, alertsPrefix)
	e.lab.table.note(record.At(e.alerts, record.FlippedBytes), flipped, "B")
	return err
}

// flipAndBack measures a transition with n alerts, and has all alerts On again.
func (e *estate) flipAndBack(ctx context.Context, n int) error {
	flips, err := e.measureTransition(ctx, n)
	if err != nil {
		return err
	}
	if _, _, err := e.flip(ctx, flips, n); err != nil {
		return err
	}
	return e.noteFlipped(ctx, flips+1, n)
}

// flip delivers that each of the newest n alerts has turned, after so many times, and says when the last Event was there: when
// the manager has seen all of it.
func (e *estate) flip(ctx context.Context, flips, n int) (f flow, lastEvent time.Duration, err error) {
	trigger, value := "Off", 10
	if flips%2 == 1 {
		trigger, value = "On", 85
	}
	step("turning %d alerts of %d %s", n, e.alerts, trigger)
	began := time.Now()
	if f, err = floodN(ctx, e.poster, e.target(trigger, value), e.alerts-n, n); err != nil {
		return f, 0, err
	}
	e.reports, e.versions = e.reports+n, e.versions+2*n
	err = e.untilTurned(ctx, trigger, n)
	return f, time.Since(began), err
}

// untilTurned waits until the manager has seen the status of n alerts turned, before which it has written their Events. The
// API server is not asked how many Events there are: to count them takes it the longer the more there are, and after an hour
// they expire, which a run may take.
func (e *estate) untilTurned(ctx context.Context, trigger string, n int) error {
	return untilNoneLeft(ctx, "the alerts to be "+trigger, 5*pollEvery, func(ctx context.Context) (int, error) {
		page, err := e.lab.metrics(ctx, localcluster.Manager)
		return yetToTurn(page, trigger, e.alerts, n), err
	})
}

// yetToTurn is how many alerts are not what they are turned to, by the manager's metrics, if n of them turn and the others are
// On. A manager that has just been started tells of no alert that is On, which is not to say that all are Off: then it does
// not tell of the receiver either.
func yetToTurn(page []series, trigger string, alerts, n int) int {
	tells := slices.ContainsFunc(page, func(s series) bool { return s.name == "sim_operator_receiver_ready" && isScale(s.labels) })
	active := int(sum(page, "sim_operator_alerts_active", isScale))
	switch {
	case !tells:
		return n
	case trigger == "On":
		return alerts - active
	default:
		return active - (alerts - n)
	}
}
