package plugin

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

func report(sequence, count int64, first, last time.Duration) v1alpha1.ReportMeta {
	return v1alpha1.ReportMeta{Sequence: sequence, Count: count, ReceivedAt: *before(first), LastReceivedAt: *before(last)}
}

func TestTimeline(t *testing.T) {
	o := v1alpha1.SimOrder{
		ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: "o1"},
		Spec: v1alpha1.SimOrderSpec{Type: v1alpha1.OrderTypeCease, Reports: []v1alpha1.OrderReport{
			{ReportMeta: report(1, 1, 3*time.Hour, 3*time.Hour), State: v1alpha1.OrderStatePending},
			{ReportMeta: report(2, 7, time.Hour, time.Minute), State: v1alpha1.OrderStateFailed},
		}},
		Status: v1alpha1.SimOrderStatus{Transitions: 5},
	}
	a := v1alpha1.SimAlert{
		ObjectMeta: metav1.ObjectMeta{Namespace: "sims", Name: "a1-s1"},
		Spec: v1alpha1.SimAlertSpec{
			AlertName: "Data 75%", StatName: "SIM.%USED", Condition: "GreaterThan", ConditionalValue: "75",
			Reports: []v1alpha1.AlertReport{{ReportMeta: report(1, 1, 2*time.Hour, 2*time.Hour), Trigger: v1alpha1.AlertTriggerOn, Value: "85"}},
		},
		Status: v1alpha1.SimAlertStatus{Transitions: 1},
	}
	const (
		heading = "TIME KIND WHAT STATE VALUE COUNT RESOURCE"
		pending = "2026-11-25T00:00:00Z order Cease Pending simorder/o1"
		on      = "2026-11-25T01:00:00Z alert Data 75% On SIM.%USED 85, GreaterThan 75 simalert/a1-s1"
		failed  = "2026-11-25T02:00:00Z order Cease Failed x7 simorder/o1"
		older   = "3 older reports are no longer kept"
	)
	for name, test := range map[string]struct {
		options timelineOptions
		want    []string
	}{
		"reports of both kinds in the order of time": {want: []string{heading, pending, on, failed, older}},
		"the newest first":                           {options: timelineOptions{reverse: true}, want: []string{heading, failed, on, pending, older}},
		"what was said again lately is late":         {options: timelineOptions{after: now.Add(-30 * time.Minute)}, want: []string{heading, failed, older}},
		"nothing in this time":                       {options: timelineOptions{after: now}, want: []string{"There is nothing of it in this time."}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			printTimeline(&out, style{}, newTimeline([]v1alpha1.SimOrder{o}, []v1alpha1.SimAlert{a}, test.options), true)
			var got []string
			for line := range strings.Lines(out.String()) {
				got = append(got, strings.Join(strings.Fields(line), " "))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheBeginningOfAnID(t *testing.T) {
	for name, test := range map[string]struct {
		prefix string
		ids    []string
		want   string
		fault  string
	}{
		"one SIM, many resources":  {prefix: "3f0c", ids: []string{"3f0c-1", "3f0c-1", "9999", ""}, want: "3f0c-1"},
		"no SIM":                   {prefix: "3f0c", ids: []string{"9999"}, fault: "there is no order and no alert of 3f0c in namespace sims. -A looks in all namespaces."},
		"two SIMs":                 {prefix: "3f0c", ids: []string{"3f0c-2", "3f0c-1"}, fault: "more than one id begins with 3f0c: 3f0c-1, 3f0c-2"},
		"more SIMs than are named": {prefix: "a", ids: strings.Split("a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 aa ab", " "), fault: "more than one id begins with a: a1, a2, a3, a4, a5, a6, a7, a8, a9, aa, ..."},
	} {
		t.Run(name, func(t *testing.T) {
			found := candidates{prefix: test.prefix}
			for _, id := range test.ids {
				found.add(id)
			}
			got, err := found.only("sims")
			fault := ""
			if err != nil {
				fault = err.Error()
			}
			if got != test.want || fault != test.fault {
				t.Errorf("%q, %q; want %q, %q", got, fault, test.want, test.fault)
			}
		})
	}
}
