package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/sim-operator/sim-operator/hack/localcluster"
	"github.com/sim-operator/sim-operator/internal/failpoint"
)

const (
	// hitPatience is how long an armed failpoint may take to be hit: the API server may have to come back first.
	hitPatience = 45 * time.Second
	upPatience  = 20 * time.Second
	// maxFailures is how many faults that could not be carried out are too many to go on.
	maxFailures = 20
)

// faults carries a schedule out.
type faults struct {
	schedule   *schedule
	supervisor *localcluster.Supervisor
	disk       *disk
	printer    *printer
	done       map[string]int
	failures   int
}

func newFaults(seed uint64, pause time.Duration, s *localcluster.Supervisor, d *disk, p *printer) *faults {
	return &faults{schedule: newSchedule(seed, pause), supervisor: s, disk: d, printer: p, done: map[string]int{}}
}

// run carries out steps until each fault was tried and enough has ended, or ctx has.
func (f *faults) run(ctx, enough context.Context) {
	for ctx.Err() == nil && (enough.Err() == nil || f.missed() != nil && f.failures < maxFailures) {
		step := f.schedule.next()
		if err := f.carryOut(ctx, step); err != nil {
			f.failures++
			f.printer.say("%s could not be carried out, and will be tried again: %v", step, err)
			f.schedule.again(step)
		} else {
			f.done[step.String()]++
		}
		wait(ctx, step.pause)
	}
}

func (f *faults) carryOut(ctx context.Context, s step) error {
	// What an earlier fault has ended must be there to be hit.
	up, cancel := context.WithTimeout(ctx, upPatience)
	defer cancel()
	if _, err := f.supervisor.WaitRestarted(up, s.target, 0); err != nil {
		return err
	}
	switch s.action {
	case kill:
		f.printer.say("kill -9 %s", s.target)
		return f.supervisor.Signal(s.target, syscall.SIGKILL)
	case freeze:
		return f.freeze(ctx, s)
	case fill:
		f.printer.say("fill the disk of %s for %s", s.target, s.length)
		return f.disk.fill(ctx, f.supervisor, s)
	case killAt:
		return f.killAt(ctx, s)
	}
	return fmt.Errorf("no such fault: %s", s)
}

func (f *faults) freeze(ctx context.Context, s step) error {
	f.printer.say("freeze %s for %s", s.target, s.length)
	if err := f.supervisor.Signal(s.target, syscall.SIGSTOP); err != nil {
		return err
	}
	wait(ctx, s.length)
	return f.supervisor.Signal(s.target, syscall.SIGCONT)
}

// killAt starts the target again with a failpoint, and waits until that has ended it.
func (f *faults) killAt(ctx context.Context, s step) error {
	f.printer.say("arm failpoint %s in %s, for the time number %d", s.failpoint, s.target, s.nth)
	before := f.supervisor.Restarts(s.target)
	hits := f.hits(s.target, s.failpoint)
	if err := f.supervisor.Add(s.target, nil, []string{fmt.Sprintf("%s=%s=%d", failpoint.Variable, s.failpoint, s.nth)}); err != nil {
		return err
	}
	err := f.supervisor.Signal(s.target, syscall.SIGKILL)
	if err == nil {
		_, err = f.supervisor.WaitRestarted(ctx, s.target, before+1)
	}
	// The start after this one is without it.
	if err := errors.Join(err, f.supervisor.Add(s.target, nil, nil)); err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, hitPatience)
	defer cancel()
	if _, err := f.supervisor.WaitRestarted(patience, s.target, before+2); err != nil {
		return fmt.Errorf("it was not hit: %w", err)
	}
	if f.hits(s.target, s.failpoint) == hits {
		return errors.New("the process ended, but not there")
	}
	return nil
}

// hits is how often a failpoint has ended a process, by what its log says.
func (f *faults) hits(target, name string) int {
	n := 0
	for _, suffix := range []string{"", ".1"} {
		content, err := os.ReadFile(f.supervisor.LogFile(target) + suffix) //nolint:gosec // the supervisor's own file
		if err == nil {
			n += bytes.Count(content, []byte("\nfailpoint: "+name+"\n"))
		}
	}
	return n
}

// missed is an error if a fault was never carried out.
func (f *faults) missed() error {
	var err error
	for _, s := range faultKinds(false) {
		if f.done[s.String()] == 0 {
			err = errors.Join(err, fmt.Errorf("%w: %s", errMissed, s))
		}
	}
	return err
}

func (f *faults) print(out io.Writer) {
	var text bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(f.done)) {
		fmt.Fprintf(&text, "%7d  %s\n", f.done[name], name)
	}
	fmt.Fprintf(&text, "%7d  faults that could not be carried out\n", f.failures)
	_, _ = text.WriteTo(out) // there is nobody else to tell
}

// wait waits, or less if ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
