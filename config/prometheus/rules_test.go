// Package prometheus tests what Prometheus is given to alert on.
package prometheus

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
}

type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

// written is the PrometheusRule, and its rules as Prometheus itself reads them.
func written(t *testing.T) (rules []rule, file []byte) {
	t.Helper()
	var resource struct{ Spec any }
	read(t, "rules.yaml", &resource)
	file, err := json.Marshal(resource.Spec) // which is YAML, too
	if err != nil {
		t.Fatal(err)
	}
	var groups ruleFile
	if err := json.Unmarshal(file, &groups); err != nil {
		t.Fatal(err)
	}
	for _, group := range groups.Groups {
		rules = append(rules, group.Rules...)
	}
	return rules, file
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
}

func alerts(t *testing.T) []rule {
	t.Helper()
	rules, _ := written(t)
	return slices.DeleteFunc(rules, func(r rule) bool { return r.Alert == "" })
}

// promtool is where the program is. Only outside of CI a machine may be without.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err == nil {
		return path
	}
	const missing = "promtool is not there; Debian has it in the package prometheus"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

func TestRulesUnderPromtool(t *testing.T) {
	tool, dir := promtool(t), t.TempDir()
	_, file := written(t)
	tests, err := os.ReadFile("rules_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"rules.yml": file, "rules_test.yml": tests} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"check", "rules", "rules.yml"}, {"test", "rules", "rules_test.yml"}} {
		command := exec.CommandContext(t.Context(), tool, args...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// Each alert is tested to fire and to resolve, and not to fire where it should not.
func TestEveryAlertIsTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Name          string
			AlertRuleTest []struct {
				EvalTime  string `json:"eval_time"`
				Alertname string
				ExpAlerts []any `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		}
	}
	read(t, "rules_test.yaml", &file)
	shown := map[string]proof{}
	for _, test := range file.Tests {
		var fires []bool
		for _, at := range test.AlertRuleTest {
			fires = append(fires, len(at.ExpAlerts) > 0)
		}
		alert := test.AlertRuleTest[0].Alertname
		shown[alert] = shown[alert].and(fires)
	}
	want := map[string]proof{}
	for _, alert := range alerts(t) {
		want[alert.Alert] = proof{fires: true, resolves: true, waits: true, quiet: true}
	}
	if diff := cmp.Diff(want, shown, cmp.AllowUnexported(proof{})); diff != "" {
		t.Errorf("what is shown of each alert (-want +got):\n%s", diff)
	}
}

// A proof says what the tests of an alert show of it.
type proof struct{ fires, resolves, waits, quiet bool }

// and adds what a test shows, in which an alert fires or not at one time after another.
func (p proof) and(fires []bool) proof {
	alone := true // it has not fired yet
	for _, now := range fires {
		p.resolves = p.resolves || !alone && !now
		p.waits = p.waits || alone && !now && len(fires) > 1
		p.fires = p.fires || now
		alone = alone && !now
	}
	p.quiet = p.quiet || alone
	return p
}

func TestAlertsSayWhatTheyAre(t *testing.T) {
	for _, alert := range alerts(t) {
		if !strings.HasPrefix(alert.Alert, "SimOperator") {
			t.Errorf("%s is called as if it were somebody else's", alert.Alert)
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, alert.Labels["severity"]) {
			t.Errorf("%s: severity %q", alert.Alert, alert.Labels["severity"])
		}
		if alert.Annotations["summary"] == "" || !strings.HasSuffix(alert.Annotations["description"], ".") {
			t.Errorf("%s lacks a summary, or a description that is a sentence", alert.Alert)
		}
		want := "https://github.com/sim-operator/sim-operator/blob/main/docs/alerts.md#" + strings.ToLower(alert.Alert)
		if got := alert.Annotations["runbook_url"]; got != want {
			t.Errorf("%s: its runbook is %s", alert.Alert, got)
		}
	}
}

// docs/alerts.md has a heading for each alert, in the same order, and says of each what the rule says.
func TestAlertsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, existing []string
	for _, heading := range regexp.MustCompile(`(?m)^### (SimOperator\w+)$`).FindAllSubmatch(text, -1) {
		documented = append(documented, string(heading[1]))
	}
	for _, alert := range alerts(t) {
		existing = append(existing, alert.Alert)
		_, section, _ := bytes.Cut(text, []byte("### "+alert.Alert+"\n"))
		section, _, _ = bytes.Cut(section, []byte("\n#"))
		severity := "**" + strings.ToUpper(alert.Labels["severity"][:1]) + alert.Labels["severity"][1:] + ".**"
		if !bytes.Contains(section, []byte(severity)) {
			t.Errorf("docs/alerts.md does not say of %s that it is %s", alert.Alert, severity)
		}
	}
	if diff := cmp.Diff(existing, documented); diff != "" {
		t.Errorf("docs/alerts.md (-rules +documented):\n%s", diff)
	}
}
