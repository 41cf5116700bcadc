package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// An estate is alerts that were made by deliveries to two ingresses, with the manager at work, whose own count of those that
// are On says how far it is.
type estate struct {
	lab    *lab
	etcd   etcd
	poster *http.Client
	alerts int
	// on is how many of the alerts are On.
	on int
	// orders are the few that the latency is taken of.
	orders int
	// reports are those of the alerts, and versions the writes that made them what they are.
	reports, versions int
	// empty is what the manager needed before there was any.
	empty footprint
}

// A footprint is what a process needs of memory, in bytes: in RAM, and of its heap after a collection.
type footprint struct{ rss, heap float64 }

// withEstate starts the programs over no resources, and hands them on.
func withEstate(ctx context.Context, l *lab, use func(*estate) error) error {
	client, err := l.cluster.EtcdClient()
	if err != nil {
		return err
	}
	e := &estate{lab: l, etcd: etcd{url: l.cluster.EtcdURL(), client: client}, poster: newPoster(callers)}
	defer e.poster.CloseIdleConnections()
	if err := l.startManager(ctx, scale); err != nil {
		return err
	}
	if e.empty, err = e.footprint(ctx, localcluster.Manager); err != nil {
		return err
	}
	if err := e.startIngresses(ctx); err != nil {
		return err
	}
	return use(e)
}

// measureScale fills a cluster and makes the measurements that need many resources.
func measureScale(ctx context.Context, l *lab) error {
	return withEstate(ctx, l, func(e *estate) error { return e.measure(ctx) })
}

func (e *estate) measure(ctx context.Context) error {
	l := e.lab
	if err := e.fill(ctx); err != nil {
		return fmt.Errorf("measuring scale: %w", err)
	}
	var errs []error
	if l.wants(restart, memory) {
		errs = append(errs, e.measureRestart(ctx))
	}
	if l.wants(transition) && ctx.Err() == nil {
		errs = append(errs, e.compareTransitions(ctx))
	}
	if l.wants(check) && ctx.Err() == nil {
		errs = append(errs, e.measureChecks(ctx))
	}
	if l.wants(burst) && ctx.Err() == nil {
		_, err := e.burst(ctx)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (e *estate) startIngresses(ctx context.Context) error {
	for replica := range 2 {
		if err := e.lab.start(ctx, localcluster.IngressName(replica)); err != nil {
			return err
		}
	}
	return nil
}

// fill makes as many alerts as are wanted, and measures on the way at a hundredth, at a tenth, and at all of them.
func (e *estate) fill(ctx context.Context) error {
	if !e.lab.wants(scale, memory, transition, burst) {
		return e.grow(ctx, e.lab.large)
	}
	if err := e.noteState(ctx, 0); err != nil {
		return err
	}
	for _, size := range []int{e.lab.large / 100, e.lab.small, e.lab.large} {
		if err := e.measureAt(ctx, size); err != nil {
			return fmt.Errorf("at %d resources: %w", size, err)
		}
		if size < e.lab.large && e.lab.wants(transition, burst) {
			if err := e.burstAndBack(ctx); err != nil {
				return fmt.Errorf("at %d resources: %w", size, err)
			}
		}
	}
	return nil
}

// measureAt grows the estate to a size. The last deliveries on the way there are those that are measured, so that the
// size is what it is called.
func (e *estate) measureAt(ctx context.Context, size int) error {
	l := e.lab
	if !l.wants(scale) {
		if err := e.grow(ctx, size-e.alerts); err != nil {
			return err
		}
	} else if err := e.measureOnTheWay(ctx, size); err != nil {
		return err
	}
	if err := e.untilCounted(ctx); err != nil {
		return err
	}
	return e.noteState(ctx, size)
}

func (e *estate) measureOnTheWay(ctx context.Context, size int) error {
	l := e.lab
	n := l.freshAt(size)
	if err := e.grow(ctx, size-l.shortRounds()*n-e.alerts); err != nil {
		return err
	}
	if n == 0 { // so few make no rounds
		return nil
	}
	measure := e.costsOfNew
	if size == l.large {
		measure = e.compareNew
	}
	rounds, err := measure(ctx, n)
	if err != nil {
		return err
	}
	medianCost(rounds).note(l.table, size, record.NewAlert)
	l.table.note(record.At(size, record.Processor(record.NewAlert))+" in the dearest round", milliseconds(dearest(rounds).total()), "ms")
	return e.noteLatency(ctx, size)
}

// costsOfNew measures new alerts, n in each round.
func (e *estate) costsOfNew(ctx context.Context, n int) ([]cost, error) {
	var rounds []cost
	for range e.lab.shortRounds() {
		c, err := e.costOfNew(ctx, n)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, c)
	}
	return rounds, nil
}

func (e *estate) costOfNew(ctx context.Context, n int) (cost, error) {
	return e.costOf(ctx, n, func() error { return e.deliver(ctx, n) })
}

// noteLatency takes the latency over the ingress that is there, with orders, of which there are none but these.
func (e *estate) noteLatency(ctx context.Context, size int) error {
	n := min(e.lab.samples, max(size/10, 1))
	all, err := e.lab.latencies(ctx, scale, e.orders, n)
	if err != nil {
		return err
	}
	e.orders += n
	e.lab.table.note(record.At(size, "webhook to condition, unloaded: p50"), milliseconds(percentile(all, 50)), "ms")
	e.lab.table.note(record.At(size, "webhook to condition, unloaded: p99"), milliseconds(percentile(all, 99)), "ms")
	return nil
}

// grow delivers alerts that are not there yet, and waits until the manager has done with them.
func (e *estate) grow(ctx context.Context, n int) error {
	if n <= 0 {
		return nil
	}
	step("making %d alerts", n)
	began := time.Now()
	if err := e.deliver(ctx, n); err != nil {
		return err
	}
	step("%d alerts made, with status and Event; %s a second", n, record.Format(perSecond(n, time.Since(began))))
	return nil
}

func (e *estate) deliver(ctx context.Context, n int) error {
	if _, err := floodN(ctx, e.poster, e.target(v1alpha1.AlertTriggerOn, 85), e.alerts, n); err != nil {
		return err
	}
	e.alerts, e.on, e.reports, e.versions = e.alerts+n, e.on+n, e.reports+n, e.versions+2*n
	return e.untilActive(ctx, e.on, n)
}

// target is both ingresses, in turns.
func (e *estate) target(trigger v1alpha1.AlertTrigger, value int) target {
	webhook := e.lab.hooks[scale]
	return target{urls: []string{webhook.AlertsURL(0), webhook.AlertsURL(1)}, body: alertBody(trigger, value)}
}

// untilActive waits until the manager sees so many alerts that are On, after n deliveries.
func (e *estate) untilActive(ctx context.Context, active, n int) error {
	// To look is not free either, and is to stay small beside what is measured.
	every := 5 * pollEvery
	if n > 10_000 {
		every = 50 * pollEvery
	}
	return e.lab.untilMetric(ctx, localcluster.Manager, "sim_operator_alerts_active", isScale,
		func(seen float64) bool { return int(seen) == active }, every)
}

func isScale(labels map[string]string) bool { return labels["namespace"] == scale }
