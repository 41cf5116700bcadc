package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// The numbers of the design.
const (
	reachLatencyP50 = 20 * time.Millisecond
	reachLatencyP99 = 100 * time.Millisecond
)

// measureLatency takes the time from the first byte of a webhook to the condition that a watch shows, one delivery after
// another.
func measureLatency(ctx context.Context, l *lab) error {
	if err := l.startManager(ctx, latency); err != nil {
		return err
	}
	if _, err := l.startIngress(ctx); err != nil {
		return err
	}
	const warmUp = 10
	all, err := l.latencies(ctx, latency, 0, warmUp+l.samples)
	if err != nil {
		return err
	}
	all = all[warmUp:]
	l.table.below(milliseconds(reachLatencyP50), "webhook to condition, unloaded: p50", milliseconds(percentile(all, 50)), "ms")
	l.table.below(milliseconds(reachLatencyP99), "webhook to condition, unloaded: p99", milliseconds(percentile(all, 99)), "ms")
	return nil
}

// latencies are those of n orders in a namespace, from the one with the number first on.
func (l *lab) latencies(ctx context.Context, namespace string, first, n int) ([]time.Duration, error) {
	watcher, err := l.watchOrders(ctx, namespace)
	if err != nil {
		return nil, err
	}
	defer watcher.Stop()
	poster := newPoster(1)
	defer poster.CloseIdleConnections()
	var all []time.Duration
	for number := first; number < first+n; number++ {
		began := time.Now()
		if err := post(ctx, poster, l.hooks[namespace].OrdersURL(0), orderBody(number)); err != nil {
			return nil, err
		}
		if err := awaitReady(ctx, watcher, uuid(orderIDs, number)); err != nil {
			return nil, err
		}
		all = append(all, time.Since(began))
	}
	return all, nil
}

func (l *lab) watchOrders(ctx context.Context, namespace string) (watch.Interface, error) {
	watching, err := client.NewWithWatch(l.config, client.Options{Scheme: l.client.Scheme()})
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	watcher, err := watching.Watch(ctx, &v1alpha1.SimOrderList{}, client.InNamespace(namespace))
	if err != nil {
		return nil, fmt.Errorf("watching orders: %w", err)
	}
	return watcher, nil
}

// awaitReady waits until the watch shows the condition Ready of an order.
func awaitReady(ctx context.Context, watcher watch.Interface, name string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the status of order %s: %w", name, context.Cause(ctx))
		case change, open := <-watcher.ResultChan():
			if !open {
				return errors.New("the watch has ended")
			}
			order, ok := change.Object.(*v1alpha1.SimOrder)
			if ok && order.Name == name && meta.FindStatusCondition(order.Status.Conditions, v1alpha1.ConditionReady) != nil {
				return nil
			}
		}
	}
}
