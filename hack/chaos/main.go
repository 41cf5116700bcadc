// Command chaos is make chaos: the simulator against real processes, two replicas of the ingress among them, while a
// schedule made from a seed kills, freezes and starves them, and ends them at the failpoints. Then it checks that every
// delivery is accounted for. It exits with 1 if one is not, and leaves all that it made for a look.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

func main() {
	var o options
	flag.DurationVar(&o.duration, "duration", time.Minute, "How long to deliver; at least until each fault has been tried.")
	flag.Float64Var(&o.rate, "rate", 300, "New deliveries a second; 0 is as many as are answered.")
	flag.DurationVar(&o.pause, "pause", 2*time.Second, "How long it takes, on average, from one fault to the next.")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "The seed of the faults and of what is delivered; by default the time.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	flawless, err := start(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if err != nil || !flawless {
		os.Exit(1)
	}
}

// start runs in a directory of its own, which it removes if all went well.
func start(ctx context.Context, o options) (flawless bool, err error) {
	o.root, o.out = ".", os.Stdout
	if o.assets, err = localcluster.FindAssets(o.root); err != nil {
		return false, err
	}
	if o.dir, err = os.MkdirTemp("", "sim-operator-chaos-"); err != nil {
		return false, err
	}
	fmt.Printf("seed %d: make chaos SEED=%[1]d DURATION=%s repeats the schedule\n", o.seed, o.duration)
	flawless, err = run(ctx, o)
	if err != nil || !flawless {
		fmt.Printf("seed %d; all that was made stays in %s\n", o.seed, o.dir)
		return flawless, err
	}
	return true, os.RemoveAll(o.dir)
}
