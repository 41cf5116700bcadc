package controllers

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/validation"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// FuzzFoldOrder folds whatever resource comes: one that the API server would refuse, that a hand has edited, or whose
// status is nonsense. The fold must not panic, must make Events that the API server takes, and must settle: what it
// decided, fed back, leaves nothing to do.
func FuzzFoldOrder(f *testing.F) {
	for _, order := range []*v1alpha1.SimOrder{
		orderWith(),
		orderWith(v1alpha1.OrderReport{ReportMeta: v1alpha1.ReportMeta{Sequence: 1, ReceivedAt: at(1), LastReceivedAt: at(2), Count: 2}, State: "Open"}),
		orderWith(
			v1alpha1.OrderReport{ReportMeta: v1alpha1.ReportMeta{Sequence: 2, ReceivedAt: at(5), LastReceivedAt: at(5), Count: 1}, State: "Complete"},
			v1alpha1.OrderReport{ReportMeta: v1alpha1.ReportMeta{Sequence: 1, ReceivedAt: at(1), LastReceivedAt: at(2), Count: 2}, State: "Code77"},
		),
	} {
		seed, err := json.Marshal(order)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed, int64(3600))
	}
	f.Fuzz(func(t *testing.T, text []byte, seconds int64) {
		var order v1alpha1.SimOrder
		if json.Unmarshal(text, &order) != nil {
			return
		}
		now := at(0).Add(time.Duration(seconds%1e9) * time.Second)
		lim := limits{overdueAfter: time.Hour, finishedOrders: 24 * time.Hour}
		before := order.DeepCopy()
		d := foldOrder(&order, lim, now)
		if !apiequality.Semantic.DeepEqual(before, &order) {
			t.Fatal("the fold changed what it was given")
		}
		checkEvents(t, &order, d.events)
		order.Status = d.status
		again := foldOrder(&order, lim, now)
		if len(again.events) > 0 || !apiequality.Semantic.DeepEqual(again.status, d.status) {
			t.Errorf("the fold does not settle: first %+v, then %+v with %d Events", d.status, again.status, len(again.events))
		}
	})
}

// checkEvents looks for what the API server would refuse.
func checkEvents(t *testing.T, order *v1alpha1.SimOrder, events []eventsv1.Event) {
	t.Helper()
	nameable := len(validation.NameIsDNSSubdomain(order.Name, false)) == 0 && len(order.Name) < 200 && isPlain(string(order.UID))
	for _, e := range events {
		if len(e.Note) > maxNote || e.Reason == "" || e.Action == "" {
			t.Errorf("the API server takes no such Event: %+v", e)
		}
		if faults := validation.NameIsDNSSubdomain(e.Name, false); nameable && len(faults) > 0 {
			t.Errorf("the API server takes no Event named %q: %v", e.Name, faults)
		}
	}
}

// isPlain says whether a uid can stand in a name, as those of the API server can.
func isPlain(uid string) bool {
	return uid != "" && !slices.ContainsFunc([]byte(uid), func(c byte) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'f') })
}
