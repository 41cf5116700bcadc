// Command run is make run: it starts a control plane, the manager and the ingress on this machine, keeps them running,
// and says what to do with them. Everything is kept in .local/, and the next run goes on from there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// Where deliveries go until somebody makes receivers of their own.
const (
	receiverNamespace = "sims"
	receiverName      = "demo"
)

// options are what the command line says.
type options struct {
	dir       string
	ingresses int
	hooksPort int
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", ".local", "Where everything is kept.")
	flag.IntVar(&o.ingresses, "ingresses", 1, "How many replicas of the ingress to start.")
	flag.IntVar(&o.hooksPort, "hooks-port", 8080, "The port for webhooks; the next free one if it is taken.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "\nmake run:", err)
		os.Exit(1)
	}
}

// run starts everything, and stops it when ctx ends.
func run(ctx context.Context, o options) error {
	if err := checkPlace(); err != nil {
		return err
	}
	unlock, err := lock(o.dir)
	if err != nil {
		return err
	}
	defer unlock()
	p := newPrinter(os.Stdout, o.dir)
	cluster, webhook, err := start(ctx, o, p)
	if ctx.Err() != nil {
		err = nil // whatever did not come up was not meant to
	}
	if err != nil {
		return err
	}
	if ctx.Err() == nil {
		p.instructions(cluster, webhook)
		<-ctx.Done()
	}
	p.line("stopping; Ctrl-C again kills what is left")
	if cluster != nil {
		cluster.Stop()
	}
	p.line("stopped; the data stays in %s/ for the next make run, and make clean removes it", o.dir)
	return nil
}

// start brings everything up, and writes webhook.env last: whoever waits for that file finds everything ready.
func start(ctx context.Context, o options, p *printer) (*localcluster.Cluster, localcluster.Webhook, error) {
	var none localcluster.Webhook
	env := filepath.Join(o.dir, "webhook.env")
	if err := os.Remove(env); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, none, fmt.Errorf("removing the webhook URLs of the last run: %w", err)
	}
	assets, err := localcluster.FindAssets(".")
	if err != nil {
		return nil, none, err
	}
	p.assets = assets
	cluster, err := localcluster.Start(ctx, localcluster.Options{
		Dir:        o.dir,
		Root:       ".",
		Assets:     assets,
		Ingresses:  o.ingresses,
		HooksPort:  o.hooksPort,
		Supervisor: localcluster.SupervisorOptions{Notify: p.notice, Waiting: p.waiting},
		Progress:   func(step string) { p.line("%s", step) },
	})
	if err != nil {
		return nil, none, err
	}
	p.line("making SimReceiver %s in namespace %s", receiverName, receiverNamespace)
	webhook, err := cluster.Receiver(ctx, receiverNamespace, receiverName)
	if err == nil {
		err = writeEnv(env, webhook, o.ingresses)
	}
	if err != nil {
		cluster.Stop()
		return nil, none, err
	}
	return cluster, webhook, nil
}

// writeEnv writes the webhook URLs, which hold the token, for a shell to read. Those of further replicas are numbered.
func writeEnv(path string, w localcluster.Webhook, replicas int) error {
	var content string
	for i := range replicas {
		suffix := ""
		if i > 0 {
			suffix = fmt.Sprintf("_%d", i+1)
		}
		content += fmt.Sprintf("ORDERS_URL%s=%s\nALERTS_URL%s=%s\n", suffix, w.OrdersURL(i), suffix, w.AlertsURL(i))
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(content), 0o600); err != nil {
		return fmt.Errorf("writing the webhook URLs: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("writing the webhook URLs: %w", err)
	}
	return nil
}

// checkPlace makes sure that this is the top of the repository and that the programs are built.
func checkPlace() error {
	for _, path := range []string{"config/crd/bases", "bin/manager", "bin/ingress"} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("start it as make run, at the top of the repository: %w", err)
		}
	}
	return nil
}
