package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// measureChecks measures what it takes kube-apiserver to compare all alerts in its cache to all in etcd, here and where there
// are a tenth as many. It does so by itself, five to seven and a half minutes after it has started or has done so before,
// and meanwhile nothing is delivered.
func (e *estate) measureChecks(ctx context.Context) error {
	return e.withSmaller(ctx, "checked", e.lab.small, func(smaller *estate) error {
		group, ctx := errgroup.WithContext(ctx)
		sides := []*estate{smaller, e}
		took := make([]time.Duration, len(sides))
		for i, side := range sides {
			group.Go(func() (err error) {
				took[i], err = side.nextCheck(ctx)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i, side := range sides {
			e.lab.table.note(record.At(side.alerts, record.CheckProcessor), took[i].Seconds(), "s")
		}
		return nil
	})
}

// watchEvery is how often it is looked how much of the processors an API server has used.
const watchEvery = time.Second

// nextCheck waits until the API server has made a check, and says what processor time it took.
func (e *estate) nextCheck(ctx context.Context) (time.Duration, error) {
	step("waiting for kube-apiserver to check its cache of %d alerts", e.alerts)
	before, err := cacheChecks(ctx, e)
	if err != nil {
		return 0, err
	}
	var used []time.Duration
	err = until(ctx, "kube-apiserver to check its cache", watchEvery, func(ctx context.Context) (bool, error) {
		so, err := processorTime(e.lab.cluster.Supervisor().Pid(localcluster.APIServer))
		if err != nil {
			return false, err
		}
		used = append(used, so)
		now, err := cacheChecks(ctx, e)
		return err == nil && now[0] > before[0], err
	})
	if err != nil {
		return 0, err
	}
	took, err := lastWork(used)
	if err != nil {
		return 0, fmt.Errorf("measuring a check of the cache: %w", err)
	}
	return took, nil
}

var (
	errNoWork = errors.New("nothing was worked")
	errNoRest = errors.New("there was no rest before the work")
)

// lastWork is the processor time that went into the work that has just ended, by readings of it at even intervals: what was
// used since it was last at rest, beyond what is used at rest.
func lastWork(readings []time.Duration) (time.Duration, error) {
	var steps []time.Duration
	for i := 1; i < len(readings); i++ {
		steps = append(steps, readings[i]-readings[i-1])
	}
	rest := median(steps)
	// Work takes a processor, or what others leave of it.
	isWork := func(used time.Duration) bool { return used > rest+watchEvery/5 }
	slices.Reverse(steps)
	began := slices.IndexFunc(steps, isWork)
	if began < 0 {
		return 0, errNoWork
	}
	const pause = 3 // steps in which a list is waited for
	var work time.Duration
	idle := 0
	for _, used := range steps[began:] {
		idle++
		if isWork(used) {
			idle = 0
		}
		if idle == pause {
			return work, nil
		}
		work += used - rest
	}
	return 0, errNoRest
}
