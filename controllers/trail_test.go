package controllers

import (
	"context"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

func TestAnEventNamesItsDelivery(t *testing.T) {
	order := &v1alpha1.SimOrder{}
	r := orderReport(1, 0, open)
	if got := orderReportEvent(order, r).Annotations; got != nil {
		t.Errorf("the Event of a report without an id has the annotations %v", got)
	}
	r.DeliveryID = "spool123-7"
	want := map[string]string{"sim-operator.io/delivery-id": "spool123-7"}
	if diff := cmp.Diff(want, orderReportEvent(order, r).Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	a := alertReport(1, 0, "On", "85")
	a.DeliveryID = "spool123-7"
	if diff := cmp.Diff(want, alertReportEvent(&v1alpha1.SimAlert{}, a).Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestTheTrailInTheLog(t *testing.T) {
	event := eventsv1.Event{}
	event.Name, event.Annotations = "a.1.1", map[string]string{v1alpha1.AnnotationDeliveryID: "spool123-7"}
	event.Regarding.Namespace, event.Regarding.Kind, event.Regarding.Name = "sims", v1alpha1.KindSimAlert, "a"
	overdue := *event.DeepCopy()
	overdue.Annotations = nil

	var lines []string
	logger := funcr.NewJSON(func(line string) { lines = append(lines, line) }, funcr.Options{Verbosity: 1})
	ctx := log.IntoContext(t.Context(), logger)
	trail{}.eventIsOut(ctx, &event, false, trail{}.now())
	trail{}.statusWritten(ctx, []eventsv1.Event{event, overdue}, trail{}.now())
	want := []string{
		`{"logger":"","level":1,"msg":"The Event is out","delivery":"spool123-7","resource":"sims/alerts/a","event":"a.1.1","existed":false}`,
		`{"logger":"","level":1,"msg":"The status is written","delivery":"spool123-7","resource":"sims/alerts/a"}`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("logged (-want +got):\n%s", diff)
	}
}

func TestTheTrailCostsNothingWhenNobodyFollows(t *testing.T) {
	ctx := log.IntoContext(context.Background(), logr.Discard())
	events := []eventsv1.Event{orderReportEvent(&v1alpha1.SimOrder{}, orderReport(1, 0, open))}
	if n := testing.AllocsPerRun(100, func() {
		trail{}.eventIsOut(ctx, &events[0], false, trail{}.now())
		trail{}.statusWritten(ctx, events, trail{}.now())
	}); n != 0 {
		t.Errorf("it costs %v allocations", n)
	}
}
