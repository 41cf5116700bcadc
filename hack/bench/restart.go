package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

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

// measureRestart starts the manager anew, and sees how long that takes, what it writes, and what it needs.
func (e *estate) measureRestart(ctx context.Context) error {
	l := e.lab
	if err := e.untilCounted(ctx); err != nil {
		return err
	}
	l.stopPrograms()
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
		over := fmt.Sprintf("restart over %d settled resources: ", e.alerts+e.orders)
		for name := range after {
			if n := after[name] - before[name]; n != 0 {
				step("the restart made %s writes of %s", record.Format(n), name)
			}
		}
		l.table.atMost(reachRestartWrite, over+"writes (but for the lease and its Event)", total(after)-total(before), "writes")
		l.table.below(reachRestart.Seconds(), over+"ready after", ready.Seconds(), "s")
		l.table.note(over+"all looked at after", settled.Seconds(), "s")
	}
	if l.wants(memory) {
		if err := e.noteManagerMemory(ctx); err != nil {
			return err
		}
	}
	return e.startIngresses(ctx)
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
