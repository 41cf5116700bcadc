package apply

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

func run(spool string, first, last int64) v1alpha1.AppliedDeliveries {
	return v1alpha1.AppliedDeliveries{Spool: spool, First: first, Last: last}
}

func TestRecord(t *testing.T) {
	type runs = []v1alpha1.AppliedDeliveries
	tests := map[string]struct {
		applied          runs
		number, previous int64
		want             runs
	}{
		"the first delivery begins a run":                  {number: 7, want: runs{run("b", 7, 7)}},
		"the next one extends it":                          {applied: runs{run("b", 7, 7)}, number: 12, previous: 7, want: runs{run("b", 7, 12)}},
		"one before which the spool knows none extends it": {applied: runs{run("b", 7, 7)}, number: 12, previous: 0, want: runs{run("b", 7, 12)}},
		"one before which one is missing begins a run":     {applied: runs{run("b", 7, 7)}, number: 12, previous: 9, want: runs{run("b", 7, 7), run("b", 12, 12)}},
		"what was missing goes to the run before it":       {applied: runs{run("b", 7, 7), run("b", 12, 12)}, number: 9, previous: 7, want: runs{run("b", 12, 12), run("b", 7, 9)}},
		"a run of another spool is let be":                 {applied: runs{run("a", 1, 9)}, number: 10, previous: 9, want: runs{run("a", 1, 9), run("b", 10, 10)}},
		"the run that was extended stands last":            {applied: runs{run("b", 1, 2), run("a", 1, 9)}, number: 3, previous: 2, want: runs{run("a", 1, 9), run("b", 1, 3)}},
		"one before all runs begins a run":                 {applied: runs{run("b", 7, 7)}, number: 3, previous: 0, want: runs{run("b", 7, 7), run("b", 3, 3)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := record(test.applied, "b", test.number, test.previous)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !holds(got, "b", test.number) {
				t.Errorf("what was recorded is not held")
			}
		})
	}
}

func TestRecordForgetsTheRunExtendedLeastRecently(t *testing.T) {
	var applied []v1alpha1.AppliedDeliveries
	for i := range v1alpha1.MaxApplied + 3 {
		applied = record(applied, fmt.Sprint(i), 1, 0)
	}
	if len(applied) != v1alpha1.MaxApplied || applied[0].Spool != "3" {
		t.Errorf("%d runs, the first of spool %s", len(applied), applied[0].Spool)
	}
}
