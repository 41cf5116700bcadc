package localcluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Names of the product's processes. Further replicas of the ingress are ingress-2, ingress-3 and so on.
const (
	Manager = "manager"
	Ingress = "ingress"
)

// IngressName is the name of a replica of the ingress; the first is 0.
func IngressName(replica int) string {
	if replica == 0 {
		return Ingress
	}
	return fmt.Sprintf("%s-%d", Ingress, replica+1)
}

// FindAssets is the directory of etcd, kube-apiserver and kubectl: $KUBEBUILDER_ASSETS, or else bin/ below root. It
// fails if they are not there; it does not get them, which is for make assets to do.
func FindAssets(root string) (string, error) {
	dir := os.Getenv("KUBEBUILDER_ASSETS")
	if dir == "" {
		dir = filepath.Join(root, "bin")
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil { //nolint:gosec // KUBEBUILDER_ASSETS is the user's to set
			return "", fmt.Errorf("the control plane's programs are not there; run make assets, or set KUBEBUILDER_ASSETS: %w", err)
		}
	}
	return filepath.Abs(dir)
}

// BuildPrograms builds the manager and the ingress of the repository at root into dir. flags go to go build.
func BuildPrograms(ctx context.Context, root, dir string, flags ...string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding %s: %w", dir, err)
	}
	args := append([]string{"build", "-o", dir + string(filepath.Separator)}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/manager", "./cmd/ingress")...) //nolint:gosec // flags are the caller's own
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the manager and the ingress: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// listeners are the ports of one of the product's processes; hooks is the ingress's alone.
type listeners struct{ hooks, metrics, probes int }

// chooseListeners finds ports for the manager and the replicas of the ingress.
func chooseListeners(o *Options) (map[string]listeners, error) {
	wishes := []portWish{{name: Manager + "/metrics"}, {name: Manager + "/probes"}}
	for i := range o.Ingresses {
		name, preferred := IngressName(i), 0
		if o.HooksPort != 0 {
			preferred = o.HooksPort + i
		}
		wishes = append(wishes, portWish{name + "/hooks", preferred}, portWish{name: name + "/metrics"}, portWish{name: name + "/probes"})
	}
	ports, err := choosePorts(filepath.Join(o.Dir, "programs.ports.json"), wishes)
	if err != nil {
		return nil, err
	}
	chosen := map[string]listeners{}
	for _, w := range wishes {
		name, _, _ := strings.Cut(w.name, "/")
		chosen[name] = listeners{hooks: ports[name+"/hooks"], metrics: ports[name+"/metrics"], probes: ports[name+"/probes"]}
	}
	return chosen, nil
}

func managerProcess(o *Options, kubeconfig string, l listeners) Process {
	return Process{Name: Manager, Path: filepath.Join(o.Programs, "manager"), Env: o.ManagerEnv, Args: append([]string{
		"--kubeconfig=" + kubeconfig,
		"--metrics-bind-address=" + address(l.metrics),
		"--metrics-secure=false", // they are only for this machine, and for curl
		"--health-probe-bind-address=" + address(l.probes),
		// Short, so that a manager that was killed works again soon after it is back.
		"--leader-election-namespace=" + systemNamespace,
		"--leader-election-lease-duration=10s",
		"--leader-election-renew-deadline=8s",
		"--leader-election-retry-period=1s",
	}, o.ManagerArgs...)}
}

func ingressProcess(o *Options, name, kubeconfig string, l listeners) Process {
	return Process{Name: name, Path: filepath.Join(o.Programs, "ingress"), Env: o.IngressEnv, Args: append([]string{
		"--kubeconfig=" + kubeconfig,
		"--hooks-bind-address=" + address(l.hooks),
		"--metrics-bind-address=" + address(l.metrics),
		"--metrics-secure=false", // they are only for this machine, and for curl
		"--health-probe-bind-address=" + address(l.probes),
		"--spool-dir=" + filepath.Join(o.Dir, "spool", name),
		"--replica-name=" + name,
	}, o.IngressArgs...)}
}
