package gitops

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/controllers"
	"github.com/sim-operator/sim-operator/internal/ingress"
	"github.com/sim-operator/sim-operator/internal/namespaces"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

const (
	ingressAccount = "sim-operator-ingress"
	managerAccount = "sim-operator-manager"
	repository     = "../.."
)

var plane testenv.Cluster

func TestMain(m *testing.M) {
	os.Exit(plane.Main(m))
}

// patience is how long a test waits for what must come. It is only spent when a test fails.
const patience = 2 * time.Minute

func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s still: %v", patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A site is a namespace that the two programs serve, with the policies in force.
type site struct {
	admin      client.Client
	namespace  string
	kubeconfig string
	hooks      string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{admin: plane.Client(t), namespace: plane.Namespace(t)}
	s.installPolicies(t)
	s.writeKubeconfig(t)
	return s
}

var installed sync.Once

func (s *site) installPolicies(t *testing.T) {
	t.Helper()
	installed.Do(func() {
		for _, name := range []string{"reports", "status", "metadata"} {
			for _, object := range read(t, filepath.Join(repository, "config", "policy", name+".yaml")) {
				s.must(t, s.admin.Create(t.Context(), object))
			}
		}
		s.awaitPolicies(t)
	})
}

// awaitPolicies waits until each policy refuses something, which is some time after they have been made.
func (s *site) awaitPolicies(t *testing.T) {
	t.Helper()
	known := s.declare(t, v1alpha1.KindSimOrder, "to try policies with")
	withReport := newDeclared(s.namespace, v1alpha1.KindSimOrder, "with a report")
	s.must(t, unstructured.SetNestedSlice(withReport.Object, []any{map[string]any{"spool": "s", "first": int64(1), "last": int64(1)}}, "spec", "applied"))
	annotated := newDeclared(s.namespace, v1alpha1.KindSimOrder, "annotated")
	annotated.SetAnnotations(map[string]string{"a": "b"})
	stolen := s.clientOf(t, ingressAccount)
	for policy, attempt := range map[string]func() error{
		"reports": func() error { return s.admin.Create(t.Context(), withReport.DeepCopy(), client.DryRunAll) },
		"status": func() error {
			patch := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"state":"Open"}}`))
			return s.admin.Status().Patch(t.Context(), known.DeepCopy(), patch, client.DryRunAll)
		},
		"metadata": func() error { return stolen.Create(t.Context(), annotated.DeepCopy(), client.DryRunAll) },
	} {
		eventually(t, func() error {
			if err := attempt(); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "sim-operator-"+policy) {
				return fmt.Errorf("the policy of %s does not hold yet: %w", policy, err)
			}
			return nil
		})
	}
}

func (s *site) clientOf(t *testing.T, account string) client.Client {
	t.Helper()
	c, err := client.New(plane.ConfigFor(t, account), client.Options{Scheme: s.admin.Scheme()})
	s.must(t, err)
	return c
}

func (s *site) writeKubeconfig(t *testing.T) {
	t.Helper()
	config := plane.Config(t)
	written := clientcmdapi.NewConfig()
	written.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	written.AuthInfos["admin"] = &clientcmdapi.AuthInfo{ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}
	written.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "admin", Namespace: s.namespace}
	written.CurrentContext = "test"
	s.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	s.must(t, clientcmd.WriteToFile(*written, s.kubeconfig))
}

// kubectl runs the kubectl that belongs to the control plane.
func (s *site) kubectl(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig, "HOME="+filepath.Dir(s.kubeconfig))
	command.Stdin = strings.NewReader(stdin)
	out, err := command.CombinedOutput()
	return string(out), err
}

// startManager runs the real manager over the site, with the rights of its ServiceAccount.
func (s *site) startManager(t *testing.T) (stop func()) {
	t.Helper()
	config := plane.ConfigFor(t, managerAccount)
	options, err := controllers.ManagerOptions(config, namespaces.Set{s.namespace})
	s.must(t, err)
	options.Metrics.BindAddress, options.HealthProbeBindAddress = "0", "0"
	options.Controller.SkipNameValidation = new(true)
	manager, err := ctrl.NewManager(config, options)
	s.must(t, err)
	s.must(t, controllers.Setup(t.Context(), manager, controllers.Options{
		Clock: clock.RealClock{}, Random: rand.Reader, Instance: "manager-1", Concurrency: 8, Registry: prometheus.NewRegistry(),
	}))
	return untilStopped(t, "manager", manager.Start)
}

// startIngress runs the real ingress over the site, with the rights of its ServiceAccount.
func (s *site) startIngress(t *testing.T) {
	t.Helper()
	options := ingress.DefaultOptions()
	options.SpoolDir, options.Replica, options.Metrics.Address = t.TempDir(), "ingress-0", "0"
	options.HooksAddress, options.ProbeAddress = freeAddress(t), freeAddress(t)
	s.must(t, options.Namespaces.Set(s.namespace))
	s.hooks = "http://" + options.HooksAddress + "/hooks/"
	untilStopped(t, "ingress", func(ctx context.Context) error {
		return ingress.Run(ctx, plane.ConfigFor(t, ingressAccount), options, prometheus.NewRegistry(), logr.Discard())
	})
}

// untilStopped runs a program until stop is called or the test ends.
func untilStopped(t *testing.T, name string, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the %s ended with: %v", name, err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// receive makes a receiver and waits until its token is published.
func (s *site) receive(t *testing.T, name string, spec v1alpha1.SimReceiverSpec) *v1alpha1.SimReceiver {
	t.Helper()
	receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}, Spec: spec}
	s.must(t, s.admin.Create(t.Context(), receiver))
	eventually(t, func() error {
		if err := s.admin.Get(t.Context(), client.ObjectKeyFromObject(receiver), receiver); err != nil {
			return err
		}
		if len(receiver.Status.TokenHashes) == 0 {
			return fmt.Errorf("receiver %s has no token", name)
		}
		return nil
	})
	return receiver
}

// post delivers to the URL of a receiver until it is answered as wanted: the ingress may not know the receiver yet.
func (s *site) post(t *testing.T, receiver, kind, body string, want int) {
	t.Helper()
	secret := &corev1.Secret{}
	s.must(t, s.admin.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: receiver + "-webhook"}, secret))
	url := s.hooks + string(secret.Data[v1alpha1.SecretKeyToken]) + "/" + kind
	eventually(t, func() error {
		response, err := http.Post(url, "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != want {
			return fmt.Errorf("answered %d, want %d", response.StatusCode, want)
		}
		return nil
	})
}

// report has Mobile Manager say something of an order or an alert, and waits until it stands in spec.reports.
func (s *site) report(t *testing.T, receiver, kind, name, said string) {
	t.Helper()
	before := s.generation(t, kind, name)
	if kind == v1alpha1.KindSimOrder {
		s.post(t, receiver, "orders", fmt.Sprintf(`{"OrderId":%q,"SimId":%q,"Type":"Activate","State":%q}`, idOf(name), idOf("a SIM"), said), http.StatusOK)
	} else {
		s.post(t, receiver, "alerts", fmt.Sprintf(`{"AlertId":%q,"EntityId":%q,"AlertName":"Data","AlertTargetType":"SIM","AlertStatName":"SIM.%%USED",
			"AlertCondition":"GreaterThan","AlertConditionalValue":"75","AlertTriggerValue":"85","AlertTriggerType":%q}`, idOf(name), idOf("a SIM"), said), http.StatusOK)
	}
	eventually(t, func() error {
		if after := s.generation(t, kind, name); after == before {
			return fmt.Errorf("%s %q still has generation %d", kind, name, after)
		}
		return nil
	})
}

func (s *site) generation(t *testing.T, kind, name string) int64 {
	t.Helper()
	object := newDeclared(s.namespace, kind, name)
	s.must(t, client.IgnoreNotFound(s.admin.Get(t.Context(), client.ObjectKeyFromObject(object), object)))
	return object.GetGeneration()
}

func (s *site) get(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()
	object := newDeclared(s.namespace, kind, name)
	s.must(t, s.admin.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	return object
}

// declare makes what somebody declares who waits for it.
func (s *site) declare(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()
	object := newDeclared(s.namespace, kind, name)
	s.must(t, s.admin.Create(t.Context(), object))
	return object
}

func (s *site) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newDeclared is a SimOrder or SimAlert with its ids only, or a SimReceiver with nothing set. Orders and alerts have ids
// made from the name that a test calls them by.
func newDeclared(namespace, kind, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion().WithKind(kind))
	object.SetNamespace(namespace)
	switch kind {
	case v1alpha1.KindSimOrder:
		object.SetName(idOf(name))
		object.Object["spec"] = map[string]any{"orderID": idOf(name)}
	case v1alpha1.KindSimAlert:
		object.SetName(idOf(name) + "-" + idOf("a SIM"))
		object.Object["spec"] = map[string]any{"alertID": idOf(name), "entityID": idOf("a SIM")}
	default:
		object.SetName(name)
	}
	return object
}

func idOf(name string) string {
	return uuid.NewSHA1(uuid.Nil, []byte(name)).String()
}

// read reads the objects in a file.
func read(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, content)
}
