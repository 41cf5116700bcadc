// Package smoke tests the two real programs on a real control plane, from outside: what a person does with curl and
// kubectl.
package smoke

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	eventsv1 "k8s.io/api/events/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/localcluster"
	"github.com/sim-operator/sim-operator/internal/testenv"
	"github.com/sim-operator/sim-operator/internal/tracing/collector"
)

const (
	root = "../.."
	none = "00000000-0000-0000-0000-000000000000"
	// ordersExample and alertExample are the sender's own, verbatim.
	ordersExample = `{
                "OrderId": "00000000-0000-0000-0000-000000000000",
                "State": 0,
                "Type": 0,
                "SimId": "00000000-0000-0000-0000-000000000000",
                "PoolId": "00000000-0000-0000-0000-000000000000",
                "APNId": "00000000-0000-0000-0000-000000000000"
            }`
	alertExample = `{
                "AlertName": "Alert Name 1",
                "AlertId": "00000000-0000-0000-0000-000000000000",
                "AlertTargetType": "SIM",
                "AlertTriggerType": "On",
                "AlertStatName": "SIM.%USED",
                "AlertConditionalValue": "75",
                "AlertCondition": "GreaterThan",
                "AlertTriggerValue": "85",
                "EntityId": "00000000-0000-0000-0000-000000000000"
            }`
)

// A user has curl and kubectl.
type user struct {
	cluster *localcluster.Cluster
	webhook localcluster.Webhook
	kubectl string
}

// newUser starts everything, with more arguments for both programs.
func newUser(t *testing.T, args ...string) *user {
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
		Dir: t.TempDir(), Root: root, Assets: assets, Programs: programs, ManagerArgs: args, IngressArgs: args,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	webhook, err := cluster.Receiver(t.Context(), "sims", "demo")
	if err != nil {
		t.Fatal(err)
	}
	return &user{cluster: cluster, webhook: webhook, kubectl: filepath.Join(assets, "kubectl")}
}

// curl delivers and fails the test unless the answer is 200.
func (u *user) curl(t *testing.T, url, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	answer, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%s was answered %s %s, %v", body, response.Status, answer, err)
	}
}

func (u *user) order(t *testing.T, body string) {
	t.Helper()
	u.curl(t, u.webhook.OrdersURL(0), body)
}

func (u *user) alert(t *testing.T, body string) {
	t.Helper()
	u.curl(t, u.webhook.AlertsURL(0), body)
}

func (u *user) run(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"--kubeconfig", u.cluster.Kubeconfig(), "-n", "sims"}, args...)
	// What kubectl warns of goes to standard error, and is no part of what it was asked for.
	var warnings strings.Builder
	cmd := exec.CommandContext(ctx, u.kubectl, args...)
	cmd.Stderr = &warnings
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args[4:], " "), err, warnings.String())
	}
	return string(out), nil
}

// shows waits until kubectl prints every one of the texts.
func (u *user) shows(t *testing.T, texts []string, args ...string) {
	t.Helper()
	testenv.Eventually(t, func() error {
		out, err := u.run(t.Context(), args...)
		if err != nil {
			return err
		}
		for _, text := range texts {
			if !strings.Contains(out, text) {
				return fmt.Errorf("kubectl %s lacks %q:\n%s", strings.Join(args, " "), text, out)
			}
		}
		return nil
	})
}

// events waits until a resource has n Events, makes sure that there are no more, and returns them by name.
func (u *user) events(t *testing.T, resource string, n int) []eventsv1.Event {
	t.Helper()
	var events []eventsv1.Event
	testenv.Eventually(t, func() error {
		out, err := u.run(t.Context(), "get", "events.events.k8s.io", "-o", "json")
		if err != nil {
			return err
		}
		var list eventsv1.EventList
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			return err
		}
		events = slices.DeleteFunc(list.Items, func(e eventsv1.Event) bool { return e.Regarding.Name != resource })
		if len(events) != n {
			return fmt.Errorf("%s has %d Events; want %d", resource, len(events), n)
		}
		return nil
	})
	slices.SortFunc(events, func(a, b eventsv1.Event) int { return strings.Compare(a.Name, b.Name) })
	return events
}

func TestWhatAPersonSees(t *testing.T) {
	// Without the flag nothing is traced, whatever the environment says.
	unasked := collector.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", unasked.Endpoint())
	u := newUser(t)
	t.Run("the sender's own examples", u.testExamples)
	t.Run("every type in every state", u.testEveryTypeAndState)
	t.Run("a wait returns when the webhook has come", u.testWait)
	t.Run("a thousand times the same", u.testRepetition)
	t.Run("flips while the manager is stopped", u.testFlips)
	t.Run("all three kinds at once", u.testCategory)
	t.Run("the manager is killed", u.testKill(localcluster.Manager))
	t.Run("the ingress is killed", u.testKill(localcluster.IngressName(0)))
	if heard := unasked.Heard(); heard != "" {
		t.Errorf("a collector that no flag names heard %s", heard)
	}
}

func (u *user) testExamples(t *testing.T) {
	u.order(t, ordersExample)
	u.shows(t, []string{none, "Activate", "Open", "False"}, "get", "simorder", none)
	if out, err := u.run(t.Context(), "get", "simorder", none, "-o", "jsonpath={.spec.simID}{.spec.poolID}{.spec.apnID}"); err != nil || out != "" {
		t.Errorf("the order has ids %q, error %v", out, err)
	}

	alert := none + "-" + none
	u.alert(t, alertExample)
	u.shows(t, []string{"Alert Name 1", "SIM.%USED", "85", "75", "True"}, "get", "simalert", alert)
	if e := u.events(t, alert, 1)[0]; e.Reason != v1alpha1.ReasonAlertOn || e.Type != "Warning" {
		t.Errorf("the Event is %s %s", e.Type, e.Reason)
	}
	u.alert(t, strings.Replace(alertExample, `"On"`, `"Off"`, 1))
	u.shows(t, []string{"False"}, "get", "simalert", alert, "-o", `jsonpath={.status.conditions[?(@.type=="Active")].status}`)
	if e := u.events(t, alert, 2)[1]; e.Reason != v1alpha1.ReasonAlertOff || e.Type != "Normal" {
		t.Errorf("the Event is %s %s", e.Type, e.Reason)
	}
	u.shows(t, []string{"AlertOn", "AlertOff", `SIM.%USED 85, GreaterThan 75 ("Alert Name 1")`}, "describe", "simalert", alert)
}

func (u *user) testEveryTypeAndState(t *testing.T) {
	types := append(v1alpha1.OrderTypes(), "Code15")
	states := append(v1alpha1.OrderStates(), "Code6")
	want := map[string]string{}
	for i, orderType := range types {
		for j, state := range states {
			id := fmt.Sprintf("11111111-0000-0000-%04d-%012d", i, j)
			want[id] = fmt.Sprintf("%s %s", orderType, state)
			u.order(t, fmt.Sprintf(`{"OrderId":%q,"Type":%d,"State":"%d"}`, id, i, j))
		}
	}
	testenv.Eventually(t, func() error {
		out, err := u.run(t.Context(), "get", "simorders", "--no-headers", "-o", "custom-columns=N:.metadata.name,T:.spec.type,S:.status.state")
		if err != nil {
			return err
		}
		seen := map[string]string{}
		for _, line := range strings.Split(out, "\n") {
			if f := strings.Fields(line); len(f) == 3 {
				seen[f[0]] = f[1] + " " + f[2]
			}
		}
		for id, text := range want {
			if seen[id] != text {
				return fmt.Errorf("%s is %q; want %q", id, seen[id], text)
			}
		}
		return nil
	})
}

func (u *user) testWait(t *testing.T) {
	id := uuid.NewString()
	declared := fmt.Sprintf(`{"apiVersion":"sim-operator.io/v1alpha1","kind":"SimOrder","metadata":{"name":%q,"namespace":"sims"},"spec":{"orderID":%q}}`, id, id)
	create := exec.CommandContext(t.Context(), u.kubectl, "--kubeconfig", u.cluster.Kubeconfig(), "apply", "-f", "-")
	create.Stdin = strings.NewReader(declared)
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	u.shows(t, []string{v1alpha1.ReasonAwaitingReport}, "get", "simorder", id, "-o", "wide")
	waited := make(chan error, 1)
	go func() {
		_, err := u.run(t.Context(), "wait", "--for=condition=Complete", "simorder/"+id, "--timeout=30s")
		waited <- err
	}()
	u.order(t, fmt.Sprintf(`{"OrderId":%q,"Type":0,"State":1}`, id))
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

func (u *user) testRepetition(t *testing.T) {
	id := uuid.NewString()
	const repetitions, callers = 1000, 10
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range repetitions / callers {
				u.order(t, fmt.Sprintf(`{"OrderId":%q,"Type":"Bar","State":"complete"}`, id))
			}
		})
	}
	group.Wait()
	u.shows(t, []string{"1 Complete 1000;1"}, "get", "simorder", id, "-o",
		"jsonpath={range .spec.reports[*]}{.sequence} {.state} {.count};{end}{.status.transitions}")
	u.events(t, id, 1)
}

func (u *user) testFlips(t *testing.T) {
	alert, sim := uuid.NewString(), uuid.NewString()
	if err := u.cluster.Supervisor().Signal(localcluster.Manager, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for _, trigger := range []string{"On", "Off", "On"} {
		u.alert(t, fmt.Sprintf(`{"AlertId":%q,"EntityId":%q,"AlertTargetType":"SIM","AlertTriggerType":%q}`, alert, sim, trigger))
	}
	if err := u.cluster.Supervisor().Signal(localcluster.Manager, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	events := u.events(t, alert+"-"+sim, 3)
	var reasons []string
	var last time.Time
	for _, e := range events {
		reasons = append(reasons, e.Reason)
		if !e.EventTime.After(last) {
			t.Errorf("%s is at %s, and the one before it at %s", e.Name, e.EventTime, last)
		}
		last = e.EventTime.Time
	}
	if got := strings.Join(reasons, " "); got != "AlertOn AlertOff AlertOn" {
		t.Errorf("the Events are %s", got)
	}
}

func (u *user) testCategory(t *testing.T) {
	u.shows(t, []string{"simreceiver.sim-operator.io/demo", "simorder.sim-operator.io/" + none, "simalert.sim-operator.io/" + none}, "get", "sim")
	u.shows(t, []string{"orderID", "what the order does"}, "explain", "simorder.spec")
}

// testKill kills a program right after it answered or was given work, and looks whether all is there.
func (u *user) testKill(program string) func(t *testing.T) {
	return func(t *testing.T) {
		restarts := u.cluster.Supervisor().Restarts(program)
		var ids []string
		for range 50 {
			id := uuid.NewString()
			ids = append(ids, id)
			u.order(t, fmt.Sprintf(`{"OrderId":%q,"State":1}`, id))
		}
		if err := u.cluster.Supervisor().Signal(program, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if _, err := u.cluster.Supervisor().WaitRestarted(t.Context(), program, restarts+1); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			u.shows(t, []string{"Complete 1;Complete"}, "get", "simorder", id, "-o", "jsonpath={.spec.reports[*].state} {.spec.reports[*].count};{.status.state}")
			u.events(t, id, 1)
		}
	}
}
