// Command docstest is make docs-test: it does what README.md and the documents of docs/ say, one document after the
// other, as a reader would, in a clone of the repository. What a fence says:
//
//	```sh                     is given to bash -eu, and has to end with 0
//	```sh background: TEXT    goes on in the background once it has printed TEXT, and gets Ctrl-C at the end
//	```sh not-run: WHY        is only read by bash -n, and the flags of kubectl and helm are looked up
//	```console                has commands behind "$ ", each followed by what it prints
//	```console fails          the same, and they end with something else than 0
//	```yaml                   is shown to the API server if it is a resource of ours
//	```text, json, mermaid    is no command
//
// What is different each time (times, ages, ids of deliveries, tokens, ports) is not compared, and a line "..." stands
// for any lines.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

const (
	startTimeout = 10 * time.Minute
	stepTimeout  = 3 * time.Minute
	stopTimeout  = 30 * time.Second
)

func main() {
	var o options
	flag.StringVar(&o.root, "root", ".", "The top of the repository.")
	flag.StringVar(&o.only, "run", "", "Of the documents after the two READMEs, run only those whose name matches this expression.")
	flag.BoolVar(&o.keep, "keep", false, "Leave the clone in place, and say where it is.")
	flag.DurationVar(&o.patience, "patience", 45*time.Second, "For how long a command that only reads is repeated until it shows what the document shows.")
	flag.BoolVar(&o.check, "check", false, "Only check the form of the documents, and run nothing.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "docs-test:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	root, only  string
	keep, check bool
	patience    time.Duration
}

func run(ctx context.Context, o options) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	documents, problems, err := read(o.root)
	if err != nil {
		return err
	}
	for _, p := range problems {
		fmt.Println(p)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d problems", len(problems))
	}
	if o.check {
		return nil
	}
	dir, err := os.MkdirTemp("", "docs") // short, for there are sockets in it
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("the clone is", dir)
	} else {
		defer os.RemoveAll(dir) //nolint:errcheck // a directory for temporary files
	}
	p, err := newPlace(ctx, o.root, dir)
	if err != nil {
		return err
	}
	r := &reader{place: p, patience: o.patience, only: only}
	defer r.stop()
	r.readAll(ctx, documents)
	return r.summary()
}
