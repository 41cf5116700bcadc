package simulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// quietPatience is how long nothing may get on before the wait is given up. What is held back is looked at again
	// after at most a minute.
	quietPatience = 90 * time.Second
	quietPoll     = time.Second
	// readPatience is how long the cluster is asked again when it does not answer.
	readPatience = time.Minute
)

// baseline is what a cluster held before the run, which is none of its business.
type baseline struct {
	resources   map[Resource]bool
	quarantined int
}

const (
	waitingMetric    = "sim_operator_spool_deliveries"
	quarantineMetric = "sim_operator_quarantine_deliveries"
)

func (s *Simulator) readBaseline(ctx context.Context) (baseline, error) {
	b := baseline{resources: map[Resource]bool{}}
	resources, err := s.cluster.resources(ctx)
	if err != nil {
		return b, err
	}
	for i := range resources {
		b.resources[resources[i].Resource] = true
	}
	b.quarantined, err = sum(ctx, s.options.MetricsURLs, quarantineMetric)
	return b, err
}

// Check waits until nothing moves any more, and compares.
func (s *Simulator) Check(ctx context.Context) (*Result, error) {
	for resource := range s.ledger.Accounts {
		if s.before.resources[resource] {
			return nil, fmt.Errorf("%s was there before the start: seed %d was simulated on this cluster already", resource, s.options.Seed)
		}
	}
	late := s.waitQuiet(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	contents, err := s.contents(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster at the end: %w", err)
	}
	result := Verify(s.ledger, contents)
	if late != nil {
		result.Differences = append(result.Differences, Difference{NotQuiet, 1, "cluster", late.Error()})
	}
	if s.pending > 0 {
		result.Differences = append(result.Differences, Difference{
			NotQuiet, s.pending, "door", fmt.Sprintf("%d deliveries were still refused %s after the last one", s.pending, drainPatience),
		})
	}
	return result, nil
}

// waitQuiet waits until no delivery waits in a spool and no report for its status, for as long as it gets on.
func (s *Simulator) waitQuiet(ctx context.Context) error {
	s.options.Progress("waiting until the spools are empty and all reports are processed")
	told, moved := time.Now(), time.Now()
	var before backlog
	for {
		now, err := s.backlog(ctx)
		if err == nil && now.empty() {
			return nil
		}
		if err == nil && now != before {
			before, moved = now, time.Now()
		}
		if time.Since(told) >= progressEvery {
			told = time.Now()
			s.options.Progress(cmp.Or(errorText(err), before.String()))
		}
		if time.Since(moved) > quietPatience || !sleep(quietPoll, ctx.Done()) {
			return fmt.Errorf("for %s nothing got on: %s", quietPatience, cmp.Or(errorText(err), before.String()))
		}
	}
}

// A backlog is what is still to be done. events is how many have been seen: that rises while it is done.
type backlog struct{ waiting, behind, events int }

func (b backlog) empty() bool { return b.waiting == 0 && b.behind == 0 }

func (b backlog) String() string {
	if b.waiting > 0 {
		return fmt.Sprintf("%d deliveries wait in the spools, %d Events seen", b.waiting, b.events)
	}
	return fmt.Sprintf("%d resources have reports that are not in their status yet, %d Events seen", b.behind, b.events)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// backlog looks first at the spools, and at the resources only when these are empty: to list them costs the server much.
func (s *Simulator) backlog(ctx context.Context) (backlog, error) {
	waiting, err := sum(ctx, s.options.MetricsURLs, waitingMetric)
	if err != nil {
		return backlog{}, err
	}
	b := backlog{waiting: waiting, events: s.watch.count()}
	if waiting > 0 {
		return b, nil
	}
	resources, err := s.cluster.resources(ctx)
	if err != nil {
		return backlog{}, err
	}
	for i := range resources {
		r := &resources[i]
		if r.Status.Sequence != r.lastSequence() || r.Status.Generation != r.Generation {
			b.behind++
		}
	}
	return b, nil
}

// contents reads all that belongs to the run.
func (s *Simulator) contents(ctx context.Context) (Contents, error) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	for {
		c, err := s.readContents(ctx)
		if err == nil || !sleep(quietPoll, ctx.Done()) {
			return c, err
		}
	}
}

func (s *Simulator) readContents(ctx context.Context) (Contents, error) {
	// What is still there is listed once more: then nothing depends on how far the watch has come.
	_, listed := s.watch.list(ctx)
	resources, read := s.cluster.resources(ctx)
	quarantined, scraped := sum(ctx, s.options.MetricsURLs, quarantineMetric)
	c := Contents{Quarantined: quarantined - s.before.quarantined}
	for i := range resources {
		if !s.before.resources[resources[i].Resource] {
			c.Resources = append(c.Resources, resources[i])
		}
	}
	for _, e := range s.watch.all() {
		if !s.before.resources[e.Regarding] {
			c.Events = append(c.Events, e)
		}
	}
	return c, errors.Join(listed, read, scraped)
}
