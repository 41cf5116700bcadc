package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// The numbers of the design.
const (
	reachCost         = 1.15
	reachBytes        = 4096
	reachRestart      = 15 * time.Second
	reachRestartWrite = 0
)

// An estate is alerts that were made by deliveries, all of them On, with the manager and one ingress at work.
type estate struct {
	lab    *lab
	poster *http.Client
	alerts int
	// empty is what the manager needed before there was any.
	empty footprint
}

// A footprint is what a process needs of memory, in bytes: in RAM, and of its heap after a collection.
type footprint struct{ rss, heap float64 }

// measureScale fills a cluster and makes the measurements that need many resources.
func measureScale(ctx context.Context, l *lab) error {
	e := &estate{lab: l, poster: newPoster(callers)}
	defer e.poster.CloseIdleConnections()
	if err := l.startManager(ctx, scale); err != nil {
		return err
	}
	var err error
	if e.empty, err = e.managerFootprint(ctx); err != nil {
		return err
	}
	if _, err := l.startIngress(ctx, 0); err != nil {
		return err
	}
	if err := e.fill(ctx); err != nil {
		return fmt.Errorf("measuring scale: %w", err)
	}
	if err := l.cluster.Supervisor().Stop(localcluster.Ingress); err != nil {
		return err
	}
	var errs []error
	if l.wants(restart, memory) {
		errs = append(errs, e.measureRestart(ctx))
	}
	if l.wants(burst) && ctx.Err() == nil {
		errs = append(errs, e.measureBurst(ctx))
	}
	return errors.Join(errs...)
}

// fill makes as many alerts as are wanted, and measures on the way what a delivery costs.
func (e *estate) fill(ctx context.Context) error {
	l := e.lab
	if !l.wants(scale) {
		return e.grow(ctx, l.large)
	}
	if err := e.grow(ctx, l.small); err != nil {
		return err
	}
	few, err := e.cost(ctx)
	if err != nil {
		return err
	}
	if err := e.grow(ctx, l.large-e.alerts); err != nil {
		return err
	}
	many, err := e.cost(ctx)
	if err != nil {
		return err
	}
	for _, at := range []struct {
		resources int
		cost      cost
	}{{l.small, few}, {l.large, many}} {
		l.table.note(fmt.Sprintf("cost of a delivery at %d resources: processor", at.resources), milliseconds(at.cost.processor), "ms")
		l.table.note(fmt.Sprintf("cost of a delivery at %d resources: time", at.resources), milliseconds(at.cost.time), "ms")
	}
	against := fmt.Sprintf("cost of a delivery at %d resources against %d: ", l.large, l.small)
	l.table.atMost(reachCost, against+"processor", float64(many.processor)/float64(few.processor), "ratio")
	l.table.atMost(reachCost, against+"time", float64(many.time)/float64(few.time), "ratio")
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
	step("%d alerts made, with status and Event; %s a second", n, format(perSecond(n, time.Since(began))))
	return nil
}

func (e *estate) deliver(ctx context.Context, n int) error {
	to := target{urls: []string{e.lab.hooks[scale].AlertsURL(0)}, body: alertBody("On", 85)}
	if _, err := floodN(ctx, e.poster, to, e.alerts, n); err != nil {
		return err
	}
	e.alerts += n
	// To look is not free either, and is to stay small beside what is measured.
	every := 5 * pollEvery
	if n > 10_000 {
		every = 50 * pollEvery
	}
	return e.lab.untilMetric(ctx, localcluster.Manager, "sim_operator_alerts_active", isScale,
		func(active float64) bool { return int(active) >= e.alerts }, every)
}

func isScale(labels map[string]string) bool { return labels["namespace"] == scale }

// A cost is what one delivery takes: of the processors, over all processes, and of time while many are made.
type cost struct{ processor, time time.Duration }

// cost is the median of some rounds of fresh deliveries.
func (e *estate) cost(ctx context.Context) (cost, error) {
	var processor, took []time.Duration
	for round := range e.lab.rounds + 1 {
		before, err := e.processorTime()
		if err != nil {
			return cost{}, err
		}
		began := time.Now()
		if err := e.deliver(ctx, e.lab.fresh); err != nil {
			return cost{}, err
		}
		elapsed := time.Since(began)
		after, err := e.processorTime()
		if err != nil {
			return cost{}, err
		}
		if round > 0 {
			processor = append(processor, (after-before)/time.Duration(e.lab.fresh))
			took = append(took, elapsed/time.Duration(e.lab.fresh))
		}
	}
	return cost{median(processor), median(took)}, nil
}

// processorTime is that of all the processes.
func (e *estate) processorTime() (time.Duration, error) {
	var total time.Duration
	for _, name := range []string{localcluster.Etcd, localcluster.APIServer, localcluster.Manager, localcluster.Ingress} {
		used, err := processorTime(e.lab.cluster.Supervisor().Pid(name))
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}

func (e *estate) managerFootprint(ctx context.Context) (footprint, error) {
	heap, err := e.lab.liveHeap(ctx, localcluster.Manager)
	if err != nil {
		return footprint{}, err
	}
	rss, _, err := resident(e.lab.cluster.Supervisor().Pid(localcluster.Manager))
	return footprint{rss: rss, heap: heap}, err
}

// measureRestart starts the manager anew, and sees how long that takes, what it writes, and what it needs.
func (e *estate) measureRestart(ctx context.Context) error {
	l := e.lab
	if err := e.untilCounted(ctx); err != nil {
		return err
	}
	if err := l.cluster.Supervisor().Stop(localcluster.Manager); err != nil {
		return err
	}
	before, err := l.writes(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := l.startManager(ctx, scale); err != nil {
		return err
	}
	ready := time.Since(began)
	reconciled := func(labels map[string]string) bool { return labels["controller"] == "simalert" }
	err = l.untilMetric(ctx, localcluster.Manager, "controller_runtime_reconcile_total", reconciled,
		func(n float64) bool { return int(n) >= e.alerts }, 5*pollEvery)
	if err != nil {
		return err
	}
	settled := time.Since(began)
	after, err := l.writes(ctx)
	if err != nil {
		return err
	}
	if l.wants(restart) {
		over := fmt.Sprintf("restart over %d settled resources: ", e.alerts)
		for name := range after {
			if n := after[name] - before[name]; n != 0 {
				step("the restart made %s writes of %s", format(n), name)
			}
		}
		l.table.atMost(reachRestartWrite, over+"writes (but for the lease and its Event)", total(after)-total(before), "writes")
		l.table.below(reachRestart.Seconds(), over+"ready after", ready.Seconds(), "s")
		l.table.note(over+"all looked at after", settled.Seconds(), "s")
	}
	if l.wants(memory) {
		return e.noteManagerMemory(ctx)
	}
	return nil
}

func (e *estate) noteManagerMemory(ctx context.Context) error {
	now, err := e.managerFootprint(ctx)
	if err != nil {
		return err
	}
	n := float64(e.alerts)
	t := e.lab.table
	what := fmt.Sprintf("memory of the manager a settled resource, at %d: ", e.alerts)
	t.below(reachBytes, what+"live heap", (now.heap-e.empty.heap)/n, "B")
	t.below(reachBytes, what+"RSS", (now.rss-e.empty.rss)/n, "B")
	t.note("memory of the manager, no resources: RSS", e.empty.rss/mebibyte, "MiB")
	t.note(fmt.Sprintf("memory of the manager, %d resources: RSS", e.alerts), now.rss/mebibyte, "MiB")
	return nil
}

// untilCounted waits until the receiver's status shows all alerts: the manager counts them only now and then, and has not
// settled before.
func (e *estate) untilCounted(ctx context.Context) error {
	return until(ctx, "the count in the receiver's status", 5*pollEvery, func(ctx context.Context) (bool, error) {
		var receiver v1alpha1.SimReceiver
		err := e.lab.client.Get(ctx, types.NamespacedName{Namespace: scale, Name: receiverName}, &receiver)
		return err == nil && int(receiver.Status.Alerts) == e.alerts, err
	})
}

// writes are how many writes the API server has carried out so far, by resource, but for leases and the Events that tell
// who has one: those alone are in the namespace of the programs.
func (l *lab) writes(ctx context.Context) (map[string]float64, error) {
	page, err := scrape(ctx, l.http, l.config.Host+"/metrics")
	if err != nil {
		return nil, err
	}
	aboutLeases, err := l.countIn(ctx, eventsResource(), leaseNamespace)
	if err != nil {
		return nil, err
	}
	counts := countWrites(page)
	counts["events/"] -= float64(aboutLeases)
	return counts, nil
}

// leaseNamespace is where the manager's lease is.
const leaseNamespace = "sim-operator-system"

func countWrites(page []series) map[string]float64 {
	counts := map[string]float64{}
	for _, s := range page {
		carriedOut := strings.HasPrefix(s.labels["code"], "2")
		if s.name != "apiserver_request_total" || !carriedOut || s.labels["resource"] == "leases" {
			continue
		}
		switch s.labels["verb"] {
		case "POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION":
			counts[s.labels["resource"]+"/"+s.labels["subresource"]] += s.value
		}
	}
	return counts
}

func total(counts map[string]float64) float64 {
	n := 0.0
	for _, count := range counts {
		n += count
	}
	return n
}

// measureBurst has all alerts go Off at once, as at a month's end, over two replicas of the ingress.
func (e *estate) measureBurst(ctx context.Context) error {
	l := e.lab
	for replica := range 2 {
		if _, err := l.startIngress(ctx, replica); err != nil {
			return err
		}
	}
	events, err := l.countIn(ctx, eventsResource(), scale)
	if err != nil {
		return err
	}
	webhook := l.hooks[scale]
	to := target{urls: []string{webhook.AlertsURL(0), webhook.AlertsURL(1)}, body: alertBody("Off", 10)}
	began := time.Now()
	f, err := floodN(ctx, e.poster, to, 0, e.alerts)
	if err != nil {
		return err
	}
	step("%d deliveries accepted; waiting for their Events", f.accepted)
	if err := l.untilCount(ctx, eventsResource(), scale, events+e.alerts, 25*pollEvery); err != nil {
		return err
	}
	lastEvent := time.Since(began)
	err = l.untilMetric(ctx, localcluster.Manager, "sim_operator_alerts_active", isScale, func(active float64) bool { return active == 0 }, 5*pollEvery)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("burst of %d alerts to two ingresses: ", e.alerts)
	l.table.note(what+"accepted in", f.took.Seconds(), "s")
	l.table.note(what+"p99", milliseconds(percentile(f.answers, 99)), "ms")
	l.table.note(what+"last Event after", lastEvent.Seconds(), "s")
	l.table.note(what+"deliveries to Event", perSecond(e.alerts, lastEvent), "1/s")
	return nil
}
