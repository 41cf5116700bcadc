package config

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/localcluster"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

// built is where the programs are built once for all tests of the package.
type built struct {
	once sync.Once
	path string
	err  error
}

func (b *built) dir(t *testing.T) string {
	t.Helper()
	b.once.Do(func() {
		if b.path, b.err = os.MkdirTemp("", "programs-"); b.err == nil {
			b.err = localcluster.BuildPrograms(t.Context(), "..", b.path)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}

// installation is the two real programs, run as the manifests say: with their arguments, and with tokens of their
// ServiceAccounts that are bound to their pods.
type installation struct {
	namespace  string
	admin      client.Client
	supervisor *localcluster.Supervisor
	hooks      string
	metrics    map[string]string
	// token is that of the receiver.
	token    string
	receiver *v1alpha1.SimReceiver
}

func newInstallation(t *testing.T, found manifests) *installation {
	t.Helper()
	dir := t.TempDir()
	supervisor, err := localcluster.NewSupervisor(t.Context(), dir, localcluster.SupervisorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	i := &installation{namespace: namespaceOf(t, found), admin: plane.Client(t), supervisor: supervisor, metrics: map[string]string{}}
	pods := podsOf(t, found)
	for _, pod := range pods {
		createForTest(t, pod)
	}
	t.Cleanup(func() {
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: i.namespace, Name: manager}}
		if err := i.admin.Delete(context.WithoutCancel(t.Context()), lease); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { // before the pods go, and with them their tokens
		supervisor.Shutdown()
		if t.Failed() {
			for _, name := range []string{ingress, manager} {
				t.Logf("the end of the log of %s:\n%s", name, localcluster.Tail(supervisor.LogFile(name), 20))
			}
		}
	})
	hooks := freeAddress(t)
	i.hooks = "http://" + hooks
	i.start(t, dir, pods[manager],
		"--leader-election-namespace="+i.namespace, "--leader-election-lease-duration=3s",
		"--leader-election-renew-deadline=2s", "--leader-election-retry-period=200ms")
	i.start(t, dir, pods[ingress], "--hooks-bind-address="+hooks, "--spool-dir="+filepath.Join(dir, "spool"))
	return i
}

// start runs the program of a pod; only what has to differ on this machine differs from the manifest.
func (i *installation) start(t *testing.T, dir string, pod *corev1.Pod, args ...string) {
	t.Helper()
	container := &pod.Spec.Containers[0]
	kubeconfig := filepath.Join(dir, container.Name+".kubeconfig")
	i.writeKubeconfig(t, pod, kubeconfig)
	probes, metrics := freeAddress(t), freeAddress(t)
	i.metrics[pod.Spec.ServiceAccountName] = metrics
	args = append(append([]string{}, container.Args...), args...)
	err := i.supervisor.Start(localcluster.Process{
		Name: pod.Spec.ServiceAccountName,
		Path: filepath.Join(programs.dir(t), filepath.Base(container.Command[0])),
		Args: append(args, "--kubeconfig="+kubeconfig, "--health-probe-bind-address="+probes, "--metrics-bind-address="+metrics),
		Env:  environment(pod),
	})
	if err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, func() error {
		return get(t, "http://"+probes+container.ReadinessProbe.HTTPGet.Path, "")
	})
}

// environment is what the kubelet would give a container.
func environment(pod *corev1.Pod) []string {
	var env []string
	for _, variable := range pod.Spec.Containers[0].Env {
		value := variable.Value
		if from := variable.ValueFrom; from != nil && from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name" {
			value = pod.Name
		}
		env = append(env, variable.Name+"="+value)
	}
	return env
}

func (i *installation) writeKubeconfig(t *testing.T, pod *corev1.Pod, path string) {
	t.Helper()
	config := plane.Config(t)
	file := clientcmdapi.NewConfig()
	file.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	file.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: tokenFor(t, pod.Namespace, pod.Spec.ServiceAccountName, pod)}
	file.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	file.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
}

// tokenFor asks for a ServiceAccount's token, bound to a pod if there is one.
func tokenFor(t *testing.T, namespace, account string, pod *corev1.Pod) string {
	t.Helper()
	clientset, err := kubernetes.NewForConfig(plane.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	request := &authenticationv1.TokenRequest{}
	if pod != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}
	}
	answer, err := clientset.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), account, request, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status.Token
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

// get is nil where a URL is answered 200; the programs' certificates are their own.
func get(t *testing.T, url, token string) error {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s: %s", url, response.Status, body)
	}
	return err
}

// receive makes a receiver and waits until its token is known.
func (i *installation) receive(t *testing.T, receiver *v1alpha1.SimReceiver) {
	t.Helper()
	i.receiver = receiver
	createForTest(t, receiver)
	testenv.Eventually(t, func() error {
		var secret corev1.Secret
		if err := i.admin.Get(t.Context(), client.ObjectKey{Namespace: receiver.Namespace, Name: receiver.Name + "-webhook"}, &secret); err != nil {
			return err
		}
		i.token = string(secret.Data[v1alpha1.SecretKeyToken])
		return nil
	})
	t.Cleanup(func() { // nobody here collects garbage
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: receiver.Namespace, Name: receiver.Name + "-webhook"}}
		if err := i.admin.Delete(context.WithoutCancel(t.Context()), secret); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	})
}

// deliver posts until it is answered 200: at first the ingress may not know the receiver yet.
func (i *installation) deliver(t *testing.T, kind, body string) {
	t.Helper()
	testenv.Eventually(t, func() error {
		response, err := http.Post(i.hooks+"/hooks/"+i.token+"/"+kind, "application/json", bytes.NewBufferString(body))
		if err != nil {
			return errors.Unwrap(err) // without the URL
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("answered %s", response.Status)
		}
		return nil
	})
}

// scrape reads the metrics of both programs, as somebody who may where they ask.
func (i *installation) scrape(t *testing.T, found manifests) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: "scraper"}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: meta.Name}}
	createForTest(t, account)
	createForTest(t, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}}})
	createForTest(t, &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: tenant, Name: meta.Name}},
	})
	token := tokenFor(t, tenant, meta.Name, nil)
	for program, pod := range podsOf(t, found) {
		scheme := "https"
		if strings.Contains(strings.Join(pod.Spec.Containers[0].Args, " "), "--metrics-secure=false") {
			scheme = "http"
		}
		url := scheme + "://" + i.metrics[program] + "/metrics"
		testenv.Eventually(t, func() error { return get(t, url, token) })
		if err := get(t, url, ""); (err == nil) != (scheme == "http") {
			t.Errorf("%s: without a token: %v", url, err)
		}
	}
}
