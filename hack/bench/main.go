package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// Names of the measurements, for -only.
const (
	door       = "door"
	latency    = "latency"
	resources  = "resources"
	status     = "status"
	memory     = "memory"
	scale      = "scale"
	restart    = "restart"
	transition = "transition"
	burst      = "burst"
	check      = "check"
)

// sizes are how much is measured.
type sizes struct {
	rounds  int           // of each comparison
	turn    time.Duration // of the door
	objects int           // a round of resources and status
	samples int           // of the latency
	waiting int           // deliveries in the spool when the ingress's memory is read
	small   int           // resources that a delivery's cost is compared at; it is measured at a tenth of these, too
	large   int
	// fresh is how many new alerts there are in each round of the cost, at most: a few seconds' worth, in which the machine stays
	// as fast as it is.
	fresh int
	// window is how long alerts turn at least, where that is compared. Each of the two API servers is measured in half of it.
	window time.Duration
}

func fullSizes() sizes {
	return sizes{
		rounds: 5, turn: 1500 * time.Millisecond, objects: 2000, samples: 300, waiting: 100_000, small: 10_000, large: 100_000, fresh: 500,
		window: 10 * time.Minute,
	}
}

func quickSizes() sizes {
	return sizes{
		rounds: 3, turn: 500 * time.Millisecond, objects: 1000, samples: 100, waiting: 10_000, small: 1000, large: 10_000, fresh: 500,
		window: 30 * time.Second,
	}
}

type options struct {
	sizes

	only     []string
	out      string
	dir      string
	profiles string
	merge    bool
	keep     bool
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == bareCommand {
		if err := serveBare(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	log.SetLogger(logr.Discard())
	if err := run(ctx, parseFlags()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing to do that the end of the process does not
	}
}

func parseFlags() options {
	var o options
	var only string
	given := sizes{}
	quick := flag.Bool("quick", false, "Measure at small sizes, in under 9 minutes, all but "+check+", which waits for as long. The numbers of the design are for the full sizes.")
	flag.StringVar(&only, "only", "", "The measurements to make, with commas between them; by default all of "+strings.Join(measurements(), ", ")+".")
	flag.IntVar(&given.rounds, "rounds", 0, "How often each side of a comparison is measured; twice as often where a round is short.")
	flag.DurationVar(&given.turn, "turn", 0, "How long the door is measured at a time.")
	flag.IntVar(&given.objects, "objects", 0, "How many resources are made in each round of resources and status.")
	flag.IntVar(&given.samples, "samples", 0, "How many deliveries the latency is taken of.")
	flag.IntVar(&given.waiting, "waiting", 0, "How many deliveries wait when the memory of the ingress is read.")
	flag.IntVar(&given.large, "resources", 0, "How many resources there are for scale, restart, transition, check and burst, which are measured at a tenth and a hundredth of them, too.")
	flag.IntVar(&given.fresh, "fresh", 0, "How many alerts are made in each round of scale, at most.")
	flag.StringVar(&o.out, "out", filepath.Join(".local", "bench.json"), "Where the table goes as JSON. The machine and the commit go to a file beside it.")
	flag.StringVar(&o.dir, "dir", "", "The directory to work in; by default a new one for temporary files. It decides which disk fsync is measured on.")
	flag.StringVar(&o.profiles, "profiles", "", "A directory for CPU profiles of the manager, the ingress and kube-apiserver; by default none are taken.")
	flag.BoolVar(&o.merge, "merge", false, "Keep the rows of the file that are not measured anew.")
	flag.BoolVar(&o.keep, "keep", false, "Do not remove the directory that was worked in.")
	flag.Parse()
	o.only = measurements()
	o.sizes = fullSizes()
	if *quick {
		o.sizes = quickSizes()
		o.only = slices.DeleteFunc(o.only, func(name string) bool { return name == check })
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	o.sizes = o.override(given)
	return o
}

func measurements() []string {
	return []string{door, latency, resources, status, memory, scale, restart, transition, burst, check}
}

// override takes the sizes that were given in place of those of a preset.
func (s sizes) override(given sizes) sizes {
	for _, size := range []struct{ at, given *int }{
		{&s.rounds, &given.rounds},
		{&s.objects, &given.objects},
		{&s.samples, &given.samples},
		{&s.waiting, &given.waiting},
		{&s.fresh, &given.fresh},
	} {
		if *size.given > 0 {
			*size.at = *size.given
		}
	}
	if given.large > 0 {
		s.large = max(given.large, 100)
		s.small = s.large / 10
	}
	if given.turn > 0 {
		s.turn = given.turn
	}
	return s
}

// shortRounds is how many rounds there are where one takes a few seconds, in which the machine may be faster for one side than
// for the other: an even number, so that each side is first as often.
func (s sizes) shortRounds() int { return 2 * s.rounds }

// freshAt is how many new alerts there are in each round on the way to a size: as many at the two that are compared.
func (s sizes) freshAt(size int) int {
	return min(s.fresh, min(size, s.small)/2/s.shortRounds())
}

func (o *options) wants(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(o.only, name) })
}

// run measures, and prints what there is even if something failed on the way.
func run(ctx context.Context, o options) error {
	for _, name := range o.only {
		if !slices.Contains(measurements(), name) {
			return fmt.Errorf("there is no measurement %q; there are %s", name, strings.Join(measurements(), ", "))
		}
	}
	if err := o.workIn(); err != nil {
		return err
	}
	if !o.keep {
		defer os.RemoveAll(o.dir) //nolint:errcheck // files for temporary use
	}
	t, err := o.newTable(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	err = measureAll(ctx, o, t)
	r := &t.Runs[0]
	r.LoadAfter, r.Took = loadAverage(), time.Since(began).Round(time.Second).String()
	t.save()
	fmt.Printf("\ncommit %s; %s\nload average (1, 5, 15 minutes) before %s, after %s; took %s\n\n", r.Commit, r.Machine, r.LoadBefore, r.LoadAfter, r.Took)
	record.Print(os.Stdout, t.Rows)
	return errors.Join(err, t.failed)
}

// newTable is empty, or holds what it is to be merged into.
func (o *options) newTable(ctx context.Context) (*table, error) {
	t := &table{path: o.out, Record: record.Record{Runs: []record.Run{newRun(ctx, o.dir)}}}
	var err error
	if o.merge {
		t.earlier, err = record.Read(record.Beside(o.out))
	}
	return t, err
}

// workIn makes the directory to work in.
func (o *options) workIn() error {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "sim-operator-bench-")
		o.dir = dir
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "bench-")
	o.dir = dir
	return err
}

func measureAll(ctx context.Context, o options, t *table) error {
	step("building the manager and the ingress")
	if err := localcluster.BuildPrograms(ctx, ".", o.programs()); err != nil {
		return err
	}
	var errs []error
	if o.wants(door, latency, resources, status, memory) {
		errs = append(errs, withLab(ctx, o, t, "first", measureRates))
	}
	if o.wants(scale, restart, transition, check, burst, memory) && ctx.Err() == nil {
		errs = append(errs, withLab(ctx, o, t, "second", measureScale))
	}
	return errors.Join(errs...)
}

// programs is where the programs are that are measured.
func (o *options) programs() string { return filepath.Join(o.dir, "programs") }

// withLab makes measurements on a control plane of their own.
func withLab(ctx context.Context, o options, t *table, name string, measure func(context.Context, *lab) error) error {
	l, err := newLab(ctx, o, t, filepath.Join(o.dir, name))
	if err != nil {
		return err
	}
	defer l.close()
	return measure(ctx, l)
}

// measureRates makes those measurements that need few resources.
func measureRates(ctx context.Context, l *lab) error {
	all := []struct {
		name    string
		measure func(context.Context, *lab) error
	}{
		{latency, measureLatency},
		{resources, measureResources},
		{status, measureStatus},
		{memory, measureIngressMemory},
		{door, measureDoor}, // last, for the hundreds of thousands of orders that it leaves make the API server slower
	}
	var errs []error
	for _, m := range all {
		if !l.wants(m.name) || ctx.Err() != nil {
			continue
		}
		err := m.measure(ctx, l)
		if err != nil {
			errs = append(errs, fmt.Errorf("measuring %s: %w", m.name, err))
		}
		l.stopPrograms()
	}
	return errors.Join(errs...)
}

// step says what is being done.
func step(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// cores is how many processors this process may use; the programs have the same.
func cores() int { return runtime.GOMAXPROCS(0) }
