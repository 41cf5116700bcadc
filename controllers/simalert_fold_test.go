package controllers

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

const (
	on  = v1alpha1.AlertTriggerOn
	off = v1alpha1.AlertTriggerOff
)

func TestFoldAlertTrigger(t *testing.T) {
	type said struct {
		Trigger  v1alpha1.AlertTrigger
		Value    string
		Since    *metav1.MicroTime
		Observed int64
	}
	tests := map[string]struct {
		before  v1alpha1.SimAlertStatus
		reports []v1alpha1.AlertReport
		want    said
	}{
		"with no report there is no trigger": {},
		"the latest report is the trigger": {
			reports: []v1alpha1.AlertReport{alertReport(1, 1, on, "85"), alertReport(2, 2, off, "60")},
			want:    said{off, "60", atPtr(2), 2},
		},
		"On again after Off": {
			reports: []v1alpha1.AlertReport{alertReport(1, 1, on, "85"), alertReport(2, 2, off, "60"), alertReport(3, 3, on, "90")},
			want:    said{on, "90", atPtr(3), 3},
		},
		"a late report of the past changes nothing now": {
			before:  v1alpha1.SimAlertStatus{Trigger: on, TriggerValue: "90", Since: atPtr(3), ObservedSequence: 1},
			reports: []v1alpha1.AlertReport{alertReport(2, 2, off, "60"), alertReport(1, 3, on, "90")},
			want:    said{on, "90", atPtr(3), 2},
		},
		"a late report that says the same moves the time back": {
			before:  v1alpha1.SimAlertStatus{Trigger: on, TriggerValue: "90", Since: atPtr(3), ObservedSequence: 1},
			reports: []v1alpha1.AlertReport{alertReport(2, 2, on, "80"), alertReport(1, 3, on, "90")},
			want:    said{on, "90", atPtr(2), 2},
		},
		"with the whole log dropped, what was known stays": {
			before: v1alpha1.SimAlertStatus{Trigger: on, TriggerValue: "90", Since: atPtr(3), ObservedSequence: 1},
			want:   said{on, "90", atPtr(3), 1},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := alertWith(test.reports...)
			a.Status = test.before
			untouched := a.DeepCopy()

			got := foldAlert(a, limits{}, at(100).Time).status
			if diff := cmp.Diff(test.want, said{got.Trigger, got.TriggerValue, got.Since, got.ObservedSequence}); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(untouched, a); diff != "" {
				t.Errorf("the fold changed its input:\n%s", diff)
			}
			a.Status = got
			if again := foldAlert(a, limits{}, at(200).Time); !apiequality.Semantic.DeepEqual(got, again.status) || len(again.events) > 0 {
				t.Errorf("folding again differs:\n%s", cmp.Diff(got, again.status))
			}
		})
	}
}

func TestFoldAlertConditions(t *testing.T) {
	tests := map[string]struct {
		reports []v1alpha1.AlertReport
		want    []brief
		since   metav1.Time
	}{
		"no report yet": {
			want:  []brief{{"Ready", "False", "AwaitingReport"}, {"Reconciling", "True", "AwaitingReport"}},
			since: wholeSecond(0),
		},
		"On": {
			reports: []v1alpha1.AlertReport{alertReport(1, 1, on, "85")},
			want:    []brief{{"Ready", "True", "ReportProcessed"}, {"Active", "True", "AlertOn"}},
			since:   wholeSecond(1),
		},
		"Off": {
			reports: []v1alpha1.AlertReport{alertReport(1, 1, on, "85"), alertReport(2, 2, off, "60")},
			want:    []brief{{"Ready", "True", "ReportProcessed"}, {"Active", "False", "AlertOff"}},
			since:   wholeSecond(2),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []brief
			for _, c := range foldAlert(alertWith(test.reports...), limits{}, at(100).Time).status.Conditions {
				got = append(got, brief{c.Type, string(c.Status), c.Reason})
				if !c.LastTransitionTime.Equal(&test.since) || c.ObservedGeneration != 7 || c.Message == "" {
					t.Errorf("%+v, want the time %s", c, test.since)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFoldAlertOverTime(t *testing.T) {
	const hour = time.Hour
	lim := limits{staleAfter: 840 * hour, inactiveAlerts: 2160 * hour}
	repeated := alertReport(1, 0, on, "85")
	repeated.LastReceivedAt = metav1.NewMicroTime(at(0).Add(100 * hour))
	tests := map[string]struct {
		alert   *v1alpha1.SimAlert
		limits  limits
		after   time.Duration
		stale   bool
		wait    time.Duration
		expired bool
	}{
		"an alert that is On waits for a word": {
			alert: alertWith(alertReport(1, 0, on, "85")), limits: lim, after: 40 * hour, wait: 800 * hour,
		},
		"and is stale when none has come": {
			alert: alertWith(alertReport(1, 0, on, "85")), limits: lim, after: 840 * hour, stale: true,
		},
		"a repeat is a word": {
			alert: alertWith(repeated), limits: lim, after: 840 * hour, wait: 100 * hour,
		},
		"a limit of 0 is never": {
			alert: alertWith(alertReport(1, 0, on, "85")), after: 100000 * hour,
		},
		"one that is Off is not stale, and waits for the end of its retention": {
			alert: alertWith(alertReport(1, 0, off, "60")), limits: lim, after: 2000 * hour, wait: 160 * hour,
		},
		"and expires then": {
			alert: alertWith(alertReport(1, 0, off, "60")), limits: lim, after: 2160 * hour, expired: true,
		},
		"one that is On never expires": {
			alert: alertWith(alertReport(1, 0, on, "85")), limits: lim, after: 100000 * hour, stale: true,
		},
		"one of which nothing was reported is neither": {
			alert: alertWith(), limits: lim, after: 100000 * hour,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := foldAlert(test.alert, test.limits, at(0).Add(test.after))
			_, stale := trueSince(got.status.Conditions, v1alpha1.ConditionStale)
			if stale != test.stale || got.wait != test.wait || got.expired != test.expired {
				t.Errorf("stale %t, wait %s, expired %t; want %t, %s, %t", stale, got.wait, got.expired, test.stale, test.wait, test.expired)
			}
		})
	}
}

func TestAlertEvents(t *testing.T) {
	name := string(testAlert) + "-" + string(testSIM) + ".0a1b2c3d."
	a := alertWith(alertReport(1, 1, on, "85"), alertReport(2, 2, off, "60"))
	want := []eventSummary{
		{name + "1", "Warning", "AlertOn", "SIM " + string(testSIM) + ` has SIM.%USED 85, GreaterThan 75 ("Alert Name 1")`},
		{name + "2", "Normal", "AlertOff", "SIM " + string(testSIM) + ` has SIM.%USED 60, no longer GreaterThan 75 ("Alert Name 1")`},
	}
	if diff := cmp.Diff(want, summariesOf(foldAlert(a, limits{}, at(9).Time).events)); diff != "" {
		t.Errorf("Events (-want +got):\n%s", diff)
	}
}

func TestAlertMessage(t *testing.T) {
	tests := map[string]struct {
		spec    v1alpha1.SimAlertSpec
		trigger v1alpha1.AlertTrigger
		value   string
		want    string
	}{
		"of a pool, with no value": {
			spec:    v1alpha1.SimAlertSpec{EntityID: "e", TargetType: "Pool", StatName: "POOL.USED", Condition: "GreaterThan", ConditionalValue: "75"},
			trigger: on, want: "Pool e has POOL.USED, GreaterThan 75",
		},
		"with no condition": {
			spec:    v1alpha1.SimAlertSpec{EntityID: "e", TargetType: "SIM", StatName: "S", AlertName: "N"},
			trigger: off, value: "3", want: `SIM e has S 3: alert Off ("N")`,
		},
		"with nothing but the ids": {
			spec: v1alpha1.SimAlertSpec{EntityID: "e"}, trigger: on, want: "Entity e: alert On",
		},
		"with a name that means harm": {
			spec:    v1alpha1.SimAlertSpec{EntityID: "e", TargetType: "SIM", AlertName: "a\nb\" \u202e\x00"},
			trigger: on, want: `SIM e: alert On ("a b\"   ")`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := alertMessage(&test.spec, test.trigger, test.value); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}

	long := strings.Repeat("é\"", 600)
	spec := v1alpha1.SimAlertSpec{
		EntityID: testSIM, TargetType: v1alpha1.AlertTarget(long), StatName: long, Condition: long, ConditionalValue: long, AlertName: long,
	}
	if got := alertMessage(&spec, on, long); len(got) > maxNote || !utf8.ValidString(got) {
		t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
	}
}
