package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

const mebibyte = 1 << 20

// The numbers of the design, in MiB.
const (
	reachIdle    = 64
	reachWaiting = 160
)

// measureIngressMemory reads the memory of an ingress that does nothing, and of one that holds deliveries which the API
// server, frozen, does not take.
func measureIngressMemory(ctx context.Context, l *lab) error {
	ingress, err := l.startIngress(ctx)
	if err != nil {
		return err
	}
	if err := l.noteMemory(ctx, ingress, "ingress, idle", reachIdle); err != nil {
		return err
	}
	supervisor := l.cluster.Supervisor()
	if err := supervisor.Signal(localcluster.APIServer, syscall.SIGSTOP); err != nil {
		return err
	}
	defer supervisor.Signal(localcluster.APIServer, syscall.SIGCONT) //nolint:errcheck // it is there
	poster := newPoster(callers)
	defer poster.CloseIdleConnections()
	to := target{urls: []string{l.hooks[memory].AlertsURL(0)}, body: alertBody(v1alpha1.AlertTriggerOn, 85)}
	f, err := floodN(ctx, poster, to, 0, l.waiting)
	if err != nil {
		return err
	}
	step("%d deliveries accepted, %s a second", f.accepted, record.Format(f.perSecond()))
	page, err := l.metrics(ctx, ingress)
	if err != nil {
		return err
	}
	if waiting := int(sum(page, "sim_operator_spool_deliveries", nil)); waiting != l.waiting {
		return fmt.Errorf("%d deliveries wait, and not %d", waiting, l.waiting)
	}
	l.table.note(record.SpoolBytes, sum(page, "sim_operator_spool_bytes", nil)/float64(l.waiting), "B")
	return l.noteMemory(ctx, ingress, fmt.Sprintf("ingress, %d deliveries waiting", l.waiting), reachWaiting)
}

// noteMemory reads the memory that a process has in RAM a few times, as it is, garbage included, and takes the highest.
func (l *lab) noteMemory(ctx context.Context, program, what string, reach float64) error {
	var all, anonymous float64
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for range 10 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		rss, anon, err := resident(l.cluster.Supervisor().Pid(program))
		if err != nil {
			return err
		}
		all, anonymous = max(all, rss), max(anonymous, anon)
	}
	heap, err := l.liveHeap(ctx, program)
	if err != nil {
		return err
	}
	l.table.below(reach, "memory of the "+what+": RSS", all/mebibyte, "MiB")
	l.table.note("memory of the "+what+": RSS without file pages", anonymous/mebibyte, "MiB")
	l.table.note("memory of the "+what+": live heap", heap/mebibyte, "MiB")
	return nil
}
