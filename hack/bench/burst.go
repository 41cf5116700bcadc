package main

import (
	"context"
	"slices"
	"time"

	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// mostFlips is how often the alerts turn at most, where they are few: the log of an alert keeps 64 reports, and one that
// loses its oldest would cost something else.
const mostFlips = 50

// burst has all alerts go Off at once, as at a month's end, over two replicas of the ingress, and measures what each costs.
func (e *estate) burst(ctx context.Context) (cost, error) {
	var f flow
	var lastEvent time.Duration
	c, err := e.costOf(ctx, e.alerts, func() (err error) {
		f, lastEvent, err = e.flip(ctx, 0, e.alerts)
		return err
	})
	if err != nil {
		return c, err
	}
	t := e.lab.table
	t.note(record.Burst(e.alerts, record.Accepted), f.took.Seconds(), "s")
	t.note(record.Burst(e.alerts, record.P99), milliseconds(percentile(f.answers, 99)), "ms")
	t.note(record.Burst(e.alerts, record.LastEvent), lastEvent.Seconds(), "s")
	t.note(record.Burst(e.alerts, record.EventRate), perSecond(e.alerts, lastEvent), "1/s")
	return c, nil
}

// burstAndBack measures a burst, has all alerts On again, and notes what two reports more make of one.
func (e *estate) burstAndBack(ctx context.Context) error {
	c, err := e.burst(ctx)
	if err != nil {
		return err
	}
	c.note(e.lab.table, e.alerts, record.Transition)
	if _, _, err := e.flip(ctx, 1, e.alerts); err != nil {
		return err
	}
	flipped, err := e.etcd.meanSize(ctx, alertsPrefix)
	e.lab.table.note(record.At(e.alerts, record.FlippedBytes), flipped, "B")
	return err
}

// flip delivers that each of the newest n alerts has turned, after so many times, and says when the last Event was there: when
// the manager has seen all of it. All the others are On.
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
