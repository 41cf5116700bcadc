// Command fuzz runs every fuzz target of the repository for a while, one after another, and fails if one fails.
//
//	go run ./hack/fuzz -time 1m
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"
)

func main() {
	each := flag.Duration("time", 30*time.Second, "how long each target runs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *each); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing to do that the end of the process does not
	}
}

// A target is one fuzz function.
type target struct{ pkg, name string }

func run(ctx context.Context, each time.Duration) error {
	targets, err := find(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for i, t := range targets {
		fmt.Printf("%s of %s for %s (%d of %d)\n", t.name, t.pkg, each, i+1, len(targets))
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(), t.pkg) //nolint:gosec // from our own sources
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			failures = append(failures, fmt.Errorf("%s of %s: %w", t.name, t.pkg, err))
		}
	}
	return errors.Join(failures...)
}

// find lists the fuzz functions. go test can run only one of them at a time, and only if it is named.
func find(ctx context.Context) ([]target, error) {
	out, err := exec.CommandContext(ctx, "git", "grep", "-lE", "^func Fuzz", "--", "*_test.go").Output()
	if err != nil {
		return nil, fmt.Errorf("look for fuzz targets: %w", err)
	}
	var targets []target
	for files := bufio.NewScanner(bytes.NewReader(out)); files.Scan(); {
		found, err := in(files.Text())
		if err != nil {
			return nil, err
		}
		targets = append(targets, found...)
	}
	if len(targets) == 0 {
		return nil, errors.New("there are no fuzz targets")
	}
	return targets, nil
}

func in(file string) ([]target, error) {
	source, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	if err != nil {
		return nil, err
	}
	pkg := "."
	if at := strings.LastIndex(file, "/"); at >= 0 {
		pkg = "./" + file[:at]
	}
	var targets []target
	for _, line := range strings.Split(string(source), "\n") {
		if rest, is := strings.CutPrefix(line, "func Fuzz"); is {
			name, _, _ := strings.Cut(rest, "(")
			targets = append(targets, target{pkg: pkg, name: "Fuzz" + name})
		}
	}
	return targets, nil
}
