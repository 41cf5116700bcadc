package localcluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// Names of the control plane's processes.
const (
	Etcd      = "etcd"
	APIServer = "kube-apiserver"
)

// ControlPlane is an etcd and a kube-apiserver under a Supervisor. There is no controller manager: nothing finalizes
// namespaces, collects garbage or makes default ServiceAccounts.
type ControlPlane struct {
	supervisor *Supervisor
	dir        string
	config     *rest.Config
	authority  []byte
	keys       pki
	etcd       string
}

// StartControlPlane starts etcd and kube-apiserver, whose files are in assets, with their data in dir, and waits until
// they are ready. Keys, data and, where they are still free, ports are those of the last run over the same dir.
func StartControlPlane(ctx context.Context, s *Supervisor, dir, assets string) (*ControlPlane, error) {
	ports, err := choosePorts(filepath.Join(dir, "control-plane.ports.json"), []portWish{{name: "etcd"}, {name: "etcd-peer"}, {name: APIServer}})
	if err != nil {
		return nil, err
	}
	keys, err := makePKI(filepath.Join(dir, "pki"), time.Now())
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{supervisor: s, dir: dir, keys: keys, etcd: "https://" + address(ports["etcd"])}
	if err := c.configure(keys, ports); err != nil {
		return nil, err
	}
	if err := s.Start(etcdProcess(dir, assets, keys, ports)); err != nil {
		return nil, err
	}
	if err := s.Start(apiServerProcess(assets, keys, ports)); err != nil {
		return nil, err
	}
	return c, c.WaitReady(ctx)
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (c *ControlPlane) Kubeconfig() string {
	return filepath.Join(c.dir, "kubeconfig")
}

// Config is a client configuration with the administrator's rights and without client-side rate limit.
func (c *ControlPlane) Config() *rest.Config {
	return rest.CopyConfig(c.config)
}

// WaitReady waits until the API server says that it is ready.
func (c *ControlPlane) WaitReady(ctx context.Context) error {
	client, err := rest.HTTPClientFor(c.config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.CloseIdleConnections()
	// etcd is looked at too: an API server without one does not get ready.
	return waitUp(ctx, c.supervisor, []string{APIServer, Etcd}, func(ctx context.Context) error {
		return getOK(ctx, client, c.config.Host+"/readyz")
	})
}

// configure writes the administrator's kubeconfig and reads it back.
func (c *ControlPlane) configure(keys pki, ports map[string]int) error {
	authority, err := os.ReadFile(keys.ca())
	if err != nil {
		return fmt.Errorf("reading the certificate authority: %w", err)
	}
	admin, err := certificateUser(keys.admin())
	if err != nil {
		return err
	}
	c.authority = authority
	if err := writeKubeconfig(c.Kubeconfig(), "https://"+address(ports[APIServer]), authority, "admin", admin); err != nil {
		return err
	}
	c.config, err = loadKubeconfig(c.Kubeconfig())
	return err
}

func etcdProcess(dir, assets string, keys pki, ports map[string]int) Process {
	clients, peers := "https://"+address(ports["etcd"]), "https://"+address(ports["etcd-peer"])
	server := keys.server()
	return Process{Name: Etcd, Path: filepath.Join(assets, "etcd"), Args: []string{
		"--name=local",
		"--data-dir=" + filepath.Join(dir, "etcd"),
		"--listen-client-urls=" + clients,
		"--advertise-client-urls=" + clients,
		"--listen-peer-urls=" + peers,
		"--initial-advertise-peer-urls=" + peers,
		"--initial-cluster=local=" + peers,
		"--client-cert-auth",
		"--trusted-ca-file=" + keys.ca(),
		"--cert-file=" + server.cert,
		"--key-file=" + server.key,
		"--peer-client-cert-auth",
		"--peer-trusted-ca-file=" + keys.ca(),
		"--peer-cert-file=" + server.cert,
		"--peer-key-file=" + server.key,
		"--quota-backend-bytes=8589934592", // etcd's own default of 2 GiB is less than 100,000 resources and their Events need
		"--log-level=warn",
	}}
}

func apiServerProcess(assets string, keys pki, ports map[string]int) Process {
	server, client := keys.server(), keys.etcdClient()
	return Process{Name: APIServer, Path: filepath.Join(assets, "kube-apiserver"), Args: []string{
		fmt.Sprintf("--secure-port=%d", ports[APIServer]),
		"--bind-address=" + loopback,
		"--advertise-address=" + loopback,
		"--endpoint-reconciler-type=none", // there are no pods that would look for the API server
		"--etcd-servers=https://" + address(ports["etcd"]),
		"--etcd-cafile=" + keys.ca(),
		"--etcd-certfile=" + client.cert,
		"--etcd-keyfile=" + client.key,
		"--tls-cert-file=" + server.cert,
		"--tls-private-key-file=" + server.key,
		"--client-ca-file=" + keys.ca(),
		"--anonymous-auth=false",
		"--authorization-mode=RBAC",
		"--disable-admission-plugins=ServiceAccount", // there is no controller manager that would make default ServiceAccounts
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + keys.saPublic(),
		"--service-account-signing-key-file=" + keys.saKey(),
		"--service-cluster-ip-range=10.0.0.0/24",
	}}
}

// Waiting for what has been started.
const (
	pollEvery      = 100 * time.Millisecond
	tellEvery      = 10 * time.Second
	upPatience     = 2 * time.Minute
	crashesAllowed = 3
	tailLines      = 15
)

// waitUp polls until check has no error. It gives up when one of the named processes keeps dying or time is up, with
// an error that shows the end of the first one's log.
func waitUp(ctx context.Context, s *Supervisor, names []string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, upPatience)
	defer cancel()
	before := map[string]int{}
	for _, name := range names {
		before[name] = s.Restarts(name)
	}
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	tell := time.NewTicker(tellEvery)
	defer tell.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		for _, name := range names {
			if s.Restarts(name)-before[name] >= crashesAllowed {
				return notUp(s, name, fmt.Errorf("it died %d times", crashesAllowed))
			}
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return notUp(s, names[0], fmt.Errorf("not ready in %s: %w", upPatience, err))
			}
			return fmt.Errorf("waiting for %s: %w", names[0], ctx.Err())
		case <-tell.C:
			s.options.Waiting(names[0], err)
		case <-ticker.C:
		}
	}
}

// notUp says which program did not come up, and what it wrote last.
func notUp(s *Supervisor, name string, why error) error {
	tail := "  " + strings.ReplaceAll(Tail(s.LogFile(name), tailLines), "\n", "\n  ")
	return fmt.Errorf("%s did not come up: %w; the end of %s:\n%s", name, why, s.LogFile(name), tail)
}

// getOK is nil when url answers 200.
func getOK(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return nil
}
