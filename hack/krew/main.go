// Command krew builds kubectl-sim for every platform that config/krew/sim.yaml names, packs each into an archive, and
// writes a manifest with the version and the sums of these archives. The same source and version give the same bytes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
)

const (
	program    = "./cmd/kubectl-sim"
	completion = "cmd/kubectl-sim/kubectl_complete-sim"
	manifest   = "config/krew/sim.yaml"
	stamp      = "-X github.com/sim-operator/sim-operator/internal/version.version="
)

func main() {
	version := flag.String("version", "", "The version, such as v1.2.3.")
	out := flag.String("out", "dist/krew", "Where archives and manifest go.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *version, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "krew:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, version, out string) error {
	if !isVersion(version) {
		return fmt.Errorf("krew wants a semantic version with a v before it, such as v1.2.3, and not %q: say make krew VERSION=v1.2.3", version)
	}
	text, err := os.ReadFile(manifest)
	if err != nil {
		return err
	}
	plugin, err := readManifest(text)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	sums := map[string]string{}
	for _, platform := range plugin.Spec.Platforms {
		name := path.Base(platform.URI)
		fmt.Println("building", name)
		if sums[name], err = build(ctx, platform, version, filepath.Join(out, name)); err != nil {
			return fmt.Errorf("build %s: %w", name, err)
		}
	}
	filled, err := fill(string(text), plugin.Spec.Version, version, sums)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, plugin.Metadata.Name+".yaml"), []byte(filled), 0o644) //nolint:gosec // it is to be published
}

// build builds the program for a platform into an archive, and returns the sum of that.
func build(ctx context.Context, p platform, version, archive string) (string, error) {
	dir, err := os.MkdirTemp("", "kubectl-sim-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // temporary
	binary := filepath.Join(dir, p.Bin)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w "+stamp+version, "-o", binary, program) //nolint:gosec // the version has been checked
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.Selector.MatchLabels["os"], "GOARCH="+p.Selector.MatchLabels["arch"])
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, strings.TrimSpace(string(said)))
	}
	members, err := readMembers(binary, completion, "LICENSE")
	if err != nil {
		return "", err
	}
	pack := packTar
	if strings.HasSuffix(archive, ".zip") {
		pack = packZip
	}
	packed, err := pack(members)
	if err != nil {
		return "", err
	}
	return sum(packed), os.WriteFile(archive, packed, 0o644) //nolint:gosec // it is to be published
}
