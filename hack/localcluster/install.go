package localcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	systemNamespace = "sim-operator-system"
	fieldOwner      = "sim-operator-local"
)

// manifestDirs are the directories, below the top of the repository, whose YAML is applied.
var manifestDirs = []string{"config/crd/bases", "config/rbac", "config/policy"}

// Install applies the CRDs, the roles and the admission policies that stand in config/ below root, and waits until the
// API server serves the CRDs. Doing it again does no harm.
func (c *ControlPlane) Install(ctx context.Context, root string) error {
	objects := []*unstructured.Unstructured{namespaceObject(systemNamespace)}
	for _, dir := range manifestDirs {
		found, err := readManifests(filepath.Join(root, dir))
		if err != nil {
			return err
		}
		objects = append(objects, found...)
	}
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	scheme := runtime.NewScheme()
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		return fmt.Errorf("making a scheme: %w", err)
	}
	admin, err := client.New(c.config, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	for _, object := range objects {
		if err := apply(ctx, admin, object); err != nil {
			return err
		}
	}
	return waitUp(ctx, c.supervisor, []string{APIServer}, func(ctx context.Context) error {
		return established(ctx, admin, objects)
	})
}

// readManifests reads every YAML document of the files in dir, in the order of their names.
func readManifests(dir string) ([]*unstructured.Unstructured, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no YAML in %s", dir)
	}
	var objects []*unstructured.Unstructured
	for _, file := range files {
		found, err := readManifest(file)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

func readManifest(file string) ([]*unstructured.Unstructured, error) {
	content, err := os.ReadFile(file) //nolint:gosec // one of the repository's own manifests
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), len(content))
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if isResource(object) {
			objects = append(objects, object)
		}
	}
}

// isResource is false of an empty document and of what kustomize alone reads.
func isResource(object *unstructured.Unstructured) bool {
	return len(object.Object) > 0 && object.GroupVersionKind().Group != "kustomize.config.k8s.io"
}

// rank puts namespaces first, then CRDs, then what may need either.
func rank(object *unstructured.Unstructured) int {
	switch object.GetKind() {
	case "Namespace":
		return 0
	case crdKind:
		return 1
	default:
		return 2
	}
}

const crdKind = "CustomResourceDefinition"

func namespaceObject(name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetAPIVersion("v1")
	object.SetKind("Namespace")
	object.SetName(name)
	return object
}

// apply creates or updates an object by server-side apply; what others set in it stays.
func apply(ctx context.Context, admin client.Client, object *unstructured.Unstructured) error {
	configuration := client.ApplyConfigurationFromUnstructured(object.DeepCopy())
	if err := admin.Apply(ctx, configuration, client.FieldOwner(fieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("applying %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// established is nil when the API server serves all CRDs among the objects without delay.
func established(ctx context.Context, admin client.Client, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		if object.GetKind() != crdKind {
			continue
		}
		var current apiextensionsv1.CustomResourceDefinition
		if err := admin.Get(ctx, client.ObjectKeyFromObject(object), &current); err != nil {
			return err
		}
		if err := settled(&current, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// settleTime is how long the API server holds up every create of a resource whose CRD has only just been established,
// for the sake of other API servers that may not know of it yet.
const settleTime = 2 * time.Second

// settled is nil when the first create of a resource will be as fast as any other.
func settled(crd *apiextensionsv1.CustomResourceDefinition, now time.Time) error {
	for _, condition := range crd.Status.Conditions {
		if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
			if now.Sub(condition.LastTransitionTime.Time) < settleTime {
				return fmt.Errorf("CustomResourceDefinition %s has only just been established", crd.Name)
			}
			return nil
		}
	}
	return fmt.Errorf("CustomResourceDefinition %s is not established", crd.Name)
}
