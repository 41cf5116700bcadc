// Package config tests the manifests: that a real API server takes them, and that what they promise holds on it.
package config

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/internal/testenv"
)

// The two programs, as their ServiceAccounts, workloads and pods are called.
const (
	ingress = "sim-operator-ingress"
	manager = "sim-operator-manager"
)

// systemNamespace is where everything is installed unless an overlay says otherwise; tenant is where tests have
// receivers, orders and alerts: it is also the namespace of the namespaced overlay.
const (
	systemNamespace = "sim-operator-system"
	tenant          = "sims"
)

// plane has nothing installed but the CRDs.
var (
	plane    = testenv.Cluster{Bare: true, Audited: true}
	programs built
)

func TestMain(m *testing.M) {
	code := plane.Main(m)
	if programs.path != "" {
		_ = os.RemoveAll(programs.path) // it was made for temporary files
	}
	os.Exit(code)
}

// overlays are the directories that somebody may install.
func overlays(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("overlays/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("there are no overlays: %v", err)
	}
	return append([]string{"default"}, dirs...)
}

// manifests is what kustomize makes of a directory.
type manifests []*unstructured.Unstructured

func render(t *testing.T, dir string) manifests {
	t.Helper()
	found, err := decode(kustomize(t, dir))
	if err != nil {
		t.Fatalf("read what kustomize made of %s: %v", dir, err)
	}
	return found
}

// rendered is what kustomize has made of directories: they do not change while the tests run.
var rendered sync.Map

func kustomize(t *testing.T, dir string) []byte {
	t.Helper()
	if known, ok := rendered.Load(dir); ok {
		return known.([]byte) //nolint:forcetypeassert // nothing else is stored
	}
	var problems bytes.Buffer
	command := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../hack/tools/go.mod", "kustomize", "build", dir)
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		t.Fatalf("kustomize build %s: %v: %s", dir, err, &problems)
	}
	rendered.Store(dir, out)
	return out
}

func decode(content []byte) (manifests, error) {
	var found manifests
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), len(content)); ; {
		var object unstructured.Unstructured
		err := documents.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		found = append(found, &object)
	}
}

// as reads all objects of a kind.
func as[T any](t *testing.T, from manifests, kind string) []T {
	t.Helper()
	var found []T
	for _, object := range from {
		if object.GetKind() != kind {
			continue
		}
		var typed T
		if err := kruntime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &typed, true); err != nil {
			t.Fatalf("%s %s: %v", kind, object.GetName(), err)
		}
		found = append(found, typed)
	}
	return found
}

// install applies manifests as kubectl apply --server-side does, which is always strict about fields, and has them gone
// at the end of the test, but for CRDs, which serve other tests too, and namespaces, which nobody here finalizes.
func install(t *testing.T, dir string) manifests {
	t.Helper()
	found := render(t, dir)
	apply(t, found)
	return found
}

func apply(t *testing.T, found manifests) {
	t.Helper()
	admin := plane.Client(t)
	makeNamespace(t, tenant)
	if slices.ContainsFunc(found, ofPrometheus) {
		installOthersCRDs(t)
	}
	t.Cleanup(func() { uninstall(t, found) })
	for _, object := range found {
		applied := client.ApplyConfigurationFromUnstructured(object.DeepCopy())
		if err := admin.Apply(t.Context(), applied, client.FieldOwner("test"), client.ForceOwnership); err != nil {
			t.Fatalf("apply %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// ofPrometheus says whether an object is for the Prometheus operator.
func ofPrometheus(object *unstructured.Unstructured) bool {
	return object.GroupVersionKind().Group == "monitoring.coreos.com"
}

func uninstall(t *testing.T, found manifests) {
	t.Helper()
	for _, object := range found {
		if kind := object.GetKind(); kind == "CustomResourceDefinition" || kind == "Namespace" {
			continue
		}
		if err := plane.Client(t).Delete(context.WithoutCancel(t.Context()), object); client.IgnoreNotFound(err) != nil {
			t.Errorf("delete %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

func makeNamespace(t *testing.T, name string) {
	t.Helper()
	made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := plane.Client(t).Create(t.Context(), made); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// namespaceOf is where an overlay puts the programs.
func namespaceOf(t *testing.T, found manifests) string {
	t.Helper()
	namespaces := as[corev1.Namespace](t, found, "Namespace")
	if len(namespaces) != 1 {
		t.Fatalf("there are %d namespaces", len(namespaces))
	}
	return namespaces[0].Name
}

func TestOverlaysAreTaken(t *testing.T) {
	for _, dir := range overlays(t) {
		t.Run(dir, func(t *testing.T) { install(t, dir) })
	}
}

// A field that does not exist is refused, so that the test above can fail.
func TestAnUnknownFieldIsRefused(t *testing.T) {
	admin := plane.Client(t)
	for _, object := range render(t, "default") {
		if object.GetKind() != "Service" {
			continue
		}
		if err := unstructured.SetNestedField(object.Object, "typo", "spec", "portz"); err != nil {
			t.Fatal(err)
		}
		object.SetNamespace("default")
		err := admin.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("test"))
		if err == nil {
			t.Errorf("Service %s was taken", object.GetName())
		}
	}
}

// What refers to the namespace follows it, also where kustomize does not know that it is a namespace.
func TestAnotherNamespaceIsMeantEverywhere(t *testing.T) {
	for _, object := range render(t, "overlays/other-namespace") {
		text, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(systemNamespace)) {
			t.Errorf("%s %s still names %s: %s", object.GetKind(), object.GetName(), systemNamespace, text)
		}
	}
}
