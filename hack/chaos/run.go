package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/sim-operator/sim-operator/hack/localcluster"
	"github.com/sim-operator/sim-operator/hack/simulator"
)

// options are what to do, and where.
type options struct {
	root, assets, dir string
	duration, pause   time.Duration
	rate              float64
	seed              uint64
	out               io.Writer
}

const (
	replicas  = 2
	namespace = "sims"
	receiver  = "demo"
	// keepApplied is how much of what was applied an ingress keeps, so that a long run fits on a small disk.
	keepApplied = 8 << 20
)

// managerArgs make the lease shorter than some freezes last, and let a manager that was killed work again soon. The
// deadline leaves room for a machine that is busy: a leader that gives up for that has to read everything anew.
func managerArgs() []string {
	return []string{"--leader-election-lease-duration=10s", "--leader-election-renew-deadline=8s", "--leader-election-retry-period=1s"}
}

// errMissed is a run that proves less than it says.
var errMissed = errors.New("a fault was never carried out")

// run starts everything, delivers while faults happen, and checks. It returns true if nothing is amiss.
func run(ctx context.Context, o options) (flawless bool, err error) {
	p := &printer{out: o.out, began: time.Now()}
	p.say("building the manager and the ingress with failpoints")
	programs := filepath.Join(o.dir, "programs")
	if err := localcluster.BuildPrograms(ctx, o.root, programs, "-tags=failpoints"); err != nil {
		return false, err
	}
	d := newDisk(filepath.Join(o.dir, "spool", localcluster.IngressName(replicas-1)))
	defer d.remove()
	p.say("%s", d)
	cluster, err := localcluster.Start(ctx, localcluster.Options{
		Dir: o.dir, Root: o.root, Assets: o.assets, Programs: programs, Ingresses: replicas,
		ManagerArgs: managerArgs(),
		IngressArgs: []string{fmt.Sprintf("--keep-applied-max-bytes=%d", keepApplied)},
		Supervisor:  localcluster.SupervisorOptions{Backoff: localcluster.Backoff{First: 200 * time.Millisecond, Max: 2 * time.Second, Settled: 3 * time.Second}},
		Progress:    func(step string) { p.say("%s", step) },
	})
	if err != nil {
		return false, err
	}
	defer cluster.Stop()
	s, err := newSimulator(ctx, o, cluster, p)
	if err != nil {
		return false, err
	}
	f := newFaults(o.seed, o.pause, cluster.Supervisor(), d, p)
	loadUnderFaults(ctx, o, s, f)
	p.say("no more faults")
	if err := errors.Join(cluster.WaitReady(ctx), cluster.WaitProgramsReady(ctx)); err != nil {
		return false, err
	}
	result, err := s.Check(ctx)
	if err != nil {
		return false, err
	}
	result.Print(o.out)
	f.print(o.out)
	return len(result.Differences) == 0, f.missed()
}

func newSimulator(ctx context.Context, o options, cluster *localcluster.Cluster, p *printer) (*simulator.Simulator, error) {
	webhook, err := cluster.Receiver(ctx, namespace, receiver)
	if err != nil {
		return nil, err
	}
	so := simulator.Options{
		Config: cluster.Config(), Namespace: namespace, Seed: o.seed, Rate: o.rate, Progress: func(line string) { p.say("%s", line) },
	}
	for i := range replicas {
		so.Webhooks = append(so.Webhooks, simulator.Webhook{OrdersURL: webhook.OrdersURL(i), AlertsURL: webhook.AlertsURL(i)})
		so.MetricsURLs = append(so.MetricsURLs, cluster.MetricsURL(localcluster.IngressName(i)))
	}
	return simulator.New(ctx, so)
}

// loadUnderFaults delivers until the time is up and each fault has been tried.
func loadUnderFaults(ctx context.Context, o options, s *simulator.Simulator, f *faults) {
	enough, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	loading, over := context.WithCancel(ctx)
	var faulty sync.WaitGroup
	faulty.Go(func() {
		defer over()
		f.run(ctx, enough)
	})
	s.Load(loading)
	faulty.Wait()
}

// A printer prints lines with the time since the start.
type printer struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
}

func (p *printer) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "%7.1fs  %s\n", time.Since(p.began).Seconds(), fmt.Sprintf(format, args...)) //nolint:errcheck // nothing to do about it
}
