// Command reproducible builds the programs of the image twice, in two directories of different names, and fails if one
// of them is not the same to the byte. The flags are those of make build, which builds them in the image too.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// programs are those of the image.
var programs = []string{"ingress", "manager"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	platforms := flag.String("platforms", "linux/amd64,linux/arm64", "What to build for, with commas between them.")
	cold := flag.Bool("cold", false, "Give each build a build cache of its own, so that nothing is compiled once for both. It takes minutes.")
	flag.Parse()
	if err := run(ctx, os.Stdout, strings.Split(*platforms, ","), *cold); err != nil {
		fmt.Fprintln(os.Stderr, "reproducible:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing to do that the end of the process does not
	}
}

func run(ctx context.Context, out io.Writer, platforms []string, cold bool) error {
	dir, err := os.MkdirTemp("", "reproducible-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	builds := []*build{{source: filepath.Join(dir, "one")}, {source: filepath.Join(dir, "another", "place")}}
	for i, b := range builds {
		if err := copySource(ctx, b.source); err != nil {
			return err
		}
		if cold {
			b.cache = filepath.Join(dir, fmt.Sprintf("cache-%d", i))
		}
	}
	var differ error
	for _, platform := range platforms {
		if err := compare(ctx, out, platform, builds); err != nil {
			differ = errors.Join(differ, err)
		}
	}
	return differ
}

// A build is one place in which the programs are built.
type build struct {
	source string
	// cache is Go's build cache; "" is the one that everybody uses.
	cache string
}

// copySource copies the files that git knows, as they are now.
func copySource(ctx context.Context, to string) error {
	list, err := exec.CommandContext(ctx, "git", "ls-files", "-z", "Makefile", "go.mod", "go.sum", "api", "cmd", "controllers", "internal").Output()
	if err != nil {
		return fmt.Errorf("ask git for the files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		content, err := os.ReadFile(name) //nolint:gosec // a file of this repository
		if err != nil {
			return err
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil { //nolint:gosec // below a directory that was just made
			return err
		}
	}
	return nil
}

// compare builds for one platform everywhere, and says what came out.
func compare(ctx context.Context, out io.Writer, platform string, builds []*build) error {
	var digests [][]string
	for _, b := range builds {
		found, err := b.digests(ctx, platform)
		if err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		digests = append(digests, found)
	}
	var differ error
	for i, program := range programs {
		first := digests[0][i]
		_, _ = fmt.Fprintf(out, "%s %s %s\n", platform, program, first)
		for _, other := range digests[1:] {
			if other[i] != first {
				differ = errors.Join(differ, fmt.Errorf("%s for %s is %s the first time, and %s another time", program, platform, first, other[i]))
			}
		}
	}
	return differ
}

// digests builds the programs, and returns the SHA-256 of each.
func (b *build) digests(ctx context.Context, platform string) ([]string, error) {
	system, architecture, ok := strings.Cut(platform, "/")
	if !ok {
		return nil, errors.New("a platform is such as linux/amd64")
	}
	bin := filepath.Join(b.source, "bin", system, architecture)
	command := exec.CommandContext(ctx, "make", "build", //nolint:gosec // the platform is what a person asked for
		"PROGRAMS="+strings.Join(programs, " "), "BIN="+bin, "VERSION=v0.0.0", "COMMIT=none")
	command.Dir = b.source
	command.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+architecture)
	if b.cache != "" {
		command.Env = append(command.Env, "GOCACHE="+b.cache)
	}
	if text, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make build: %w\n%s", err, bytes.TrimSpace(text))
	}
	found := make([]string, 0, len(programs))
	for _, program := range programs {
		content, err := os.ReadFile(filepath.Join(bin, program)) //nolint:gosec // just built
		if err != nil {
			return nil, err
		}
		found = append(found, fmt.Sprintf("sha256:%x", sha256.Sum256(content)))
	}
	return found, nil
}
