package lean

import (
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

var shared testenv.Cluster

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// answers notes in which formats a server answers.
type answers struct {
	next http.RoundTripper

	mu    sync.Mutex
	types map[string]int
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.next.RoundTrip(r)
	if err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.types[response.Header.Get("Content-Type")]++
	}
	return response, err
}

func newClient(t *testing.T) (*Client, *answers) {
	t.Helper()
	usual := shared.Client(t)
	seen := &answers{types: map[string]int{}}
	config := rest.CopyConfig(shared.Config(t))
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		seen.next = next
		return seen
	}
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(usual, config, httpClient, v1alpha1.GroupVersion())
	if err != nil {
		t.Fatal(err)
	}
	return c, seen
}

const name = "6b1c0f0e-8d5a-4f43-9c55-3a2c1d7e9f10"

func order(namespace string) *v1alpha1.SimOrder {
	at := metav1.NewMicroTime(time.Date(2026, 11, 26, 12, 0, 0, 123456000, time.UTC))
	return &v1alpha1.SimOrder{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{v1alpha1.LabelReceiver: "demo"}},
		Spec: v1alpha1.SimOrderSpec{OrderID: name, Receiver: "demo", Reports: []v1alpha1.OrderReport{{
			ReportMeta: v1alpha1.ReportMeta{Sequence: 1, ReceivedAt: at, LastReceivedAt: at, Count: 1, DeliveryID: "b4d2ce3y-1"},
			State:      v1alpha1.OrderStateOpen,
		}}},
	}
}

// stored is the order as the server has it, without managed fields.
func stored(t *testing.T, like *v1alpha1.SimOrder) *v1alpha1.SimOrder {
	t.Helper()
	var got v1alpha1.SimOrder
	if err := shared.Client(t).Get(t.Context(), client.ObjectKeyFromObject(like), &got); err != nil {
		t.Fatal(err)
	}
	got.ManagedFields = nil
	return &got
}

func TestAnObjectIsAsTheServerHasItAfterEachWrite(t *testing.T) {
	c, seen := newClient(t)
	o := order(shared.Namespace(t))
	same := func(after string) {
		t.Helper()
		if diff := cmp.Diff(stored(t, o), o); diff != "" {
			t.Fatalf("after %s, server - ours +:\n%s", after, diff)
		}
	}
	// The server gives a new resource this by default, and nobody is told.
	o.Status.ObservedGeneration = -1
	if err := c.Create(t.Context(), o, client.FieldOwner("tester")); err != nil {
		t.Fatal(err)
	}
	same("create")

	before := o.ResourceVersion
	o.Spec.Type = "Activate"
	o.Labels["another"] = "label"
	if err := c.Update(t.Context(), o, client.FieldOwner("tester")); err != nil {
		t.Fatal(err)
	}
	same("update")
	if o.ResourceVersion == before || o.Generation != 2 {
		t.Errorf("version %s, generation %d", o.ResourceVersion, o.Generation)
	}

	o.Status = v1alpha1.SimOrderStatus{State: v1alpha1.OrderStateOpen, ObservedSequence: 1}
	if err := c.Status().Update(t.Context(), o, client.FieldOwner("tester")); err != nil {
		t.Fatal(err)
	}
	same("status update")

	if got := slices.Collect(maps.Keys(seen.types)); !slices.Equal(got, []string{"application/vnd.kubernetes.protobuf"}) {
		t.Errorf("answered in %q", got)
	}
	var full v1alpha1.SimOrder
	if err := shared.Client(t).Get(t.Context(), client.ObjectKeyFromObject(o), &full); err != nil {
		t.Fatal(err)
	}
	for _, entry := range full.ManagedFields {
		if entry.Manager != "tester" {
			t.Errorf("%s is said to have written it", entry.Manager)
		}
	}
}

func TestAStatusIsWrittenWithNothingButItself(t *testing.T) {
	c, _ := newClient(t)
	o := order(shared.Namespace(t))
	if err := c.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	before := stored(t, o)
	bare := &v1alpha1.SimOrder{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion},
		Status:     v1alpha1.SimOrderStatus{State: v1alpha1.OrderStateOpen, ObservedSequence: 1},
	}
	if err := c.Status().Update(t.Context(), bare, client.FieldOwner("tester")); err != nil {
		t.Fatal(err)
	}
	after := stored(t, o)
	if diff := cmp.Diff(bare.Status, after.Status); diff != "" {
		t.Errorf("the status (-sent +stored):\n%s", diff)
	}
	before.Status, before.ResourceVersion = after.Status, after.ResourceVersion
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("it changed something else, too:\n%s", diff)
	}
}

func TestErrorsAreThoseOfAnyClient(t *testing.T) {
	c, _ := newClient(t)
	namespace := shared.Namespace(t)
	o := order(namespace)
	if err := c.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	stale := o.DeepCopy()
	o.Spec.Type = "Cease"
	if err := c.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	nowhere := order(namespace)
	nowhere.Name, nowhere.ResourceVersion = "elsewhere", o.ResourceVersion
	invalid := o.DeepCopy()
	invalid.Spec.OrderID = "not an id"
	another := o.DeepCopy()
	another.UID = "5f0c63de-2f3a-4e1a-9c1e-0b8e8f1e8a11"
	for what, test := range map[string]struct {
		err error
		is  func(error) bool
	}{
		"create what is there":       {c.Create(t.Context(), order(namespace)), apierrors.IsAlreadyExists},
		"create in no namespace":     {c.Create(t.Context(), order("no-such-namespace")), apierrors.IsNotFound},
		"update what is old":         {c.Update(t.Context(), stale.DeepCopy()), apierrors.IsConflict},
		"update what is not":         {c.Update(t.Context(), nowhere), apierrors.IsNotFound},
		"update to what may not":     {c.Update(t.Context(), invalid), apierrors.IsInvalid},
		"status of what is old":      {c.Status().Update(t.Context(), stale.DeepCopy()), apierrors.IsConflict},
		"status of what is not":      {c.Status().Update(t.Context(), nowhere.DeepCopy()), apierrors.IsNotFound},
		"status of another namesake": {c.Status().Update(t.Context(), another), apierrors.IsConflict},
	} {
		if !test.is(test.err) {
			t.Errorf("%s: %v", what, test.err)
		}
	}
	if err := c.Update(t.Context(), invalid); err == nil || !strings.Contains(err.Error(), "spec.orderID") {
		t.Errorf("the error does not name the field: %v", err)
	}
}

func TestWhatIsNotOfTheGroupIsWrittenAsUsual(t *testing.T) {
	c, seen := newClient(t)
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: shared.Namespace(t), Name: "settings"}}
	if err := c.Create(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	settings.Data = map[string]string{"key": "value"}
	if err := c.Update(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	if settings.ResourceVersion == "" || len(seen.types) != 0 {
		t.Errorf("version %q, lean answers %v", settings.ResourceVersion, seen.types)
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	c, _ := newClient(t)
	o := order(shared.Namespace(t))
	if err := c.Create(t.Context(), o, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), o); !apierrors.IsNotFound(err) {
		t.Errorf("it is there: %v", err)
	}
}
