// Package eyes shows what the two real programs tell to a real Prometheus, and holds the metrics against whatever speaks
// of them: the alerts, the dashboard, and the documentation.
package eyes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sim-operator/sim-operator/hack/localcluster"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

const root = "../.."

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// TestEyes starts everything once: a control plane, both programs, and a Prometheus that scrapes them as config/prometheus
// says, over TLS and with a token that may read metrics and nothing else.
func TestEyes(t *testing.T) {
	binary := prometheusBinary(t)
	cluster := startCluster(t)
	ids := deliver(t, cluster)
	token := readersToken(t, cluster)
	p := startPrometheus(t, binary, cluster, token)
	testenv.Eventually(t, p.targetsUp)
	testenv.Eventually(t, func() error { return p.has(`sum(sim_operator_orders{state="Complete"}) > 0`) })
	ids = append(ids, deliver(t, cluster)...) // so that there is a rate

	served := map[string]string{}
	for _, program := range []string{localcluster.Ingress, localcluster.Manager} {
		served[program] = exposition(t, cluster, program, token)
	}
	t.Run("metrics are as Prometheus wants them", func(t *testing.T) {
		for program, text := range served {
			lint(t, program, text)
		}
	})
	t.Run("no id is in a metric", func(t *testing.T) {
		for program, text := range served {
			checkNoID(t, program, text, ids)
		}
	})
	t.Run("the documentation has every metric, and no other", func(t *testing.T) {
		if diff := cmp.Diff(documented(t), ours(served)); diff != "" {
			t.Errorf("docs/monitoring.md (-documented +served):\n%s", diff)
		}
	})
	t.Run("the rules work, and nothing fires", func(t *testing.T) {
		testenv.Eventually(t, p.rulesWork)
	})
	t.Run("whatever the rules and the dashboard name is there", func(t *testing.T) {
		for _, expr := range append(ruleQueries(t), expressions(dashboardQueries(t))...) {
			p.checkMetrics(t, expr)
		}
	})
	t.Run("the rules' queries are valid", func(t *testing.T) {
		for _, expr := range ruleQueries(t) {
			if _, err := p.query(expr); err != nil {
				t.Errorf("%s: %v", expr, err)
			}
		}
	})
	t.Run("every panel has data", func(t *testing.T) {
		for _, q := range dashboardQueries(t) {
			p.checkPanel(t, q)
		}
	})
}

func checkNoID(t *testing.T, program, text string, ids []string) {
	t.Helper()
	text = strings.ToLower(text)
	for _, id := range ids {
		if strings.Contains(text, id) {
			t.Errorf("%s serves id %s", program, id)
		}
	}
}

// checkMetrics checks that each metric in a query is there.
func (p *prometheus) checkMetrics(t *testing.T, expr string) {
	t.Helper()
	for _, name := range metricNames(expr) {
		if err := p.has(name); err != nil {
			t.Errorf("%s, of %s: %v", name, expr, err)
		}
	}
}

// checkPanel waits until a panel has data.
func (p *prometheus) checkPanel(t *testing.T, q panelQuery) {
	t.Helper()
	if q.panel == "Refused" { // there is none
		if _, err := p.query(q.expr); err != nil {
			t.Errorf("%s: %v", q.panel, err)
		}
		return
	}
	testenv.Eventually(t, func() error {
		if err := p.has(q.expr); err != nil {
			return fmt.Errorf("panel %s: %w", q.panel, err)
		}
		return nil
	})
}

// deliver sends what makes every metric move, and returns the ids in it.
func deliver(t *testing.T, cluster *localcluster.Cluster) []string {
	t.Helper()
	webhook, err := cluster.Receiver(t.Context(), "sims", "demo")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	id := func() string {
		ids = append(ids, uuid.NewString())
		return ids[len(ids)-1]
	}
	for range 5 {
		order, sim := id(), id()
		for state := range 2 {
			body := fmt.Sprintf(`{"OrderId":%q,"State":%d,"Type":0,"SimId":%q}`, order, state, sim)
			post(t, webhook.OrdersURL(0), body, http.StatusOK)
		}
		post(t, webhook.AlertsURL(0), fmt.Sprintf(
			`{"AlertId":%q,"AlertName":"Alert Name 1","AlertTargetType":"SIM","AlertTriggerType":"On","EntityId":%q}`, id(), sim), http.StatusOK)
		post(t, webhook.AlertsURL(0), fmt.Sprintf(
			`{"AlertId":%q,"AlertName":"SIM %s","AlertTargetType":"SIM","AlertTriggerType":"On","EntityId":%q}`, id(), sim, sim), http.StatusOK)
	}
	post(t, webhook.OrdersURL(0), "not JSON", http.StatusBadRequest)
	stranger := strings.Replace(webhook.OrdersURL(0), webhook.Token, strings.ToLower(uuid.NewString()+uuid.NewString()), 1)
	post(t, stranger, "{}", http.StatusNotFound)
	return append(ids, strings.ToLower(webhook.Token))
}

func post(t *testing.T, to, body string, want int) {
	t.Helper()
	response, err := http.Post(to, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal("the ingress cannot be reached") // the error would show the token
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != want {
		answer, _ := io.ReadAll(response.Body)
		t.Fatalf("answered %s: %s", response.Status, answer)
	}
}

// lint has the linter of Prometheus look at what is ours; the rest is its libraries' own.
func lint(t *testing.T, program, text string) {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, prefix) {
			t.Errorf("%s: %s: %s", program, problem.Metric, problem.Text)
		}
	}
}

const prefix = "sim_operator_"

var (
	series     = regexp.MustCompile(`(?m)^(sim_operator_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? [^ ]+$`)
	label      = regexp.MustCompile(`(\w+)="`)
	tableRow   = regexp.MustCompile("(?m)^\\| `(sim_operator_\\w+)` \\|([^|]*)\\|")
	quoted     = regexp.MustCompile("`(\\w+)`")
	identifier = regexp.MustCompile(`\b(?:sim_operator_\w+|controller_runtime_\w+|workqueue_\w+|leader_election_\w+|process_\w+|go_\w+|up)\b`)
)

// ours are the metrics of this project, each with its labels.
func ours(served map[string]string) map[string]string {
	found := map[string]string{}
	for _, text := range served {
		for _, line := range series.FindAllStringSubmatch(text, -1) {
			var labels []string
			for _, l := range label.FindAllStringSubmatch(line[2], -1) {
				if l[1] != "le" {
					labels = append(labels, l[1])
				}
			}
			slices.Sort(labels)
			found[line[1]] = strings.Join(labels, " ")
		}
	}
	return found
}

// documented are the metrics in the tables of docs/monitoring.md.
func documented(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, row := range tableRow.FindAllStringSubmatch(readFile(t, root+"/docs/monitoring.md"), -1) {
		var labels []string
		for _, l := range quoted.FindAllStringSubmatch(row[2], -1) {
			labels = append(labels, l[1])
		}
		slices.Sort(labels)
		found[row[1]] = strings.Join(labels, " ")
	}
	return found
}

// metricNames are the metrics in a query, but for what the rules record themselves.
func metricNames(expr string) []string {
	withoutStrings := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expr, "")
	withoutLabels := regexp.MustCompile(`\{[^}]*\}|(by|without) \([^)]*\)`).ReplaceAllString(withoutStrings, "")
	return identifier.FindAllString(withoutLabels, -1)
}

// ruleQueries are the expressions of all rules.
func ruleQueries(t *testing.T) []string {
	t.Helper()
	var resource struct {
		Spec struct {
			Groups []struct{ Rules []struct{ Expr string } }
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, root+"/config/prometheus/rules.yaml")), &resource); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, group := range resource.Spec.Groups {
		for _, rule := range group.Rules {
			found = append(found, rule.Expr)
		}
	}
	return found
}

type panelQuery struct{ panel, expr string }

// dashboardQueries are the queries of the dashboard, with its variables as Grafana would set them for all receivers.
func dashboardQueries(t *testing.T) []panelQuery {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, root+"/config/grafana/sim-operator.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$namespace", ".*", "$receiver", ".*", "$__rate_interval", "1m", "$__range", "1h")
	var found []panelQuery
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			found = append(found, panelQuery{panel.Title, variables.Replace(target.Expr)})
		}
	}
	return found
}

func expressions(queries []panelQuery) []string {
	var found []string
	for _, q := range queries {
		found = append(found, q.expr)
	}
	return found
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(content))
}

// get reads a URL that is answered 200.
func get(client *http.Client, from, token string) (string, error) {
	request, err := http.NewRequest(http.MethodGet, from, http.NoBody)
	if err != nil {
		return "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s: %s", response.Status, body)
	}
	return string(body), err
}

// exposition is what a program serves.
func exposition(t *testing.T, cluster *localcluster.Cluster, program, token string) string {
	t.Helper()
	at, err := url.Parse(cluster.MetricsURL(program))
	if err != nil {
		t.Fatal(err)
	}
	at.Scheme = "https"
	text, err := get(trusting(), at.String(), token)
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return text
}
