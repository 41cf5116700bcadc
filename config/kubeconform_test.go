package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/internal/testenv"
)

// othersCRDs are files in modules that hack/crds/go.mod names: the CRDs of others that our manifests have resources of.
var othersCRDs = map[string][]string{
	"sigs.k8s.io/gateway-api": {
		"config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
		"config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
	},
	"github.com/prometheus-operator/prometheus-operator": {
		"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
		"example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
	},
}

// installOthersCRDs has the API server know what comes with a Gateway and with the Prometheus operator.
func installOthersCRDs(t *testing.T) {
	t.Helper()
	admin := plane.Client(t)
	for module, files := range othersCRDs {
		dir := moduleDir(t, module)
		for _, file := range files {
			content, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			found, err := decode(content)
			if err != nil || len(found) != 1 {
				t.Fatalf("%s: %d objects, error %v", file, len(found), err)
			}
			crd := found[0]
			delete(crd.Object, "status")
			if err := admin.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(crd), client.FieldOwner("test"), client.ForceOwnership); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			testenv.Eventually(t, func() error { return served(t, crd.GetName()) })
		}
	}
}

func served(t *testing.T, name string) error {
	t.Helper()
	crd := &unstructured.Unstructured{}
	crd.SetAPIVersion(apiextensionsv1.SchemeGroupVersion.String())
	crd.SetKind("CustomResourceDefinition")
	if err := plane.Client(t).Get(t.Context(), client.ObjectKey{Name: name}, crd); err != nil {
		return err
	}
	conditions, _, err := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["type"] == "Established" && condition["status"] == "True" {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("CustomResourceDefinition %s is not established", name), err)
}

// moduleDir is where the Go command keeps a module of hack/crds.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "-C", "../hack/crds", "mod", "download", "-json", module).Output()
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &answer); jsonErr != nil || answer.Dir == "" {
		t.Fatalf("module %s is not there: %v: %s", module, err, answer.Error)
	}
	return answer.Dir
}

// Everything that somebody may apply is valid for kubeconform, by the schemas of this API server.
func TestKubeconform(t *testing.T) {
	installOthersCRDs(t)
	all := map[string]manifests{}
	for _, dir := range append(overlays(t), samples(t)...) {
		all[dir] = render(t, dir)
	}
	for _, values := range valueSets(t) {
		all[values] = append(template(t, systemNamespace, "--values="+values), asUnstructured(t, testPod(t, "--values="+values)))
	}
	all["dist/install.yaml"] = installer(t)
	schemas := schemasFor(t, all)
	for from, found := range all {
		if out, err := kubeconform(t, schemas, found); err != nil {
			t.Errorf("%s: %v: %s", from, err, out)
		}
	}
	// So that the above can fail.
	for _, object := range all["default"] {
		if object.GetKind() == "Deployment" {
			wrong := object.DeepCopy()
			if err := unstructured.SetNestedField(wrong.Object, "typo", "spec", "template", "spec", "containerz"); err != nil {
				t.Fatal(err)
			}
			if out, err := kubeconform(t, schemas, manifests{wrong}); err == nil || !strings.Contains(out, "containerz") {
				t.Errorf("a field that there is not is valid: %v: %s", err, out)
			}
		}
	}
}

func kubeconform(t *testing.T, schemas string, found manifests) (string, error) {
	t.Helper()
	var input bytes.Buffer
	for _, object := range found {
		text, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		input.WriteString("---\n")
		input.Write(text) // JSON is YAML
	}
	command := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../hack/tools/go.mod", "kubeconform", "-strict",
		"-schema-location", filepath.Join(schemas, "{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json"))
	command.Stdin = &input
	out, err := command.CombinedOutput()
	return string(out), err
}

// schemasFor writes a JSON schema, made of the API server's OpenAPI, for each kind there is among the manifests.
func schemasFor(t *testing.T, all map[string]manifests) string {
	t.Helper()
	dir := t.TempDir()
	documents := openAPI{client: discovery.NewDiscoveryClientForConfigOrDie(plane.Config(t)), known: map[string]*openAPIDocument{}}
	for _, found := range all {
		for _, object := range found {
			group, version, hasGroup := strings.Cut(object.GetAPIVersion(), "/")
			if !hasGroup {
				version = group // as kubeconform has it
			}
			path := filepath.Join(dir, fmt.Sprintf("%s_%s_%s.json", group, version, strings.ToLower(object.GetKind())))
			if _, err := os.Stat(path); err == nil {
				continue
			}
			schema, err := documents.schema(object)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, schema, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// openAPI is what the API server says of its resources, a document for each group and version.
type openAPI struct {
	client discovery.DiscoveryInterface
	known  map[string]*openAPIDocument
}

type openAPIDocument struct {
	Components struct {
		Schemas map[string]map[string]any
	}
}

func (o *openAPI) document(apiVersion string) (*openAPIDocument, error) {
	if known := o.known[apiVersion]; known != nil {
		return known, nil
	}
	paths, err := o.client.OpenAPIV3().Paths()
	if err != nil {
		return nil, err
	}
	path := "apis/" + apiVersion
	if !strings.Contains(apiVersion, "/") {
		path = "api/" + apiVersion
	}
	group, ok := paths[path]
	if !ok {
		return nil, fmt.Errorf("the API server has no %s", apiVersion)
	}
	text, err := group.Schema("application/json")
	if err != nil {
		return nil, err
	}
	document := &openAPIDocument{}
	if err := json.Unmarshal(text, document); err != nil {
		return nil, err
	}
	for _, schema := range document.Components.Schemas {
		closeSchema(schema)
	}
	o.known[apiVersion] = document
	return document, nil
}

func (o *openAPI) schema(object *unstructured.Unstructured) ([]byte, error) {
	document, err := o.document(object.GetAPIVersion())
	if err != nil {
		return nil, err
	}
	for name, schema := range document.Components.Schemas {
		kinds, _ := schema["x-kubernetes-group-version-kind"].([]any)
		for _, k := range kinds {
			kind, _ := k.(map[string]any)
			if kind["group"] == object.GroupVersionKind().Group && kind["version"] == object.GroupVersionKind().Version && kind["kind"] == object.GetKind() {
				return json.Marshal(map[string]any{"$ref": definitions + name, "$defs": document.Components.Schemas})
			}
		}
	}
	return nil, fmt.Errorf("the API server has no schema for %s of %s", object.GetKind(), object.GetAPIVersion())
}

const definitions = "#/$defs/"

// closeSchema makes an OpenAPI schema a JSON schema that allows no field which it does not name.
func closeSchema(schema map[string]any) {
	if ref, ok := schema["$ref"].(string); ok {
		schema["$ref"] = definitions + strings.TrimPrefix(ref, "#/components/schemas/")
	}
	properties, _ := schema["properties"].(map[string]any)
	_, open := schema["additionalProperties"]
	if properties != nil && !open && schema["x-kubernetes-preserve-unknown-fields"] != true {
		schema["additionalProperties"] = false
	}
	for _, property := range properties {
		closeAny(property)
	}
	for _, key := range []string{"items", "additionalProperties"} {
		closeAny(schema[key])
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		// Within these a schema says more of the same object: it names no fields that are all there are.
		parts, _ := schema[key].([]any)
		for _, part := range parts {
			if schema, ok := part.(map[string]any); ok && schema["properties"] == nil {
				closeSchema(schema)
			}
		}
	}
}

func closeAny(value any) {
	if schema, ok := value.(map[string]any); ok {
		closeSchema(schema)
	}
}

func asUnstructured(t *testing.T, object client.Object) *unstructured.Unstructured {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	found := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &found.Object); err != nil {
		t.Fatal(err)
	}
	delete(found.Object, "status")
	unstructured.RemoveNestedField(found.Object, "metadata", "creationTimestamp")
	return found
}

// samples are the directories of samples.
func samples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("samples/*/kustomization.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no directories of samples: %v", err)
	}
	dirs := []string{"samples"}
	for _, file := range files {
		dirs = append(dirs, filepath.Dir(file))
	}
	return dirs
}

func installer(t *testing.T) manifests {
	t.Helper()
	content, err := os.ReadFile("../dist/install.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found, err := decode(content)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
