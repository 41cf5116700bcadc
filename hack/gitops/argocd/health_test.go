package argocd

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write config/argocd/argocd-cm.yaml anew")

const repository = "../../.."

// kindDirs are the directories of the three kinds, by kind.
func kindDirs(t *testing.T) map[string]string {
	t.Helper()
	scripts, err := filepath.Glob(filepath.Join(repository, Customizations, "sim-operator.io", "*", "health.lua"))
	if err != nil || len(scripts) != 3 {
		t.Fatalf("there are %d scripts: %v", len(scripts), err)
	}
	dirs := map[string]string{}
	for _, script := range scripts {
		dirs[filepath.Base(filepath.Dir(script))] = filepath.Dir(script)
	}
	return dirs
}

func content(t *testing.T, path ...string) string {
	t.Helper()
	read, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(read)
}

func object(t *testing.T, path ...string) map[string]any {
	t.Helper()
	var read map[string]any
	if err := yaml.Unmarshal([]byte(content(t, path...)), &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// Argo CD's own test reads the same files.
func TestHealth(t *testing.T) {
	for kind, dir := range kindDirs(t) {
		var tests struct {
			Tests []struct {
				InputPath    string `json:"inputPath"`
				HealthStatus Health `json:"healthStatus"`
			} `json:"tests"`
		}
		if err := yaml.UnmarshalStrict([]byte(content(t, dir, "health_test.yaml")), &tests); err != nil || len(tests.Tests) == 0 {
			t.Fatalf("%s has %d tests: %v", kind, len(tests.Tests), err)
		}
		script := content(t, dir, "health.lua")
		for _, test := range tests.Tests {
			for name, libraries := range map[string]Libraries{"none": NoLibraries, "configured": ConfiguredLibraries, "all": AllLibraries} {
				t.Run(fmt.Sprintf("%s %s with libraries %s", kind, test.InputPath, name), func(t *testing.T) {
					got, err := Judge(t.Context(), script, object(t, dir, test.InputPath), libraries)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(test.HealthStatus, got); diff != "" {
						t.Errorf("-want +got:\n%s", diff)
					}
					if !slices.Contains(Statuses(), got.Status) || got.Message == "" {
						t.Errorf("Argo CD would show %+v", got)
					}
				})
			}
		}
	}
}

// What no controller of ours writes must not break a script either: Argo CD shows an error for it.
func TestHealthOfWhatIsIncomplete(t *testing.T) {
	meta := map[string]any{"name": "a", "generation": int64(1)}
	objects := map[string]map[string]any{
		"nothing but metadata": {"metadata": meta},
		"an empty status":      {"metadata": meta, "status": map[string]any{}},
		"no conditions":        {"metadata": meta, "status": map[string]any{"observedGeneration": int64(1)}},
		"conditions without Ready": {"metadata": meta, "status": map[string]any{
			"observedGeneration": int64(1), "conditions": []any{map[string]any{"type": "Stalled", "status": "True", "message": "m"}},
		}},
	}
	for kind, dir := range kindDirs(t) {
		for name, object := range objects {
			got, err := Judge(t.Context(), content(t, dir, "health.lua"), object, ConfiguredLibraries)
			if err != nil || got.Status != "Progressing" {
				t.Errorf("%s with %s: %+v, %v", kind, name, got, err)
			}
		}
	}
}

// A script that calls a library, runs for ever or returns nothing is refused here too, so that the tests above can fail.
func TestJudgeRefuses(t *testing.T) {
	for name, script := range map[string]string{
		"a library that is not open": `return { status = string.upper("Healthy") }`,
		"no end":                     `while true do end`,
		"no table":                   `return "Healthy"`,
	} {
		if got, err := Judge(t.Context(), script, nil, ConfiguredLibraries); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Every condition, reason and state that the API names appears in the testdata.
func TestEveryConstantIsCovered(t *testing.T) {
	seen := map[string]bool{}
	for _, dir := range kindDirs(t) {
		files, err := filepath.Glob(filepath.Join(dir, "testdata", "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no testdata: %v", dir, err)
		}
		for _, file := range files {
			collect(seen, object(t, file))
		}
	}
	for name, value := range constants(t) {
		if !seen[value] {
			t.Errorf("no testdata has %s (%s)", name, value)
		}
	}
}

// collect notes all values of an object.
func collect(seen map[string]bool, value any) {
	switch known := value.(type) {
	case string:
		seen[known] = true
	case []any:
		for _, item := range known {
			collect(seen, item)
		}
	case map[string]any:
		for _, item := range known {
			collect(seen, item)
		}
	}
}

// constants are those of the API that stand in a status, by name.
func constants(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, file := range []string{"conditions.go", "simorder_types.go", "simalert_types.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(repository, "api", "v1alpha1", file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			spec, isValue := node.(*ast.ValueSpec)
			if !isValue || len(spec.Values) != 1 {
				return true
			}
			literal, isLiteral := spec.Values[0].(*ast.BasicLit)
			name := spec.Names[0].Name
			standsInStatus := slices.ContainsFunc([]string{"Condition", "Reason", "OrderState", "AlertTrigger"}, func(prefix string) bool {
				return strings.HasPrefix(name, prefix)
			})
			if isLiteral && standsInStatus {
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				found[name] = value
			}
			return true
		})
	}
	if len(found) < 35 {
		t.Fatalf("the API has only %d constants: %v", len(found), found)
	}
	return found
}

// The ConfigMap is made from the scripts, so that they cannot differ.
func TestConfigMap(t *testing.T) {
	path := filepath.Join(repository, "config", "argocd", "argocd-cm.yaml")
	want := configMap(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && want != string(got) {
		t.Fatalf("%s is not what the scripts make; go -C hack/gitops test -run TestConfigMap ./argocd -update\n%s", path, cmp.Diff(want, string(got)))
	}
	if err != nil {
		t.Fatal(err)
	}
	data, _ := object(t, path)["data"].(map[string]any)
	for kind, dir := range kindDirs(t) {
		if data["resource.customizations.health.sim-operator.io_"+kind] != content(t, dir, "health.lua") {
			t.Errorf("the ConfigMap has another script for %s", kind)
		}
	}
}

const configMapHead = `# What Argo CD has to know of sim-operator's kinds, to be merged into its ConfigMap; see docs/gitops.md. Made from the
# health.lua files beside it: go -C hack/gitops test -run TestConfigMap ./argocd -update
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
data:
`

// What the programs write into a resource that stands in Git is no difference from Git.
const ignoreDifferences = `managedFieldsManagers:
- sim-operator-ingress
- sim-operator-manager
`

func configMap(t *testing.T) string {
	t.Helper()
	dirs := kindDirs(t)
	made := configMapHead
	for _, kind := range []string{"SimReceiver", "SimOrder", "SimAlert"} {
		made += entry("health", kind, content(t, dirs[kind], "health.lua"))
	}
	for _, kind := range []string{"SimOrder", "SimAlert"} {
		made += entry("ignoreDifferences", kind, ignoreDifferences)
	}
	return made
}

func entry(what, kind, script string) string {
	made := "  resource.customizations." + what + ".sim-operator.io_" + kind + ": |\n"
	for line := range strings.Lines(script) {
		if strings.TrimSpace(line) != "" {
			line = "    " + line
		}
		made += line
	}
	return made
}
