package gitops

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

var yamlBlock = regexp.MustCompile("(?ms)^```yaml$(.*?)^```$")

// The YAML of docs/gitops.md: ours is taken by the API server, fields that it does not know are refused, and of all the
// rest the kind is one that the page is about.
func TestDocumentedYAML(t *testing.T) {
	s := newSite(t)
	page, err := os.ReadFile(filepath.Join(repository, "docs", "gitops.md"))
	s.must(t, err)
	var ours int
	for _, block := range yamlBlock.FindAllSubmatch(page, -1) {
		for _, object := range decode(t, block[1]) {
			if object.GroupVersionKind().Group == v1alpha1.GroupName {
				ours++
				object.SetNamespace(s.namespace)
				s.must(t, s.admin.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("test")))
				continue
			}
			known := []string{
				"kustomize.toolkit.fluxcd.io/v1 Kustomization", "notification.toolkit.fluxcd.io/v1beta3 Alert",
				"argoproj.io/v1alpha1 AppProject", "argoproj.io/v1alpha1 Application", "v1 ConfigMap",
			}
			if kind := object.GetAPIVersion() + " " + object.GetKind(); !slices.Contains(known, kind) || object.GetName() == "" {
				t.Errorf("the page has a %s %q", kind, object.GetName())
			}
		}
	}
	if ours != 2 {
		t.Errorf("the page has %d resources of ours", ours)
	}
}

// The settings are merged into the ConfigMap that Argo CD has, as the page says, and what stood there stays.
func TestArgoCDSettingsAreMerged(t *testing.T) {
	s := newSite(t)
	s.must(t, s.admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "argocd"}}))
	existing := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: "argocd-cm"}, Data: map[string]string{"url": "https://argocd.example.com"}}
	s.must(t, s.admin.Create(t.Context(), existing))
	path := filepath.Join(repository, "config", "argocd", "argocd-cm.yaml")
	if out, err := s.kubectl(t, "", "patch", "configmap", "argocd-cm", "-n", "argocd", "--type", "merge", "--patch-file", path); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.must(t, s.admin.Get(t.Context(), client.ObjectKeyFromObject(existing), existing))
	if existing.Data["url"] == "" || len(existing.Data) < 6 {
		t.Errorf("the ConfigMap has %d settings, url %q", len(existing.Data), existing.Data["url"])
	}
}

// The page warns of Replace=true: a replace without the reports is refused.
func TestReplaceIsRefused(t *testing.T) {
	s := newSite(t)
	s.startManager(t)
	s.startIngress(t)
	s.receive(t, "demo", v1alpha1.SimReceiverSpec{})
	s.report(t, "demo", v1alpha1.KindSimOrder, "replaced", "Open")
	content, err := newDeclared(s.namespace, v1alpha1.KindSimOrder, "replaced").MarshalJSON()
	s.must(t, err)
	if out, err := s.kubectl(t, string(content), "replace", "-f", "-"); err == nil || !bytes.Contains([]byte(out), []byte("sim-operator-reports")) {
		t.Errorf("kubectl replace: %v, %s", err, out)
	}
	if log, _, _ := unstructured.NestedSlice(s.get(t, v1alpha1.KindSimOrder, "replaced").Object, "spec", "reports"); len(log) != 1 {
		t.Errorf("there are %d reports", len(log))
	}
}
