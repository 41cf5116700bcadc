package simulator

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	quietPatience = 3 * time.Minute
	quietPoll     = 500 * time.Millisecond
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

// waitQuiet waits until no delivery waits in a spool and no report for its status.
func (s *Simulator) waitQuiet(ctx context.Context) error {
	s.options.Progress("waiting until the spools are empty and all reports are processed")
	ctx, cancel := context.WithTimeout(ctx, quietPatience)
	defer cancel()
	told := time.Now()
	for {
		err := s.quiet(ctx)
		if err == nil {
			return nil
		}
		if time.Since(told) >= progressEvery {
			told = time.Now()
			s.options.Progress(err.Error())
		}
		if !sleep(quietPoll, ctx.Done()) {
			return fmt.Errorf("not quiet after %s: %w", quietPatience, err)
		}
	}
}

// quiet is nil if nothing moves, and else says what does.
func (s *Simulator) quiet(ctx context.Context) error {
	waiting, err := sum(ctx, s.options.MetricsURLs, waitingMetric)
	if err != nil {
		return err
	}
	if waiting > 0 {
		return fmt.Errorf("%d deliveries wait in the spools", waiting)
	}
	resources, err := s.cluster.resources(ctx)
	if err != nil {
		return err
	}
	behind := 0
	for i := range resources {
		r := &resources[i]
		if r.Status.Sequence != r.lastSequence() || r.Status.Generation != r.Generation {
			behind++
		}
	}
	if behind > 0 {
		return fmt.Errorf("%d resources have reports that are not in their status yet", behind)
	}
	return nil
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
