// Command manager runs the controllers of sim-operator.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"runtime/debug"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/sim-operator/sim-operator/controllers"
	"github.com/sim-operator/sim-operator/internal/logging"
	"github.com/sim-operator/sim-operator/internal/monitoring"
	"github.com/sim-operator/sim-operator/internal/namespaces"
	"github.com/sim-operator/sim-operator/internal/tracing"
	"github.com/sim-operator/sim-operator/internal/version"
)

type options struct {
	probeAddress, pprofAddress              string
	metrics                                 monitoring.Options
	leaderElect                             bool
	leaderNamespace                         string
	leaseDuration, renewDeadline, retryWait time.Duration
	concurrency                             int
	namespaces                              namespaces.Set
	log                                     logging.Options
	traces                                  tracing.Options
	showVersion                             bool
}

// collectAt is by how many percent the heap grows before the collector runs. Nearly all of the heap is the cache, which
// stays: with Go's own 100 a manager of 100,000 SIMs would hold as much garbage as cache.
const collectAt = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	var o options
	o.bind(flag.CommandLine)
	flag.Parse()
	if o.showVersion {
		fmt.Println("manager", version.String())
		return
	}
	ctrl.SetLogger(logging.New(&o.log))
	if err := run(ctrl.SetupSignalHandler(), &o); err != nil {
		ctrl.Log.Error(err, "The manager stopped")
		os.Exit(1)
	}
}

func (o *options) bind(flags *flag.FlagSet) {
	o.metrics = monitoring.DefaultOptions()
	o.metrics.BindFlags(flags)
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8082", "Where /healthz and /readyz are served.")
	flags.StringVar(&o.pprofAddress, "pprof-bind-address", "0", "Where CPU and memory profiles are served, to anybody who reaches it; 0 for nowhere.")
	flags.BoolVar(&o.leaderElect, "leader-elect", true, "Work only while this replica is the leader.")
	flags.StringVar(&o.leaderNamespace, "leader-election-namespace", "", "Where the leader's Lease is; by default the namespace this runs in.")
	flags.DurationVar(&o.leaseDuration, "leader-election-lease-duration", 15*time.Second, "How long another replica waits for a leader that is silent.")
	flags.DurationVar(&o.renewDeadline, "leader-election-renew-deadline", 10*time.Second, "How long the leader tries to stay leader.")
	flags.DurationVar(&o.retryWait, "leader-election-retry-period", 2*time.Second, "How long to wait between such tries.")
	flags.IntVar(&o.concurrency, "concurrency", controllers.DefaultConcurrency, "How many SimOrders, and how many SimAlerts, are reconciled at the same time.")
	flags.Var(&o.namespaces, "namespaces", "The namespaces that are worked in, with commas between them; by default all.")
	flags.BoolVar(&o.showVersion, "version", false, "Print the version and exit.")
	o.log.BindFlags(flags)
	o.traces = tracing.DefaultOptions()
	o.traces.BindFlags(flags)
}

func run(ctx context.Context, o *options) error {
	instance, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find out the host's name: %w", err)
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	settings, err := controllers.ManagerOptions(config, o.namespaces)
	if err != nil {
		return err
	}
	if err := monitoring.RegisterBuild(metrics.Registry, "manager"); err != nil {
		return err
	}
	certificate, err := o.metrics.Certificate()
	if err != nil {
		return err
	}
	settings.Metrics = o.metrics.ServerOptions(certificate)
	settings.HealthProbeBindAddress = o.probeAddress
	settings.PprofBindAddress = o.pprofAddress
	settings.LeaderElection = o.leaderElect
	settings.LeaderElectionID = "sim-operator-manager"
	settings.LeaderElectionNamespace = o.leaderNamespace
	settings.LeaderElectionReleaseOnCancel = true
	settings.LeaseDuration, settings.RenewDeadline, settings.RetryPeriod = &o.leaseDuration, &o.renewDeadline, &o.retryWait
	mgr, err := ctrl.NewManager(config, settings)
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	if err := addToManager(mgr, certificate); err != nil {
		return err
	}
	tracer, err := tracing.Start(ctx, o.traces, tracing.Process{
		Service: "sim-operator-manager", Instance: instance, Version: version.String(),
		Clock: clock.RealClock{}, Random: mathrand.Uint64, Registry: metrics.Registry, Log: ctrl.Log.WithName("traces"),
	})
	if err != nil {
		return err
	}
	defer tracer.Close(ctx)
	if err := controllers.Setup(ctx, mgr, controllers.Options{
		Clock:       clock.RealClock{},
		Random:      rand.Reader,
		Instance:    instance,
		Concurrency: o.concurrency,
		Registry:    metrics.Registry,
		Tracer:      tracer,
	}); err != nil {
		return err
	}
	ctrl.Log.Info("Starting the manager", "version", version.String())
	return mgr.Start(ctx)
}

// addToManager adds what is not about SIMs: the health check, and the certificate for the metrics where there is one that
// may change.
func addToManager(mgr ctrl.Manager, certificate *monitoring.Certificate) error {
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add the health check: %w", err)
	}
	if certificate == nil || certificate.Watcher == nil {
		return nil
	}
	if err := mgr.Add(certificate.Watcher); err != nil {
		return fmt.Errorf("follow the certificate for the metrics: %w", err)
	}
	return nil
}
