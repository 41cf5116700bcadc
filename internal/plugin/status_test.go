package plugin

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

var now = time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)

func before(d time.Duration) *metav1.MicroTime {
	return new(metav1.NewMicroTime(now.Add(-d)))
}

func condition(kind string, status metav1.ConditionStatus, why string, since time.Duration) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: why, Message: "message of " + why, LastTransitionTime: metav1.NewTime(now.Add(-since))}
}

func receiver(name string, status v1alpha1.SimReceiverStatus) *v1alpha1.SimReceiver {
	return &v1alpha1.SimReceiver{
		ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: name, CreationTimestamp: metav1.NewTime(now.Add(-time.Hour))},
		Status:     status,
	}
}

func readyReceiver(rows ...v1alpha1.IngressStatus) *v1alpha1.SimReceiver {
	return receiver("demo", v1alpha1.SimReceiverStatus{
		Ingresses:  rows,
		Conditions: []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonTokenPublished, time.Hour)},
	})
}

func order(name string, state v1alpha1.OrderState, since time.Duration, conditions ...metav1.Condition) *v1alpha1.SimOrder {
	return &v1alpha1.SimOrder{
		ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: name},
		Spec:       v1alpha1.SimOrderSpec{Type: v1alpha1.OrderTypeCease, SimID: "sim-1"},
		Status:     v1alpha1.SimOrderStatus{State: state, StateSince: before(since), Conditions: conditions},
	}
}

func alert(name, title string, trigger v1alpha1.AlertTrigger, since time.Duration, conditions ...metav1.Condition) *v1alpha1.SimAlert {
	return &v1alpha1.SimAlert{
		ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: name},
		Spec:       v1alpha1.SimAlertSpec{AlertID: "a1", EntityID: "sim-1", AlertName: title, TargetType: v1alpha1.AlertTargetSIM},
		Status:     v1alpha1.SimAlertStatus{Trigger: trigger, Since: before(since), Conditions: conditions},
	}
}

// count counts objects of any kind.
func count(t *testing.T, o statusOptions, objects ...any) statusView {
	t.Helper()
	counts := newTally(o, now)
	for _, object := range objects {
		switch object := object.(type) {
		case *v1alpha1.SimReceiver:
			counts.receiver(object)
		case *v1alpha1.SimOrder:
			counts.order(object)
		case *v1alpha1.SimAlert:
			counts.alert(object)
		default:
			t.Fatalf("%T is not counted", object)
		}
	}
	return counts.view()
}

func TestWhatNeedsAttention(t *testing.T) {
	unready := condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended, time.Minute)
	unseen := order("o", v1alpha1.OrderStateOpen, time.Hour)
	unseen.Generation, unseen.Status.ObservedGeneration = 2, 1
	unseen.Spec.Reports = []v1alpha1.OrderReport{{ReportMeta: v1alpha1.ReportMeta{LastReceivedAt: *before(time.Hour)}}}
	fresh := unseen.DeepCopy()
	fresh.Spec.Reports[0].LastReceivedAt = *before(time.Second)
	declared := unseen.DeepCopy()
	declared.Spec.Reports = nil

	for name, test := range map[string]struct {
		options statusOptions
		objects []any
		want    string
	}{
		"nothing, where all is well":                      {objects: []any{readyReceiver(), order("o", v1alpha1.OrderStateOpen, time.Hour), alert("a", "A", v1alpha1.AlertTriggerOn, time.Hour)}},
		"a receiver that is suspended":                    {objects: []any{receiver("r", v1alpha1.SimReceiverStatus{Conditions: []metav1.Condition{unready}})}, want: "ReceiverNotReady! 1"},
		"a receiver that no manager has looked at":        {objects: []any{receiver("r", v1alpha1.SimReceiverStatus{})}, want: "ReceiverNotReady! 1"},
		"deliveries that have waited for long":            {objects: []any{readyReceiver(v1alpha1.IngressStatus{Waiting: 3, LastDelivery: before(time.Hour)})}, want: "DeliveriesWaiting! 1"},
		"no deliveries that have just come":               {objects: []any{readyReceiver(v1alpha1.IngressStatus{Waiting: 3, LastDelivery: before(time.Second)})}},
		"deliveries in quarantine":                        {objects: []any{readyReceiver(v1alpha1.IngressStatus{Quarantined: 1})}, want: "DeliveriesQuarantined 1"},
		"an order that has failed":                        {objects: []any{order("o", v1alpha1.OrderStateFailed, time.Hour)}, want: "OrderFailed 1"},
		"an order that has stalled, and not as overdue":   {objects: []any{order("o", v1alpha1.OrderStateStalled, time.Hour, condition(v1alpha1.ConditionOverdue, metav1.ConditionTrue, "OrderOverdue", 0))}, want: "OrderStalled 1"},
		"an order that is overdue":                        {objects: []any{order("o", v1alpha1.OrderStateOpen, time.Hour, condition(v1alpha1.ConditionOverdue, metav1.ConditionTrue, "OrderOverdue", 0))}, want: "OrderOverdue 1"},
		"no order that is Cancelled or Complete":          {objects: []any{order("o", v1alpha1.OrderStateCancelled, 0), order("p", v1alpha1.OrderStateComplete, 0)}},
		"an alert that is flapping":                       {objects: []any{alert("a", "A", v1alpha1.AlertTriggerOff, 0, condition(v1alpha1.ConditionFlapping, metav1.ConditionTrue, "ManyTransitions", 0))}, want: "AlertFlapping 1"},
		"an alert that is stale":                          {objects: []any{alert("a", "A", v1alpha1.AlertTriggerOn, 0, condition(v1alpha1.ConditionStale, metav1.ConditionTrue, "NoWordSince", 0))}, want: "AlertStale 1"},
		"an alert whose receiver is gone":                 {objects: []any{alert("a", "A", v1alpha1.AlertTriggerOn, 0, condition(v1alpha1.ConditionOrphaned, metav1.ConditionTrue, "ReceiverDeleted", 0))}, want: "Orphaned 1"},
		"a report that the manager has not seen":          {objects: []any{unseen}, want: "NotProcessed! 1"},
		"no report that has just come":                    {objects: []any{fresh}},
		"no order that somebody declared":                 {objects: []any{declared}},
		"no failure of long ago, where nobody wants it":   {options: statusOptions{since: time.Hour}, objects: []any{order("o", v1alpha1.OrderStateFailed, 2*time.Hour)}},
		"a manager that is long dead, whatever is wanted": {options: statusOptions{since: time.Minute}, objects: []any{unseen}, want: "NotProcessed! 1"},
		"the most urgent first": {
			objects: []any{order("o", v1alpha1.OrderStateFailed, 0), order("p", v1alpha1.OrderStateFailed, 0), receiver("r", v1alpha1.SimReceiverStatus{})},
			want:    "ReceiverNotReady! 1, OrderFailed 2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			view := count(t, test.options, test.objects...)
			var got []string
			for _, a := range view.Attention {
				mark := ""
				if a.Critical {
					mark = "!"
				}
				got = append(got, fmt.Sprintf("%s%s %d", a.Reason, mark, a.Count))
			}
			if text := strings.Join(got, ", "); text != test.want {
				t.Errorf("%s; want %s", text, test.want)
			}
			if view.Healthy != (test.want == "") {
				t.Errorf("healthy is %v", view.Healthy)
			}
		})
	}
}

func TestStatusNamesTheNewestAndCountsAll(t *testing.T) {
	var objects []any
	for i := range 1000 {
		objects = append(objects, order(fmt.Sprintf("order-%03d", i), v1alpha1.OrderStateFailed, time.Duration((i*7)%1000)*time.Minute))
	}
	view := count(t, statusOptions{limit: 3}, objects...)
	if view.Attention[0].Count != 1000 {
		t.Errorf("%d have failed", view.Attention[0].Count)
	}
	var names []string
	for _, s := range view.Attention[0].Newest {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"order-000", "order-143", "order-286"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestStatusBoundsTheNamesOfAlerts(t *testing.T) {
	var objects []any
	for i := range maxAlertNames + 5 {
		objects = append(objects, alert(fmt.Sprint(i), fmt.Sprintf("Alert %d", i), v1alpha1.AlertTriggerOn, 0))
	}
	view := count(t, statusOptions{}, objects...)
	if first := view.Alerts.ByName[0]; len(view.Alerts.ByName) != maxAlertNames+1 || first.Name != otherAlerts || first.Active != 5 {
		t.Errorf("%d names, the first %v", len(view.Alerts.ByName), first)
	}
}

func TestStatusTable(t *testing.T) {
	overdue := condition(v1alpha1.ConditionOverdue, metav1.ConditionTrue, v1alpha1.ReasonOrderOverdue, 2*time.Hour)
	for name, test := range map[string]struct {
		options statusOptions
		objects []any
		want    string
	}{
		"nothing in a namespace": {
			options: statusOptions{namespace: "sims"},
			want:    "There is nothing in namespace sims: no SimReceiver, no SimOrder, no SimAlert. -A looks in all namespaces.\n",
		},
		"all is well": {
			objects: []any{readyReceiver(v1alpha1.IngressStatus{LastDelivery: before(3 * time.Second)}), order("o", v1alpha1.OrderStateComplete, 0)},
			want: `All is well: 1 receiver ready, 1 order, 0 alerts on.

RECEIVER    READY   LAST DELIVERY   WAITING   QUARANTINED   REASON
sims/demo   True    3s              0         0

ORDERS     COUNT
Complete   1
`,
		},
		"at three in the morning": {
			options: statusOptions{limit: 1},
			objects: []any{
				receiver("down", v1alpha1.SimReceiverStatus{Conditions: []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWeakToken, time.Minute)}}),
				readyReceiver(
					v1alpha1.IngressStatus{Replica: "0", Waiting: 2, LastDelivery: before(10 * time.Minute), LastReason: "the API server is away"},
					v1alpha1.IngressStatus{Replica: "1", Waiting: 1, Quarantined: 4, LastDelivery: before(5 * time.Minute)},
				),
				order("o1", v1alpha1.OrderStateFailed, time.Hour), order("o2", v1alpha1.OrderStateFailed, time.Minute),
				order("o3", v1alpha1.OrderStateOpen, 74*time.Hour, overdue), order("o4", "Code9", 0),
				alert("a1", "Used \x1b[2J85%", v1alpha1.AlertTriggerOn, time.Hour), alert("a2", "Used \x1b[2J85%", v1alpha1.AlertTriggerOn, 48*time.Hour),
			},
			want: `NEEDS ATTENTION
  1 receiver refuses deliveries (what Mobile Manager sends meanwhile may be lost)
    60s   sims/down   WeakToken: message of WeakToken
  deliveries wait to be applied for 1 receiver (nothing is lost: they are in the spool, and tried again)
    5m   sims/demo   3 deliveries wait: the API server is away
  deliveries are in quarantine for 1 receiver (see them with ingress quarantine list, in the pod of the ingress)
    sims/demo   4 deliveries
  2 orders have failed
    60s   sims/o2   Cease, SIM sim-1
    and 1 more; --limit names more of them
  1 order is overdue
    120m   sims/o3   Cease, SIM sim-1

RECEIVER    READY   LAST DELIVERY   WAITING   QUARANTINED   REASON
sims/down   False   never           0         0             WeakToken
sims/demo   True    5m              3         4             the API server is away

ORDERS      COUNT
Open        1
Failed      2
Code9       1
(overdue)   1

ALERTS ON      COUNT   OLDEST
Used  [2J85%   2       2d
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			printStatus(&out, style{}, count(t, test.options, test.objects...))
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Error(diff)
			}
			var coloured bytes.Buffer
			printStatus(&coloured, style{colours: true}, count(t, test.options, test.objects...))
			if test.options.namespace == "" && !strings.Contains(coloured.String(), "\x1b[") {
				t.Error("a terminal gets no colours")
			}
		})
	}
}
