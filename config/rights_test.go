package config

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

// The programs do all that they ever do, and the API server's audit log is compared with the roles: a right that was
// missing shows as forbidden, one that was not used is one too many. With the Roles of the namespaced overlay there is
// nothing else to use, so that --namespaces is shown to keep the programs to them.
func TestRightsAreExact(t *testing.T) {
	for _, dir := range []string{"default", "overlays/namespaced"} {
		t.Run(dir, func(t *testing.T) {
			found := install(t, dir)
			before := sizeOf(t, plane.AuditLog(t))
			i := newInstallation(t, found)
			i.liveThrough(t)
			i.scrape(t, found)
			i.listInstead(t)
			granted := grantsOf(t, found)
			testenv.Eventually(t, func() error { return unused(granted, requestsOf(t, i.namespace, before)) })
			for _, r := range requestsOf(t, i.namespace, before) {
				if fault := r.fault(granted); fault != "" {
					t.Errorf("%s: %s", r, fault)
				}
			}
			noMoreThan(t, granted)
		})
	}
}

// liveThrough has the programs do everything that they have rights for.
func (i *installation) liveThrough(t *testing.T) {
	t.Helper()
	receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "rights"}}
	receiver.Spec.Retention = v1alpha1.Retention{FinishedOrders: "1s", InactiveAlerts: "1s"}
	i.receive(t, receiver)
	i.giveURL(t)

	// Somebody declared them, so that the ingress creates first, then reads, then updates.
	order, simID := newOrder(), uuid.NewString()
	createForTest(t, order)
	alert := &v1alpha1.SimAlert{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: order.Name + "-" + simID}}
	alert.Spec.AlertID, alert.Spec.EntityID = order.Spec.OrderID, v1alpha1.UUID(simID)
	createForTest(t, alert)
	i.deliver(t, "orders", fmt.Sprintf(`{"OrderId":%q,"State":1}`, order.Name))
	i.deliver(t, "alerts", fmt.Sprintf(`{"AlertId":%q,"EntityId":%q,"AlertTargetType":"SIM","AlertTriggerType":"Off"}`, order.Name, simID))
	testenv.Eventually(t, func() error { return i.hasEvents(t, order, alert) })

	// The replica's row, and the end of what has been kept long enough.
	testenv.Eventually(t, func() error {
		if err := i.admin.Get(t.Context(), client.ObjectKeyFromObject(receiver), receiver); err != nil {
			return err
		}
		if rows := receiver.Status.Ingresses; len(rows) != 1 || rows[0].Replica != podName {
			return fmt.Errorf("status.ingresses is %+v", rows)
		}
		return nil
	})
	for _, object := range []client.Object{order, alert} {
		testenv.Eventually(t, func() error {
			if err := i.admin.Get(t.Context(), client.ObjectKeyFromObject(object), object); !apierrors.IsNotFound(err) {
				return fmt.Errorf("%T %s is still there: %w", object, object.GetName(), err)
			}
			return nil
		})
	}
}

// listInstead starts both programs again as they are with an API server that cannot stream lists: there they list, and
// then watch.
func (i *installation) listInstead(t *testing.T) {
	t.Helper()
	for _, name := range []string{ingress, manager} {
		if err := i.supervisor.Add(name, nil, []string{"KUBE_FEATURE_WatchListClient=false"}); err != nil {
			t.Fatal(err)
		}
		if err := i.supervisor.Signal(name, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
}

// giveURL says where the ingress is reached, which then stands in the Secret too.
func (i *installation) giveURL(t *testing.T) {
	t.Helper()
	if err := i.admin.Patch(t.Context(), i.receiver, merge(`{"spec":{"externalURL":"https://hooks.example.com"}}`)); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, func() error {
		var secret corev1.Secret
		if err := i.admin.Get(t.Context(), client.ObjectKey{Namespace: tenant, Name: i.receiver.Name + "-webhook"}, &secret); err != nil {
			return err
		}
		if len(secret.Data[v1alpha1.SecretKeyOrdersURL]) == 0 {
			return errors.New("the Secret holds no URL")
		}
		return nil
	})
}

func (i *installation) hasEvents(t *testing.T, objects ...client.Object) error {
	t.Helper()
	var events eventsv1.EventList
	if err := i.admin.List(t.Context(), &events, client.InNamespace(tenant)); err != nil {
		return err
	}
	for _, object := range objects {
		if !slices.ContainsFunc(events.Items, func(e eventsv1.Event) bool { return e.Regarding.UID == object.GetUID() }) {
			return fmt.Errorf("%T %s has no Event", object, object.GetName())
		}
	}
	return nil
}

// grant is one verb on one resource that a binding gives.
type grant struct {
	binding, group, resource, verb string
}

// grantsOf are all grants in manifests.
func grantsOf(t *testing.T, found manifests) map[grant]bool {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for _, role := range as[rbacv1.ClusterRole](t, found, "ClusterRole") {
		rules["ClusterRole/"+role.Name] = role.Rules
	}
	for _, role := range as[rbacv1.Role](t, found, "Role") {
		rules["Role/"+role.Namespace+"/"+role.Name] = role.Rules
	}
	granted := map[grant]bool{}
	bind := func(binding, role string) {
		if rules[role] == nil {
			t.Errorf("%s binds %s, which there is not", binding, role)
		}
		for _, rule := range rules[role] {
			expand(granted, binding, &rule)
		}
	}
	for _, b := range as[rbacv1.ClusterRoleBinding](t, found, "ClusterRoleBinding") {
		bind(fmt.Sprintf("ClusterRoleBinding %q", b.Name), "ClusterRole/"+b.RoleRef.Name)
	}
	for _, b := range as[rbacv1.RoleBinding](t, found, "RoleBinding") {
		bind(fmt.Sprintf("RoleBinding %q", b.Name+"/"+b.Namespace), b.RoleRef.Kind+"/"+b.Namespace+"/"+b.RoleRef.Name)
	}
	return granted
}

func expand(granted map[grant]bool, binding string, rule *rbacv1.PolicyRule) {
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				granted[grant{binding, group, resource, verb}] = true
			}
		}
	}
}

// request is a line of the audit log.
type request struct {
	Verb           string
	RequestURI     string
	User           struct{ Username string }
	ObjectRef      struct{ APIGroup, Resource, Subresource, Namespace, Name string }
	ResponseStatus struct {
		Code    int
		Message string
	}
	Annotations map[string]string
}

func (r *request) String() string {
	return fmt.Sprintf("%s %s by %s: %d %s", r.Verb, r.RequestURI, r.User.Username, r.ResponseStatus.Code, r.ResponseStatus.Message)
}

// allowedBy finds the binding in the reason that RBAC gives.
var allowedBy = regexp.MustCompile(`^RBAC: allowed by ((?:Cluster)?RoleBinding "[^"]+") of`)

// grant is the right that was used.
func (r *request) grant() grant {
	used := grant{group: r.ObjectRef.APIGroup, resource: r.ObjectRef.Resource, verb: r.Verb}
	if r.ObjectRef.Subresource != "" {
		used.resource += "/" + r.ObjectRef.Subresource
	}
	if found := allowedBy.FindStringSubmatch(r.Annotations["authorization.k8s.io/reason"]); found != nil {
		used.binding = found[1]
	}
	return used
}

// fault is what is wrong with a request that was made.
func (r *request) fault(granted map[grant]bool) string {
	const forbidden = 403
	used := r.grant()
	switch {
	case r.Annotations["authorization.k8s.io/decision"] != "allow":
		return "a right is missing"
	case r.ResponseStatus.Code == forbidden:
		return "a policy is in the way"
	case !granted[used] && !strings.Contains(used.binding, `"system:`):
		return fmt.Sprintf("the right comes from elsewhere: %+v", used)
	}
	return ""
}

// requestsOf is what the two programs have asked for since the log was so long.
func requestsOf(t *testing.T, namespace string, since int64) []*request {
	t.Helper()
	file, err := os.Open(plane.AuditLog(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(since, 0); err != nil {
		t.Fatal(err)
	}
	var found []*request
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		r := &request{}
		if err := json.Unmarshal(lines.Bytes(), r); err != nil {
			t.Fatal(err)
		}
		if name := r.User.Username; name == accountName(namespace, ingress) || name == accountName(namespace, manager) {
			found = append(found, r)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// unused names the grants that no request used.
func unused(granted map[grant]bool, requests []*request) error {
	used := map[grant]bool{}
	for _, r := range requests {
		used[r.grant()] = true
	}
	var excess []string
	for g := range granted {
		if !used[g] {
			excess = append(excess, fmt.Sprintf("%s: %s %s %s", g.binding, g.verb, g.group, g.resource))
		}
	}
	if len(excess) == 0 {
		return nil
	}
	slices.Sort(excess)
	return fmt.Errorf("rights that are not used:\n%s", strings.Join(excess, "\n"))
}

// noMoreThan says what no grant may be, used or not.
func noMoreThan(t *testing.T, granted map[grant]bool) {
	t.Helper()
	for g := range granted {
		secret := g.resource == "secrets" && (strings.Contains(g.binding, ingress) || slices.Contains([]string{"list", "watch", "delete", "deletecollection"}, g.verb))
		wild := g.group == "*" || g.resource == "*" || g.verb == "*"
		power := slices.Contains([]string{"escalate", "bind", "impersonate"}, g.verb) || strings.HasPrefix(g.resource, "pods/") || g.resource == "serviceaccounts/token"
		if secret || wild || power {
			t.Errorf("%+v is granted", g)
		}
	}
}
