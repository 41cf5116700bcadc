package controllers

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

const (
	open      = v1alpha1.OrderStateOpen
	complete  = v1alpha1.OrderStateComplete
	failed    = v1alpha1.OrderStateFailed
	stalled   = v1alpha1.OrderStateStalled
	cancelled = v1alpha1.OrderStateCancelled
	pending   = v1alpha1.OrderStatePending
	code6     = v1alpha1.OrderState("Code6")
)

// said is the part of an order's status that follows from its reports.
type said struct {
	State                v1alpha1.OrderState
	Since, Start, Finish *metav1.MicroTime
	Observed             int64
}

func saidOf(status v1alpha1.SimOrderStatus) said {
	return said{status.State, status.StateSince, status.StartedAt, status.FinishedAt, status.ObservedSequence}
}

func TestFoldOrderState(t *testing.T) {
	tests := map[string]struct {
		before  v1alpha1.SimOrderStatus
		reports []v1alpha1.OrderReport
		want    said
	}{
		"with no report there is no state": {
			want: said{},
		},
		"the latest report is the state": {
			reports: []v1alpha1.OrderReport{orderReport(1, 1, open), orderReport(2, 2, pending)},
			want:    said{pending, atPtr(2), atPtr(1), nil, 2},
		},
		"a repeat does not move the time of the state": {
			reports: []v1alpha1.OrderReport{orderReport(1, 1, open), orderReport(2, 2, open)},
			want:    said{open, atPtr(1), atPtr(1), nil, 2},
		},
		"Complete finishes": {
			reports: []v1alpha1.OrderReport{orderReport(1, 1, open), orderReport(2, 2, complete)},
			want:    said{complete, atPtr(2), atPtr(1), atPtr(2), 2},
		},
		"a later Open does not take a Complete order back": {
			reports: []v1alpha1.OrderReport{orderReport(1, 1, complete), orderReport(2, 2, open)},
			want:    said{complete, atPtr(1), atPtr(1), atPtr(1), 2},
		},
		"a later Pending does not take a Cancelled order back": {
			reports: []v1alpha1.OrderReport{orderReport(1, 1, cancelled), orderReport(2, 2, pending)},
			want:    said{cancelled, atPtr(1), atPtr(1), atPtr(1), 2},
		},
		"a later Stalled does not take a Complete order back": {
			reports: []v1alpha1.OrderReport{orderReport(1, 1, complete), orderReport(2, 2, stalled)},
			want:    said{complete, atPtr(1), atPtr(1), atPtr(1), 2},
		},
		"a later Failed does": {
			reports: []v1alpha1.OrderReport{orderReport(1, 1, complete), orderReport(2, 2, failed)},
			want:    said{failed, atPtr(2), atPtr(1), atPtr(2), 2},
		},
		"so does a code that nobody knows": {
			reports: []v1alpha1.OrderReport{orderReport(1, 1, complete), orderReport(2, 2, code6)},
			want:    said{code6, atPtr(2), atPtr(1), nil, 2},
		},
		"Failed is not final": {
			reports: []v1alpha1.OrderReport{orderReport(1, 1, failed), orderReport(2, 2, open)},
			want:    said{open, atPtr(2), atPtr(1), nil, 2},
		},
		"a late report takes its place in time": {
			reports: []v1alpha1.OrderReport{orderReport(2, 1, pending), orderReport(1, 2, open)},
			want:    said{open, atPtr(2), atPtr(1), nil, 2},
		},
		"a log out of order is read in order of time": {
			reports: []v1alpha1.OrderReport{orderReport(1, 2, complete), orderReport(2, 1, open)},
			want:    said{complete, atPtr(2), atPtr(1), atPtr(2), 2},
		},
		"a Complete that is no longer kept still holds": {
			before:  v1alpha1.SimOrderStatus{State: complete, StateSince: atPtr(3), StartedAt: atPtr(1), ObservedSequence: 2},
			reports: []v1alpha1.OrderReport{orderReport(3, 5, open)},
			want:    said{complete, atPtr(3), atPtr(1), atPtr(3), 3},
		},
		"with the whole log dropped, what was known stays": {
			before: v1alpha1.SimOrderStatus{State: failed, StateSince: atPtr(3), StartedAt: atPtr(1), FinishedAt: atPtr(3), ObservedSequence: 2},
			want:   said{failed, atPtr(3), atPtr(1), atPtr(3), 2},
		},
		"a late Complete holds against the Open that stood": {
			before:  v1alpha1.SimOrderStatus{State: open, StateSince: atPtr(5), StartedAt: atPtr(1), ObservedSequence: 2},
			reports: []v1alpha1.OrderReport{orderReport(1, 1, failed), orderReport(3, 4, complete), orderReport(2, 5, open)},
			want:    said{complete, atPtr(4), atPtr(1), atPtr(4), 3},
		},
		"a late first report moves the start": {
			before:  v1alpha1.SimOrderStatus{State: open, StateSince: atPtr(5), StartedAt: atPtr(5), ObservedSequence: 1},
			reports: []v1alpha1.OrderReport{orderReport(2, 2, pending), orderReport(1, 5, open)},
			want:    said{open, atPtr(5), atPtr(2), nil, 2},
		},
		"of two reports of the same microsecond the later in the log stands": {
			before:  v1alpha1.SimOrderStatus{State: open, StateSince: atPtr(1), StartedAt: atPtr(1), ObservedSequence: 1},
			reports: []v1alpha1.OrderReport{orderReport(1, 1, open), orderReport(2, 1, failed)},
			want:    said{failed, atPtr(1), atPtr(1), atPtr(1), 2},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := orderWith(test.reports...)
			o.Status = test.before
			untouched := o.DeepCopy()

			got := foldOrder(o, limits{}, at(100).Time).status
			if diff := cmp.Diff(test.want, saidOf(got)); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if got.Transitions != got.ObservedSequence || got.ObservedGeneration != o.Generation {
				t.Errorf("transitions %d, observedSequence %d, observedGeneration %d", got.Transitions, got.ObservedSequence, got.ObservedGeneration)
			}
			if diff := cmp.Diff(untouched, o); diff != "" {
				t.Errorf("the fold changed its input:\n%s", diff)
			}
			o.Status = got
			if again := foldOrder(o, limits{}, at(200).Time); !apiequality.Semantic.DeepEqual(got, again.status) || len(again.events) > 0 {
				t.Errorf("folding again differs:\n%s", cmp.Diff(got, again.status))
			}
		})
	}
}

// brief is a condition as the table has it.
type brief struct {
	Type, Status, Reason string
}

func TestFoldOrderConditions(t *testing.T) {
	tests := map[v1alpha1.OrderState][]brief{
		"":        {{"Ready", "False", "AwaitingReport"}, {"Reconciling", "True", "AwaitingReport"}},
		open:      {{"Ready", "False", "Open"}, {"Reconciling", "True", "Open"}},
		pending:   {{"Ready", "False", "Pending"}, {"Reconciling", "True", "Pending"}},
		code6:     {{"Ready", "False", "Code6"}, {"Reconciling", "True", "Code6"}},
		stalled:   {{"Ready", "False", "Stalled"}, {"Stalled", "True", "OrderStalled"}},
		complete:  {{"Ready", "True", "Complete"}, {"Complete", "True", "Complete"}},
		failed:    {{"Ready", "False", "Failed"}, {"Stalled", "True", "OrderFailed"}, {"Failed", "True", "Failed"}},
		cancelled: {{"Ready", "False", "Cancelled"}, {"Stalled", "True", "OrderCancelled"}},
	}
	for state, want := range tests {
		t.Run("from Open to "+string(state), func(t *testing.T) {
			o, since := orderWith(), wholeSecond(0)
			if state != "" {
				o.Spec.Reports = []v1alpha1.OrderReport{orderReport(1, 1, open)}
				o.Status = foldOrder(o, limits{}, at(1).Time).status
				o.Spec.Reports = append(o.Spec.Reports, orderReport(2, 2, state))
				since = wholeSecond(2)
			}
			if state == open {
				since = wholeSecond(1)
			}

			var got []brief
			for _, c := range foldOrder(o, limits{}, at(100).Time).status.Conditions {
				got = append(got, brief{c.Type, string(c.Status), c.Reason})
				if !c.LastTransitionTime.Equal(&since) {
					t.Errorf("%s: lastTransitionTime is %s, and the report's time is %s", c.Type, c.LastTransitionTime, since)
				}
				if c.ObservedGeneration != o.Generation || c.Message == "" {
					t.Errorf("%s: observedGeneration %d, message %q", c.Type, c.ObservedGeneration, c.Message)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFoldOrderOverTime(t *testing.T) {
	const hour = time.Hour
	tests := map[string]struct {
		order   *v1alpha1.SimOrder
		limits  limits
		after   time.Duration
		overdue bool
		wait    time.Duration
		expired bool
	}{
		"an order that is not finished waits for its deadline": {
			order: orderWith(orderReport(1, 0, open)), limits: limits{overdueAfter: 72 * hour}, after: hour, wait: 71 * hour,
		},
		"and is overdue when it comes": {
			order: orderWith(orderReport(1, 0, open)), limits: limits{overdueAfter: 72 * hour}, after: 72 * hour, overdue: true,
		},
		"one that is stalled is not finished": {
			order: orderWith(orderReport(1, 0, stalled)), limits: limits{overdueAfter: 72 * hour}, after: 80 * hour, overdue: true,
		},
		"a limit of 0 is never": {
			order: orderWith(orderReport(1, 0, open)), after: 1000 * hour,
		},
		"the activation of an APN is never overdue": {
			order: func() *v1alpha1.SimOrder {
				o := orderWith(orderReport(1, 0, open))
				o.Spec.Type = v1alpha1.OrderTypeAPNActivation
				return o
			}(),
			limits: limits{overdueAfter: hour}, after: 1000 * hour,
		},
		"one that was declared is measured from its creation": {
			order: orderWith(), limits: limits{overdueAfter: hour}, after: 2 * hour, overdue: true,
		},
		"one that is finished waits for the end of its retention": {
			order: orderWith(orderReport(1, 0, complete)), limits: limits{overdueAfter: hour, finishedOrders: 720 * hour}, after: 20 * hour, wait: 700 * hour,
		},
		"and expires then": {
			order: orderWith(orderReport(1, 0, cancelled)), limits: limits{finishedOrders: 720 * hour}, after: 720 * hour, expired: true,
		},
		"a retention of 0 is for ever": {
			order: orderWith(orderReport(1, 0, complete)), after: 100000 * hour,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := foldOrder(test.order, test.limits, at(0).Add(test.after))
			_, overdue := trueSince(got.status.Conditions, v1alpha1.ConditionOverdue)
			if overdue != test.overdue || got.wait != test.wait || got.expired != test.expired {
				t.Errorf("overdue %t, wait %s, expired %t; want %t, %s, %t",
					overdue, got.wait, got.expired, test.overdue, test.wait, test.expired)
			}
		})
	}
}

func TestOverdueIsSaidOnceAndTakenBack(t *testing.T) {
	lim := limits{overdueAfter: time.Hour}
	deadline := at(0).Add(time.Hour)
	o := orderWith(orderReport(1, 0, open))
	o.Status = foldOrder(o, lim, at(1).Time).status

	late := foldOrder(o, lim, deadline)
	if len(late.events) != 1 {
		t.Fatalf("%d Events instead of one", len(late.events))
	}
	event := late.events[0]
	want := eventSummary{o.Name + ".0a1b2c3d.overdue", "Warning", "OrderOverdue", "Activate of SIM " + string(testSIM) + " had not finished by 2026-11-23T13:00:00Z"}
	if diff := cmp.Diff(want, summaryOf(event)); diff != "" {
		t.Errorf("Event (-want +got):\n%s", diff)
	}
	if !event.EventTime.Time.Equal(deadline) {
		t.Errorf("the Event's time is %s, not the deadline", event.EventTime)
	}

	o.Status = late.status
	shorter := foldOrder(o, limits{overdueAfter: time.Minute}, deadline.Add(time.Hour))
	if len(shorter.events) > 0 || !apiequality.Semantic.DeepEqual(late.status, shorter.status) {
		t.Errorf("another limit under which it is overdue as well changes something:\n%s", cmp.Diff(late.status, shorter.status))
	}

	o.Spec.Reports = append(o.Spec.Reports, orderReport(2, 7000, complete))
	if _, overdue := trueSince(foldOrder(o, lim, deadline.Add(time.Hour)).status.Conditions, v1alpha1.ConditionOverdue); overdue {
		t.Error("still Overdue although it finished")
	}
}

// eventSummary is what a person sees of an Event.
type eventSummary struct {
	Name, Type, Reason, Note string
}

func summaryOf(e eventsv1.Event) eventSummary {
	return eventSummary{e.Name, e.Type, e.Reason, e.Note}
}

func summariesOf(events []eventsv1.Event) []eventSummary {
	var all []eventSummary
	for _, e := range events {
		all = append(all, summaryOf(e))
	}
	return all
}

func TestOrderEvents(t *testing.T) {
	name := string(testOrder) + ".0a1b2c3d."
	subject := "Activate of SIM " + string(testSIM) + " is "
	o := orderWith(
		orderReport(1, 1, open), orderReport(7, 2, code6), orderReport(2, 3, pending), orderReport(3, 4, stalled),
		orderReport(4, 5, failed), orderReport(5, 6, cancelled), orderReport(6, 7, complete),
	)
	o.Status.ObservedSequence = 1
	events := foldOrder(o, limits{}, at(100).Time).events
	want := []eventSummary{
		{name + "2", "Normal", "OrderPending", subject + "Pending"},
		{name + "3", "Warning", "OrderStalled", subject + "Stalled"},
		{name + "4", "Warning", "OrderFailed", subject + "Failed"},
		{name + "5", "Warning", "OrderCancelled", subject + "Cancelled"},
		{name + "6", "Normal", "OrderComplete", subject + "Complete"},
		{name + "7", "Normal", "OrderStateReported", subject + "Code6"},
	}
	if diff := cmp.Diff(want, summariesOf(events)); diff != "" {
		t.Errorf("Events (-want +got):\n%s", diff)
	}
	late := events[5]
	if !late.EventTime.Equal(atPtr(2)) {
		t.Errorf("the Event of a late report has the time %s", late.EventTime)
	}
	about := late.Regarding
	if about.APIVersion != "sim-operator.io/v1alpha1" || about.Kind != "SimOrder" || about.Namespace != "sims" || about.Name != o.Name || about.UID != o.UID {
		t.Errorf("the Event is about %+v", about)
	}
	if late.Namespace != "sims" || late.ReportingController != "sim-operator.io/manager" || late.Action == "" {
		t.Errorf("the Event is %+v", late)
	}
}

func TestOrderSubject(t *testing.T) {
	id := string(testSIM)
	tests := map[string]struct {
		spec v1alpha1.SimOrderSpec
		want string
	}{
		"of a SIM":            {v1alpha1.SimOrderSpec{Type: "Bar", SimID: testSIM, PoolID: testAlert}, "Bar of SIM " + id},
		"of a pool":           {v1alpha1.SimOrderSpec{Type: "PoolCease", PoolID: testSIM}, "PoolCease of pool " + id},
		"of an APN":           {v1alpha1.SimOrderSpec{Type: "APNActivation", APNID: testSIM}, "APNActivation of APN " + id},
		"of nothing named":    {v1alpha1.SimOrderSpec{Type: "CPE", OrderID: testSIM}, "CPE (order " + id + ")"},
		"of a type not named": {v1alpha1.SimOrderSpec{OrderID: testSIM}, "An order (order " + id + ")"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := orderSubject(&test.spec); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestClean(t *testing.T) {
	tests := map[string]struct {
		text string
		size int
		want string
	}{
		"plain text stays":                          {"SIM.%USED", 20, "SIM.%USED"},
		"lines become one":                          {"a\r\nb\tc", 20, "a  b c"},
		"what is not UTF-8 is marked":               {"a\xffb", 20, "a?b"},
		"what turns the text around is taken out":   {"a\u202eb", 20, "a b"},
		"a long text is cut":                        {strings.Repeat("x", 30), 10, "xxxxxxx..."},
		"no character is cut in two":                {strings.Repeat("é", 10), 10, "ééé..."},
		"a text of exactly the size is not touched": {"0123456789", 10, "0123456789"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := clean(test.text, test.size); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
