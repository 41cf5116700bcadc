package config

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const chart = "../charts/sim-operator"

// helm runs helm, with what it needs in a place of its own, and returns what it says on stdout.
func helm(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	home := t.TempDir()
	var problems bytes.Buffer
	command := exec.CommandContext(t.Context(), "go", append([]string{"tool", "-modfile=../hack/tools/go.mod", "helm"}, args...)...)
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		err = errors.Join(err, errors.New(problems.String()))
	}
	return out, err
}

// template is what the chart makes of values, without what helm test runs.
func template(t *testing.T, namespace string, args ...string) manifests {
	t.Helper()
	out, err := helm(t, append([]string{"template", "sim-operator", chart, "--namespace=" + namespace, "--skip-tests"}, args...)...)
	if err != nil {
		t.Fatalf("helm template %v: %v", args, err)
	}
	found, err := decode(out)
	if err != nil {
		t.Fatalf("read what helm made of %v: %v", args, err)
	}
	return found
}

// valueSets are files of values, each of which somebody might have.
func valueSets(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(chart + "/ci/*-values.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no values: %v", err)
	}
	return files
}

// The chart and kustomize install the same.
func TestTheChartIsTheManifests(t *testing.T) {
	for dir, c := range map[string]struct{ namespace, values string }{
		"default":                  {systemNamespace, "default"},
		"overlays/emptydir":        {systemNamespace, "emptydir"},
		"overlays/namespaced":      {systemNamespace, "namespaced"},
		"overlays/tls":             {systemNamespace, "tls"},
		"overlays/other-namespace": {"sims-platform", "default"},
	} {
		t.Run(dir, func(t *testing.T) {
			want := plain(render(t, dir))
			got := plain(template(t, c.namespace, "--values="+chart+"/ci/"+c.values+"-values.yaml"))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-kustomize +helm:\n%s", diff)
			}
		})
	}
}

// plain are the objects by kind and name, without what only Helm or only kustomize has: the labels of a release, and
// the namespace, which helm install --create-namespace makes.
func plain(found manifests) map[string]any {
	objects := map[string]any{}
	for _, object := range found {
		if object.GetKind() == "Namespace" {
			continue
		}
		object = object.DeepCopy()
		object.SetLabels(without(object.GetLabels(), "app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"))
		object.SetAnnotations(without(object.GetAnnotations(), "helm.sh/resource-policy"))
		objects[nameOf(object)] = object.Object
	}
	return objects
}

// without is nil where nothing is left.
func without(all map[string]string, names ...string) map[string]string {
	for _, name := range names {
		delete(all, name)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func nameOf(object *unstructured.Unstructured) string {
	return strings.Join([]string{object.GetKind(), object.GetNamespace(), object.GetName()}, "/")
}

func TestTheChartHasNoLint(t *testing.T) {
	for _, values := range valueSets(t) {
		t.Run(filepath.Base(values), func(t *testing.T) {
			if out, err := helm(t, "lint", "--strict", "--values="+values, chart); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// Whatever is set, the API server takes it, and lets the pods in under Pod Security restricted.
func TestTheChartIsTaken(t *testing.T) {
	installOthersCRDs(t)
	for _, values := range valueSets(t) {
		t.Run(filepath.Base(values), func(t *testing.T) {
			makeNamespace(t, "more-sims")
			found := append(render(t, "namespace"), template(t, systemNamespace, "--values="+values)...)
			apply(t, found)
			for name, pod := range podsOf(t, found) {
				if err := plane.Client(t).Create(t.Context(), pod, client.DryRunAll); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				for _, fault := range faultsOf(pod) {
					t.Errorf("%s: %s", name, fault)
				}
			}
			if err := plane.Client(t).Create(t.Context(), testPod(t, "--values="+values), client.DryRunAll); err != nil {
				t.Errorf("the pod of helm test: %v", err)
			}
		})
	}
}

// testPod is what helm test runs.
func testPod(t *testing.T, args ...string) *corev1.Pod {
	t.Helper()
	out, err := helm(t, append([]string{"template", "sim-operator", chart, "--namespace=" + systemNamespace, "--show-only=templates/tests/door.yaml"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	found, err := decode(out)
	if err != nil {
		t.Fatal(err)
	}
	pods := as[corev1.Pod](t, found, "Pod")
	if len(pods) != 1 {
		t.Fatalf("there are %d pods", len(pods))
	}
	return &pods[0]
}

// What helm test runs finds an open door, and no door where there is none.
func TestHelmTest(t *testing.T) {
	container := testPod(t).Spec.Containers[0]
	run := func(url string, more ...string) error {
		args := append(append([]string{}, container.Args[:len(container.Args)-1]...), more...)
		program := filepath.Join(programs.dir(t), filepath.Base(container.Command[0]))
		out, err := exec.CommandContext(t.Context(), program, append(args, url)...).CombinedOutput()
		if err != nil {
			return errors.Join(err, errors.New(string(out)))
		}
		return nil
	}
	if got, want := container.Args[len(container.Args)-1], "http://sim-operator-ingress.sim-operator-system.svc:80"; got != want {
		t.Errorf("it asks %s; want %s", got, want)
	}
	i := newInstallation(t, install(t, "default"))
	if err := run(i.hooks); err != nil {
		t.Error(err)
	}
	if err := run("http://"+freeAddress(t), "--timeout=1s"); err == nil {
		t.Error("it found a door where there is none")
	}
}

// A mistake in the values is refused, and not passed over.
func TestValuesThatAreRefused(t *testing.T) {
	for mistake, c := range map[string]struct{ set, want string }{
		"a key that there is not":               {"imgae.tag=v1", "imgae"},
		"a key that there is not, further down": {"ingress.storage.storageClass=fast", "storageClass"},
		"no number of replicas":                 {"manager.replicas=many", "replicas"},
		"no replica":                            {"ingress.replicas=0", "replicas"},
		"a kind of storage that there is not":   {"ingress.storage.type=hostPath", "type"},
		"an Ingress without a host":             {"expose.ingress.enabled=true", "host"},
		"an HTTPRoute without a Gateway":        {"expose.httpRoute.enabled=true", "parentRefs"},
		"a digest that is none":                 {"image.digest=latest", "digest"},
		"a namespace that cannot be":            {"namespaces={Sims}", "namespaces"},
		"nobody who may scrape":                 {"networkPolicy.metricsFrom=null", "metricsFrom"},
	} {
		t.Run(mistake, func(t *testing.T) {
			if _, err := helm(t, "template", "sim-operator", chart, "--set="+c.set); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error: %v; want %q in it", err, c.want)
			}
		})
	}
}
