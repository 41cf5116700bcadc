package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// progressEvery is how often a build that takes long says that it is still at it.
	progressEvery = 20 * time.Second
	// interruptGrace is how long an interrupted build may take to clean up.
	interruptGrace = 5 * time.Second
)

// build makes the programs from their Go modules.
func build(ctx context.Context, dir string, want versions) error {
	say("building them from their Go modules instead: about 5 minutes on two cores, and only once")
	started := time.Now()
	for i, p := range programs {
		what := fmt.Sprintf("%s (%d of %d)", p.name, i+1, len(programs))
		if err := buildProgram(ctx, dir, p, what, want); err != nil {
			return err
		}
	}
	say("all built in %s; they stay in %s/", since(started), binDir)
	return nil
}

// buildProgram makes one program and says how far it is while it does.
func buildProgram(ctx context.Context, dir string, p program, what string, want versions) error {
	started := time.Now()
	say("building %s", what)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				say("still building %s, %s so far", what, since(started))
			}
		}
	}()
	err := replaceFile(filepath.Join(dir, p.name), func(temporary string) error {
		return compile(ctx, p, temporary, want)
	})
	if err != nil {
		return err
	}
	say("built %s in %s", what, since(started))
	return nil
}

// compile runs the compiler, whose list of downloaded modules is shown only if it fails.
func compile(ctx context.Context, p program, path string, want versions) error {
	cmd := goCommand(ctx, "-C", moduleDir, "build", "-o", path,
		"-ldflags=-s -w -X k8s.io/component-base/version.gitVersion="+want.kubernetes, p.pkg)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	err := cmd.Run()
	if ctx.Err() != nil {
		return errors.New("interrupted; the next run goes on from here")
	}
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", p.name, err, log.Bytes())
	}
	return nil
}

// goCommand is the go command, free of settings that are meant for the product's own module.
func goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are constants and versions from our go.mod
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = interruptGrace
	return cmd
}

// since is the time since then, to the second.
func since(then time.Time) time.Duration {
	return time.Since(then).Round(time.Second)
}
