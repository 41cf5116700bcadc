package eyes

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

const (
	systemNamespace = "sim-operator-system"
	reader          = "sim-operator-metrics-reader"
)

// prometheusBinary is where the program is. Only outside of CI a machine may be without.
func prometheusBinary(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err == nil {
		return path
	}
	const missing = "prometheus is not there; Debian has it in the package of that name"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// startCluster starts both programs with guarded metrics, and with all metrics that they may have.
func startCluster(t *testing.T) *localcluster.Cluster {
	t.Helper()
	assets, err := localcluster.FindAssets(root)
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	if err := localcluster.BuildPrograms(t.Context(), root, programs); err != nil {
		t.Fatal(err)
	}
	cluster, err := localcluster.Start(t.Context(), localcluster.Options{
		Dir: t.TempDir(), Root: root, Assets: assets, Programs: programs,
		ManagerArgs: []string{"--metrics-secure=true"},
		IngressArgs: []string{"--metrics-secure=true", "--quarantine-when-full=drop-oldest"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	return cluster
}

// readersToken makes what config/prometheus/scraper.yaml has, and a token as the cluster would put it into the Secret.
func readersToken(t *testing.T, cluster *localcluster.Cluster) string {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(cluster.Config(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	documents := strings.Split(readFile(t, root+"/config/prometheus/scraper.yaml"), "\n---\n")
	for i, object := range []client.Object{&corev1.ServiceAccount{}, &corev1.Secret{}, &rbacv1.ClusterRoleBinding{}} {
		if err := yaml.Unmarshal([]byte(documents[i]), object); err != nil {
			t.Fatal(err)
		}
		if err := admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := cluster.WriteServiceAccountKubeconfig(t.Context(), systemNamespace, reader, path); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	return config.BearerToken
}

// prometheus is a Prometheus that runs.
type prometheus struct{ url string }

func startPrometheus(t *testing.T, binary string, cluster *localcluster.Cluster, token string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, content any) {
		text, err := json.Marshal(content) // which is YAML, too
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var rules struct{ Spec any }
	if err := yaml.Unmarshal([]byte(readFile(t, root+"/config/prometheus/rules.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	write("rules.yml", rules.Spec)
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	write("prometheus.yml", map[string]any{
		"global":         map[string]any{"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
		"rule_files":     []string{"rules.yml"},
		"scrape_configs": []any{scrapeConfig(t, cluster, localcluster.Ingress), scrapeConfig(t, cluster, localcluster.Manager)},
	})
	address := freeAddress(t)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address="+address)
	command.Dir, command.Stdout, command.Stderr = dir, log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = log.Close()
		if t.Failed() {
			t.Logf("the log of Prometheus:\n%s", readFile(t, log.Name()))
		}
	})
	return &prometheus{url: "http://" + address}
}

// scrapeConfig is what the Prometheus operator makes of a ServiceMonitor, with one replica on this machine.
func scrapeConfig(t *testing.T, cluster *localcluster.Cluster, program string) map[string]any {
	t.Helper()
	var monitor struct {
		Spec struct {
			Endpoints []struct {
				Path, Scheme string
				HonorLabels  bool
				TLSConfig    struct{ InsecureSkipVerify bool }
				Relabelings  []struct{ TargetLabel, Replacement string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, root+"/config/prometheus/"+program+"_monitor.yaml")), &monitor); err != nil {
		t.Fatal(err)
	}
	endpoint := monitor.Spec.Endpoints[0]
	at, err := url.Parse(cluster.MetricsURL(program))
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"namespace": systemNamespace, "pod": program + "-0"}
	for _, r := range endpoint.Relabelings {
		labels[r.TargetLabel] = r.Replacement
	}
	return map[string]any{
		"job_name": program, "metrics_path": endpoint.Path, "scheme": endpoint.Scheme, "honor_labels": endpoint.HonorLabels,
		"tls_config":     map[string]any{"insecure_skip_verify": endpoint.TLSConfig.InsecureSkipVerify},
		"authorization":  map[string]any{"type": "Bearer", "credentials_file": "token"},
		"static_configs": []any{map[string]any{"targets": []string{at.Host}, "labels": labels}},
	}
}

// api asks Prometheus.
func (p *prometheus) api(path string, into any) error {
	text, err := get(trusting(), p.url+"/api/v1/"+path, "")
	if err != nil {
		return err
	}
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return errors.New(answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// query returns how many series a query has.
func (p *prometheus) query(expr string) (int, error) {
	var data struct{ Result []any }
	err := p.api("query?query="+url.QueryEscape(expr), &data)
	return len(data.Result), err
}

// has is nil where a query has a result.
func (p *prometheus) has(expr string) error {
	n, err := p.query(expr)
	if err == nil && n == 0 {
		err = fmt.Errorf("no data: %s", expr)
	}
	return err
}

func (p *prometheus) targetsUp() error {
	var data struct {
		ActiveTargets []struct {
			Labels            map[string]string
			Health, LastError string
		}
	}
	if err := p.api("targets", &data); err != nil {
		return err
	}
	var up []string
	for _, target := range data.ActiveTargets {
		if target.Health != "up" {
			return fmt.Errorf("%s is %s: %s", target.Labels["job"], target.Health, target.LastError)
		}
		up = append(up, target.Labels["job"])
	}
	slices.Sort(up)
	if !slices.Equal(up, []string{"sim-operator-ingress", "sim-operator-manager"}) {
		return fmt.Errorf("these are up: %v", up)
	}
	return nil
}

// mayFire are the alerts for which the deliveries of this test give a reason.
func mayFire() []string {
	return []string{"SimOperatorAlertsActive", "SimOperatorQuarantined"}
}

// rulesWork is nil when each rule has been evaluated without an error, each recorded one has a value where there is one,
// and no alert is on its way that should not be.
func (p *prometheus) rulesWork() error {
	var data struct {
		Groups []struct {
			Rules []rule
		}
	}
	if err := p.api("rules", &data); err != nil {
		return err
	}
	rules := 0
	for _, group := range data.Groups {
		for _, r := range group.Rules {
			rules++
			if err := p.ruleWorks(r); err != nil {
				return err
			}
		}
	}
	if rules == 0 {
		return errors.New("there are no rules")
	}
	return nil
}

// A rule is what Prometheus tells of one.
type rule struct{ Name, Type, Health, LastError, State string }

func (p *prometheus) ruleWorks(r rule) error {
	if r.Health != "ok" {
		return fmt.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
	}
	if r.Type == "alerting" && r.State != "inactive" && !slices.Contains(mayFire(), r.Name) {
		return fmt.Errorf("%s is %s", r.Name, r.State)
	}
	if r.Type == "recording" && r.Name != "sim_operator:deliveries_refused:increase5m" {
		return p.has(r.Name)
	}
	return nil
}

// trusting is a client that takes the programs' own certificates.
func trusting() *http.Client {
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
	}
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
