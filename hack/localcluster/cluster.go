package localcluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

// Options say what to start.
type Options struct {
	// Dir is where everything is kept; a second start over it goes on from the first. Required.
	Dir string
	// Root is the top of the repository, for config/. Required.
	Root string
	// Assets is the directory of etcd and kube-apiserver; see FindAssets. Required.
	Assets string
	// Programs is the directory of the manager and the ingress; see BuildPrograms. The default is bin/ below Root.
	Programs string
	// Ingresses is how many replicas of the ingress there are. The default is 1.
	Ingresses int
	// HooksPort is the port that the first ingress listens on if it is free, or else the next that is. The default is any.
	HooksPort int
	// ManagerArgs and IngressArgs are added to the arguments, ManagerEnv and IngressEnv to the environment.
	ManagerArgs, IngressArgs []string
	ManagerEnv, IngressEnv   []string
	// Supervisor is about the processes.
	Supervisor SupervisorOptions
	// Progress is told what is being done.
	Progress func(step string)
}

// Cluster is a control plane with the manager and the ingress.
type Cluster struct {
	*ControlPlane

	options   Options
	listeners map[string]listeners
}

// Start starts everything and waits until it is ready. It all stops when ctx ends, or with Stop.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s, err := NewSupervisor(ctx, o.Dir, o.Supervisor)
	if err != nil {
		return nil, err
	}
	c, err := start(ctx, s, o)
	if err != nil {
		s.Shutdown()
		return nil, err
	}
	return c, nil
}

// Stop stops everything, the last started first, and returns when all of it is gone.
func (c *Cluster) Stop() {
	c.supervisor.Shutdown()
}

// Supervisor is what looks after the processes: Etcd, APIServer, Manager and the IngressNames.
func (c *Cluster) Supervisor() *Supervisor {
	return c.supervisor
}

// HooksURL is where a replica of the ingress listens: http://host:port.
func (c *Cluster) HooksURL(replica int) string {
	return "http://" + address(c.listeners[IngressName(replica)].hooks)
}

// MetricsURL is where the manager or a replica of the ingress, by the name of its process, serves its metrics.
func (c *Cluster) MetricsURL(name string) string {
	return "http://" + address(c.listeners[name].metrics) + "/metrics"
}

// WaitProgramsReady waits until the manager and all ingresses say that they are ready.
func (c *Cluster) WaitProgramsReady(ctx context.Context) error {
	var client http.Client
	defer client.CloseIdleConnections()
	for _, name := range c.programs() {
		err := waitUp(ctx, c.supervisor, []string{name}, func(ctx context.Context) error {
			return getOK(ctx, &client, "http://"+address(c.listeners[name].probes)+"/readyz")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// programs are the names of the product's processes.
func (c *Cluster) programs() []string {
	names := []string{Manager}
	for i := range c.options.Ingresses {
		names = append(names, IngressName(i))
	}
	return names
}

// complete checks what is required, sets defaults and makes paths absolute.
func (o *Options) complete() error {
	if o.Dir == "" || o.Root == "" || o.Assets == "" {
		return errors.New("localcluster: Dir, Root and Assets are required")
	}
	if o.Programs == "" {
		o.Programs = filepath.Join(o.Root, "bin")
	}
	if o.Ingresses == 0 {
		o.Ingresses = 1
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	for _, path := range []*string{&o.Dir, &o.Root, &o.Assets, &o.Programs} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("finding %s: %w", *path, err)
		}
		*path = absolute
	}
	return nil
}

func start(ctx context.Context, s *Supervisor, o Options) (*Cluster, error) {
	o.Progress("starting etcd and kube-apiserver")
	plane, err := StartControlPlane(ctx, s, o.Dir, o.Assets)
	if err != nil {
		return nil, err
	}
	o.Progress("installing the CRDs and the roles of config/")
	if err := plane.Install(ctx, o.Root); err != nil {
		return nil, err
	}
	o.Progress("starting the manager and the ingress")
	c := &Cluster{ControlPlane: plane, options: o}
	if c.listeners, err = chooseListeners(&c.options); err != nil {
		return nil, err
	}
	if err := c.startPrograms(ctx); err != nil {
		return nil, err
	}
	return c, c.WaitProgramsReady(ctx)
}

func (c *Cluster) startPrograms(ctx context.Context) error {
	kubeconfigs := map[string]string{}
	for _, program := range []string{Manager, Ingress} {
		path := filepath.Join(c.options.Dir, program+".kubeconfig")
		if err := c.WriteServiceAccountKubeconfig(ctx, systemNamespace, "sim-operator-"+program, path); err != nil {
			return err
		}
		kubeconfigs[program] = path
	}
	if err := c.supervisor.Start(managerProcess(&c.options, kubeconfigs[Manager], c.listeners[Manager])); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(c.options.Dir, "spool"), 0o700); err != nil {
		return fmt.Errorf("making a directory for the spools: %w", err)
	}
	for i := range c.options.Ingresses {
		name := IngressName(i)
		if err := c.supervisor.Start(ingressProcess(&c.options, name, kubeconfigs[Ingress], c.listeners[name])); err != nil {
			return err
		}
	}
	return nil
}
