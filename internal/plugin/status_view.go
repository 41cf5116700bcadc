package plugin

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// How long something may take before it needs attention. The clock of the person who asks may differ from the
// cluster's by some of it.
const (
	// patienceWaiting is for deliveries that wait to be applied, which takes milliseconds.
	patienceWaiting = time.Minute
	// patienceManager is for what the manager has not looked at.
	patienceManager = 2 * time.Minute
)

// maxAlertNames bounds the names that alerts are counted by. Further ones are counted together.
const (
	maxAlertNames = 1000
	otherAlerts   = "(others)"
)

// statusView is what status prints.
type statusView struct {
	viewMeta `json:",inline"`

	// Namespace is empty for all.
	Namespace string         `json:"namespace,omitempty"`
	Time      metav1.Time    `json:"time"`
	Healthy   bool           `json:"healthy"`
	Attention []attention    `json:"attention"`
	Receivers []receiverView `json:"receivers"`
	Orders    ordersView     `json:"orders"`
	Alerts    alertsView     `json:"alerts"`
}

// attention is one thing that is wrong, with some of the resources of which it is.
type attention struct {
	Reason   reason `json:"reason"`
	Critical bool   `json:"critical"`
	// Count is how many resources it is true of; Newest are the latest of them.
	Count  int64     `json:"count"`
	Newest []subject `json:"newest"`
}

type subject struct {
	Kind      string       `json:"kind"`
	Namespace string       `json:"namespace"`
	Name      string       `json:"name"`
	Since     *metav1.Time `json:"since,omitempty"`
	Detail    string       `json:"detail,omitempty"`
}

type receiverView struct {
	Namespace    string            `json:"namespace"`
	Name         string            `json:"name"`
	Ready        bool              `json:"ready"`
	Reason       string            `json:"reason,omitempty"`
	LastDelivery *metav1.MicroTime `json:"lastDelivery,omitempty"`
	// Waiting and Quarantined are summed over the replicas of the ingress.
	Waiting     int64  `json:"waiting"`
	Quarantined int64  `json:"quarantined"`
	LastReason  string `json:"lastReason,omitempty"`
}

type ordersView struct {
	Total   int64        `json:"total"`
	Overdue int64        `json:"overdue"`
	ByState []stateCount `json:"byState"`
}

type stateCount struct {
	State string `json:"state"`
	Count int64  `json:"count"`
}

type alertsView struct {
	Total  int64        `json:"total"`
	Active int64        `json:"active"`
	ByName []alertCount `json:"byName"`
}

// alertCount is how many alerts of one name are On.
type alertCount struct {
	Name   string            `json:"name"`
	Active int64             `json:"active"`
	Oldest *metav1.MicroTime `json:"oldest,omitempty"`
}

// statusOptions say what counts.
type statusOptions struct {
	namespace string
	// limit is how many resources are named for each thing that needs attention.
	limit int
	// since leaves out orders and alerts of which it has been true for longer; 0 leaves out none.
	since time.Duration
}

// tally counts what is listed, a resource at a time, in memory that does not grow with their number.
type tally struct {
	options   statusOptions
	now       time.Time
	receivers []receiverView
	orders    ordersView
	states    map[string]int64
	alerts    alertsView
	names     map[string]*alertCount
	wrong     map[reason]*attention
}

func newTally(o statusOptions, now time.Time) *tally {
	return &tally{
		options: o, now: now,
		states: map[string]int64{}, names: map[string]*alertCount{}, wrong: map[reason]*attention{},
	}
}

// receiver counts a receiver.
func (t *tally) receiver(r *v1alpha1.SimReceiver) {
	ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
	view := receiverView{Namespace: r.Namespace, Name: r.Name, LastDelivery: r.Status.LastDelivery}
	if ready != nil {
		view.Ready, view.Reason = ready.Status == metav1.ConditionTrue, ready.Reason
	}
	for i := range r.Status.Ingresses {
		row := &r.Status.Ingresses[i]
		view.Waiting += row.Waiting
		view.Quarantined += row.Quarantined
		if row.LastReason != "" && (row.Waiting > 0 || view.LastReason == "") {
			view.LastReason = row.LastReason
		}
		if row.LastDelivery != nil && (view.LastDelivery == nil || view.LastDelivery.Before(row.LastDelivery)) {
			view.LastDelivery = row.LastDelivery
		}
	}
	t.receivers = append(t.receivers, view)
	for _, w := range wrongWithReceiver(r, ready, view, t.now) {
		t.note(w, v1alpha1.KindSimReceiver, &r.ObjectMeta)
	}
}

// order counts an order.
func (t *tally) order(o *v1alpha1.SimOrder) {
	state := string(o.Status.State)
	if state == "" {
		state = v1alpha1.ReasonAwaitingReport
	}
	t.orders.Total++
	t.states[state]++
	if meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionOverdue) {
		t.orders.Overdue++
	}
	for _, w := range wrongWithOrder(o, t.now) {
		t.noteRecent(w, v1alpha1.KindSimOrder, &o.ObjectMeta)
	}
}

// alert counts an alert.
func (t *tally) alert(a *v1alpha1.SimAlert) {
	t.alerts.Total++
	if a.Status.Trigger == v1alpha1.AlertTriggerOn {
		t.alerts.Active++
		t.active(a)
	}
	for _, w := range wrongWithAlert(a, t.now) {
		t.noteRecent(w, v1alpha1.KindSimAlert, &a.ObjectMeta)
	}
}

// active counts an alert that is On by its name.
func (t *tally) active(a *v1alpha1.SimAlert) {
	name := alertTitle(a)
	if _, known := t.names[name]; !known && len(t.names) >= maxAlertNames {
		name = otherAlerts
	}
	count := t.names[name]
	if count == nil {
		count = &alertCount{Name: name}
		t.names[name] = count
	}
	count.Active++
	if since := a.Status.Since; since != nil && (count.Oldest == nil || since.Before(count.Oldest)) {
		count.Oldest = since
	}
}

// alertTitle is what a person calls an alert.
func alertTitle(a *v1alpha1.SimAlert) string {
	return cmp.Or(a.Spec.AlertName, string(a.Spec.AlertID))
}

func (t *tally) noteRecent(w wrong, kind string, about *metav1.ObjectMeta) {
	if t.options.since > 0 && w.reason != reasonNotProcessed && t.now.Sub(w.since) > t.options.since {
		return
	}
	t.note(w, kind, about)
}

// note counts what is wrong with a resource, and keeps the resource if it is among the newest.
func (t *tally) note(w wrong, kind string, about *metav1.ObjectMeta) {
	entry := t.wrong[w.reason]
	if entry == nil {
		entry = &attention{Reason: w.reason, Critical: w.reason.critical(), Newest: []subject{}}
		t.wrong[w.reason] = entry
	}
	entry.Count++
	s := subject{Kind: kind, Namespace: about.Namespace, Name: about.Name, Detail: w.detail}
	if !w.since.IsZero() {
		s.Since = &metav1.Time{Time: w.since}
	}
	at, _ := slices.BinarySearchFunc(entry.Newest, s, newestFirst)
	if at < t.options.limit {
		entry.Newest = slices.Insert(entry.Newest, at, s)
		entry.Newest = entry.Newest[:min(len(entry.Newest), t.options.limit)]
	}
}

func newestFirst(a, b subject) int {
	return cmp.Or(
		timeOf(b.Since).Compare(timeOf(a.Since)),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
	)
}

// view is what was counted.
func (t *tally) view() statusView {
	view := statusView{
		viewMeta:  viewMeta{APIVersion: viewVersion, Kind: "Status"},
		Namespace: t.options.namespace,
		Time:      metav1.NewTime(t.now.UTC().Truncate(time.Second)),
		Healthy:   len(t.wrong) == 0,
		Attention: []attention{},
		Receivers: slices.Clone(t.receivers),
		Orders:    t.orders,
		Alerts:    t.alerts,
	}
	for _, r := range reasons() {
		if entry := t.wrong[r]; entry != nil {
			view.Attention = append(view.Attention, *entry)
		}
	}
	if view.Receivers == nil {
		view.Receivers = []receiverView{}
	}
	view.Orders.ByState = statesInOrder(t.states)
	view.Alerts.ByName = []alertCount{}
	for _, count := range t.names {
		view.Alerts.ByName = append(view.Alerts.ByName, *count)
	}
	slices.SortFunc(view.Alerts.ByName, func(a, b alertCount) int {
		return cmp.Or(cmp.Compare(b.Active, a.Active), cmp.Compare(a.Name, b.Name))
	})
	return view
}

// statesInOrder lists states as an order goes through them, those that are not known last.
func statesInOrder(counts map[string]int64) []stateCount {
	rank := map[string]int{}
	for i, state := range []string{
		v1alpha1.ReasonAwaitingReport, string(v1alpha1.OrderStateOpen), string(v1alpha1.OrderStatePending),
		string(v1alpha1.OrderStateStalled), string(v1alpha1.OrderStateFailed), string(v1alpha1.OrderStateComplete),
		string(v1alpha1.OrderStateCancelled),
	} {
		rank[state] = i - 7
	}
	states := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(a, b))
	})
	list := []stateCount{}
	for _, state := range states {
		list = append(list, stateCount{State: state, Count: counts[state]})
	}
	return list
}

func waitingDetail(view receiverView) string {
	detail := counted(view.Waiting, "delivery waits", "deliveries wait")
	if view.LastReason != "" {
		detail = fmt.Sprintf("%s: %s", detail, view.LastReason)
	}
	return detail
}

// timeOf is the time, or the zero time where there is none.
func timeOf(at *metav1.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.Time
}
