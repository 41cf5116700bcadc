package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// moduleDir is the nested module whose go.mod is the one place that says which versions the control plane has.
const moduleDir = "hack/controlplane"

// versions are those of the control plane's programs, as "v1.37.2".
type versions struct{ kubernetes, etcd string }

// readVersions reads the go.mod of the nested module, without the network.
func readVersions(ctx context.Context) (versions, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "edit", "-json", moduleDir+"/go.mod").Output()
	if err != nil {
		return versions{}, fmt.Errorf("reading %s/go.mod (run this from the top of the repository): %w", moduleDir, err)
	}
	var file struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(out, &file); err != nil {
		return versions{}, fmt.Errorf("reading %s/go.mod: %w", moduleDir, err)
	}
	var v versions
	for _, r := range file.Require {
		switch r.Path {
		case "k8s.io/kubernetes":
			v.kubernetes = r.Version
		case "go.etcd.io/etcd/server/v3":
			v.etcd = r.Version
		}
	}
	if v.kubernetes == "" || v.etcd == "" {
		return versions{}, fmt.Errorf("%s/go.mod does not require k8s.io/kubernetes and go.etcd.io/etcd/server/v3", moduleDir)
	}
	return v, nil
}

// stamp is what the stamp file of a directory with these versions holds.
func (v versions) stamp() string {
	return fmt.Sprintf("kubernetes %s\netcd %s\n%s/%s\n", v.kubernetes, v.etcd, runtime.GOOS, runtime.GOARCH)
}

// envtest is the version to ask setup-envtest for: any patch release of the same minor, since not every one is there.
func (v versions) envtest() string {
	minor := strings.TrimPrefix(v.kubernetes, "v")
	if i := strings.LastIndex(minor, "."); i > 0 {
		minor = minor[:i]
	}
	return minor + ".x"
}
