package gitops

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "write testdata and health_test.yaml of config/argocd anew")

// A verdict is what the tools must make of a resource: kstatus, which Flux, Helm and kubectl plugins use, and Argo CD.
type verdict struct {
	kstatus status.Status
	health  string
}

var (
	unseen    = verdict{status.InProgressStatus, "Progressing"}
	deleting  = verdict{status.TerminatingStatus, "Progressing"}
	underway  = verdict{status.InProgressStatus, "Progressing"}
	needsHelp = verdict{status.InProgressStatus, "Degraded"}
	done      = verdict{status.CurrentStatus, "Healthy"}
	failed    = verdict{status.FailedStatus, "Degraded"}
	suspended = verdict{status.CurrentStatus, "Suspended"}
)

// A life is what Mobile Manager says of a resource, through which receiver, and the conditions that this ends in, as
// type=reason. A resource of which nothing is said is declared.
type life struct {
	receiver string
	said     string
	ends     string
	verdict
}

func orderLives() map[string]life {
	return map[string]life{
		"awaiting":          {ends: "Ready=AwaitingReport", verdict: underway},
		"open":              {"demo", "Open", "Ready=Open", underway},
		"pending":           {"demo", "Open Pending", "Ready=Pending", underway},
		"code-7":            {"demo", "7", "Ready=Code7", underway},
		"stalled":           {"demo", "Open Stalled", "Stalled=OrderStalled", failed},
		"complete":          {"demo", "Open Complete", "Complete=Complete", done},
		"complete-late":     {"demo", "Complete Open", "Complete=Complete", done},
		"failed":            {"demo", "Open Failed", "Failed=Failed Stalled=OrderFailed", failed},
		"cancelled":         {"demo", "Cancelled", "Stalled=OrderCancelled", failed},
		"overdue":           {"hasty", "Open", "Overdue=OrderOverdue", needsHelp},
		"overdue-stalled":   {"hasty", "Stalled", "Overdue=OrderOverdue Stalled=OrderStalled", failed},
		"orphaned":          {"gone", "Open", "Orphaned=ReceiverDeleted", needsHelp},
		"orphaned-complete": {"gone", "Complete", "Orphaned=ReceiverDeleted Complete=Complete", done},
	}
}

func alertLives() map[string]life {
	return map[string]life{
		"awaiting": {ends: "Ready=AwaitingReport", verdict: verdict{status.InProgressStatus, "Suspended"}},
		"on":       {"demo", "On", "Active=AlertOn", done},
		"off":      {"demo", "On Off", "Active=AlertOff", done},
		"stale":    {"hasty", "On", "Stale=NoWordSince", done},
		"flapping": {"nervous", "On Off On", "Flapping=ManyTransitions", done},
		"orphaned": {"gone", "On", "Orphaned=ReceiverDeleted", done},
	}
}

// receiverLives are the receivers by what stands in the Secret that they find; said is that Secret, as key=value.
func receiverLives() map[string]life {
	strong := strings.Repeat("0123456789", 4)
	return map[string]life{
		"a-ready":         {ends: "Ready=TokenPublished", said: "token=" + strong, verdict: done},
		"weak-token":      {ends: "Stalled=WeakToken", said: "token=short", verdict: failed},
		"missing-token":   {ends: "Stalled=MissingToken", said: "tokn=" + strong, verdict: failed},
		"duplicate-token": {ends: "Stalled=DuplicateToken", said: "token=" + strong, verdict: failed},
		"suspended":       {ends: "Suspended=Suspended Ready=Suspended", said: "token=" + strong + "-suspended", verdict: suspended},
		"quarantined":     {ends: "Quarantined=DeliveriesKept Ready=TokenPublished", said: "token=" + strong + "-quarantined", verdict: done},
	}
}

// A stage is the site on which the states are made, and what has been judged there.
type stage struct {
	*site
	seen judged
}

// Every state of every kind, from before the manager has ever seen a resource until it is being deleted.
func TestStates(t *testing.T) {
	s := &stage{site: newSite(t), seen: judged{}}
	s.neverSeen(t)
	stop := s.startManager(t)
	s.startIngress(t)
	s.live(t)
	s.liveReceivers(t)
	s.delete(t)
	t.Run("kubectl wait", s.testWait)
	s.change(t, stop)
	s.startManager(t)
	s.catchUp(t)
	s.seen.compare(t)
}

// neverSeen has resources that are there before a manager is.
func (s *stage) neverSeen(t *testing.T) {
	t.Helper()
	for _, kind := range []string{v1alpha1.KindSimOrder, v1alpha1.KindSimAlert, v1alpha1.KindSimReceiver} {
		s.judge(t, "never-seen", s.declare(t, kind, "never-seen"), unseen)
	}
}

// live takes orders and alerts through their lives, one report after the other.
func (s *stage) live(t *testing.T) {
	t.Helper()
	s.receive(t, "demo", v1alpha1.SimReceiverSpec{})
	s.receive(t, "hasty", v1alpha1.SimReceiverSpec{OverdueAfter: "1ms", StaleAfter: "1ms"})
	s.receive(t, "nervous", v1alpha1.SimReceiverSpec{Flapping: v1alpha1.Flapping{Transitions: new(int32(2)), Within: "1h"}})
	gone := s.receive(t, "gone", v1alpha1.SimReceiverSpec{})

	lives := map[string]map[string]life{v1alpha1.KindSimOrder: orderLives(), v1alpha1.KindSimAlert: alertLives()}
	for kind, named := range lives {
		for _, name := range slices.Sorted(maps.Keys(named)) {
			if named[name].receiver == "" {
				s.declare(t, kind, name)
			}
			for _, said := range strings.Fields(named[name].said) {
				s.report(t, named[name].receiver, kind, name, said)
			}
		}
	}
	s.must(t, s.admin.Delete(t.Context(), gone))
	for kind, named := range lives {
		for name, l := range named {
			s.judge(t, name, s.await(t, kind, name, l.ends), l.verdict)
		}
	}
}

// liveReceivers makes the receivers in the order of their names, for of two with one token the older has it.
func (s *stage) liveReceivers(t *testing.T) {
	t.Helper()
	lives := receiverLives()
	for _, name := range slices.Sorted(maps.Keys(lives)) {
		key, token, _ := strings.Cut(lives[name].said, "=")
		s.must(t, s.admin.Create(t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name + "-webhook"}, StringData: map[string]string{key: token},
		}))
		receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
		receiver.Spec.Suspend = name == "suspended"
		s.must(t, s.admin.Create(t.Context(), receiver))
		if name == "quarantined" {
			s.post(t, name, "orders", `{"State":"Open"}`, http.StatusUnprocessableEntity)
		}
		s.judge(t, name, s.await(t, v1alpha1.KindSimReceiver, name, lives[name].ends), lives[name].verdict)
	}
}

// delete has resources that are being deleted and that a finalizer still holds.
func (s *stage) delete(t *testing.T) {
	t.Helper()
	s.report(t, "demo", v1alpha1.KindSimOrder, "deleting", "Complete")
	s.report(t, "demo", v1alpha1.KindSimAlert, "deleting", "On")
	s.receive(t, "deleting", v1alpha1.SimReceiverSpec{})
	for kind, ready := range map[string]string{
		v1alpha1.KindSimOrder: "Complete", v1alpha1.KindSimAlert: "ReportProcessed", v1alpha1.KindSimReceiver: "TokenPublished",
	} {
		object := s.await(t, kind, "deleting", "Ready="+ready)
		hold := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":["example.com/hold"]}}`))
		s.must(t, s.admin.Patch(t.Context(), object, hold))
		s.must(t, s.admin.Delete(t.Context(), object))
		held := s.get(t, kind, "deleting")
		if kind != v1alpha1.KindSimReceiver {
			held = s.await(t, kind, "deleting", "Ready="+ready)
		}
		s.judge(t, "deleting", held, deleting)
	}
}

// change changes specs that no manager sees, and makes resources that none has seen.
func (s *stage) change(t *testing.T, stopManager func()) {
	t.Helper()
	s.report(t, "demo", v1alpha1.KindSimOrder, "changed", "Complete")
	s.report(t, "demo", v1alpha1.KindSimAlert, "changed", "On")
	receiver := s.receive(t, "changed", v1alpha1.SimReceiverSpec{})
	s.await(t, v1alpha1.KindSimOrder, "changed", "Complete=Complete")
	s.await(t, v1alpha1.KindSimAlert, "changed", "Active=AlertOn")
	stopManager()

	s.report(t, "demo", v1alpha1.KindSimOrder, "changed", "Failed")
	s.report(t, "demo", v1alpha1.KindSimAlert, "changed", "Off")
	suspend := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"suspend":true}}`))
	s.must(t, s.admin.Patch(t.Context(), receiver, suspend))
	for _, kind := range []string{v1alpha1.KindSimOrder, v1alpha1.KindSimAlert, v1alpha1.KindSimReceiver} {
		s.judge(t, "changed", s.get(t, kind, "changed"), unseen)
		s.expectWait(t, false, kind, "changed", "condition=Ready")
	}
	s.report(t, "demo", v1alpha1.KindSimOrder, "delivered-unseen", "Complete")
	s.report(t, "demo", v1alpha1.KindSimAlert, "delivered-unseen", "On")
	s.judge(t, "delivered-unseen", s.get(t, v1alpha1.KindSimOrder, "delivered-unseen"), unseen)
	s.judge(t, "delivered-unseen", s.get(t, v1alpha1.KindSimAlert, "delivered-unseen"), unseen)
}

// catchUp has a new manager see all that.
func (s *stage) catchUp(t *testing.T) {
	t.Helper()
	for name, now := range map[string]struct {
		kind, name, ends string
		want             status.Status
	}{
		"an order that was changed":         {v1alpha1.KindSimOrder, "changed", "Failed=Failed", status.FailedStatus},
		"an alert that was changed":         {v1alpha1.KindSimAlert, "changed", "Active=AlertOff", status.CurrentStatus},
		"a receiver that was changed":       {v1alpha1.KindSimReceiver, "changed", "Ready=Suspended", status.CurrentStatus},
		"an order that was delivered":       {v1alpha1.KindSimOrder, "delivered-unseen", "Complete=Complete", status.CurrentStatus},
		"a receiver that had no manager":    {v1alpha1.KindSimReceiver, "never-seen", "Ready=TokenPublished", status.CurrentStatus},
		"an order that nobody has reported": {v1alpha1.KindSimOrder, "never-seen", "Ready=AwaitingReport", status.InProgressStatus},
	} {
		expect(t, name, s.await(t, now.kind, now.name, now.ends), now.want)
	}
}

// await waits until a resource has conditions, given as type=reason, of its latest spec.
func (s *stage) await(t *testing.T, kind, name, ends string) *unstructured.Unstructured {
	t.Helper()
	var object *unstructured.Unstructured
	eventually(t, func() error {
		object = s.get(t, kind, name)
		observed, _, err := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
		if err != nil || observed != object.GetGeneration() {
			return fmt.Errorf("%s %s has generation %d, observed %d: %w", kind, name, object.GetGeneration(), observed, err)
		}
		has := reasonsOf(object)
		for _, want := range strings.Fields(ends) {
			if !slices.Contains(has, want) {
				return fmt.Errorf("%s %s has %v, not %s", kind, name, has, want)
			}
		}
		return nil
	})
	return object
}

// reasonsOf are an object's conditions as type=reason.
func reasonsOf(object *unstructured.Unstructured) []string {
	list, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	var reasons []string
	for _, item := range list {
		if condition, isMap := item.(map[string]any); isMap {
			reasons = append(reasons, fmt.Sprintf("%s=%s", condition["type"], condition["reason"]))
		}
	}
	return reasons
}

// judge compares what kstatus says, and keeps the object and what Argo CD must say of it for the end.
func (s *stage) judge(t *testing.T, state string, object *unstructured.Unstructured, want verdict) {
	t.Helper()
	expect(t, state, object, want.kstatus)
	s.seen.add(t, state, object, want.health)
}

func expect(t *testing.T, what string, object *unstructured.Unstructured, want status.Status) {
	t.Helper()
	got, err := status.Compute(object)
	if err != nil {
		t.Fatalf("%s %s: %v", object.GetKind(), what, err)
	}
	if got.Status != want {
		t.Errorf("%s %s: kstatus says %s (%s), want %s", object.GetKind(), what, got.Status, got.Message, want)
	}
}

// testWait has kubectl wait for what holds and for what does not. It looks once.
func (s *stage) testWait(t *testing.T) {
	const order, alert, receiver = v1alpha1.KindSimOrder, v1alpha1.KindSimAlert, v1alpha1.KindSimReceiver
	for _, wait := range []struct {
		kind, name, condition string
		want                  bool
	}{
		{order, "complete", "condition=Complete", true},
		{order, "complete", "condition=Ready", true},
		{order, "complete-late", "condition=Complete", true},
		{order, "open", "condition=Complete", false},
		{order, "open", "jsonpath={.status.state}=Open", true},
		{order, "awaiting", "condition=Ready", false},
		{order, "failed", "condition=Failed", true},
		{order, "failed", "condition=Complete", false},
		{order, "failed", "condition=Stalled", true},
		{order, "overdue", "condition=Overdue", true},
		{order, "deleting", "delete", false},
		{order, "was never there", "delete", true},
		{alert, "on", "condition=Active", true},
		{alert, "on", "condition=Active=false", false},
		{alert, "off", "condition=Active=false", true},
		{alert, "off", "condition=Ready", true},
		{receiver, "a-ready", "condition=Ready", true},
		{receiver, "weak-token", "condition=Ready", false},
		{receiver, "suspended", "condition=Ready", true},
		{receiver, "suspended", "condition=Suspended", true},
		{receiver, "suspended", `jsonpath={.status.conditions[?(@.type=="Ready")].reason}=TokenPublished`, false},
		{receiver, "a-ready", `jsonpath={.status.conditions[?(@.type=="Ready")].reason}=TokenPublished`, true},
	} {
		s.expectWait(t, wait.want, wait.kind, wait.name, wait.condition)
	}
}

func (s *stage) expectWait(t *testing.T, want bool, kind, name, condition string) {
	t.Helper()
	object := newDeclared(s.namespace, kind, name)
	out, err := s.kubectl(t, "", "wait", kind+"/"+object.GetName(), "--for="+condition, "--timeout=0")
	if (err == nil) != want {
		t.Errorf("kubectl wait --for=%s for %s %q: %v, %s", condition, kind, name, err, out)
	}
}
