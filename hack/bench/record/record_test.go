package record

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	Print(&out, []Row{
		{Name: "loop", Value: 1234.6, Unit: "1/s", Pass: true},
		{Name: "at the limit", Value: 0.9, Unit: "ratio", Reach: "at least 0.9", Pass: true},
		{Name: "below it", Value: 0.899, Unit: "ratio", Reach: "at least 0.9"},
	})
	want := `| what         | value | unit  | reach        |       |
|---           |---:   |---    |---           |---    |
| loop         | 1235  | 1/s   |              |       |
| at the limit | 0.9   | ratio | at least 0.9 | PASS  |
| below it     | 0.899 | ratio | at least 0.9 | SHORT |
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestRecordIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	want := Record{Runs: []Run{{Commit: "abc", Began: time.Unix(0, 0).UTC()}}, Rows: []Row{{Name: "a", Value: 1, Pass: true}}}
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := Read(Beside(path))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if value, found := got.Value("a"); value != 1 || !found {
		t.Errorf("value = %v, %v", value, found)
	}
}

func TestFormat(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.5: "0.5", 0.12345: "0.123", 1.15: "1.15", 12.34: "12.3", 123.4: "123", 98765.4: "98765", 0.00012345: "0.000123", -1.5: "-1.5", 100: "100",
	} {
		if got := Format(value); got != want {
			t.Errorf("Format(%v) = %s, want %s", value, got, want)
		}
	}
}
