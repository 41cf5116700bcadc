package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRowsOf(t *testing.T) {
	tests := map[string]struct {
		values string
		want   []row
	}{
		"a comment of two lines":                  {"# One\n# and more.\na: 1\n", []row{{"a", "1", "One and more."}}},
		"a comment that stands alone is nobody's": {"# Head.\n\n# One.\na: 1\n", []row{{"a", "1", "One."}}},
		"keys below keys":                         {"a:\n  # B.\n  b: x\n  c:\n    # D.\n    d: []\ne:\n  # F.\n  f: {}\n", []row{{"a.b", "x", "B."}, {"a.c.d", "[]", "D."}, {"e.f", "{}", "F."}}},
		"a value of many lines is one row":        {"# A.\na:\n  b:\n    c: 1\n  d: 2\n# E.\ne: 3\n", []row{{"a", "", "A."}, {"e", "3", "E."}}},
		"a list is one row":                       {"# A.\na:\n- b:\n    c: 1\n# E.\ne: 3\n", []row{{"a", "", "A."}, {"e", "3", "E."}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := rowsOf(test.values)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(row{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAValueWithoutACommentIsRefused(t *testing.T) {
	if rows, err := rowsOf("a:\n  # B.\n  b: 1\n  c: 2\n"); err == nil || err.Error() != "a.c has no comment" {
		t.Errorf("rows %v, error %v", rows, err)
	}
}

func TestReplaceTable(t *testing.T) {
	text := "before\n" + tableStart + "old\n" + tableEnd + "after\n"
	got, err := replaceTable(text, []row{{"a", "1", "x|y"}, {"b", "", "B."}})
	want := "before\n" + tableStart + "| value | default | |\n|---|---|---|\n| `a` | `1` | x\\|y |\n| `b` | see values.yaml | B. |\n" + tableEnd + "after\n"
	if err != nil || got != want {
		t.Errorf("error %v, got:\n%s", err, got)
	}
	if _, err := replaceTable("no marks\n", nil); err == nil {
		t.Error("a text without marks was taken")
	}
}
