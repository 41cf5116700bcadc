package gitops

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/gitops/argocd"
)

// judged are the objects as they were judged, in the layout of Argo CD's own customizations: by kind, then by state.
type judged map[string]map[string]sample

type sample struct {
	object *unstructured.Unstructured
	health string
}

func (j judged) add(t *testing.T, state string, object *unstructured.Unstructured, health string) {
	t.Helper()
	kind := object.GetKind()
	if j[kind] == nil {
		j[kind] = map[string]sample{}
	}
	if _, known := j[kind][state]; known {
		t.Fatalf("there are two %s %s", kind, state)
	}
	j[kind][state] = sample{object: steady(state, object), health: health}
}

var (
	instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`)
	part    = regexp.MustCompile(`\.\d{6}Z`)
	hash    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// steady is an object with what differs from run to run made the same: times, uids, the namespace, deliveries, and what
// nothing here depends on.
func steady(state string, object *unstructured.Unstructured) *unstructured.Unstructured {
	same := object.DeepCopy()
	same.SetManagedFields(nil)
	same.SetUID("")
	same.SetResourceVersion("")
	same.SetNamespace("sims")
	spec, _ := same.Object["spec"].(map[string]any)
	if spec["applied"] != nil {
		spec["applied"] = []any{map[string]any{"spool": "spool", "first": int64(1), "last": int64(1)}}
	}
	reports, _ := spec["reports"].([]any)
	for _, report := range reports {
		if made, _ := report.(map[string]any); made["deliveryID"] != nil {
			made["deliveryID"] = "spool-1"
		}
	}
	status, _ := same.Object["status"].(map[string]any)
	if same.GetKind() == v1alpha1.KindSimReceiver && state != "quarantined" {
		delete(status, "ingresses")
		delete(status, "lastDelivery")
	}
	namespace := object.GetNamespace() + "/"
	return &unstructured.Unstructured{Object: each(same.Object, func(text string) string {
		text = strings.ReplaceAll(text, namespace, "sims/")
		text = part.ReplaceAllString(instant.ReplaceAllString(text, "2026-01-02T03:04:05"), ".000000Z")
		return hash.ReplaceAllString(text, strings.Repeat("0", 64))
	}).(map[string]any)} // each returns what it is given
}

// each applies a change to every text in a JSON value.
func each(value any, change func(string) string) any {
	switch known := value.(type) {
	case string:
		return change(known)
	case []any:
		for i := range known {
			known[i] = each(known[i], change)
		}
	case map[string]any:
		for key := range known {
			known[key] = each(known[key], change)
		}
	}
	return value
}

// healthTests is a health_test.yaml.
type healthTests struct {
	Tests []healthTest `json:"tests"`
}

type healthTest struct {
	InputPath    string        `json:"inputPath"`
	HealthStatus argocd.Health `json:"healthStatus"`
}

// compare holds the testdata of config/argocd against what was judged, so that the scripts are tested with what the
// programs really write; with -update it writes them.
func (j judged) compare(t *testing.T) {
	t.Helper()
	for kind, states := range j {
		dir := filepath.Join(repository, argocd.Customizations, v1alpha1.GroupName, kind)
		script, err := os.ReadFile(filepath.Join(dir, "health.lua"))
		if err != nil {
			t.Fatal(err)
		}
		var tests healthTests
		var names []string
		for _, state := range slices.Sorted(maps.Keys(states)) {
			s, path := states[state], filepath.Join("testdata", state+".yaml")
			golden(t, filepath.Join(dir, path), s.object.Object)
			said, err := argocd.Judge(t.Context(), string(script), s.object.Object, argocd.NoLibraries)
			if err != nil || said.Status != s.health {
				t.Errorf("%s %s: Argo CD says %+v, %v; want %s", kind, state, said, err, s.health)
			}
			tests.Tests = append(tests.Tests, healthTest{InputPath: path, HealthStatus: said})
			names = append(names, state+".yaml")
		}
		golden(t, filepath.Join(dir, "health_test.yaml"), tests)
		entries, err := os.ReadDir(filepath.Join(dir, "testdata"))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !slices.Contains(names, entry.Name()) {
				t.Errorf("%s: nothing is like testdata/%s any more", kind, entry.Name())
			}
		}
	}
}

// golden compares a file with a value, or writes it.
func golden(t *testing.T, path string, value any) {
	t.Helper()
	want, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if diff := cmp.Diff(string(want), string(got)); diff != "" || err != nil {
		t.Errorf("%s is not what the programs write (-written +file); go -C hack/gitops test -run TestStates . -update. %v\n%s", path, err, diff)
	}
}

// decode reads YAML documents.
func decode(t *testing.T, content []byte) []*unstructured.Unstructured {
	t.Helper()
	var found []*unstructured.Unstructured
	for documents := kyaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), len(content)+1); ; {
		var object unstructured.Unstructured
		err := documents.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if object.Object != nil {
			found = append(found, &object)
		}
	}
}
