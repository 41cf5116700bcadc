package gitops

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// An applier is a way in which a tool applies what stands in Git, again and again.
type applier func(ctx context.Context, object *unstructured.Unstructured) error

// appliers are the ways of the tools that people have. Flux and Argo CD apply on the server, under names of their own,
// and take over fields that others own.
func (s *site) appliers(t *testing.T) map[string]applier {
	t.Helper()
	onServer := func(manager string) applier {
		return func(ctx context.Context, object *unstructured.Unstructured) error {
			applied := client.ApplyConfigurationFromUnstructured(object.DeepCopy())
			return s.admin.Apply(ctx, applied, client.FieldOwner(manager), client.ForceOwnership)
		}
	}
	withKubectl := func(args ...string) applier {
		return func(_ context.Context, object *unstructured.Unstructured) error {
			content, err := json.Marshal(object)
			if err != nil {
				return err
			}
			if out, err := s.kubectl(t, string(content), append([]string{"apply", "-f", "-"}, args...)...); err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		}
	}
	return map[string]applier{
		"Flux":                         onServer("kustomize-controller"),
		"Argo CD with ServerSideApply": onServer("argocd-controller"),
		"kubectl apply":                withKubectl(),
		"kubectl apply --server-side":  withKubectl("--server-side"),
	}
}

// inGit is a resource with what a tool puts on everything that it applies.
func inGit(namespace, kind, name string) *unstructured.Unstructured {
	object := newDeclared(namespace, kind, name)
	object.SetLabels(map[string]string{"team": "a", "kustomize.toolkit.fluxcd.io/name": "sims"})
	object.SetAnnotations(map[string]string{"argocd.argoproj.io/tracking-id": "sims:" + v1alpha1.GroupName + "/" + kind + ":" + namespace + "/" + object.GetName()})
	return object
}

// A resource is declared before its first webhook and applied again before and after each report, as a tool does that
// looks at Git every few minutes. Neither takes anything from the other, and an apply with nothing new writes nothing.
func TestDeclaredInGit(t *testing.T) {
	s := newSite(t)
	s.startManager(t)
	s.startIngress(t)
	s.receive(t, "demo", v1alpha1.SimReceiverSpec{})
	said := map[string][]string{v1alpha1.KindSimOrder: {"Open", "Pending", "Complete", "Open"}, v1alpha1.KindSimAlert: {"On", "Off", "On"}}
	for tool, apply := range s.appliers(t) {
		for kind, reports := range said {
			t.Run(tool+" "+kind, func(t *testing.T) {
				object := inGit(s.namespace, kind, tool)
				s.must(t, apply(t.Context(), object))
				s.applyInVain(t, apply, object, 0)
				for i, report := range reports {
					s.report(t, "demo", kind, tool, report)
					s.applyInVain(t, apply, object, i+1)
				}

				object.SetLabels(map[string]string{"team": "b", "kustomize.toolkit.fluxcd.io/name": "sims"})
				s.must(t, apply(t.Context(), object))
				if team := s.applyInVain(t, apply, object, len(reports)).GetLabels()["team"]; team != "b" {
					t.Errorf("the label that was changed in Git is %q", team)
				}
			})
		}
	}
}

// A resource that the ingress made first is taken into Git afterwards, and out of it again.
func TestDeclaredInGitAfterItsFirstWebhook(t *testing.T) {
	s := newSite(t)
	s.startManager(t)
	s.startIngress(t)
	s.receive(t, "demo", v1alpha1.SimReceiverSpec{})
	for tool, apply := range s.appliers(t) {
		t.Run(tool, func(t *testing.T) {
			s.report(t, "demo", v1alpha1.KindSimOrder, tool, "Open")
			object := inGit(s.namespace, v1alpha1.KindSimOrder, tool)
			s.must(t, apply(t.Context(), object))
			s.applyInVain(t, apply, object, 1)
			s.report(t, "demo", v1alpha1.KindSimOrder, tool, "Complete")
			s.applyInVain(t, apply, object, 2)
		})
	}
}

// Neither waits for the other: a tool applies without end while reports come in.
func TestDeclaredInGitWhileReportsCome(t *testing.T) {
	s := newSite(t)
	s.startManager(t)
	s.startIngress(t)
	s.receive(t, "demo", v1alpha1.SimReceiverSpec{})
	for tool, apply := range s.appliers(t) {
		t.Run(tool, func(t *testing.T) {
			object := inGit(s.namespace, v1alpha1.KindSimOrder, tool)
			s.must(t, apply(t.Context(), object))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				for ctx.Err() == nil {
					if err := apply(t.Context(), object); err != nil {
						ended <- err
						return
					}
				}
				ended <- nil
			}()
			said := []string{"Open", "Pending", "Open", "Stalled", "Open", "Complete"}
			for _, report := range said {
				s.report(t, "demo", v1alpha1.KindSimOrder, tool, report)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("apply: %v", err)
			}
			s.applyInVain(t, apply, object, len(said))
		})
	}
}

// applyInVain waits until the manager is done with a resource, applies it twice, and expects that nothing changes, and
// that everything is there that the ingress and the manager wrote.
func (s *site) applyInVain(t *testing.T, apply applier, object *unstructured.Unstructured, reports int) *unstructured.Unstructured {
	t.Helper()
	before := s.settled(t, object)
	for range 2 {
		s.must(t, apply(t.Context(), object))
	}
	after := s.settled(t, object)
	if diff := cmp.Diff(before.Object, after.Object); diff != "" {
		t.Errorf("applied with nothing new after %d reports (-before +after):\n%s", reports, diff)
	}
	if log, _, _ := unstructured.NestedSlice(after.Object, "spec", "reports"); len(log) != reports {
		t.Errorf("there are %d reports, want %d", len(log), reports)
	}
	labels := after.GetLabels()
	if (labels[v1alpha1.LabelReceiver] == "demo") != (reports > 0) || (labels[v1alpha1.LabelSimID] == idOf("a SIM")) != (reports > 0) {
		t.Errorf("after %d reports the labels are %v", reports, labels)
	}
	for key, value := range object.GetLabels() {
		if labels[key] != value {
			t.Errorf("label %s is %q, in Git it is %q", key, labels[key], value)
		}
	}
	s.expectOwners(t, after, reports)
	return after
}

// settled is a resource when the manager has seen its latest spec.
func (s *site) settled(t *testing.T, object *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(object.GroupVersionKind())
	eventually(t, func() error {
		if err := s.admin.Get(t.Context(), client.ObjectKeyFromObject(object), found); err != nil {
			return err
		}
		observed, _, err := unstructured.NestedInt64(found.Object, "status", "observedGeneration")
		if err != nil || observed != found.GetGeneration() {
			return fmt.Errorf("generation %d, observed %d: %w", found.GetGeneration(), observed, err)
		}
		return nil
	})
	return found
}

// expectOwners: whoever applies owns what stands in Git, the ingress alone owns the log, the manager alone the status.
func (s *site) expectOwners(t *testing.T, object *unstructured.Unstructured, reports int) {
	t.Helper()
	want := map[string]string{`"f:status"`: v1alpha1.FieldManagerManager}
	if reports > 0 {
		want[`"f:reports"`], want[`"f:applied"`] = v1alpha1.FieldManagerIngress, v1alpha1.FieldManagerIngress
	}
	for field, owner := range want {
		for _, entry := range object.GetManagedFields() {
			if owns := strings.Contains(entry.FieldsV1.GetRawString(), field); owns && entry.Manager != owner {
				t.Errorf("%s owns %s too", entry.Manager, field)
			}
		}
	}
}
