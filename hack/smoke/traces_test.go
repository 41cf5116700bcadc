package smoke

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/localcluster"
	"github.com/sim-operator/sim-operator/internal/testenv"
	"github.com/sim-operator/sim-operator/internal/tracing"
	"github.com/sim-operator/sim-operator/internal/tracing/collector"
)

// deliver sends an order and returns the id of the delivery.
func (u *user) deliver(t *testing.T, order string) string {
	t.Helper()
	body := fmt.Sprintf(`{"OrderId":%q,"Type":"Bar","State":"Open"}`, order)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.webhook.OrdersURL(0), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ DeliveryID string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK || answer.DeliveryID == "" {
		t.Fatalf("the answer is %s %v, %v", response.Status, answer, err)
	}
	return answer.DeliveryID
}

// TestADeliveryIsTraced follows one delivery by its id: from the answer through the logs of both programs to the report,
// the Event and the trace.
func TestADeliveryIsTraced(t *testing.T) {
	c := collector.Start(t)
	u := newUser(t, "--zap-log-level=debug", "--traces-endpoint="+c.Endpoint())
	t.Run("from the webhook to the Event", func(t *testing.T) {
		order := uuid.NewString()
		id := u.deliver(t, order)
		u.isTraced(t, c, order, id)
	})
	t.Run("over a kill of the ingress before it was applied", func(t *testing.T) {
		s := u.cluster.Supervisor()
		ingress := localcluster.IngressName(0)
		if err := s.Signal(localcluster.APIServer, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		order := uuid.NewString()
		id := u.deliver(t, order)
		testenv.Eventually(t, func() error {
			if spans := c.Spans(tracing.TraceID(id).String()); len(spans) != 2 {
				return fmt.Errorf("the collector has the spans %v", spans)
			}
			return nil
		})
		restarts := s.Restarts(ingress)
		killed := s.Signal(ingress, syscall.SIGKILL)
		_, waited := s.WaitRestarted(t.Context(), ingress, restarts+1)
		if err := errors.Join(killed, waited, s.Signal(localcluster.APIServer, syscall.SIGCONT)); err != nil {
			t.Fatal(err)
		}
		u.isTraced(t, c, order, id)
	})
	t.Run("not at all once the collector is gone, which nobody else notices", func(t *testing.T) {
		heard := c.Heard()
		c.Stop()
		for range 20 {
			order := uuid.NewString()
			u.deliver(t, order)
			u.events(t, order, 1)
		}
		if c.Heard() != heard {
			t.Error("a collector that was gone heard something")
		}
	})
}

// isTraced looks for a delivery in all places where its id is to stand.
func (u *user) isTraced(t *testing.T, c *collector.Collector, order, id string) {
	t.Helper()
	u.shows(t, []string{id}, "get", "simorder", order, "-o", "jsonpath={.spec.reports[*].deliveryID}")
	event := u.events(t, order, 1)[0]
	if got := event.Annotations[v1alpha1.AnnotationDeliveryID]; got != id {
		t.Errorf("the Event has the delivery id %q; want %q", got, id)
	}
	var spans []collector.Span
	testenv.Eventually(t, func() error {
		spans = c.Spans(tracing.TraceID(id).String())
		names := map[string]bool{}
		for _, s := range spans {
			names[s.Name] = true
		}
		if len(names) < 5 {
			return fmt.Errorf("the collector has the spans %v", spans)
		}
		return nil
	})
	root := spans[slices.IndexFunc(spans, func(s collector.Span) bool { return s.Name == tracing.SpanReceive })]
	if root.Parent != "" || root.Attributes["receiver"] != "sims/demo" {
		t.Errorf("the root span is %+v", root)
	}
	for _, s := range spans {
		fits(t, s, root, id, "sims/orders/"+order)
	}
	u.isLogged(t, localcluster.IngressName(0), id, "A delivery is on disk", "A delivery was applied")
	u.isLogged(t, localcluster.Manager, id, "The Event is out", "The status is written")
}

// fits checks one span of the trace of a delivery.
func fits(t *testing.T, s, root collector.Span, id, resource string) {
	t.Helper()
	type place struct{ service, parent, resource string }
	const ingress, manager = "sim-operator-ingress", "sim-operator-manager"
	want := map[string]place{
		tracing.SpanReceive: {service: ingress},
		tracing.SpanSpool:   {service: ingress, parent: root.ID},
		tracing.SpanApply:   {service: ingress, parent: root.ID, resource: resource},
		tracing.SpanEvent:   {service: manager, parent: root.ID, resource: resource},
		tracing.SpanStatus:  {service: manager, parent: root.ID, resource: resource},
	}[s.Name]
	if got := (place{s.Service, s.Parent, s.Attributes["resource"]}); got != want {
		t.Errorf("%s is %+v; want %+v", s.Name, got, want)
	}
	if s.Attributes["delivery"] != id || s.Failure != "" {
		t.Errorf("%s is of the delivery %s, and failed: %q", s.Name, s.Attributes["delivery"], s.Failure)
	}
	if s.End.Before(s.Start) || s.Start.Before(root.Start) {
		t.Errorf("%s lasts from %s to %s", s.Name, s.Start, s.End)
	}
}

// isLogged greps the log of a program for a delivery.
func (u *user) isLogged(t *testing.T, program, id string, messages ...string) {
	t.Helper()
	log, err := os.ReadFile(u.cluster.Supervisor().LogFile(program))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(log)) {
		var entry struct{ Msg, Delivery string }
		if !strings.Contains(line, id) {
			continue
		}
		if err := json.Unmarshal([]byte(line), &entry); err == nil && entry.Delivery == id {
			found = append(found, entry.Msg)
		}
	}
	for _, message := range messages {
		if !slices.Contains(found, message) {
			t.Errorf("the log of %s lacks %q of %s: %q", program, message, id, found)
		}
	}
}
