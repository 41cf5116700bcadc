// Command chart copies into charts/sim-operator what is generated into config/ or stands there, so that the chart has no
// CRD, no rights and no policy of its own, and writes the table of values in the chart's README.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	chart     = "charts/sim-operator"
	generated = chart + "/generated"
)

// sources are the files below the top of the repository that the chart has, by their directory in generated.
var sources = map[string]string{
	"crds":       "config/crd/bases/*.yaml",
	"roles":      "config/rbac/*_role.yaml",
	"policies":   "config/policy/*.yaml",
	"prometheus": "config/prometheus/*.yaml",
}

// isManifest is false of what only kustomize and promtool read.
func isManifest(file string) bool {
	name := filepath.Base(file)
	return name != "kustomization.yaml" && !strings.HasSuffix(name, "_test.yaml")
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run() error {
	// What is no longer made is to go.
	if err := os.RemoveAll(generated); err != nil {
		return err
	}
	for dir, pattern := range sources {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, file := range slices.DeleteFunc(files, func(file string) bool { return !isManifest(file) }) {
			if err := copyFile(file, filepath.Join(generated, dir, filepath.Base(file))); err != nil {
				return err
			}
		}
	}
	return writeTable()
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from) //nolint:gosec // one of the repository's own manifests
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // a directory of the repository
		return err
	}
	return os.WriteFile(to, bytes.TrimPrefix(content, []byte("---\n")), 0o644) //nolint:gosec // a file of the repository
}

func writeTable() error {
	values, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	rows, err := rowsOf(string(values))
	if err != nil {
		return fmt.Errorf("values.yaml: %w", err)
	}
	path := filepath.Join(chart, "README.md")
	readme, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		return err
	}
	written, err := replaceTable(string(readme), rows)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(written), 0o644) //nolint:gosec // a file of the repository
}
