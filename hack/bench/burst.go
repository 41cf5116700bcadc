package main

import (
	"context"
	"slices"
	"time"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// burst has all alerts go Off at once, as at a month's end, over two replicas of the ingress, and measures what each costs.
func (e *estate) burst(ctx context.Context) (cost, error) {
	var f flow
	var lastEvent time.Duration
	c, err := e.costOf(ctx, e.alerts, func() (err error) {
		f, lastEvent, err = e.turn(ctx, v1alpha1.AlertTriggerOff, 0, e.alerts)
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
	if _, _, err := e.turn(ctx, v1alpha1.AlertTriggerOn, 0, e.alerts); err != nil {
		return err
	}
	flipped, err := e.etcd.meanSize(ctx, alertsPrefix)
	e.lab.table.note(record.At(e.alerts, record.FlippedBytes), flipped, "B")
	return err
}

// turn delivers that n alerts, from one on, are On or Off now, which they were not, and says when the last Event was there:
// when the manager has seen all of it.
func (e *estate) turn(ctx context.Context, to v1alpha1.AlertTrigger, from, n int) (f flow, lastEvent time.Duration, err error) {
	value := 10
	if to == v1alpha1.AlertTriggerOn {
		value = 85
	}
	step("turning %d alerts of %d %s", n, e.alerts, to)
	began := time.Now()
	if f, err = floodN(ctx, e.poster, e.target(to, value), from, n); err != nil {
		return f, 0, err
	}
	e.reports, e.versions = e.reports+n, e.versions+2*n
	if to == v1alpha1.AlertTriggerOn {
		e.on += n
	} else {
		e.on -= n
	}
	err = e.untilTurned(ctx, n)
	return f, time.Since(began), err
}

// untilTurned waits until the manager has seen the status of the n alerts that turn, before which it has written their
// Events. The API server is not asked how many Events there are: to count them takes it the longer the more there are, and
// after an hour they expire, which a run may take.
func (e *estate) untilTurned(ctx context.Context, n int) error {
	return untilNoneLeft(ctx, "the alerts to turn", 5*pollEvery, func(ctx context.Context) (int, error) {
		page, err := e.lab.metrics(ctx, localcluster.Manager)
		return yetToTurn(page, e.on, n), err
	})
}

// yetToTurn is how many of n alerts have not turned yet, by the manager's metrics, if so many are On when all have. A manager
// that has just been started tells of no alert that is On, which is not to say that all are Off: then it does not tell of
// the receiver either.
func yetToTurn(page []series, on, n int) int {
	tells := slices.ContainsFunc(page, func(s series) bool { return s.name == "sim_operator_receiver_ready" && isScale(s.labels) })
	if !tells {
		return n
	}
	left := int(sum(page, "sim_operator_alerts_active", isScale)) - on
	return max(left, -left)
}
