package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// What the image is built from is copied into it, and nothing else is sent to the engine.
func TestTheImageHasItsSources(t *testing.T) {
	copied := copiedInto(t)
	out, err := exec.CommandContext(t.Context(), "go", "-C", "..", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.ImportPath}}{{end}}{{end}}", "./cmd/manager", "./cmd/ingress").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.FieldsSeq(string(out)) {
		top, _, _ := strings.Cut(strings.TrimPrefix(line, "github.com/sim-operator/sim-operator/"), "/")
		if !slices.Contains(copied, top) {
			t.Errorf("%s is not copied into the image", line)
		}
	}
	sent := sentToTheEngine(t)
	slices.Sort(copied)
	slices.Sort(sent)
	if !slices.Equal(copied, sent) {
		t.Errorf("the Dockerfile copies %v, and .dockerignore lets through %v", copied, sent)
	}
}

// copiedInto are the names at the top of the repository that the Dockerfile copies.
func copiedInto(t *testing.T) []string {
	t.Helper()
	var copied []string
	for _, found := range regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`).FindAllStringSubmatch(read(t, "../Dockerfile"), -1) {
		copied = append(copied, strings.Fields(found[1])...)
	}
	return copied
}

func sentToTheEngine(t *testing.T) []string {
	t.Helper()
	var sent []string
	for line := range strings.Lines(read(t, "../.dockerignore")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			sent = append(sent, name)
		}
	}
	return sent
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Both programs say what was built: the version and the commit that they were stamped with by the flags of make build.
func TestProgramsSayTheirVersion(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "make", "-C", "..", "--no-print-directory", "print-stamp", "VERSION=v1.2.3", "COMMIT=0123abc").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// Not all the flags of make build: these share what has been compiled for other tests.
	if err := localcluster.BuildPrograms(t.Context(), "..", dir, "-ldflags="+strings.TrimSpace(string(out))); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"manager", "ingress"} {
		got, err := exec.CommandContext(t.Context(), filepath.Join(dir, program), "--version").Output()
		if want := program + " v1.2.3 (0123abc, go1."; err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("%s --version: %q, error %v; want that it begins with %q", program, got, err, want)
		}
	}
}
