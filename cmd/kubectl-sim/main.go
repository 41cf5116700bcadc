// Command kubectl-sim is kubectl sim, a kubectl plugin for those who look after SIMs.
package main

import (
	"context"
	"crypto/rand"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
	"k8s.io/utils/clock"

	"github.com/sim-operator/sim-operator/internal/plugin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := plugin.Run(ctx, plugin.Environment{
		In:       os.Stdin,
		Out:      os.Stdout,
		Err:      os.Stderr,
		Terminal: term.IsTerminal(int(os.Stdout.Fd())),
		Getenv:   os.Getenv,
		Clock:    clock.RealClock{},
		Random:   rand.Reader,
	}, os.Args[1:])
	stop()
	os.Exit(code)
}
