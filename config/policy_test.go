package config

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

// people are those who try things.
type people struct {
	admin client.Client
	// user may do everything with our resources, as far as RBAC goes.
	user client.Client
	// ingress is whoever stole the ingress's token; pod is the same where the token is bound to a pod, as in a cluster.
	ingress, pod client.Client
	manager      client.Client
	// foreign has the ingress's name in another namespace.
	foreign client.Client
}

const podName = ingress + "-0"

func newPeople(t *testing.T, namespace string) people {
	t.Helper()
	allowUser(t)
	return people{
		admin:   plane.Client(t),
		user:    actingAs(t, "alice", nil),
		ingress: actingAs(t, accountName(namespace, ingress), nil),
		pod:     actingAs(t, accountName(namespace, ingress), map[string][]string{"authentication.kubernetes.io/pod-name": {podName}}),
		manager: actingAs(t, accountName(namespace, manager), nil),
		foreign: actingAs(t, accountName("elsewhere", ingress), nil),
	}
}

func accountName(namespace, name string) string {
	return "system:serviceaccount:" + namespace + ":" + name
}

func actingAs(t *testing.T, name string, extra map[string][]string) client.Client {
	t.Helper()
	config := plane.Config(t)
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:authenticated"}, Extra: extra}
	c, err := client.New(config, client.Options{Scheme: plane.Client(t).Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// allowUser gives everybody in this test every right on our resources, so that only the policies are in the way.
func allowUser(t *testing.T) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: "everything"}
	role := &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"*"}, Verbs: []string{"*"},
	}}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:authenticated"}},
	}
	for _, object := range []client.Object{role, binding} {
		createForTest(t, object)
	}
}

// createForTest makes an object and has it gone at the end of the test.
func createForTest(t *testing.T, object client.Object) {
	t.Helper()
	admin := plane.Client(t)
	if err := admin.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin.Delete(context.WithoutCancel(t.Context()), object, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	})
}

// enforced waits until all three policies hold, which is some time after they have been made.
func (p *people) enforced(t *testing.T) {
	t.Helper()
	order := newOrder()
	createForTest(t, order)
	probes := map[string]func() error{
		byReports: func() error { return p.admin.Create(t.Context(), withReport(newOrder()), client.DryRunAll) },
		byStatus: func() error {
			return p.admin.Status().Patch(t.Context(), order.DeepCopy(), merge(`{"status":{"state":"Open"}}`), client.DryRunAll)
		},
		byMetadata: func() error {
			annotated := newOrder()
			annotated.Annotations = map[string]string{"a": "b"}
			return p.ingress.Create(t.Context(), annotated, client.DryRunAll)
		},
	}
	for policy, probe := range probes {
		testenv.Eventually(t, func() error {
			if err := probe(); !refusedBy(err, policy) {
				return fmt.Errorf("%s does not hold yet: %w", policy, err)
			}
			return nil
		})
	}
}

func refusedBy(err error, policy string) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "ValidatingAdmissionPolicy '"+policy+"'")
}

func newOrder() *v1alpha1.SimOrder {
	id := uuid.NewString()
	return &v1alpha1.SimOrder{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: id}, Spec: v1alpha1.SimOrderSpec{OrderID: v1alpha1.UUID(id)}}
}

func withReport(order *v1alpha1.SimOrder) *v1alpha1.SimOrder {
	at := metav1.NewMicroTime(time.Date(2026, time.January, 1, 0, 0, 0, 1000, time.UTC))
	meta := v1alpha1.ReportMeta{Sequence: 1, ReceivedAt: at, LastReceivedAt: at, Count: 1}
	order.Spec.Reports = []v1alpha1.OrderReport{{ReportMeta: meta, State: v1alpha1.OrderStateOpen}}
	order.Spec.Applied = []v1alpha1.AppliedDeliveries{{Spool: "spool", First: 1, Last: 1}}
	order.Labels = map[string]string{v1alpha1.LabelReceiver: "demo"}
	return order
}

func merge(patch string) client.Patch {
	return client.RawPatch("application/merge-patch+json", []byte(patch))
}

const (
	byReports  = "sim-operator-reports"
	byStatus   = "sim-operator-status"
	byMetadata = "sim-operator-metadata"
)

// Everybody with every right on our resources, and yet.
func TestPolicies(t *testing.T) {
	for _, dir := range []string{"default", "overlays/other-namespace"} {
		t.Run(dir, func(t *testing.T) {
			p := newPeople(t, namespaceOf(t, install(t, dir)))
			p.enforced(t)
			t.Run("specs", p.testSpecs)
			t.Run("metadata", p.testMetadata)
			t.Run("statuses", p.testStatuses)
			t.Run("rows", p.testRows)
			t.Run("declaring", p.testDeclaring)
			t.Run("deleting", p.testDeleting)
			t.Run("lifting", p.testLifting)
		})
	}
}

// attempt is what somebody tries, and the policy that is in the way; none where it is "".
type attempt struct {
	who    client.Client
	what   string
	policy string
}

func check(t *testing.T, attempts map[string]attempt, try func(a attempt) error) {
	t.Helper()
	for name, a := range attempts {
		err := try(a)
		if a.policy == "" && err != nil || a.policy != "" && !refusedBy(err, a.policy) {
			t.Errorf("%s: %v; want it refused by %q", name, err, a.policy)
		}
	}
}

func (p *people) testSpecs(t *testing.T) {
	const report = `{"sequence":2,"receivedAt":"2026-01-01T00:00:00.000001Z","lastReceivedAt":"2026-01-01T00:00:00.000001Z","count":1`
	add, applied := `{"spec":{"reports":[`+report+`,"state":"Failed"}]}}`, `{"spec":{"applied":[{"spool":"s","first":1,"last":9}]}}`
	attempts := map[string]attempt{
		"the ingress replaces reports":         {p.ingress, add, ""},
		"the ingress replaces applied":         {p.pod, applied, ""},
		"an admin replaces reports":            {p.admin, add, byReports},
		"an admin replaces applied":            {p.admin, applied, byReports},
		"an admin takes reports away":          {p.admin, `{"spec":{"reports":null}}`, byReports},
		"an admin takes applied away":          {p.admin, `{"spec":{"applied":[]}}`, byReports},
		"a user replaces reports":              {p.user, add, byReports},
		"a user replaces applied":              {p.user, applied, byReports},
		"the manager replaces reports":         {p.manager, add, byReports},
		"the manager replaces applied":         {p.manager, applied, byReports},
		"an account of the same name, reports": {p.foreign, add, byReports},
		"a user sets what else the spec has":   {p.user, `{"spec":{"receiver":"demo"}}`, ""},
		"a user labels and annotates":          {p.user, `{"metadata":{"labels":{"team":"a"},"annotations":{"team":"a"}}}`, ""},
	}
	order := withReport(newOrder())
	p.createAs(t, p.ingress, order)
	check(t, attempts, func(a attempt) error {
		return a.who.Patch(t.Context(), order.DeepCopy(), merge(a.what), client.DryRunAll)
	})

	id := uuid.NewString()
	alert := &v1alpha1.SimAlert{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: id + "-" + id}}
	alert.Spec.AlertID, alert.Spec.EntityID = v1alpha1.UUID(id), v1alpha1.UUID(id)
	p.createAs(t, p.user, alert)
	add = `{"spec":{"reports":[` + report + `,"trigger":"On"}]}}`
	check(t, map[string]attempt{
		"the ingress adds an alert's reports":       {p.ingress, add, ""},
		"a user adds an alert's reports":            {p.user, add, byReports},
		"an admin adds an alert's applied":          {p.admin, applied, byReports},
		"an admin writes an alert's status":         {p.admin, `{"status":{"trigger":"On"}}`, ""}, // not by this way: it is dropped
		"the manager adds an alert's reports":       {p.manager, add, byReports},
		"a user sets what else an alert's spec has": {p.user, `{"spec":{"alertName":"x"}}`, ""},
	}, func(a attempt) error {
		return a.who.Patch(t.Context(), alert.DeepCopy(), merge(a.what), client.DryRunAll)
	})
}

// createAs makes an object as somebody, and has it gone at the end of the test.
func (p *people) createAs(t *testing.T, who client.Client, object client.Object) {
	t.Helper()
	if err := who.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.admin.Delete(context.WithoutCancel(t.Context()), object); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	})
}

func (p *people) testMetadata(t *testing.T) {
	order := newOrder()
	order.Labels, order.Annotations = map[string]string{"team": "a"}, map[string]string{"team": "a"}
	p.createAs(t, p.user, order)
	owner := fmt.Sprintf(`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Secret","name":"x","uid":%q}]}}`, uuid.NewString())
	finalizer := `{"metadata":{"finalizers":["example.com/never"]}}`
	check(t, map[string]attempt{
		"the ingress sets its own labels":        {p.ingress, `{"metadata":{"labels":{"sim-operator.io/receiver":"demo"}}}`, ""},
		"the ingress holds up deletion":          {p.ingress, finalizer, byMetadata},
		"the ingress has it deleted":             {p.pod, owner, byMetadata},
		"the ingress annotates":                  {p.ingress, `{"metadata":{"annotations":{"a":"b"}}}`, byMetadata},
		"the ingress takes an annotation away":   {p.ingress, `{"metadata":{"annotations":{"team":null}}}`, byMetadata},
		"the ingress labels":                     {p.ingress, `{"metadata":{"labels":{"a":"b"}}}`, byMetadata},
		"the ingress changes somebody's label":   {p.ingress, `{"metadata":{"labels":{"team":"b"}}}`, byMetadata},
		"the ingress takes somebody's label off": {p.ingress, `{"metadata":{"labels":{"team":null}}}`, byMetadata},
		"a user holds up deletion":               {p.user, finalizer, ""},
		"a user has it owned":                    {p.user, owner, ""},
	}, func(a attempt) error {
		return a.who.Patch(t.Context(), order.DeepCopy(), merge(a.what), client.DryRunAll)
	})
	created := withReport(newOrder())
	created.Finalizers = []string{"example.com/never"}
	if err := p.ingress.Create(t.Context(), created, client.DryRunAll); !refusedBy(err, byMetadata) {
		t.Errorf("the ingress creates what cannot be deleted: %v", err)
	}
}

func (p *people) testStatuses(t *testing.T) {
	order := newOrder()
	p.createAs(t, p.user, order)
	id := uuid.NewString()
	alert := &v1alpha1.SimAlert{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: id + "-" + id}}
	alert.Spec.AlertID, alert.Spec.EntityID = v1alpha1.UUID(id), v1alpha1.UUID(id)
	p.createAs(t, p.user, alert)
	receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "statuses"}}
	p.createAs(t, p.user, receiver)
	for _, object := range []client.Object{order, alert, receiver} {
		const what = `{"status":{"observedGeneration":7}}`
		check(t, map[string]attempt{
			"the manager":                {p.manager, what, ""},
			"the ingress":                {p.ingress, what, byStatus},
			"the ingress in its pod":     {p.pod, what, byStatus},
			"an admin":                   {p.admin, what, byStatus},
			"a user":                     {p.user, what, byStatus},
			"an account of another name": {p.foreign, what, byStatus},
		}, func(a attempt) error {
			copied := object.DeepCopyObject().(client.Object) //nolint:forcetypeassert // a copy is of the same type
			if err := a.who.Status().Patch(t.Context(), copied, merge(a.what), client.DryRunAll); err != nil {
				return fmt.Errorf("%T: %w", object, err)
			}
			return nil
		})
	}
}

func (p *people) testRows(t *testing.T) {
	receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "rows"}}
	p.createAs(t, p.user, receiver)
	status := `{"status":{"observedGeneration":1,"orders":3,"tokenHashes":["aa"],"lastDelivery":"2026-01-01T00:00:00.000001Z",` +
		`"conditions":[{"type":"Ready","status":"True","reason":"TokenPublished","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`
	if err := p.manager.Status().Patch(t.Context(), receiver, merge(status)); err != nil {
		t.Fatal(err)
	}
	rows := `{"status":{"ingresses":[{"replica":"sim-operator-ingress-0","waiting":1},{"replica":"sim-operator-ingress-1","waiting":1},` +
		`{"replica":"full","quarantined":1},{"replica":"idle","lastDelivery":"2026-01-01T00:00:00.000001Z"}]}}`
	if err := p.ingress.Status().Patch(t.Context(), receiver, merge(rows)); err != nil {
		t.Fatal(err)
	}
	const (
		waits0 = `{"status":{"ingresses":[{"replica":"sim-operator-ingress-0","waiting":`
		waits1 = `},{"replica":"sim-operator-ingress-1","waiting":`
		full   = `,{"replica":"full","quarantined":1}`
		idle   = `,{"replica":"idle","lastDelivery":"2026-01-01T00:00:00.000001Z"}`
		end    = `]}}`

		own      = waits0 + `9` + waits1 + `1}` + full + idle + end
		other    = waits0 + `1` + waits1 + `9}` + full + idle + end
		gone     = waits0 + `1}` + full + idle + end
		emptied  = waits0 + `1` + waits1 + `1}` + idle + end
		idleGone = waits0 + `1` + waits1 + `1}` + full + end
		added    = waits0 + `1` + waits1 + `1}` + full + idle + `,{"replica":"x"}` + end
	)
	attempts := map[string]attempt{
		"a pod changes its own row":                    {p.pod, own, ""},
		"a pod changes another's row":                  {p.pod, other, byStatus},
		"a pod takes another's row away":               {p.pod, gone, byStatus},
		"a pod adds a row for another":                 {p.pod, added, byStatus},
		"with a token of no pod, any row may change":   {p.ingress, other, ""},
		"with a token of no pod, any row may be added": {p.ingress, added, ""},
		"with a token of no pod, any row may go":       {p.ingress, gone, ""},
		"a pod takes an idle row away":                 {p.pod, idleGone, byStatus},
		"the manager takes an idle row away":           {p.manager, idleGone, ""},
		"the manager hides what waits":                 {p.manager, gone, byStatus},
		"the manager hides what is in quarantine":      {p.manager, emptied, byStatus},
		"the manager changes a row":                    {p.manager, other, byStatus},
		"the manager adds a row":                       {p.manager, added, byStatus},
		"an admin changes a row":                       {p.admin, own, byStatus},
		"a user changes a row":                         {p.user, own, byStatus},
		"an account of the same name elsewhere":        {p.foreign, own, byStatus},
		"the ingress has its own token accepted":       {p.ingress, `{"status":{"tokenHashes":["bb"]}}`, byStatus},
		"the ingress shuts everybody out":              {p.pod, `{"status":{"tokenHashes":null}}`, byStatus},
		"the ingress changes a count":                  {p.ingress, `{"status":{"orders":4}}`, byStatus},
		"the ingress adds what was not there":          {p.ingress, `{"status":{"alerts":4}}`, byStatus},
		"the ingress changes the last delivery":        {p.ingress, `{"status":{"lastDelivery":null}}`, byStatus},
		"the ingress changes a condition":              {p.ingress, `{"status":{"conditions":[]}}`, byStatus},
		"the ingress says what has been observed":      {p.ingress, `{"status":{"observedGeneration":2}}`, byStatus},
		"the ingress does one thing right and one not": {p.pod, strings.TrimSuffix(own, "}}") + `,"orders":4}}`, byStatus},
		"the ingress writes nothing new":               {p.pod, `{"status":{"orders":3}}`, ""},
	}
	check(t, attempts, func(a attempt) error {
		return a.who.Status().Patch(t.Context(), receiver.DeepCopy(), merge(a.what), client.DryRunAll)
	})

	// As the ingress really writes: the whole status, as its own types read it.
	typed := &v1alpha1.SimReceiver{}
	if err := p.pod.Get(t.Context(), client.ObjectKeyFromObject(receiver), typed); err != nil {
		t.Fatal(err)
	}
	typed.Status.Ingresses[0].Waiting = 9
	if err := p.pod.Status().Update(t.Context(), typed); err != nil {
		t.Errorf("the ingress updates its row: %v", err)
	}
}

// GitOps: who declares an order goes on doing so when the ingress has filled it.
func (p *people) testDeclaring(t *testing.T) {
	order := newOrder()
	declare := func() error {
		text := fmt.Sprintf(`{"apiVersion":"sim-operator.io/v1alpha1","kind":"SimOrder","metadata":{"name":%q,"namespace":%q,"labels":{"team":"a"}},"spec":{"orderID":%q}}`, order.Name, tenant, order.Name)
		declared, err := decode([]byte(text))
		if err != nil {
			return err
		}
		return p.user.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(declared[0]), client.FieldOwner("gitops"))
	}
	if err := declare(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.admin.Delete(context.WithoutCancel(t.Context()), order) })
	if err := p.ingress.Get(t.Context(), client.ObjectKeyFromObject(order), order); err != nil {
		t.Fatal(err)
	}
	filled := withReport(newOrder())
	order.Spec.Reports, order.Spec.Applied = filled.Spec.Reports, filled.Spec.Applied
	order.Labels[v1alpha1.LabelReceiver] = "demo"
	if err := p.ingress.Update(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	if err := declare(); err != nil {
		t.Errorf("declared again: %v", err)
	}
	if err := p.user.Get(t.Context(), client.ObjectKeyFromObject(order), order); err != nil || len(order.Spec.Reports) != 1 {
		t.Errorf("the order has reports %v, error %v", order.Spec.Reports, err)
	}
	for name, who := range map[string]client.Client{"a user": p.user, "an admin": p.admin, "the manager": p.manager, "another account": p.foreign} {
		if err := who.Create(t.Context(), withReport(newOrder()), client.DryRunAll); !refusedBy(err, byReports) {
			t.Errorf("%s creates an order with reports: %v", name, err)
		}
	}
}

func (p *people) testDeleting(t *testing.T) {
	for name, who := range map[string]client.Client{"a user": p.user, "an admin": p.admin, "the manager": p.manager} {
		order := withReport(newOrder())
		p.createAs(t, p.ingress, order)
		if err := who.Delete(t.Context(), order); err != nil {
			t.Errorf("%s deletes: %v", name, err)
		}
	}
	held := newOrder()
	held.Finalizers = []string{"example.com/held"}
	p.createAs(t, p.user, held)
	if err := p.user.Delete(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	if err := p.user.Patch(t.Context(), held, merge(`{"metadata":{"finalizers":null}}`)); err != nil {
		t.Errorf("let go of what is being deleted: %v", err)
	}
}

// An admin who has to write reports or a status by hand deletes the binding.
func (p *people) testLifting(t *testing.T) {
	for _, policy := range []string{byReports, byStatus} {
		binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: policy}}
		if err := p.admin.Delete(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
	}
	order := withReport(newOrder())
	testenv.Eventually(t, func() error { return p.admin.Create(t.Context(), order.DeepCopy(), client.DryRunAll) })
	p.createAs(t, p.admin, order)
	testenv.Eventually(t, func() error {
		return p.admin.Status().Patch(t.Context(), order.DeepCopy(), merge(`{"status":{"state":"Open"}}`))
	})
}
