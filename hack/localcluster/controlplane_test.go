package localcluster

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const root = "../.."

// testAssets is where etcd, kube-apiserver and kubectl are. Without them these tests fail: none is skipped.
func testAssets(t *testing.T) string {
	t.Helper()
	assets, err := FindAssets(root)
	if err != nil {
		t.Fatal(err)
	}
	return assets
}

// plane is a control plane that a test can start and stop over one directory.
type plane struct {
	*ControlPlane

	supervisor *Supervisor
	clientset  *kubernetes.Clientset
}

func startPlane(t *testing.T, dir string) plane {
	t.Helper()
	s, err := NewSupervisor(t.Context(), dir, SupervisorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	c, err := StartControlPlane(t.Context(), s, dir, testAssets(t))
	if err != nil {
		t.Fatal(err)
	}
	clientset, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	return plane{ControlPlane: c, supervisor: s, clientset: clientset}
}

func (p plane) putConfigMap(t *testing.T, name string) {
	t.Helper()
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}}
	if _, err := p.clientset.CoreV1().ConfigMaps("default").Create(t.Context(), m, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (p plane) getConfigMap(t *testing.T, name string) {
	t.Helper()
	if _, err := p.clientset.CoreV1().ConfigMaps("default").Get(t.Context(), name, metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

func TestControlPlane(t *testing.T) {
	dir := t.TempDir()
	p := startPlane(t, dir)
	waitFor(t, "the default namespace", func() bool {
		_, err := p.clientset.CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{})
		return err == nil
	})
	p.putConfigMap(t, "first")

	kubectl := exec.CommandContext(t.Context(), filepath.Join(testAssets(t), "kubectl"), "--kubeconfig", p.Kubeconfig(), "get", "--raw", "/readyz")
	if out, err := kubectl.CombinedOutput(); err != nil || string(out) != "ok" {
		t.Fatalf("kubectl get --raw /readyz: %q, %v", out, err)
	}

	etcd, err := p.EtcdClient()
	if err != nil {
		t.Fatal(err)
	}
	if err := getOK(t.Context(), etcd, p.EtcdURL()+"/health"); err != nil {
		t.Error(err)
	}

	for _, name := range []string{Etcd, APIServer} {
		kill(t, p, name)
		p.getConfigMap(t, "first")
		p.putConfigMap(t, "after-"+strings.ToLower(name))
	}

	host := p.Config().Host
	p.supervisor.Shutdown()
	p = startPlane(t, dir)
	if p.Config().Host != host {
		t.Errorf("the API server moved from %s to %s", host, p.Config().Host)
	}
	for _, name := range []string{"first", "after-etcd", "after-kube-apiserver"} {
		p.getConfigMap(t, name)
	}
}

// kill kills one of the control plane's processes and waits until all is well again.
func kill(t *testing.T, p plane, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.supervisor.Signal(name, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := p.supervisor.WaitRestarted(ctx, name, 1); err != nil {
		t.Fatal(err)
	}
	if err := p.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestInstallAndServiceAccounts(t *testing.T) {
	dir := t.TempDir()
	p := startPlane(t, dir)
	for range 2 { // the second time changes nothing
		if err := p.Install(t.Context(), root); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "ingress.kubeconfig")
	if err := p.WriteServiceAccountKubeconfig(t.Context(), systemNamespace, "sim-operator-ingress", path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("the kubeconfig has mode %o", mode)
	}
	config, err := loadKubeconfig(path)
	if err != nil {
		t.Fatal(err)
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = clientset.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("the ingress lists Secrets: %v, want it forbidden", err)
	}
}

func TestControlPlaneThatDoesNotComeUpShowsItsLog(t *testing.T) {
	assets := t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver"} {
		script := "#!/bin/sh\necho " + name + " is out of order\nexit 1\n"
		if err := os.WriteFile(filepath.Join(assets, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	s, err := NewSupervisor(t.Context(), dir, fast())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	_, err = StartControlPlane(t.Context(), s, dir, assets)
	if err == nil || !strings.Contains(err.Error(), APIServer+" did not come up") || !strings.Contains(err.Error(), "is out of order") {
		t.Errorf("the error is %v", err)
	}
}
