package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// place is a clone of the repository, such as a reader has, with programs that a reader has, too.
type place struct {
	// dir is the clone, and beside what is in it nothing is written but by what the documents say.
	dir string
	// scratch is for what this program itself has to keep.
	scratch string
	env     []string
}

// newPlace makes a place below dir.
func newPlace(ctx context.Context, root, dir string) (*place, error) {
	p := &place{dir: filepath.Join(dir, "clone"), scratch: filepath.Join(dir, "scratch")}
	for _, path := range []string{p.dir, filepath.Join(p.dir, "bin"), filepath.Join(p.scratch, "home"), filepath.Join(p.scratch, "tools")} {
		if err := os.MkdirAll(path, 0o750); err != nil {
			return nil, err
		}
	}
	if err := p.clone(ctx, root); err != nil {
		return nil, err
	}
	assets, err := localcluster.FindAssets(root)
	if err != nil {
		return nil, err
	}
	// What make assets would put there, had it not been told where they are.
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if err := os.Symlink(filepath.Join(assets, name), filepath.Join(p.dir, "bin", name)); err != nil {
			return nil, err
		}
	}
	if err := p.tools(ctx, assets); err != nil {
		return nil, err
	}
	return p, p.environment(ctx, assets)
}

// clone copies what git knows or would add, as it stands.
func (p *place) clone(ctx context.Context, root string) error {
	list, err := output(ctx, root, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	for _, file := range strings.Split(strings.TrimRight(list, "\x00"), "\x00") {
		err := copyFile(filepath.Join(root, file), filepath.Join(p.dir, file))
		if err != nil && !errors.Is(err, os.ErrNotExist) { // one that is deleted and not committed
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(from) //nolint:gosec // one of the repository's own
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm()) //nolint:gosec // to is below a directory of ours
}

// tools are kubectl and helm, which the documents expect on the PATH. The programs of this project are not there before
// a document puts them there.
func (p *place) tools(ctx context.Context, assets string) error {
	helm, err := output(ctx, p.dir, "go", "tool", "-n", "-modfile=hack/tools/go.mod", "helm")
	if err != nil {
		return err
	}
	for name, path := range map[string]string{"helm": strings.TrimSpace(helm), "kubectl": filepath.Join(assets, "kubectl")} {
		if err := os.Symlink(path, filepath.Join(p.scratch, "tools", name)); err != nil {
			return err
		}
	}
	return nil
}

// private are variables that would make a command do something else than for a reader.
var private = []string{"KUBECONFIG", "ORDERS_URL", "ALERTS_URL", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "DOCUMENTS"}

func (p *place) environment(ctx context.Context, assets string) error {
	settings, err := output(ctx, p.dir, "go", "env", "GOPATH", "GOCACHE", "GOMODCACHE", "GOENV")
	if err != nil {
		return err
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); !slices.Contains(private, name) {
			p.env = append(p.env, variable)
		}
	}
	for i, value := range strings.Split(strings.TrimSpace(settings), "\n") {
		p.env = append(p.env, []string{"GOPATH", "GOCACHE", "GOMODCACHE", "GOENV"}[i]+"="+value)
	}
	p.env = append(p.env,
		"HOME="+filepath.Join(p.scratch, "home"),
		"PATH="+filepath.Join(p.scratch, "tools")+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"KUBEBUILDER_ASSETS="+assets,
		// What was built once is not built again because this clone has another path.
		"GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -trimpath"),
		"LC_ALL=C.UTF-8", "NO_COLOR=1",
	)
	return nil
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...) //nolint:gosec // the callers' own
	command.Dir = dir
	var wrong bytes.Buffer
	command.Stderr = &wrong
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, wrong.String())
	}
	return string(out), nil
}
