// Command assets makes sure that etcd, kube-apiserver and kubectl are on this machine, and prints the directory that
// holds them: the one line on its standard output. Everything else that it says goes to standard error.
//
// It looks for them in this order:
//
//  1. in $KUBEBUILDER_ASSETS, where that is set;
//  2. in bin/, if a stamp there names the versions that hack/controlplane/go.mod asks for;
//  3. at setup-envtest's download site, with a short patience, for many networks do not reach it;
//  4. in the Go module cache: they are built from source, once.
//
// 3 and 4 fill bin/. Each file is written under another name and renamed, the stamp last, so that an interrupted run
// leaves nothing half made, and a lock lets one of two simultaneous runs wait for the other.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// programs are what the directory must hold.
var programs = []program{
	{name: "etcd", pkg: "go.etcd.io/etcd/server/v3"},
	{name: "kubectl", pkg: "k8s.io/kubernetes/cmd/kubectl"},
	{name: "kube-apiserver", pkg: "k8s.io/kubernetes/cmd/kube-apiserver"},
}

// program is a name in the directory and the Go package that it is built from.
type program struct{ name, pkg string }

const (
	binDir    = "bin"
	stampName = ".controlplane-version"
	lockName  = ".controlplane-lock"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := assets(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1) //nolint:gocritic // the process ends here, and with it what the deferred stop would undo
	}
	fmt.Println(dir)
}

// assets returns the absolute path of a directory that holds all programs.
func assets(ctx context.Context) (string, error) {
	if given := os.Getenv("KUBEBUILDER_ASSETS"); given != "" {
		if missing := missingFrom(given); len(missing) > 0 {
			return "", fmt.Errorf("KUBEBUILDER_ASSETS is set to %s, which has no %s; unset it, and make gets them by itself",
				given, strings.Join(missing, ", no "))
		}
		return filepath.Abs(given)
	}
	want, err := readVersions(ctx)
	if err != nil {
		return "", err
	}
	dir, err := filepath.Abs(binDir)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", binDir, err)
	}
	return dir, fill(ctx, dir, want)
}

// fill brings dir to the wanted versions, unless it is there already.
func fill(ctx context.Context, dir string, want versions) error {
	if complete(dir, want) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("making %s: %w", dir, err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, lockName))
	if err != nil {
		return err
	}
	defer unlock()
	if complete(dir, want) { // another run did it while this one waited
		return nil
	}
	if err := obtain(ctx, dir, want); err != nil {
		return err
	}
	return writeStamp(dir, want)
}

// obtain downloads the programs, or else builds them.
func obtain(ctx context.Context, dir string, want versions) error {
	say("etcd, kube-apiserver and kubectl (Kubernetes %s) are not in %s/ yet", want.kubernetes, binDir)
	err := download(ctx, dir, want)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	say("cannot download them: %v", err)
	return build(ctx, dir, want)
}

// complete reports whether dir holds all programs at the wanted versions.
func complete(dir string, want versions) bool {
	stamp, err := os.ReadFile(filepath.Join(dir, stampName)) //nolint:gosec // the path is made of constants
	return err == nil && string(stamp) == want.stamp() && len(missingFrom(dir)) == 0
}

// writeStamp records in dir which versions it holds.
func writeStamp(dir string, want versions) error {
	return replaceFile(filepath.Join(dir, stampName), func(temporary string) error {
		return os.WriteFile(temporary, []byte(want.stamp()), 0o644) //nolint:gosec // nothing secret in it
	})
}

// missingFrom names the programs that dir does not hold as executable files.
func missingFrom(dir string) []string {
	var missing []string
	for _, p := range programs {
		info, err := os.Stat(filepath.Join(dir, p.name)) //nolint:gosec // KUBEBUILDER_ASSETS is the user's to set
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o100 == 0 {
			missing = append(missing, p.name)
		}
	}
	return missing
}

// replaceFile lets write make a file under another name beside path, and renames it to path, so that path is there
// whole or not at all.
func replaceFile(path string, write func(temporary string) error) error {
	temporary := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.tmp", filepath.Base(path), os.Getpid()))
	defer os.Remove(temporary) //nolint:errcheck // gone already when all went well
	if err := write(temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("putting %s in its place: %w", filepath.Base(path), err)
	}
	return nil
}

// say tells the user what goes on.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "assets: "+format+"\n", args...)
}
