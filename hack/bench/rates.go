package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// The numbers of the design.
const (
	reachResources = 0.9
	reachStatus    = 0.85
)

// measureResources compares webhooks that become resources to a loop that creates the same resources.
func measureResources(ctx context.Context, l *lab) error {
	r := &race{lab: l, namespace: resources, poster: newPoster(callers)}
	defer r.poster.CloseIdleConnections()
	if _, err := l.startIngress(ctx); err != nil {
		return err
	}
	// The first delivery shows what the ingress makes, for the loop to copy.
	if err := r.deliver(ctx, 1); err != nil {
		return err
	}
	var err error
	if r.loop, err = l.newLoop(ctx, resources, 0, false); err != nil {
		return err
	}
	r.loop.next = 1_000_000
	if err := r.run(ctx, r.loop.create, r.deliver); err != nil {
		return err
	}
	l.table.note("create loop", median(r.loopRates), "1/s")
	l.table.note("webhooks to resources", median(r.rates), "1/s")
	l.table.atLeast(reachResources, "webhooks to resources, to a create loop", median(ratios(r.rates, r.loopRates)))
	return nil
}

// measureStatus compares webhooks that become a resource with its status and its Event to a loop of these three writes.
func measureStatus(ctx context.Context, l *lab) error {
	r := &race{lab: l, namespace: status, poster: newPoster(callers)}
	defer r.poster.CloseIdleConnections()
	if err := l.startManager(ctx, status); err != nil {
		return err
	}
	if _, err := l.startIngress(ctx); err != nil {
		return err
	}
	if err := r.deliverAndFold(ctx, 1); err != nil {
		return err
	}
	var err error
	if r.loop, err = l.newLoop(ctx, status, 0, true); err != nil {
		return err
	}
	r.loop.next = 2_000_000
	if err := r.run(ctx, r.loop.createAll, r.deliverAndFold); err != nil {
		return err
	}
	if err := l.verifyStatuses(ctx, status, r.next); err != nil {
		return err
	}
	l.table.note("loop of the three writes", median(r.loopRates), "1/s")
	l.table.note("webhooks to status and Event", median(r.rates), "1/s")
	l.table.atLeast(reachStatus, "webhooks to status and Event, to a loop of the three writes", median(ratios(r.rates, r.loopRates)))
	return nil
}

// A race is a comparison of the programs and a loop, in turns.
type race struct {
	lab       *lab
	namespace string
	poster    *http.Client
	loop      *loop
	next      int

	rates, loopRates []float64
}

// run has each take its turns, the programs first in every second round. A first round warms both up and does not count.
func (r *race) run(ctx context.Context, write func(context.Context, int) error, deliver func(context.Context, int) error) error {
	n := r.lab.objects
	for round := range r.lab.shortRounds() + 1 {
		turns := []func() error{
			func() error {
				rate, err := r.loop.run(ctx, n, write)
				r.loopRates = append(r.loopRates, rate)
				return err
			},
			func() error {
				r.lab.profile(ctx, localcluster.Ingress, r.namespace, 3*time.Second)
				if r.namespace == status {
					r.lab.profile(ctx, localcluster.Manager, r.namespace, 3*time.Second)
				}
				began := time.Now()
				err := deliver(ctx, n)
				r.rates = append(r.rates, perSecond(n, time.Since(began)))
				return err
			},
		}
		for i := range turns {
			if err := turns[(i+round)%len(turns)](); err != nil {
				return err
			}
		}
	}
	r.rates, r.loopRates = r.rates[1:], r.loopRates[1:]
	return nil
}

// deliver makes n deliveries, and waits until there is a resource of each.
func (r *race) deliver(ctx context.Context, n int) error {
	to := target{urls: []string{r.lab.hooks[r.namespace].OrdersURL(0)}, body: orderBody}
	if _, err := floodN(ctx, r.poster, to, r.next, n); err != nil {
		return err
	}
	r.next += n
	return r.lab.untilCount(ctx, ordersResource(), r.namespace, r.next)
}

// deliverAndFold waits for the Events and the statuses, too. The Events come first; the manager's count of open orders is
// what it has seen of the statuses in its watch, so that the end is never called too early.
func (r *race) deliverAndFold(ctx context.Context, n int) error {
	if err := r.deliver(ctx, n); err != nil {
		return err
	}
	if err := r.lab.untilCount(ctx, eventsResource(), r.namespace, r.next); err != nil {
		return err
	}
	return r.lab.untilMetric(ctx, localcluster.Manager, "sim_operator_orders", isOpenIn(r.namespace),
		func(open float64) bool { return int(open) >= r.next }, pollEvery)
}

func isOpenIn(namespace string) func(labels map[string]string) bool {
	return func(labels map[string]string) bool {
		return labels["namespace"] == namespace && labels["state"] == string(v1alpha1.OrderStateOpen)
	}
}

// verifyStatuses reads all orders, so that the numbers do not rest on metrics alone.
func (l *lab) verifyStatuses(ctx context.Context, namespace string, n int) error {
	var orders v1alpha1.SimOrderList
	if err := l.client.List(ctx, &orders, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("reading what was made: %w", err)
	}
	if len(orders.Items) != n {
		return fmt.Errorf("there are %d orders after %d deliveries", len(orders.Items), n)
	}
	for i := range orders.Items {
		if o := &orders.Items[i]; o.Status.ObservedGeneration != o.Generation || o.Status.ObservedSequence != 1 {
			return fmt.Errorf("the status of order %s is not that of its one report", o.Name)
		}
	}
	return nil
}
