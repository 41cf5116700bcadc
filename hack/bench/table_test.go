package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

// judge adds a number on each side of each kind of limit.
func judge(t *table) {
	t.note("loop", 1234.6, "1/s")
	t.atLeast(0.9, "at the limit", 0.9)
	t.atLeast(0.9, "below it", 0.899)
	t.atMost(1.15, "not above", 1.15, "ratio")
	t.atMost(0, "above", 1, "writes")
	t.below(20, "under", 19.9, "ms")
	t.below(20, "not under", 20, "ms")
	t.atMost(1.15, "divided by 0", math.Inf(1), "ratio")
	t.atLeast(0.5, "0 by 0", math.NaN())
}

func TestTableJudges(t *testing.T) {
	made := &table{}
	judge(made)
	got := map[string]string{}
	for _, row := range made.Rows {
		got[row.Name] = row.Verdict()
	}
	want := map[string]string{
		"loop": "", "at the limit": "PASS", "below it": "SHORT", "not above": "PASS", "above": "SHORT", "under": "PASS", "not under": "SHORT",
		"divided by 0": "SHORT", "0 by 0": "SHORT",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

func TestEachRowIsWrittenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "bench.json")
	judge(&table{path: path})
	rows := readRows(t, path)
	want := map[string]any{"name": "below it", "value": 0.899, "unit": "ratio", "reach": "at least 0.9", "pass": false}
	if diff := cmp.Diff(want, rows[2]); diff != "" {
		t.Errorf("a row (-want +got):\n%s", diff)
	}
	if rows[0]["pass"] != true {
		t.Error("a number that has nothing to reach does not pass")
	}
}

func TestRowsAreMerged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	first := &table{path: path}
	first.note("kept", 1, "")
	first.note("measured anew", 1, "")
	earlier, err := record.Read(record.Beside(path))
	if err != nil {
		t.Fatal(err)
	}
	second := &table{path: path, earlier: earlier}
	second.note("measured anew", 2, "")
	second.note("new", 3, "")
	if second.failed != nil {
		t.Fatal(second.failed)
	}
	got := map[string]any{}
	for _, row := range readRows(t, path) {
		got[row["name"].(string)] = row["value"]
	}
	if diff := cmp.Diff(map[string]any{"kept": 1.0, "measured anew": 2.0, "new": 3.0}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestEmptyTableIsAnEmptyList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	empty := &table{path: path}
	empty.save()
	if rows := readRows(t, path); len(rows) != 0 || rows == nil || empty.failed != nil {
		t.Errorf("rows = %v, %v", rows, empty.failed)
	}
}

// readRows reads a file as the design has it: as a list.
func readRows(t *testing.T, path string) []map[string]any {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(content, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}
