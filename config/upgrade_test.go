package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

// A chart whose CRD lacks a field is installed over what was there before, then upgraded; then it goes, and comes again. The
// CRD follows, and what people have made stays throughout.
func TestHelmUpgradesTheCRDs(t *testing.T) {
	release := helmRelease{kubeconfig: adminKubeconfig(t)}
	makeNamespace(t, tenant)
	made := template(t, systemNamespace)
	t.Cleanup(func() { uninstall(t, made) })
	release.run(t, "install", olderChart(t), "--create-namespace", "--take-ownership", "--force-conflicts")
	if columns := columnsOf(t); columns["REASON"] {
		t.Fatal("the older CRD is not there")
	}
	receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "survivor"}}
	createForTest(t, receiver)
	order := newOrder()
	createForTest(t, order)
	survived := func(when string) {
		t.Helper()
		for _, object := range []client.Object{receiver, order} {
			uid := object.GetUID()
			if err := plane.Client(t).Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil || object.GetUID() != uid {
				t.Errorf("%s: %T %s: %v", when, object, object.GetName(), err)
			}
		}
	}

	release.run(t, "upgrade", chart)
	testenv.Eventually(t, func() error {
		if columns := columnsOf(t); !columns["REASON"] {
			return fmt.Errorf("the CRD has only the columns %v", columns)
		}
		return nil
	})
	survived("after the upgrade")

	release.run(t, "uninstall", "")
	gone := &appsv1.StatefulSet{}
	testenv.Eventually(t, func() error {
		if err := plane.Client(t).Get(t.Context(), client.ObjectKey{Namespace: systemNamespace, Name: ingress}, gone); !apierrors.IsNotFound(err) {
			return errors.Join(errors.New("the StatefulSet is still there"), err)
		}
		return nil
	})
	survived("after it was uninstalled")

	release.run(t, "install", chart)
	survived("after it was installed again")
	release.run(t, "uninstall", "")
}

// helmRelease is what helm does to the control plane of the tests.
type helmRelease struct {
	kubeconfig string
}

func (r helmRelease) run(t *testing.T, verb, chart string, args ...string) {
	t.Helper()
	args = append([]string{verb, "sim-operator", "--kubeconfig=" + r.kubeconfig, "--namespace=" + systemNamespace}, args...)
	if chart != "" {
		args = append(args, chart)
	}
	if out, err := helm(t, args...); err != nil {
		t.Fatalf("helm %s: %v\n%s", verb, err, out)
	}
}

// olderChart is the chart with a CRD of SimOrder that has no column REASON.
func olderChart(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sim-operator")
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "generated", "crds", "sim-operator.io_simorders.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found, err := decode(content)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d objects: %v", len(found), err)
	}
	removeColumn(t, found[0], "REASON")
	text, err := found[0].MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// removeColumn takes a column out of the first version of a CRD.
func removeColumn(t *testing.T, crd *unstructured.Unstructured, name string) {
	t.Helper()
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	version := versions[0].(map[string]any)
	columns, _, err := unstructured.NestedSlice(version, "additionalPrinterColumns")
	if err != nil {
		t.Fatal(err)
	}
	var kept []any
	for _, column := range columns {
		if its, _, _ := unstructured.NestedString(column.(map[string]any), "name"); !strings.EqualFold(its, name) {
			kept = append(kept, column)
		}
	}
	if len(kept) != len(columns)-1 {
		t.Fatalf("there is no column %s among %v", name, columns)
	}
	version["additionalPrinterColumns"] = kept
	if err := unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
}

// columnsOf are the columns of a SimOrder.
func columnsOf(t *testing.T) map[string]bool {
	t.Helper()
	object := &unstructured.Unstructured{}
	object.SetAPIVersion(apiextensionsv1.SchemeGroupVersion.String())
	object.SetKind("CustomResourceDefinition")
	if err := plane.Client(t).Get(t.Context(), client.ObjectKey{Name: "simorders.sim-operator.io"}, object); err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &crd); err != nil {
		t.Fatal(err)
	}
	columns := map[string]bool{}
	for _, column := range crd.Spec.Versions[0].AdditionalPrinterColumns {
		columns[strings.ToUpper(column.Name)] = true
	}
	return columns
}
