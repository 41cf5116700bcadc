package localcluster

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
)

// StartProgram starts the manager or a replica of the ingress, by the name of its process, that Supervisor().Stop has
// ended, and waits until it is ready. args are added to its arguments.
func (c *Cluster) StartProgram(ctx context.Context, name string, args ...string) error {
	l, known := c.listeners[name]
	if !known {
		return fmt.Errorf("there is no program %q", name)
	}
	var p Process
	if name == Manager {
		p = managerProcess(&c.options, c.KubeconfigOf(Manager), l)
	} else {
		p = ingressProcess(&c.options, name, c.KubeconfigOf(Ingress), l)
	}
	p.Args = append(p.Args, args...)
	if err := c.supervisor.Start(p); err != nil {
		return err
	}
	var client http.Client
	defer client.CloseIdleConnections()
	return waitUp(ctx, c.supervisor, []string{name}, func(ctx context.Context) error {
		return getOK(ctx, &client, "http://"+address(l.probes)+"/readyz")
	})
}

// SpoolDir is where a replica of the ingress, by the name of its process, keeps its spool.
func (c *Cluster) SpoolDir(name string) string {
	return filepath.Join(c.options.Dir, "spool", name)
}

// KubeconfigOf is the path of the kubeconfig that has the rights of Manager or Ingress.
func (c *Cluster) KubeconfigOf(program string) string {
	return filepath.Join(c.options.Dir, program+".kubeconfig")
}
