package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

// asManager makes the test's own binary run as the manager, so that the tests see a real process with its flags, its
// signals and its exit code.
const asManager = "RUN_AS_MANAGER"

var shared testenv.Cluster

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		main()
		return
	}
	os.Exit(shared.Main(m))
}

// process is a manager that runs.
type process struct {
	command *exec.Cmd
	log     *lockedBuffer
	metrics string
	probes  string
}

func start(t *testing.T, kubeconfig string, args ...string) *process {
	t.Helper()
	p := &process{log: &lockedBuffer{}, metrics: freeAddress(t), probes: freeAddress(t)}
	p.command = exec.Command(os.Args[0], append([]string{
		"--kubeconfig=" + kubeconfig,
		"--metrics-bind-address=" + p.metrics,
		"--metrics-secure=false",
		"--health-probe-bind-address=" + p.probes,
		"--leader-election-namespace=sim-operator-system",
		"--leader-election-lease-duration=6s",
		"--leader-election-renew-deadline=4s",
		"--leader-election-retry-period=500ms",
	}, args...)...)
	p.command.Env = append(os.Environ(), asManager+"=1")
	p.command.Stderr = p.log
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.command.ProcessState == nil {
			_ = p.command.Process.Kill()
			_ = p.command.Wait()
		}
		if t.Failed() {
			t.Logf("log of manager %d:\n%s", p.command.Process.Pid, p.log)
		}
	})
	return p
}

// stop asks the process to end and waits until it has.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

func get(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s: %s", url, response.Status, body)
	}
	return string(body), err
}

func TestTheProgram(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	kubeconfig := writeKubeconfig(t, shared.ConfigFor(t, "sim-operator-manager"))

	leader := start(t, kubeconfig)
	testenv.Eventually(t, leader.leads)
	follower := start(t, kubeconfig)
	for _, p := range []*process{leader, follower} {
		for _, path := range []string{"healthz", "readyz"} {
			testenv.Eventually(t, func() error {
				_, err := get("http://" + p.probes + "/" + path)
				return err
			})
		}
	}

	publish(t, c, namespace, "first")
	metrics, err := get("http://" + leader.metrics + "/metrics")
	if err != nil || !strings.Contains(metrics, "controller_runtime_reconcile_total") {
		t.Errorf("metrics: %v", err)
	}

	leader.stop(t)
	publish(t, c, namespace, "second")
	testenv.Eventually(t, follower.leads)
	follower.stop(t)

	for _, name := range []string{"first", "second"} {
		token := tokenOf(t, c, namespace, name)
		for _, p := range []*process{leader, follower} {
			if strings.Contains(p.log.String(), token) {
				t.Errorf("the token of %s stands in a log", name)
			}
		}
	}
}

// TestMetricsAreGuarded: by default they are served over TLS, and not to everybody.
func TestMetricsAreGuarded(t *testing.T) {
	p := start(t, writeKubeconfig(t, shared.ConfigFor(t, "sim-operator-manager")), "--metrics-secure=true")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	testenv.Eventually(t, func() error {
		response, err := client.Get("https://" + p.metrics + "/metrics")
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusUnauthorized {
			return fmt.Errorf("nobody is answered %s", response.Status)
		}
		return nil
	})
	if metrics, err := get("http://" + p.metrics + "/metrics"); err == nil {
		t.Errorf("in the clear: %s", metrics)
	}
	p.stop(t)
}

// TestNoFlagReachesClientGo: its own verbosity, at which it writes Secrets, cannot be set.
func TestNoFlagReachesClientGo(t *testing.T) {
	command := exec.Command(os.Args[0], "-v=10", "--version")
	command.Env = append(os.Environ(), asManager+"=1")
	if out, err := command.CombinedOutput(); err == nil {
		t.Errorf("-v=10 is taken: %s", out)
	}
}

func TestVersion(t *testing.T) {
	command := exec.Command(os.Args[0], "--version")
	command.Env = append(os.Environ(), asManager+"=1")
	out, err := command.Output()
	if err != nil || !bytes.HasPrefix(out, []byte("manager ")) {
		t.Errorf("%q, %v", out, err)
	}
}

// leads says whether a process is the leader.
func (p *process) leads() error {
	metrics, err := get("http://" + p.metrics + "/metrics")
	if err != nil {
		return err
	}
	if !strings.Contains(metrics, `leader_election_master_status{name="sim-operator-manager"} 1`) {
		return errors.New("it does not lead")
	}
	return nil
}

// publish makes a receiver and waits until a manager has published its token.
func publish(t *testing.T, c client.Client, namespace, name string) {
	t.Helper()
	receiver := &v1alpha1.SimReceiver{}
	receiver.Namespace, receiver.Name = namespace, name
	if err := c.Create(t.Context(), receiver); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, func() error {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(receiver), receiver); err != nil {
			return err
		}
		if len(receiver.Status.TokenHashes) != 1 {
			return fmt.Errorf("status is %+v", receiver.Status)
		}
		return nil
	})
}

func tokenOf(t *testing.T, c client.Client, namespace, receiver string) string {
	t.Helper()
	var secret corev1.Secret
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: receiver + "-webhook"}, &secret); err != nil {
		t.Fatal(err)
	}
	return string(secret.Data[v1alpha1.SecretKeyToken])
}

// writeKubeconfig writes a configuration where a program can read it.
func writeKubeconfig(t *testing.T, config *rest.Config) string {
	t.Helper()
	const name = "test"
	file := clientcmdapi.NewConfig()
	file.Clusters[name] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	file.AuthInfos[name] = &clientcmdapi.AuthInfo{
		ClientCertificateData: config.CertData,
		ClientKeyData:         config.KeyData,
		Impersonate:           config.Impersonate.UserName,
		ImpersonateGroups:     config.Impersonate.Groups,
	}
	file.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	file.CurrentContext = name
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
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

// lockedBuffer is a buffer that a process writes and a test reads.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
