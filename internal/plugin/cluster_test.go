package plugin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
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
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/ingress"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

var plane testenv.Cluster

func TestMain(m *testing.M) {
	os.Exit(plane.Main(m))
}

const token = "this-is-the-token-of-a-receiver-of-a-test"

// A person has a kubeconfig and a namespace with a receiver.
type person struct {
	client     client.Client
	namespace  string
	kubeconfig string
	env        map[string]string
	in         string
}

// newPerson makes a namespace with a receiver demo whose token is published, as the manager would.
func newPerson(t *testing.T) *person {
	t.Helper()
	p := &person{client: plane.Client(t), namespace: plane.Namespace(t)}
	demo := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "demo"}}
	p.must(t, p.client.Create(t.Context(), demo))
	hash := sha256.Sum256([]byte(token))
	demo.Status.TokenHashes = []string{hex.EncodeToString(hash[:])}
	demo.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonTokenPublished, LastTransitionTime: metav1.NewTime(time.Now()),
	}}
	p.must(t, p.client.Status().Update(t.Context(), demo))
	p.must(t, p.client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "demo-webhook"}, Data: map[string][]byte{v1alpha1.SecretKeyToken: []byte(token)},
	}))
	p.kubeconfig = p.writeKubeconfig(t)
	return p
}

func (p *person) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *person) writeKubeconfig(t *testing.T) string {
	t.Helper()
	config := plane.Config(t)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	p.must(t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"c": {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": {
			ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken,
		}},
		Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u", Namespace: p.namespace}},
		CurrentContext: "x",
	}, path))
	return path
}

// viewer makes somebody who may see the resources of sim-operator, and no Secret.
func (p *person) viewer(t *testing.T) string {
	t.Helper()
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "viewer"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}},
	}
	p.must(t, p.client.Create(t.Context(), role))
	p.must(t, p.client.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "viewer"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "viewer"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "viewer-" + p.namespace}},
	}))
	return "viewer-" + p.namespace
}

// result is what a command came to.
type result struct {
	code     int
	out, err string
}

// sim runs kubectl sim in this process.
func (p *person) sim(t *testing.T, args ...string) result {
	t.Helper()
	var out, problems bytes.Buffer
	code := Run(t.Context(), Environment{
		In: strings.NewReader(p.in), Out: &out, Err: &problems,
		Getenv: func(key string) string { return p.env[key] }, Clock: clock.RealClock{}, Random: zeros{},
	}, append([]string{"--kubeconfig", p.kubeconfig}, args...))
	r := result{code, out.String(), problems.String()}
	if strings.Contains(r.err, token) || args[0] != "url" && strings.Contains(r.out, token) {
		t.Errorf("%v prints the token", args)
	}
	return r
}

func (r result) wants(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("it exits with %d; want %d", r.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(r.out+r.err, text) {
			t.Errorf("%q is missing", text)
		}
	}
	if t.Failed() {
		t.Fatalf("output:\n%s\nerrors:\n%s", r.out, r.err)
	}
}

// door starts an ingress, with the rights of its own ServiceAccount.
func (p *person) door(t *testing.T) string {
	t.Helper()
	options := ingress.DefaultOptions()
	options.SpoolDir, options.Metrics.Address, options.Replica = t.TempDir(), "0", "replica-1"
	options.HooksAddress, options.ProbeAddress = freeAddress(t), freeAddress(t)
	p.must(t, options.Namespaces.Set(p.namespace))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	config := plane.ConfigFor(t, v1alpha1.FieldManagerIngress)
	go func() { ended <- ingress.Run(ctx, config, options, prometheus.NewRegistry(), logr.Discard()) }()
	t.Cleanup(sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the ingress ended with: %v", err)
		}
	}))
	testenv.Eventually(t, func() error {
		response, err := http.Get("http://" + options.ProbeAddress + "/readyz")
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("not ready: %s", response.Status)
		}
		return nil
	})
	return "http://" + options.HooksAddress
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

// fail makes an order and says that it has failed, as ingress and manager would.
func (p *person) fail(t *testing.T, id string) {
	t.Helper()
	at := metav1.NewMicroTime(time.Now())
	o := &v1alpha1.SimOrder{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: id, Labels: map[string]string{v1alpha1.LabelSimID: idA, v1alpha1.LabelPoolID: idB}},
		Spec: v1alpha1.SimOrderSpec{OrderID: v1alpha1.UUID(id), Type: v1alpha1.OrderTypeCease, SimID: idA, Reports: []v1alpha1.OrderReport{{
			ReportMeta: v1alpha1.ReportMeta{Sequence: 1, Count: 2, ReceivedAt: at, LastReceivedAt: at}, State: v1alpha1.OrderStateFailed,
		}}},
	}
	p.must(t, p.client.Create(t.Context(), o))
	o.Status = v1alpha1.SimOrderStatus{ObservedGeneration: o.Generation, State: v1alpha1.OrderStateFailed, StateSince: &at}
	p.must(t, p.client.Status().Update(t.Context(), o))
}

func TestStatusOfACluster(t *testing.T) {
	p := newPerson(t)
	as := p.viewer(t)
	p.sim(t, "status", "--as", as, "--exit-code").wants(t, exitOK, "All is well: 1 receiver ready, 0 orders, 0 alerts on.")
	p.fail(t, idB)
	p.sim(t, "status", "--as", as).wants(t, exitOK, "1 order has failed", p.namespace+"/"+idB, "Cease, SIM "+idA)
	p.sim(t, "status", "--as", as, "--exit-code").wants(t, exitAttention)
	p.sim(t, "status", "-A").wants(t, exitOK, p.namespace+"/demo")
	p.sim(t, "status", "-A", "--as", as).wants(t, exitError, "error: list SimReceivers", "forbidden")
	p.sim(t, "status", "-o", "xml").wants(t, exitError, "--output is table, json or yaml")

	var view statusView
	r := p.sim(t, "status", "-o", "json")
	if err := json.Unmarshal([]byte(r.out), &view); err != nil || view.Kind != "Status" || view.APIVersion != viewVersion || view.Orders.Total != 1 {
		t.Errorf("%v: %s", err, r.out)
	}
	p.sim(t, "status", "-o", "yaml").wants(t, exitOK, "apiVersion: "+viewVersion, "healthy: false")
}

func TestStatusPagesThroughManyOrders(t *testing.T) {
	p := newPerson(t)
	const many = pageSize + 20
	var group sync.WaitGroup
	ids := make(chan int)
	for range 16 {
		group.Go(func() {
			for i := range ids {
				id := v1alpha1.UUID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
				o := &v1alpha1.SimOrder{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: string(id)}, Spec: v1alpha1.SimOrderSpec{OrderID: id}}
				if err := p.client.Create(t.Context(), o); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range many {
		ids <- i
	}
	close(ids)
	group.Wait()
	p.sim(t, "status").wants(t, exitOK, fmt.Sprintf("AwaitingReport   %d\n", many))
}

func TestTimelineOfACluster(t *testing.T) {
	p := newPerson(t)
	p.fail(t, idB)
	for _, args := range [][]string{{idA}, {strings.ToUpper(idA)}, {idA[:6]}, {"--pool", idB[:4]}, {idA, "-A", "--since", "1h"}} {
		p.sim(t, append([]string{"timeline"}, args...)...).wants(t, exitOK, "order", "Cease", "Failed", "x2", "simorder/"+idB)
	}
	p.sim(t, "timeline", madeID).wants(t, exitError, "there is no order and no alert of "+madeID)
	p.sim(t, "timeline", "3f").wants(t, exitError, "give at least the first 4")
}

func TestURLOfACluster(t *testing.T) {
	p := newPerson(t)
	p.sim(t, "url", "demo").wants(t, exitError, "receiver demo has no spec.externalURL", "--base-url")
	r := p.sim(t, "url", "demo", "--base-url", "https://hooks.example.com")
	r.wants(t, exitOK, "https://hooks.example.com/hooks/"+token+"/orders\n", "https://hooks.example.com/hooks/"+token+"/alerts\n")
	if strings.Contains(r.out, "password") || !strings.Contains(r.err, "password") {
		t.Errorf("the hint is not on the error output: %s", r.out)
	}
	p.sim(t, "url", "demo", "--as", p.viewer(t)).wants(t, exitError, "you may not read Secret "+p.namespace+"/demo-webhook")
	p.sim(t, "url", "nobody").wants(t, exitError, "there is no SimReceiver nobody in namespace "+p.namespace)
	p.must(t, p.client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "demo-webhook"}}))
	p.sim(t, "url", "demo").wants(t, exitError, "has no Secret", "the manager makes it")
}

func TestSendToAnIngress(t *testing.T) {
	p := newPerson(t)
	base := p.door(t)
	p.sim(t, "send", "demo", "order", "--order-id", idB, "--state", "Failed", "--base-url", base).
		wants(t, exitOK, "accepted as delivery ", "describe simorder/"+idB)
	testenv.Eventually(t, func() error {
		return p.client.Get(t.Context(), client.ObjectKey{Namespace: p.namespace, Name: idB}, &v1alpha1.SimOrder{})
	})
	p.sim(t, "send", "demo", "order", "--order-id", idB, "--state", "Failed", "--base-url", base, "--wait", "--timeout", "3s").
		wants(t, exitError, "accepted as delivery ", "the delivery has been applied, but not processed by the manager")

	p.env = map[string]string{"ALERTS_URL": base + "/hooks/" + token + "/alerts"}
	viewer := p.viewer(t)
	p.sim(t, "send", "demo", "alert", "--sim", idA, "--from-env", "--as", viewer, "-o", "yaml").
		wants(t, exitOK, "resource: SimAlert", "name: "+madeID+"-"+idA)
	p.sim(t, "send", "demo", "order", "--from-env").wants(t, exitError, "ORDERS_URL is not set")

	p.in = `{"OrderId": "no id"}`
	p.sim(t, "send", "demo", "order", "--data", "-", "--base-url", base).wants(t, exitError, "422", "OrderId must be a UUID", "in quarantine as delivery ")
	p.sim(t, "send", "demo", "order", "--state", "Gone", "--base-url", base).wants(t, exitError, "the ingress would not accept this: State must be")
	p.sim(t, "send", "demo", "order", "--trigger", "On").wants(t, exitError, "--trigger does not go with")
	p.sim(t, "send", "demo", "parcel").wants(t, exitError, `not "parcel"`)
	p.sim(t, "send", "demo", "order", "--base-url", "http://127.0.0.1:1").wants(t, exitError, "deliver to 127.0.0.1:1", "refused")
}

// withPlugin installs kubectl and the plugin as a person does, and returns what makes the command of a call.
func (p *person) withPlugin(t *testing.T) (kubectl func(args ...string) *exec.Cmd) {
	t.Helper()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/kubectl-sim")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	p.must(t, os.Symlink(filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), filepath.Join(bin, "kubectl")))
	script, err := filepath.Abs("../../cmd/kubectl-sim/kubectl_complete-sim")
	p.must(t, err)
	p.must(t, os.Symlink(script, filepath.Join(bin, "kubectl_complete-sim")))
	return func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "kubectl"), args...)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "KUBECONFIG="+p.kubeconfig, "TERM=xterm", "NO_COLOR=")
		return cmd
	}
}

// TestWithKubectl is what a person does: the real kubectl finds the plugin, and completes its arguments.
func TestWithKubectl(t *testing.T) {
	p := newPerson(t)
	kubectl := p.withPlugin(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"it is found":                    {[]string{"sim", "status"}, "All is well: 1 receiver ready"},
		"its version":                    {[]string{"sim", "--version"}, "kubectl-sim "},
		"help calls it as a person does": {[]string{"sim", "url", "--help"}, "kubectl sim url RECEIVER"},
		"a script for a shell":           {[]string{"sim", "completion", "bash"}, "bash completion V2 for kubectl-sim"},
		"kubectl completes receivers":    {[]string{"__complete", "sim", "url", ""}, "demo\n:4"},
		"kubectl completes commands":     {[]string{"__complete", "sim", "t"}, "timeline\t"},
		"kubectl completes flags":        {[]string{"__complete", "sim", "send", "demo", "order", "--state", ""}, "Stalled\n"},
	} {
		t.Run(name, func(t *testing.T) {
			said, err := kubectl(test.args...).CombinedOutput()
			if err != nil || !strings.Contains(string(said), test.want) || strings.Contains(string(said), "\x1b[") {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
	t.Run("the exit code is its own", func(t *testing.T) {
		p.fail(t, idB)
		var exit *exec.ExitError
		if _, err := kubectl("sim", "status", "--exit-code").Output(); !errors.As(err, &exit) || exit.ExitCode() != exitAttention {
			t.Error(err)
		}
	})
	t.Run("colours on a terminal", func(t *testing.T) {
		if said := onTerminal(t, kubectl("sim", "status")); !strings.Contains(said, "\x1b[31m1 order") && !strings.Contains(said, "\x1b[33m1 order has failed") {
			t.Errorf("there are none: %q", said)
		}
		if said := onTerminal(t, kubectl("sim", "status", "--no-color")); strings.Contains(said, "\x1b[") || !strings.Contains(said, "1 order has failed") {
			t.Errorf("there are some: %q", said)
		}
	})
}
