// Command ingress is the door: it takes the webhooks of Mobile Manager, keeps each delivery on disk before it answers
// 200, and brings them to the API server as SimOrders and SimAlerts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/sim-operator/sim-operator/internal/admin"
	"github.com/sim-operator/sim-operator/internal/ingress"
	"github.com/sim-operator/sim-operator/internal/logging"
	"github.com/sim-operator/sim-operator/internal/monitoring"
	"github.com/sim-operator/sim-operator/internal/probe"
	"github.com/sim-operator/sim-operator/internal/version"
)

const (
	// collectAt is by how many percent the heap grows before the collector runs. After a burst most of it is what waits, and
	// stays: with Go's own 100 there would be as much garbage again.
	collectAt = 35
	// ballastBytes are allocated and never touched, so that they take no memory. They count as heap: without them the
	// collector would run every 4 MiB while little is kept, dozens of times a second under load.
	ballastBytes = 44 << 20
	// spareThreads run Go code beside those that Go has by itself, one for each processor: the spool's committer holds one of
	// them while it waits for the disk, and everybody else would have to do with the rest. They are counted once, at the start.
	spareThreads = 1
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + spareThreads)
	}
	ballast := make([]byte, ballastBytes)
	defer runtime.KeepAlive(ballast)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ingress:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing to do that the end of the process does not
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "probe" {
		return probe.Run(ctx, os.Stdout, args[1:])
	}
	if len(args) > 0 && slices.Contains(admin.Commands(), args[0]) {
		cli := admin.CLI{Out: os.Stdout, Clock: clock.RealClock{}, SpoolDir: ingress.DefaultOptions().SpoolDir}
		return cli.Run(ctx, args)
	}
	return serve(ctx, args)
}

func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("ingress", flag.ExitOnError)
	options := ingress.DefaultOptions()
	options.BindFlags(flags)
	config.RegisterFlags(flags)
	logOptions := logging.Options{}
	logOptions.BindFlags(flags)
	showVersion := flags.Bool("version", false, "Print the version and exit.")
	flags.Usage = func() {
		_, _ = fmt.Fprintf(flags.Output(), "ingress [flags] takes the webhooks of Mobile Manager.\n\n%s\n%s\n\nflags:\n", admin.Usage, probe.Usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no command\n%s", flags.Arg(0), admin.Usage)
	}
	if *showVersion {
		fmt.Println("ingress", version.String())
		return nil
	}
	log.SetLogger(logging.New(&logOptions))
	restConfig, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("find the API server: %w", err)
	}
	if err := errors.Join(monitoring.RegisterBuild(metrics.Registry, "ingress"), monitoring.RegisterRuntime(metrics.Registry)); err != nil {
		return err
	}
	return ingress.Run(ctx, restConfig, options, metrics.Registry, log.Log.WithName("ingress"))
}
