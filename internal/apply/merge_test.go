package apply

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(seconds int) metav1.MicroTime {
	return metav1.NewMicroTime(epoch.Add(time.Duration(seconds) * time.Second))
}

const orderID = "0f8fad5b-d9cb-469f-a165-70867728950e"

// said is a delivery of an order: its number, its second, its state.
func said(number int64, second int, state v1alpha1.OrderState) delivery[webhook.Order] {
	return delivery[webhook.Order]{
		number: number, previous: number - 1, receivedAt: at(second).Time, receiver: "demo",
		payload: webhook.Order{OrderID: orderID, State: state},
	}
}

func reported(sequence int64, state v1alpha1.OrderState, count int64, first, last int) v1alpha1.OrderReport {
	return v1alpha1.OrderReport{
		ReportMeta: v1alpha1.ReportMeta{Sequence: sequence, ReceivedAt: at(first), LastReceivedAt: at(last), Count: count},
		State:      state,
	}
}

// withoutIDs leaves the ids of deliveries to TestMergeKeepsTheIDOfTheFirstDelivery.
var withoutIDs = cmpopts.IgnoreFields(v1alpha1.ReportMeta{}, "DeliveryID")

func TestMergeKeepsTheIDOfTheFirstDelivery(t *testing.T) {
	const open, pending = v1alpha1.OrderStateOpen, v1alpha1.OrderStatePending
	tests := map[string]struct {
		deliveries []delivery[webhook.Order]
		want       []string
	}{
		"each report has the id of its delivery":                          {[]delivery[webhook.Order]{said(7, 1, open), said(9, 2, pending)}, []string{"spool-b-7", "spool-b-9"}},
		"a repetition leaves the first id":                                {[]delivery[webhook.Order]{said(7, 1, open), said(9, 2, open)}, []string{"spool-b-7"}},
		"a late report has its own id":                                    {[]delivery[webhook.Order]{said(7, 5, open), said(9, 2, pending)}, []string{"spool-b-9", "spool-b-7"}},
		"the second piece of a report that was cut in two has none":       {[]delivery[webhook.Order]{said(7, 1, open), said(8, 9, open), said(9, 5, pending)}, []string{"spool-b-7", "spool-b-9", ""}},
		"the same delivery again changes nothing":                         {[]delivery[webhook.Order]{said(7, 1, open), said(7, 1, open)}, []string{"spool-b-7"}},
		"what comes after a report that was cut in two has its own again": {[]delivery[webhook.Order]{said(7, 1, open), said(8, 9, open), said(9, 5, pending), said(10, 12, pending)}, []string{"spool-b-7", "spool-b-9", "", "spool-b-10"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, r := range mergeOrder(&v1alpha1.SimOrder{}, "spool-b", test.deliveries).object.Spec.Reports {
				got = append(got, r.DeliveryID)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSequenceOf(t *testing.T) {
	reports := mergeOrder(&v1alpha1.SimOrder{}, "spool-b", []delivery[webhook.Order]{said(7, 1, "Open"), said(8, 2, "Open"), said(9, 3, "Complete")}).object.Spec.Reports
	for id, want := range map[string]int64{"spool-b-7": 1, "spool-b-8": 0, "spool-b-9": 2} {
		if got := sequenceOf(reports, id); got != want {
			t.Errorf("%s made report %d; want %d", id, got, want)
		}
	}
}

func TestMergeOrderReports(t *testing.T) {
	const (
		open     = v1alpha1.OrderStateOpen
		pending  = v1alpha1.OrderStatePending
		complete = v1alpha1.OrderStateComplete
	)
	tests := map[string]struct {
		before     []v1alpha1.OrderReport
		deliveries []delivery[webhook.Order]
		want       []v1alpha1.OrderReport
	}{
		"the first delivery is a report": {
			deliveries: []delivery[webhook.Order]{said(1, 1, open)},
			want:       []v1alpha1.OrderReport{reported(1, open, 1, 1, 1)},
		},
		"a change is a report of its own": {
			deliveries: []delivery[webhook.Order]{said(1, 1, open), said(2, 2, complete)},
			want:       []v1alpha1.OrderReport{reported(1, open, 1, 1, 1), reported(2, complete, 1, 2, 2)},
		},
		"a repetition raises the count": {
			deliveries: []delivery[webhook.Order]{said(1, 1, open), said(2, 2, open), said(3, 5, open)},
			want:       []v1alpha1.OrderReport{reported(1, open, 3, 1, 5)},
		},
		"a state that comes back is a new report": {
			deliveries: []delivery[webhook.Order]{said(1, 1, open), said(2, 2, pending), said(3, 3, open)},
			want:       []v1alpha1.OrderReport{reported(1, open, 1, 1, 1), reported(2, pending, 1, 2, 2), reported(3, open, 1, 3, 3)},
		},
		"a late report goes to its place in time and is numbered last": {
			before:     []v1alpha1.OrderReport{reported(1, open, 1, 1, 1), reported(2, complete, 1, 9, 9)},
			deliveries: []delivery[webhook.Order]{said(1, 5, pending)},
			want:       []v1alpha1.OrderReport{reported(1, open, 1, 1, 1), reported(3, pending, 1, 5, 5), reported(2, complete, 1, 9, 9)},
		},
		"a late report before all": {
			before:     []v1alpha1.OrderReport{reported(1, complete, 1, 9, 9)},
			deliveries: []delivery[webhook.Order]{said(1, 5, open)},
			want:       []v1alpha1.OrderReport{reported(2, open, 1, 5, 5), reported(1, complete, 1, 9, 9)},
		},
		"a late repetition raises the count of the report before it": {
			before:     []v1alpha1.OrderReport{reported(1, open, 1, 1, 1), reported(2, complete, 1, 9, 9)},
			deliveries: []delivery[webhook.Order]{said(1, 5, open)},
			want:       []v1alpha1.OrderReport{reported(1, open, 2, 1, 5), reported(2, complete, 1, 9, 9)},
		},
		"a late repetition does not take back the last time": {
			before:     []v1alpha1.OrderReport{reported(1, open, 2, 1, 9)},
			deliveries: []delivery[webhook.Order]{said(1, 5, open)},
			want:       []v1alpha1.OrderReport{reported(1, open, 3, 1, 9)},
		},
		"a late report between a report and its repetition leaves the repetition the last word": {
			before:     []v1alpha1.OrderReport{reported(1, open, 3, 1, 9)},
			deliveries: []delivery[webhook.Order]{said(1, 5, pending)},
			want:       []v1alpha1.OrderReport{reported(1, open, 2, 1, 1), reported(2, pending, 1, 5, 5), reported(3, open, 1, 9, 9)},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			current := &v1alpha1.SimOrder{Spec: v1alpha1.SimOrderSpec{Reports: test.before}}
			untouched := current.DeepCopy()
			got := mergeOrder(current, "spool-b", test.deliveries)
			if diff := cmp.Diff(test.want, got.object.Spec.Reports, withoutIDs); diff != "" {
				t.Errorf("reports (-want +got):\n%s", diff)
			}
			if !got.changed || got.taken != len(test.deliveries) {
				t.Errorf("changed %t, taken %d; want true, %d", got.changed, got.taken, len(test.deliveries))
			}
			if diff := cmp.Diff(untouched, current); diff != "" {
				t.Errorf("the resource that was given was changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestMergeOrderIdentity(t *testing.T) {
	const sim, pool = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
	withType := func(d delivery[webhook.Order], orderType v1alpha1.OrderType, simID v1alpha1.UUID) delivery[webhook.Order] {
		d.payload.Type, d.payload.SimID = orderType, simID
		return d
	}
	tests := map[string]struct {
		deliveries []delivery[webhook.Order]
		wantType   v1alpha1.OrderType
		wantSim    v1alpha1.UUID
	}{
		"what is absent later is not erased": {
			deliveries: []delivery[webhook.Order]{withType(said(1, 1, "Open"), "Bar", sim), withType(said(2, 2, "Complete"), "", "")},
			wantType:   "Bar", wantSim: sim,
		},
		"what is said later counts": {
			deliveries: []delivery[webhook.Order]{withType(said(1, 1, "Open"), "Bar", sim), withType(said(2, 2, "Complete"), "Cease", pool)},
			wantType:   "Cease", wantSim: pool,
		},
		"a late delivery fills what is not known, and changes nothing that is": {
			deliveries: []delivery[webhook.Order]{withType(said(1, 5, "Complete"), "Bar", ""), withType(said(2, 2, "Open"), "Cease", sim)},
			wantType:   "Bar", wantSim: sim,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := mergeOrder(&v1alpha1.SimOrder{}, "spool-b", test.deliveries).object
			if got.Spec.Type != test.wantType || got.Spec.SimID != test.wantSim || got.Spec.OrderID != orderID {
				t.Errorf("got type %q, sim %q, id %q", got.Spec.Type, got.Spec.SimID, got.Spec.OrderID)
			}
			want := map[string]string{v1alpha1.LabelReceiver: "demo", v1alpha1.LabelSimID: string(test.wantSim)}
			if diff := cmp.Diff(want, got.Labels); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMergeAlert(t *testing.T) {
	turn := func(number int64, second int, trigger v1alpha1.AlertTrigger, value string) delivery[webhook.Alert] {
		return delivery[webhook.Alert]{
			number: number, previous: number - 1, receivedAt: at(second).Time, receiver: "demo",
			payload: webhook.Alert{
				AlertID: orderID, EntityID: orderID, Trigger: trigger, TriggerValue: value, TargetType: "Pool", AlertName: "Data",
			},
		}
	}
	got := mergeAlert(&v1alpha1.SimAlert{}, "spool-b", []delivery[webhook.Alert]{
		turn(1, 1, "On", "76"), turn(2, 5, "On", "90"), turn(3, 3, "On", "80"), turn(4, 6, "Off", "10"),
	}).object
	want := []v1alpha1.AlertReport{
		{ReportMeta: v1alpha1.ReportMeta{Sequence: 1, ReceivedAt: at(1), LastReceivedAt: at(5), Count: 3}, Trigger: "On", Value: "90"},
		{ReportMeta: v1alpha1.ReportMeta{Sequence: 2, ReceivedAt: at(6), LastReceivedAt: at(6), Count: 1}, Trigger: "Off", Value: "10"},
	}
	if diff := cmp.Diff(want, got.Spec.Reports, withoutIDs); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
	wantLabels := map[string]string{
		v1alpha1.LabelReceiver: "demo", v1alpha1.LabelAlertID: orderID, v1alpha1.LabelPoolID: orderID,
	}
	if diff := cmp.Diff(wantLabels, got.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestMergeIsIdempotent(t *testing.T) {
	deliveries := []delivery[webhook.Order]{said(3, 1, "Open"), said(7, 2, "Open"), said(9, 3, "Complete")}
	once := mergeOrder(&v1alpha1.SimOrder{}, "spool-b", deliveries).object
	for i := range deliveries {
		again := mergeOrder(once, "spool-b", deliveries[i:])
		if again.changed || again.taken != len(deliveries)-i {
			t.Errorf("again from %d: changed %t, taken %d", i, again.changed, again.taken)
		}
	}
	if other := mergeOrder(once, "spool-c", deliveries[:1]); !other.changed {
		t.Error("a delivery of another spool with the same number was taken for the same")
	}
}

func TestMergeTakesWhatAnOlderCopyOfTheSpoolNumbersAgain(t *testing.T) {
	order := mergeOrder(&v1alpha1.SimOrder{}, "spool-b", []delivery[webhook.Order]{said(3, 1, "Open"), said(7, 2, "Pending")}).object
	again := mergeOrder(order, "spool-b", []delivery[webhook.Order]{said(4, 50, "Complete")})
	if !again.changed || again.object.Spec.Reports[2].State != "Complete" {
		t.Errorf("a delivery that got a number for the second time is lost: %+v", again.object.Spec.Reports)
	}
	if third := mergeOrder(again.object, "spool-b", []delivery[webhook.Order]{said(4, 50, "Complete")}); third.changed {
		t.Error("it was put in twice")
	}
}

// full makes an order whose reports are all there is room for, of which the manager has processed the first n.
func full(observed int64) *v1alpha1.SimOrder {
	order := &v1alpha1.SimOrder{}
	for i := range v1alpha1.MaxReports {
		state := v1alpha1.OrderState(fmt.Sprintf("Code%d", i+10))
		order.Spec.Reports = append(order.Spec.Reports, reported(int64(i+1), state, 1, i, i))
	}
	order.Status.ObservedSequence = observed
	return order
}

func TestMergeHoldsBackWhatFindsNoRoom(t *testing.T) {
	tests := map[string]struct {
		observed   int64
		deliveries []delivery[webhook.Order]
		wantTaken  int
		wantFirst  int64
	}{
		"none processed, none dropped":           {observed: 0, deliveries: []delivery[webhook.Order]{said(1, 100, "Open")}, wantTaken: 0, wantFirst: 1},
		"a repetition needs no room":             {observed: 0, deliveries: []delivery[webhook.Order]{said(1, 100, "Code73")}, wantTaken: 1, wantFirst: 1},
		"the oldest processed one makes room":    {observed: 2, deliveries: []delivery[webhook.Order]{said(1, 100, "Open")}, wantTaken: 1, wantFirst: 2},
		"as many as are processed make room":     {observed: 1, deliveries: []delivery[webhook.Order]{said(1, 100, "Open"), said(2, 101, "Failed")}, wantTaken: 1, wantFirst: 2},
		"all processed, the latest stays":        {observed: 64, deliveries: []delivery[webhook.Order]{said(1, 100, "Open")}, wantTaken: 1, wantFirst: 2},
		"a late one before all drops not itself": {observed: 64, deliveries: []delivery[webhook.Order]{said(1, -5, "Open")}, wantTaken: 1, wantFirst: 65},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := mergeOrder(full(test.observed), "spool-b", test.deliveries)
			reports := got.object.Spec.Reports
			if got.taken != test.wantTaken || reports[0].Sequence != test.wantFirst {
				t.Errorf("taken %d, first sequence %d; want %d, %d", got.taken, reports[0].Sequence, test.wantTaken, test.wantFirst)
			}
			if len(reports) != v1alpha1.MaxReports {
				t.Errorf("%d reports", len(reports))
			}
			for _, sequence := range notIn(reports, int64(test.wantTaken)+64) {
				if sequence > test.observed {
					t.Errorf("report %d was dropped, although the manager has not processed it", sequence)
				}
			}
		})
	}
}

func notIn(reports []v1alpha1.OrderReport, highest int64) []int64 {
	var missing []int64
	for sequence := int64(1); sequence <= min(highest, 64); sequence++ {
		if !slices.ContainsFunc(reports, func(r v1alpha1.OrderReport) bool { return r.Sequence == sequence }) {
			missing = append(missing, sequence)
		}
	}
	return missing
}

// TestMergeInAnyOrder gives the deliveries of two spools to an order in random turns, some more than once, and checks
// what must hold however they come: each delivery counts once, sequences have no gap, the log is in order of time, and the
// last word is the last word.
func TestMergeInAnyOrder(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 2))
		states := []v1alpha1.OrderState{"Open", "Pending", "Complete"}
		spools := map[string][]delivery[webhook.Order]{"spool-a": nil, "spool-b": nil}
		total := 2 + random.IntN(30)
		var last v1alpha1.OrderState
		for second := range total {
			spool := []string{"spool-a", "spool-b"}[random.IntN(2)]
			last = states[random.IntN(len(states))]
			spools[spool] = append(spools[spool], said(int64(len(spools[spool])+1), second, last))
		}
		order := &v1alpha1.SimOrder{}
		next := map[string]int{}
		for next["spool-a"]+next["spool-b"] < total {
			spool := []string{"spool-a", "spool-b"}[random.IntN(2)]
			// Begin again from anywhere before, as after a crash.
			from := random.IntN(next[spool] + 1)
			to := min(len(spools[spool]), from+1+random.IntN(4))
			order = mergeOrder(order, spool, spools[spool][from:to]).object
			next[spool] = max(next[spool], to)
		}
		checkLog(t, seed, order.Spec.Reports, int64(total), last)
	}
}

func checkLog(t *testing.T, seed uint64, reports []v1alpha1.OrderReport, total int64, last v1alpha1.OrderState) {
	t.Helper()
	count := int64(0)
	sequences := map[int64]bool{}
	for i, r := range reports {
		count += r.Count
		sequences[r.Sequence] = true
		if r.LastReceivedAt.Time.Before(r.ReceivedAt.Time) {
			t.Errorf("seed %d: report %d ends before it begins", seed, r.Sequence)
		}
		if i > 0 && !reports[i-1].LastReceivedAt.Time.Before(r.ReceivedAt.Time) {
			t.Errorf("seed %d: report %d begins before report %d ends", seed, r.Sequence, reports[i-1].Sequence)
		}
	}
	if count != total {
		t.Errorf("seed %d: %d deliveries are in; want %d", seed, count, total)
	}
	for sequence := int64(1); sequence <= int64(len(reports)); sequence++ {
		if !sequences[sequence] {
			t.Errorf("seed %d: there is no report %d", seed, sequence)
		}
	}
	if got := reports[len(reports)-1].State; got != last {
		t.Errorf("seed %d: the last word is %s; want %s", seed, got, last)
	}
}
