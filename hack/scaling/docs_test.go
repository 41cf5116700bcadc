package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

func TestReplaceSection(t *testing.T) {
	const document = "before\n<!-- begin table: written by make bench-docs -->\nold\n<!-- end table -->\nafter\n"
	got, err := replaceSection(document, "table", "new\n")
	if err != nil {
		t.Fatal(err)
	}
	want := "before\n<!-- begin table: written by make bench-docs -->\n\nnew\n\n<!-- end table -->\nafter\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	if again, err := replaceSection(got, "table", "new"); err != nil || again != got {
		t.Errorf("a second time it is %q, %v", again, err)
	}
	if _, err := replaceSection(document, "other", ""); err == nil {
		t.Error("a section that is not there was written")
	}
}

func TestDocsAreThoseOfTheRecord(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	r, err := record.Read(filepath.Join(docs, "benchmarks.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	names := []string{"benchmarks.md", "scaling.md"}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeDocs(dir, r); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		is, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil {
			t.Fatal(err)
		}
		should, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(should), string(is)); diff != "" {
			t.Errorf("docs/%s is stale; run make bench-docs (-should +is):\n%s", name, diff)
		}
	}
}

func TestCaveats(t *testing.T) {
	quiet := record.Run{LoadBefore: "0.31 1.2 3.4"}
	tests := map[string]struct {
		runs []record.Run
		want string
	}{
		"small sizes on a quiet machine": {[]record.Run{quiet}, "**Not at the sizes of the design**, which are of 100000 resources.\n\n"},
		"one of two runs on a busy machine": {[]record.Run{quiet, {LoadBefore: "13.07 16.78 21.14"}}, "**Not at the sizes of the design**, which are of 100000 resources.\n" +
			"**Not on a quiet machine**: rates and times are those of a machine that was busy with other work, and ratios are noisy.\n\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, caveats(record.Record{Runs: tt.runs})); diff != "" {
				t.Errorf("caveats (-want +got):\n%s", diff)
			}
		})
	}
}
