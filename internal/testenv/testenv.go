// Package testenv gives tests a real kube-apiserver with the CRDs and the roles of this project. Tests that need none
// pay nothing: it starts when the first one asks for it.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

const (
	// patience is how long a test waits for what must come. It is only spent when a test fails.
	patience = 90 * time.Second
	pollWait = 20 * time.Millisecond
)

// Cluster is a control plane that the tests of one package share. The zero value is ready to use.
//
// The ValidatingAdmissionPolicies of config/policy are not installed: most tests stand in for the programs with a client
// that has every right.
type Cluster struct {
	// Bare leaves out the roles and their namespace too, for tests that install manifests themselves.
	Bare bool
	// Audited makes the API server note what ServiceAccounts ask for; see AuditLog.
	Audited bool

	start      sync.Once
	err        error
	plane      envtest.Environment
	audit      string
	config     *rest.Config
	client     client.Client
	namespaces atomic.Int64
}

// Main runs the tests of a package and then stops the cluster. It returns the exit code.
func (c *Cluster) Main(m *testing.M) int {
	log.SetLogger(logr.Discard())
	code := m.Run()
	if c.config != nil {
		if err := c.plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the control plane:", err)
		}
	}
	if c.audit != "" {
		_ = os.RemoveAll(c.audit) // a directory for temporary files is cleaned up in the end anyway
	}
	return code
}

// Client returns a client with every right, which reads from no cache.
func (c *Cluster) Client(t testing.TB) client.Client {
	t.Helper()
	c.start.Do(func() { c.err = c.up(context.WithoutCancel(t.Context())) })
	if c.err != nil {
		t.Fatalf("These tests need etcd and kube-apiserver. `make test` provides them; otherwise set KUBEBUILDER_ASSETS to the directory that they are in. %v", c.err)
	}
	return c.client
}

// ConfigFor returns a configuration with the rights of a ServiceAccount of this project: sim-operator-ingress or
// sim-operator-manager.
func (c *Cluster) ConfigFor(t testing.TB, serviceAccount string) *rest.Config {
	t.Helper()
	c.Client(t)
	config := rest.CopyConfig(c.config)
	config.QPS = -1
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + systemNamespace + ":" + serviceAccount,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + systemNamespace, "system:authenticated"},
	}
	return config
}

// Config returns a configuration with every right.
func (c *Cluster) Config(t testing.TB) *rest.Config {
	t.Helper()
	c.Client(t)
	return rest.CopyConfig(c.config)
}

// AuditLog is the file of the API server's notes, one in JSON (audit.k8s.io/v1) a line, of what ServiceAccounts asked
// for.
func (c *Cluster) AuditLog(t testing.TB) string {
	t.Helper()
	c.Client(t)
	return filepath.Join(c.audit, auditLog)
}

const systemNamespace = "sim-operator-system"

func (c *Cluster) up(ctx context.Context) error {
	root, err := repository()
	if err != nil {
		return err
	}
	c.plane = envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	if c.Audited {
		if err := c.writeAudit(); err != nil {
			return fmt.Errorf("prepare the audit log: %w", err)
		}
	}
	config, err := c.plane.Start()
	if err != nil {
		return err
	}
	config.QPS = -1
	c.config = config
	types := kruntime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(types), v1alpha1.AddToScheme(types)); err != nil {
		return err
	}
	if c.client, err = client.New(config, client.Options{Scheme: types}); err != nil {
		return err
	}
	if c.Bare {
		return nil
	}
	return c.installRoles(ctx, root)
}

// installRoles makes the ServiceAccounts of the programs and their rights.
func (c *Cluster) installRoles(ctx context.Context, root string) error {
	if err := c.client.Create(ctx, namespace(systemNamespace)); err != nil {
		return err
	}
	roles, err := filepath.Glob(filepath.Join(root, "config", "rbac", "*.yaml"))
	if err != nil {
		return err
	}
	for _, path := range roles {
		if err := c.install(ctx, path); err != nil {
			return fmt.Errorf("install %s: %w", path, err)
		}
	}
	return nil
}

const (
	auditLog    = "audit.log"
	auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts"]
- level: None
`
)

// writeAudit has the API server keep an audit log. Lines are written before the answer is sent.
func (c *Cluster) writeAudit() error {
	dir, err := os.MkdirTemp("", "audit-")
	if err != nil {
		return err
	}
	c.audit = dir
	policy := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	c.plane.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policy).
		Set("audit-log-path", filepath.Join(dir, auditLog)).
		Set("audit-log-mode", "blocking-strict")
	return nil
}

// repository is the directory of this module, found from where this file was compiled.
func repository() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("the place of the source is not known")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file))), nil
}

func (c *Cluster) install(ctx context.Context, path string) error {
	file, err := os.Open(path) //nolint:gosec // a file of this repository
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	for documents := yaml.NewYAMLOrJSONDecoder(file, 4096); ; {
		var object unstructured.Unstructured
		err := documents.Decode(&object.Object)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case object.GetKind() == "" || object.GetKind() == "Kustomization" || object.GetKind() == "Namespace":
			continue
		}
		if err := c.client.Create(ctx, &object); err != nil {
			return err
		}
	}
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// Namespace makes a namespace of the test's own.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", c.namespaces.Add(1))
	if err := c.Client(t).Create(t.Context(), namespace(name)); err != nil {
		t.Fatal(err)
	}
	return name
}

// Eventually polls until the check returns nothing, and fails with what it last returned.
func Eventually(t testing.TB, check func() error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(pollWait)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("after %s still: %v", patience, err)
		}
	}
}
