package ingress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/admin"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

var plane testenv.Cluster

func TestMain(m *testing.M) {
	os.Exit(plane.Main(m))
}

// A door is a running ingress with one receiver.
type door struct {
	namespace string
	token     string
	address   string
	options   Options
	client    client.Client
	registry  *prometheus.Registry
	stop      func()
	// between, if there is one, stands between the ingress and the API server.
	between func(http.RoundTripper) http.RoundTripper
}

// newDoor makes a namespace with a receiver whose token is published, and starts an ingress.
func newDoor(t testing.TB) *door {
	t.Helper()
	d := &door{client: plane.Client(t), namespace: plane.Namespace(t), token: strings.Repeat("t", 20) + uuid.NewString()}
	d.publish(t)
	d.options = DefaultOptions()
	d.options.SpoolDir, d.options.Metrics.Address, d.options.Replica = t.TempDir(), "0", "replica-1"
	d.start(t)
	return d
}

// publish makes the receiver, as the manager would.
func (d *door) publish(t testing.TB) {
	t.Helper()
	receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: "demo"}}
	d.must(t, d.client.Create(t.Context(), receiver))
	hash := sha256.Sum256([]byte(d.token))
	receiver.Status.TokenHashes = []string{hex.EncodeToString(hash[:])}
	d.must(t, d.client.Status().Update(t.Context(), receiver))
}

// start runs an ingress with the rights of its own ServiceAccount until stop or the end of the test.
func (d *door) start(t testing.TB) {
	t.Helper()
	d.options.HooksAddress, d.options.ProbeAddress = freeAddress(t), freeAddress(t)
	d.address = "http://" + d.options.HooksAddress
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	config := plane.ConfigFor(t, v1alpha1.FieldManagerIngress)
	config.Wrap(d.between)
	d.registry = prometheus.NewRegistry()
	go func() { ended <- Run(ctx, config, d.options, d.registry, logr.Discard()) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the ingress ended with: %v", err)
		}
	})
	t.Cleanup(d.stop)
	testenv.Eventually(t, func() error {
		response, err := http.Get("http://" + d.options.ProbeAddress + "/readyz")
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("not ready: %s", response.Status)
		}
		return nil
	})
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func (d *door) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (d *door) post(t testing.TB, kind, body string) int {
	t.Helper()
	response, err := http.Post(d.address+"/hooks/"+d.token+"/"+kind, "application/json", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil || bytes.Contains(answer, []byte(d.token)) {
		t.Errorf("answer %s, error %v", answer, err)
	}
	return response.StatusCode
}

// accept posts what must be accepted.
func (d *door) accept(t testing.TB, kind, body string) {
	t.Helper()
	if code := d.post(t, kind, body); code != http.StatusOK {
		t.Fatalf("%s was answered %d", body, code)
	}
}

func (d *door) acceptOrder(t testing.TB, id string, state int) {
	t.Helper()
	d.accept(t, "orders", orderBody(id, state))
}

func orderBody(id string, state int) string {
	return fmt.Sprintf(`{"OrderId":%q,"State":%d,"Type":0}`, id, state)
}

func (d *door) order(t testing.TB, id string) (*v1alpha1.SimOrder, error) {
	t.Helper()
	order := &v1alpha1.SimOrder{}
	return order, d.client.Get(t.Context(), client.ObjectKey{Namespace: d.namespace, Name: id}, order)
}

// reports waits until an order has the reports "State count, ...", in order of time.
func (d *door) reports(t testing.TB, id, want string) *v1alpha1.SimOrder {
	t.Helper()
	var order *v1alpha1.SimOrder
	testenv.Eventually(t, func() (err error) {
		if order, err = d.order(t, id); err != nil {
			return err
		}
		if got := describe(order); got != want {
			return fmt.Errorf("reports are %q; want %q", got, want)
		}
		return nil
	})
	return order
}

func describe(order *v1alpha1.SimOrder) string {
	var parts []string
	for _, r := range order.Spec.Reports {
		parts = append(parts, fmt.Sprintf("%s %d", r.State, r.Count))
	}
	return strings.Join(parts, ", ")
}

func TestDeliveriesBecomeResources(t *testing.T) {
	d := newDoor(t)
	d.accept(t, "orders", `{"OrderId":"00000000-0000-0000-0000-000000000000","State":0,"Type":0,
		"SimId":"00000000-0000-0000-0000-000000000000","PoolId":"00000000-0000-0000-0000-000000000000","APNId":"00000000-0000-0000-0000-000000000000"}`)
	order := d.reports(t, "00000000-0000-0000-0000-000000000000", "Open 1")
	if order.Spec.Type != v1alpha1.OrderTypeActivate || order.Spec.SimID != "" || order.Spec.Receiver != "demo" {
		t.Errorf("got type %q, SIM %q, receiver %q", order.Spec.Type, order.Spec.SimID, order.Spec.Receiver)
	}
	if manager := order.ManagedFields[0].Manager; manager != v1alpha1.FieldManagerIngress {
		t.Errorf("the field manager is %q", manager)
	}

	alert := uuid.NewString()
	d.accept(t, "alerts", fmt.Sprintf(`{"AlertName":"Alert Name 1","AlertId":%q,"AlertTargetType":"SIM","AlertTriggerType":"On",
		"AlertStatName":"SIM.%%USED","AlertConditionalValue":"75","AlertCondition":"GreaterThan","AlertTriggerValue":"85","EntityId":%q}`, alert, alert))
	testenv.Eventually(t, func() error {
		found := &v1alpha1.SimAlert{}
		err := d.client.Get(t.Context(), client.ObjectKey{Namespace: d.namespace, Name: alert + "-" + alert}, found)
		if err == nil && (found.Spec.StatName != "SIM.%USED" || found.Spec.ConditionalValue != "75" || found.Spec.Reports[0].Value != "85") {
			t.Errorf("got %+v", found.Spec)
		}
		return err
	})
}

func TestARepeatedDeliveryIsOneReport(t *testing.T) {
	d := newDoor(t)
	id := uuid.NewString()
	const repetitions, callers = 1000, 20
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range repetitions / callers {
				if code := d.post(t, "orders", orderBody(id, 1)); code != http.StatusOK {
					t.Errorf("answered %d", code)
				}
			}
		})
	}
	group.Wait()
	d.reports(t, id, "Complete 1000")
}

func TestFlipsAreKeptInOrder(t *testing.T) {
	d := newDoor(t)
	id := uuid.NewString()
	want := []string{}
	for i := range 60 {
		d.acceptOrder(t, id, i%2*5)
		want = append(want, []string{"Open 1", "Pending 1"}[i%2])
	}
	d.reports(t, id, strings.Join(want, ", "))
}

// The manager does not run here, so that nothing is processed, and the 65th change finds no room until somebody says
// that the first ones were.
func TestWhatFindsNoRoomWaits(t *testing.T) {
	d := newDoor(t)
	id := uuid.NewString()
	for i := range v1alpha1.MaxReports + 2 {
		d.acceptOrder(t, id, i%2*5)
	}
	var order *v1alpha1.SimOrder
	testenv.Eventually(t, func() (err error) {
		if order, err = d.order(t, id); err == nil && len(order.Spec.Reports) != v1alpha1.MaxReports {
			err = fmt.Errorf("%d reports", len(order.Spec.Reports))
		}
		return err
	})
	order.Status.ObservedSequence = 2
	d.must(t, d.client.Status().Update(t.Context(), order))
	testenv.Eventually(t, func() (err error) {
		if order, err = d.order(t, id); err == nil && order.Spec.Reports[len(order.Spec.Reports)-1].Sequence != v1alpha1.MaxReports+2 {
			err = fmt.Errorf("the last report is %d", order.Spec.Reports[len(order.Spec.Reports)-1].Sequence)
		}
		return err
	})
	if first := order.Spec.Reports[0].Sequence; first != 3 {
		t.Errorf("the first report that is kept is %d", first)
	}
}

func TestARestartAppliesNothingTwice(t *testing.T) {
	d := newDoor(t)
	id := uuid.NewString()
	d.acceptOrder(t, id, 0)
	d.acceptOrder(t, id, 1)
	before := d.reports(t, id, "Open 1, Complete 1")
	d.stop()
	d.start(t)
	d.acceptOrder(t, id, 1)
	after := d.reports(t, id, "Open 1, Complete 2")
	if diff := cmp.Diff(before.Spec.Applied[0].First, after.Spec.Applied[0].First); diff != "" || len(after.Spec.Applied) != 1 {
		t.Errorf("applied: before %v, after %v", before.Spec.Applied, after.Spec.Applied)
	}
}

func TestADeclaredOrderIsFilled(t *testing.T) {
	d := newDoor(t)
	id := uuid.NewString()
	declared := &v1alpha1.SimOrder{ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: id}, Spec: v1alpha1.SimOrderSpec{OrderID: v1alpha1.UUID(id)}}
	d.must(t, d.client.Create(t.Context(), declared))
	d.acceptOrder(t, id, 1)
	if order := d.reports(t, id, "Complete 1"); order.UID != declared.UID || order.Labels[v1alpha1.LabelReceiver] != "demo" {
		t.Errorf("got uid %s, labels %v", order.UID, order.Labels)
	}
}

func TestAWriteBySomebodyElseIsMergedNotLost(t *testing.T) {
	d := newDoor(t)
	id := uuid.NewString()
	d.acceptOrder(t, id, 0)
	order := d.reports(t, id, "Open 1")
	order.Annotations = map[string]string{"example.com/note": "kept"}
	d.must(t, d.client.Update(t.Context(), order))
	d.acceptOrder(t, id, 1)
	if order = d.reports(t, id, "Open 1, Complete 1"); order.Annotations["example.com/note"] != "kept" {
		t.Error("the annotation of somebody else is gone")
	}
}

func TestADeletedOrderBeginsAnew(t *testing.T) {
	d := newDoor(t)
	id := uuid.NewString()
	d.acceptOrder(t, id, 0)
	order := d.reports(t, id, "Open 1")
	d.must(t, d.client.Delete(t.Context(), order))
	d.acceptOrder(t, id, 1)
	if again := d.reports(t, id, "Complete 1"); again.UID == order.UID {
		t.Error("it is the same resource")
	}
}

func TestAnIngressKnowsItsReceiversWithoutTheAPIServer(t *testing.T) {
	d := newDoor(t)
	id := uuid.NewString()
	d.acceptOrder(t, id, 0)
	d.reports(t, id, "Open 1")
	d.stop()

	nowhere := plane.ConfigFor(t, v1alpha1.FieldManagerIngress)
	nowhere.Host = "https://" + freeAddress(t)
	d.options.HooksAddress, d.options.ProbeAddress = freeAddress(t), freeAddress(t)
	d.address = "http://" + d.options.HooksAddress
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, nowhere, d.options, prometheus.NewRegistry(), logr.Discard()) }()
	testenv.Eventually(t, func() error {
		connection, err := net.DialTimeout("tcp", d.options.HooksAddress, time.Second)
		if err == nil {
			err = connection.Close()
		}
		return err
	})
	d.acceptOrder(t, id, 1)
	if code := d.post(t, "orders", `[]`); code != http.StatusBadRequest {
		t.Errorf("what cannot be read was answered %d", code)
	}
	cancel()
	d.must(t, <-ended)

	d.start(t)
	d.reports(t, id, "Open 1, Complete 1")
}

func TestTheRowOfAReplica(t *testing.T) {
	d := newDoor(t)
	d.acceptOrder(t, uuid.NewString(), 0)
	if code := d.post(t, "orders", `{}`); code != http.StatusUnprocessableEntity {
		t.Errorf("answered %d", code)
	}
	testenv.Eventually(t, func() error {
		receiver := &v1alpha1.SimReceiver{}
		if err := d.client.Get(t.Context(), client.ObjectKey{Namespace: d.namespace, Name: "demo"}, receiver); err != nil {
			return err
		}
		rows := receiver.Status.Ingresses
		if len(rows) != 1 || rows[0].Replica != "replica-1" || rows[0].Quarantined != 1 || rows[0].LastDelivery == nil || rows[0].Waiting != 0 {
			return fmt.Errorf("rows are %+v", rows)
		}
		return nil
	})
}

func TestDeliveriesOfADeletedReceiverGoToQuarantine(t *testing.T) {
	d := newDoor(t)
	id := uuid.NewString()
	// 64 changes fill the order, so that the next one waits.
	for i := range v1alpha1.MaxReports + 1 {
		d.acceptOrder(t, id, i%2*5)
	}
	testenv.Eventually(t, func() error {
		order, err := d.order(t, id)
		if err == nil && len(order.Spec.Reports) != v1alpha1.MaxReports {
			err = fmt.Errorf("%d reports", len(order.Spec.Reports))
		}
		return err
	})
	d.must(t, d.client.Delete(t.Context(), &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: "demo"}}))
	waiting := 1
	testenv.Eventually(t, func() error {
		code := d.post(t, "orders", orderBody(id, 1))
		if code == http.StatusOK {
			waiting++
		}
		if code != http.StatusNotFound {
			return fmt.Errorf("answered %d", code)
		}
		return nil
	})
	testenv.Eventually(t, func() error {
		if got := scrape(t, d.registry, "sim_operator_quarantine_deliveries"); got != float64(waiting) {
			return fmt.Errorf("%v deliveries in quarantine; want %d", got, waiting)
		}
		return nil
	})
	if table := d.admin(t, "quarantine", "list"); strings.Count(table, "ReceiverDeleted") != waiting {
		t.Errorf("the quarantine is\n%s", table)
	}

	d.publish(t)
	if said := d.admin(t, "quarantine", "replay", "--all"); !strings.HasPrefix(said, fmt.Sprint(waiting)) {
		t.Errorf("replay said %s", said)
	}
	d.setObserved(t, id, v1alpha1.MaxReports)
	d.applied(t)
	order, err := d.order(t, id)
	d.must(t, err)
	if last := order.Spec.Reports[v1alpha1.MaxReports-1]; last.Sequence <= v1alpha1.MaxReports {
		t.Errorf("the last report is %+v", last)
	}
}

// setObserved stands in for the manager.
func (d *door) setObserved(t testing.TB, id string, sequence int64) {
	t.Helper()
	testenv.Eventually(t, func() error {
		order, err := d.order(t, id)
		if err != nil {
			return err
		}
		order.Status.ObservedSequence = sequence
		return d.client.Status().Update(t.Context(), order)
	})
}

// admin carries out a command of a person.
func (d *door) admin(t testing.TB, words ...string) string {
	t.Helper()
	var out bytes.Buffer
	cli := admin.CLI{Out: &out, Clock: clock.RealClock{}, SpoolDir: d.options.SpoolDir}
	if err := cli.Run(t.Context(), words); err != nil {
		t.Fatalf("%v: %v", words, err)
	}
	return out.String()
}

func TestWhatCannotBeReadIsKeptForAPerson(t *testing.T) {
	d := newDoor(t)
	const body = "{\"OrderId\": \"no\x1b[31m\"}"
	if code := d.post(t, "orders", body); code != http.StatusBadRequest {
		t.Errorf("answered %d", code)
	}
	table := d.admin(t, "quarantine", "list", "--receiver", d.namespace+"/demo")
	if !strings.Contains(table, "Malformed") || strings.Contains(table, "\x1b") {
		t.Errorf("the quarantine is\n%s", table)
	}
	var items []admin.Item
	d.must(t, json.Unmarshal([]byte(d.admin(t, "quarantine", "list", "-o", "json")), &items))
	id := items[0].ID
	if whole := d.admin(t, "quarantine", "show", id); !strings.Contains(whole, `no\x1b[31m`) {
		t.Errorf("show gave\n%s", whole)
	}
	var out bytes.Buffer
	cli := admin.CLI{Out: &out, Clock: clock.RealClock{}, SpoolDir: d.options.SpoolDir}
	if err := cli.Run(t.Context(), []string{"quarantine", "replay", id}); err == nil {
		t.Errorf("what still cannot be read was replayed: %s", out.String())
	}
	if said := d.admin(t, "quarantine", "drop", id); !strings.HasPrefix(said, "1 ") {
		t.Errorf("drop said %s", said)
	}
	if table := d.admin(t, "quarantine", "list"); !strings.HasPrefix(table, "Nothing") {
		t.Errorf("the quarantine is\n%s", table)
	}
}

// The cluster is put back to an older copy, goes on from there, and gets what it missed from a replay: each delivery is
// in once.
func TestAReplayFillsTheGapAfterARestore(t *testing.T) {
	d := newDoor(t)
	changed, lost := uuid.NewString(), uuid.NewString()
	d.acceptOrder(t, changed, 0)
	older := d.reports(t, changed, "Open 1")
	d.acceptOrder(t, changed, 3)
	d.acceptOrder(t, changed, 3)
	d.acceptOrder(t, changed, 5)
	newer := d.reports(t, changed, "Open 1, Stalled 2, Pending 1")
	d.acceptOrder(t, lost, 1)
	gone := d.reports(t, lost, "Complete 1")

	d.must(t, d.client.Delete(t.Context(), newer))
	d.must(t, d.client.Delete(t.Context(), gone))
	restored := &v1alpha1.SimOrder{ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: changed, Labels: older.Labels}, Spec: older.Spec}
	d.must(t, d.client.Create(t.Context(), restored))
	d.acceptOrder(t, changed, 1)
	d.reports(t, changed, "Open 1, Complete 1")
	d.applied(t)

	if said := d.admin(t, "replay", "--since", "1h"); !strings.Contains(said, " 6 deliveries") {
		t.Errorf("replay said %s", said)
	}
	d.reports(t, lost, "Complete 1")
	after := d.reports(t, changed, "Open 1, Stalled 2, Pending 1, Complete 1")
	d.admin(t, "replay", "--since", "1h")
	d.applied(t)
	if again := d.reports(t, changed, "Open 1, Stalled 2, Pending 1, Complete 1"); again.ResourceVersion != after.ResourceVersion {
		t.Error("a replay of what the cluster knows changed it")
	}
}

// applied waits until nothing waits.
func (d *door) applied(t testing.TB) {
	t.Helper()
	testenv.Eventually(t, func() error {
		if waiting := scrape(t, d.registry, "sim_operator_spool_deliveries"); waiting != 0 {
			return fmt.Errorf("%v deliveries wait", waiting)
		}
		return nil
	})
}

func TestWhatTheAPIServerRefusesForGoodGoesToQuarantine(t *testing.T) {
	d := newDoor(t)
	policy, binding := denyCease(d.namespace)
	d.must(t, d.client.Create(t.Context(), policy))
	d.must(t, d.client.Create(t.Context(), binding))
	probe := func() error {
		id := uuid.NewString()
		return d.client.Create(t.Context(), &v1alpha1.SimOrder{
			ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: id},
			Spec:       v1alpha1.SimOrderSpec{OrderID: v1alpha1.UUID(id), Type: v1alpha1.OrderTypeCease},
		})
	}
	testenv.Eventually(t, func() error {
		if err := probe(); !apierrors.IsInvalid(err) {
			return fmt.Errorf("the policy does not work yet: %w", err)
		}
		return nil
	})
	refused, fine := uuid.NewString(), uuid.NewString()
	d.accept(t, "orders", fmt.Sprintf(`{"OrderId":%q,"State":1,"Type":"Cease"}`, refused))
	d.acceptOrder(t, fine, 1)
	d.reports(t, fine, "Complete 1")
	testenv.Eventually(t, func() error {
		if table := d.admin(t, "quarantine", "list"); !strings.Contains(table, "Invalid") || !strings.Contains(table, "no cease today") {
			return fmt.Errorf("the quarantine is\n%s", table)
		}
		return nil
	})
	d.must(t, d.client.Delete(t.Context(), binding))
	testenv.Eventually(t, probe)
	d.admin(t, "quarantine", "replay", "--all")
	d.reports(t, refused, "Complete 1")
}

func denyCease(namespace string) (*admissionv1.ValidatingAdmissionPolicy, *admissionv1.ValidatingAdmissionPolicyBinding) {
	meta := metav1.ObjectMeta{Name: namespace + "-no-cease"}
	fail := admissionv1.Fail
	rule := admissionv1.RuleWithOperations{
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
		Rule:       admissionv1.Rule{APIGroups: []string{v1alpha1.GroupName}, APIVersions: []string{"*"}, Resources: []string{"simorders"}},
	}
	policy := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: meta, Spec: admissionv1.ValidatingAdmissionPolicySpec{
		FailurePolicy: &fail,
		MatchConstraints: &admissionv1.MatchResources{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}},
			ResourceRules:     []admissionv1.NamedRuleWithOperations{{RuleWithOperations: rule}},
		},
		Validations: []admissionv1.Validation{{Expression: "object.spec.?type.orValue('') != 'Cease'", Message: "no cease today"}},
	}}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: meta, Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: meta.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
	}}
	return policy, binding
}

// A quota that is used up lets no new order in, and must not keep the old ones from changing.
func TestAQuotaHoldsBackNewOrdersOnly(t *testing.T) {
	d := newDoor(t)
	old, fresh := uuid.NewString(), uuid.NewString()
	d.acceptOrder(t, old, 0)
	d.reports(t, old, "Open 1")
	limits := corev1.ResourceList{"count/simorders.sim-operator.io": resource.MustParse("1")}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: "few"}, Spec: corev1.ResourceQuotaSpec{Hard: limits}}
	d.must(t, d.client.Create(t.Context(), quota))
	quota.Status = corev1.ResourceQuotaStatus{Hard: limits, Used: limits}
	d.must(t, d.client.Status().Update(t.Context(), quota))
	testenv.Eventually(t, func() error {
		id := uuid.NewString()
		err := d.client.Create(t.Context(), &v1alpha1.SimOrder{ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: id}, Spec: v1alpha1.SimOrderSpec{OrderID: v1alpha1.UUID(id)}}, client.DryRunAll)
		if !apierrors.IsForbidden(err) {
			return fmt.Errorf("the quota does not work yet: %w", err)
		}
		return nil
	})
	d.stop()
	d.start(t) // so that nothing of the old order is remembered
	d.acceptOrder(t, fresh, 1)
	d.acceptOrder(t, old, 1)
	d.reports(t, old, "Open 1, Complete 1")
	if _, err := d.order(t, fresh); !apierrors.IsNotFound(err) {
		t.Errorf("the new order: %v; want not found", err)
	}
	d.must(t, d.client.Delete(t.Context(), quota))
	d.reports(t, fresh, "Complete 1")
}

func scrape(t testing.TB, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func TestTheIngressMayDoNothingElse(t *testing.T) {
	d := newDoor(t)
	stolen, err := client.New(plane.ConfigFor(t, v1alpha1.FieldManagerIngress), client.Options{Scheme: d.client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.NewString()
	d.acceptOrder(t, id, 0)
	order := d.reports(t, id, "Open 1")
	tests := map[string]error{
		"delete an order":    stolen.Delete(t.Context(), order),
		"write its status":   stolen.Status().Update(t.Context(), order),
		"list orders":        stolen.List(t.Context(), &v1alpha1.SimOrderList{}, client.InNamespace(d.namespace)),
		"change a receiver":  stolen.Update(t.Context(), &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: "demo"}}),
		"read another thing": stolen.Get(t.Context(), client.ObjectKey{Namespace: d.namespace, Name: "demo-webhook"}, &corev1.Secret{}),
	}
	for what, err := range tests {
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v; want forbidden", what, err)
		}
	}
}
