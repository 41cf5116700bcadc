package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// judged is a table with a number on each side of each kind of limit.
func judged() *table {
	t := &table{}
	t.note("loop", 1234.6, "1/s")
	t.atLeast(0.9, "at the limit", 0.9)
	t.atLeast(0.9, "below it", 0.899)
	t.atMost(1.15, "not above", 1.15, "ratio")
	t.atMost(0, "above", 1, "writes")
	t.below(20, "under", 19.9, "ms")
	t.below(20, "not under", 20, "ms")
	t.atMost(1.15, "divided by 0", math.Inf(1), "ratio")
	t.atLeast(0.5, "0 by 0", math.NaN())
	return t
}

func TestTablePrints(t *testing.T) {
	var out bytes.Buffer
	judged().print(&out)
	want := `| what         | value | unit   | reach        |       |
|---           |---:   |---     |---           |---    |
| loop         | 1235  | 1/s    |              |       |
| at the limit | 0.9   | ratio  | at least 0.9 | PASS  |
| below it     | 0.899 | ratio  | at least 0.9 | SHORT |
| not above    | 1.15  | ratio  | at most 1.15 | PASS  |
| above        | 1     | writes | at most 0    | SHORT |
| under        | 19.9  | ms     | under 20     | PASS  |
| not under    | 20    | ms     | under 20     | SHORT |
| divided by 0 | 0     | ratio  | at most 1.15 | SHORT |
| 0 by 0       | 0     | ratio  | at least 0.5 | SHORT |
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestTableIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "bench.json")
	if err := judged().write(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"name": "below it", "value": 0.899, "unit": "ratio", "reach": "at least 0.9", "pass": false}
	if diff := cmp.Diff(want, got[2]); diff != "" {
		t.Errorf("a row (-want +got):\n%s", diff)
	}
	if got[0]["pass"] != true {
		t.Error("a number that has nothing to reach does not pass")
	}
}

func TestEmptyTableIsAnEmptyList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	if err := (&table{}).write(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "[]\n" {
		t.Errorf("bench.json = %q, %v", content, err)
	}
}

func TestFormat(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.5: "0.5", 0.12345: "0.123", 1.15: "1.15", 12.34: "12.3", 123.4: "123", 98765.4: "98765", 0.00012345: "0.000123", -1.5: "-1.5", 100: "100",
	} {
		if got := format(value); got != want {
			t.Errorf("format(%v) = %s, want %s", value, got, want)
		}
	}
}
