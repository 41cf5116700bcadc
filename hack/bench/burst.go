package main

import (
	"context"
	"slices"
	"time"

	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// measureBurst has all alerts go Off at once, as at a month's end, over two replicas of the ingress.
func (e *estate) measureBurst(ctx context.Context) error {
	var f flow
	var lastEvent time.Duration
	c, err := e.costOf(ctx, e.alerts, func() (err error) {
		f, lastEvent, err = e.flip(ctx, "Off", 10)
		return err
	})
	if err != nil {
		return err
	}
	t := e.lab.table
	t.note(record.Burst(e.alerts, record.Accepted), f.took.Seconds(), "s")
	t.note(record.Burst(e.alerts, record.P99), milliseconds(percentile(f.answers, 99)), "ms")
	t.note(record.Burst(e.alerts, record.LastEvent), lastEvent.Seconds(), "s")
	t.note(record.Burst(e.alerts, record.EventRate), perSecond(e.alerts, lastEvent), "1/s")
	e.costs[record.Transition][e.alerts] = c
	c.note(t, e.alerts, record.Transition)
	return nil
}

// flipAndBack measures a burst, and how much larger two reports make an alert.
func (e *estate) flipAndBack(ctx context.Context, size int) error {
	if err := e.measureBurst(ctx); err != nil {
		return err
	}
	if _, _, err := e.flip(ctx, "On", 85); err != nil {
		return err
	}
	flipped, err := e.etcd.meanSize(ctx, alertsPrefix)
	e.lab.table.note(record.At(size, record.FlippedBytes), flipped, "B")
	return err
}

// flip delivers that every alert has turned, and says when the last Event was there: when the manager has seen all of it.
func (e *estate) flip(ctx context.Context, trigger string, value int) (f flow, lastEvent time.Duration, err error) {
	step("turning %d alerts %s", e.alerts, trigger)
	began := time.Now()
	if f, err = floodN(ctx, e.poster, e.target(trigger, value), 0, e.alerts); err != nil {
		return f, 0, err
	}
	e.reports, e.versions = e.reports+e.alerts, e.versions+2*e.alerts
	err = e.untilTurned(ctx, trigger)
	return f, time.Since(began), err
}

// untilTurned waits until the manager has seen the status of all alerts turned, before which it has written their Events. The
// API server is not asked how many Events there are: to count them takes it the longer the more there are, and after an hour
// they expire, which a run may take.
func (e *estate) untilTurned(ctx context.Context, trigger string) error {
	return untilNoneLeft(ctx, "all alerts to be "+trigger, 5*pollEvery, func(ctx context.Context) (int, error) {
		page, err := e.lab.metrics(ctx, localcluster.Manager)
		return yetToTurn(page, trigger, e.alerts), err
	})
}

// yetToTurn is how many alerts are not what they are turned to, by the manager's metrics. One that has just been started
// tells of no alert that is On, which is not to say that all are Off: then it does not tell of the receiver either.
func yetToTurn(page []series, trigger string, alerts int) int {
	tells := slices.ContainsFunc(page, func(s series) bool { return s.name == "sim_operator_receiver_ready" && isScale(s.labels) })
	active := int(sum(page, "sim_operator_alerts_active", isScale))
	switch {
	case !tells:
		return alerts
	case trigger == "On":
		return alerts - active
	default:
		return active
	}
}
