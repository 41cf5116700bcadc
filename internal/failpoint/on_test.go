//go:build failpoints

package failpoint

import "testing"

func TestDueAtTheNthTime(t *testing.T) {
	a := parse("before-commit=3,after-commit=1,broken,=2,other=x")
	var got []bool
	for range 5 {
		got = append(got, a.due(BeforeCommit))
	}
	for i, due := range got {
		if due != (i == 2) {
			t.Errorf("time %d: due is %t", i+1, due)
		}
	}
	if !a.due(AfterCommit) || a.due(AfterCommit) || a.due("broken") || a.due("other") || a.due(BetweenEventAndStatus) {
		t.Error("a place is due that is not, or is not that is")
	}
}
