package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// indexPatience is how long the list of downloads may take: the test of whether there is a way to that site.
	indexPatience = 20 * time.Second
	// downloadPatience is how long the download itself, of about 150 MB, may take.
	downloadPatience = 5 * time.Minute
)

// download gets the programs with setup-envtest.
func download(ctx context.Context, dir string, want versions) error {
	say("asking setup-envtest for %s", want.envtest())
	if err := compileSetupEnvtest(ctx); err != nil {
		return err
	}
	staging, err := os.MkdirTemp(dir, ".download-")
	if err != nil {
		return fmt.Errorf("making a directory for the download: %w", err)
	}
	defer os.RemoveAll(staging) //nolint:errcheck // the worst is that it stays
	if _, err := setupEnvtest(ctx, indexPatience, "list", want.envtest(), "--bin-dir", staging); err != nil {
		return err
	}
	say("downloading (about 150 MB, only once)")
	from, err := setupEnvtest(ctx, downloadPatience, "use", want.envtest(), "--bin-dir", staging, "-p", "path")
	if err != nil {
		return err
	}
	for _, p := range programs {
		if err := copyProgram(filepath.Join(from, p.name), filepath.Join(dir, p.name)); err != nil {
			return err
		}
	}
	return nil
}

// compileSetupEnvtest builds the tool, so that the patience with its network is not used up by the compiler.
func compileSetupEnvtest(ctx context.Context) error {
	_, err := output(goCommand(ctx, "tool", "-modfile=hack/tools/go.mod", "setup-envtest", "version"))
	return err
}

// setupEnvtest runs the tool and returns what it printed.
func setupEnvtest(ctx context.Context, patience time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := output(goCommand(ctx, append([]string{"tool", "-modfile=hack/tools/go.mod", "setup-envtest"}, args...)...))
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "", fmt.Errorf("no answer within %s", patience)
	}
	return out, err
}

// output runs cmd and returns its standard output, trimmed. The error is the last line that it wrote to standard error.
func output(cmd *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if line := lastLine(stderr.String()); line != "" {
			return "", errors.New(line)
		}
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}

// lastLine is the last line of text that says something; go tool adds one of its own about the exit status.
func lastLine(text string) string {
	var last string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "exit status") {
			last = line
		}
	}
	return last
}

// copyProgram copies an executable file.
func copyProgram(from, to string) error {
	return replaceFile(to, func(temporary string) error {
		in, err := os.Open(from) //nolint:gosec // the path is setup-envtest's answer
		if err != nil {
			return fmt.Errorf("copying %s: %w", filepath.Base(to), err)
		}
		defer in.Close()                                                              //nolint:errcheck // only read
		out, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755) //nolint:gosec // it is to be run
		if err != nil {
			return fmt.Errorf("copying %s: %w", filepath.Base(to), err)
		}
		_, err = io.Copy(out, in)
		if err := errors.Join(err, out.Close()); err != nil {
			return fmt.Errorf("copying %s: %w", filepath.Base(to), err)
		}
		return nil
	})
}
