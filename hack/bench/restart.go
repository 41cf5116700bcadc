package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// The numbers of the design.
const (
	reachBytes        = 4096
	reachRestart      = 15 * time.Second
	reachRestartWrite = 0
)

// restartRounds is how often the manager is started anew: on a machine that others work on, too, one start says little.
const restartRounds = 3

// A comeback is one restart of the manager: how long it took until it was ready, and until it had looked at all resources;
// and what it wrote, by resource.
type comeback struct {
	ready, settled time.Duration
	writes         map[string]float64
}

// measureRestart starts the manager anew, and sees how long that takes, what it writes, and what it needs.
func (e *estate) measureRestart(ctx context.Context) error {
	l := e.lab
	if err := e.untilCounted(ctx); err != nil {
		return err
	}
	rounds := 1 // for the memory alone
	if l.wants(restart) {
		rounds = restartRounds
	}
	var all []comeback
	for round := range rounds {
		step("starting the manager anew, %d of %d", round+1, rounds)
		c, err := e.restartManager(ctx)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	if l.wants(restart) {
		noteRestarts(l.table, e.alerts, e.orders, all)
	}
	if l.wants(memory) {
		if err := e.noteManagerMemory(ctx); err != nil {
			return err
		}
	}
	return e.startIngresses(ctx)
}

func (e *estate) restartManager(ctx context.Context) (comeback, error) {
	l := e.lab
	l.stopPrograms()
	if err := l.freeLease(ctx); err != nil {
		return comeback{}, err
	}
	before, err := l.writes(ctx)
	if err != nil {
		return comeback{}, err
	}
	began := time.Now()
	if err := l.startManager(ctx, scale); err != nil {
		return comeback{}, err
	}
	ready := time.Since(began)
	ofAlerts := func(labels map[string]string) bool { return labels["controller"] == "simalert" }
	err = l.untilMetric(ctx, localcluster.Manager, "controller_runtime_reconcile_total", ofAlerts,
		func(n float64) bool { return int(n) >= e.alerts }, 5*pollEvery)
	if err != nil {
		return comeback{}, err
	}
	settled := time.Since(began)
	after, err := l.writes(ctx)
	return comeback{ready: ready, settled: settled, writes: grown(before, after)}, err
}

// noteRestarts notes the middle of all restarts, but all of what they wrote.
func noteRestarts(t *table, alerts, orders int, all []comeback) {
	written := map[string]float64{}
	var ready, settled []time.Duration
	for _, c := range all {
		for name, n := range c.writes {
			written[name] += n
		}
		ready, settled = append(ready, c.ready), append(settled, c.settled)
	}
	for name, n := range written {
		step("the restarts made %s writes of %s", record.Format(n), name)
	}
	over := fmt.Sprintf("restart over %d settled resources: ", alerts+orders)
	t.atMost(reachRestartWrite, over+"writes (but for the lease and its Event)", total(written), "writes")
	t.below(reachRestart.Seconds(), over+"ready after", median(ready).Seconds(), "s")
	t.note(fmt.Sprintf("%sready after, slowest of %d", over, len(all)), slices.Max(ready).Seconds(), "s")
	t.note(over+"all looked at after", median(settled).Seconds(), "s")
}

func (e *estate) noteManagerMemory(ctx context.Context) error {
	now, err := e.footprint(ctx, localcluster.Manager)
	if err != nil {
		return err
	}
	n := float64(e.alerts + e.orders)
	t := e.lab.table
	what := fmt.Sprintf("memory of the manager a settled resource, at %d: ", e.alerts+e.orders)
	t.below(reachBytes, what+"live heap", (now.heap-e.empty.heap)/n, "B")
	t.below(reachBytes, what+"RSS", (now.rss-e.empty.rss)/n, "B")
	t.note("memory of the manager, no resources: RSS", e.empty.rss/mebibyte, "MiB")
	t.note(fmt.Sprintf("memory of the manager, %d resources: RSS", e.alerts+e.orders), now.rss/mebibyte, "MiB")
	return nil
}

// untilCounted waits until the receiver's status shows all alerts and orders: the manager counts them only now and then, and has not
// settled before.
func (e *estate) untilCounted(ctx context.Context) error {
	return until(ctx, "the count in the receiver's status", 5*pollEvery, func(ctx context.Context) (bool, error) {
		var receiver v1alpha1.SimReceiver
		err := e.lab.client.Get(ctx, types.NamespacedName{Namespace: scale, Name: receiverName}, &receiver)
		return err == nil && int(receiver.Status.Alerts) == e.alerts && int(receiver.Status.Orders) == e.orders, err
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

// Where the manager's lease is.
const (
	leaseNamespace = "sim-operator-system"
	leaseName      = "sim-operator-manager"
)

// freeLease makes sure that nobody holds the lease of a manager that has ended. It gives it back itself, unless it took so
// long to end that it was killed: then the next one would wait for a minute, which is no part of a restart.
func (l *lab) freeLease(ctx context.Context) error {
	var lease coordinationv1.Lease
	if err := l.client.Get(ctx, types.NamespacedName{Namespace: leaseNamespace, Name: leaseName}, &lease); err != nil {
		return fmt.Errorf("reading the manager's lease: %w", err)
	}
	if ptr.Deref(lease.Spec.HolderIdentity, "") == "" {
		return nil
	}
	step("the manager ended without giving back its lease; it is deleted")
	if err := l.client.Delete(ctx, &lease); err != nil {
		return fmt.Errorf("deleting the manager's lease: %w", err)
	}
	return nil
}

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

// grown is by how much each count is higher than before, where it is.
func grown(before, after map[string]float64) map[string]float64 {
	more := map[string]float64{}
	for name := range after {
		if n := after[name] - before[name]; n != 0 {
			more[name] = n
		}
	}
	return more
}

func total(counts map[string]float64) float64 {
	n := 0.0
	for _, count := range counts {
		n += count
	}
	return n
}
