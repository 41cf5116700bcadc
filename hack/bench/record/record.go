// Package record is what make bench writes down, so that other programs can read it.
package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// A Row is one number. One that the design sets no reach for always passes.
type Row struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Reach string  `json:"reach"`
	Pass  bool    `json:"pass"`
}

// A Run is when, where and of what rows were measured.
type Run struct {
	Arguments  string    `json:"arguments"`
	Began      time.Time `json:"began"`
	Took       string    `json:"took"`
	Commit     string    `json:"commit"`
	Machine    string    `json:"machine"`
	LoadBefore string    `json:"loadBefore"`
	LoadAfter  string    `json:"loadAfter"`
}

// A Record is the rows of one or more runs.
type Record struct {
	Runs []Run `json:"runs"`
	Rows []Row `json:"rows"`
}

// Verdict says whether a row reaches what it has to.
func (r Row) Verdict() string {
	switch {
	case r.Reach == "":
		return ""
	case r.Pass:
		return "PASS"
	default:
		return "SHORT"
	}
}

// Merge takes the rows of a newer record in place of those of the same name, and adds the others.
func (r Record) Merge(newer Record) Record {
	merged := Record{Runs: slices.Concat(r.Runs, newer.Runs), Rows: slices.Clone(r.Rows)}
	for _, row := range newer.Rows {
		at := slices.IndexFunc(merged.Rows, func(old Row) bool { return old.Name == row.Name })
		if at < 0 {
			merged.Rows = append(merged.Rows, row)
		} else {
			merged.Rows[at] = row
		}
	}
	return merged
}

// Value is that of the row of a name.
func (r Record) Value(name string) (float64, bool) {
	at := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Name == name })
	if at < 0 {
		return 0, false
	}
	return r.Rows[at].Value, true
}

// Read reads a record. One that is not there is empty.
func Read(path string) (Record, error) {
	var r Record
	content, err := os.ReadFile(path) //nolint:gosec // the user's choice
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("reading a record: %w", err)
	}
	if err := json.Unmarshal(content, &r); err != nil {
		return r, fmt.Errorf("reading the record %s: %w", path, err)
	}
	return r, nil
}

// Write writes the rows alone to path, as the design has it, and the whole record beside it.
func (r Record) Write(path string) error {
	if r.Rows == nil {
		r.Rows = []Row{}
	}
	return errors.Join(writeJSON(path, r.Rows), writeJSON(Beside(path), r))
}

// Beside is where the record is whose rows are in path.
func Beside(path string) string {
	return strings.TrimSuffix(path, ".json") + ".record.json"
}

func writeJSON(path string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.WriteFile(path, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Print writes rows as a table in Markdown, which a terminal shows as well.
func Print(out io.Writer, rows []Row) {
	text := "| what\t| value\t| unit\t| reach\t| \t|\n|---\t|---:\t|---\t|---\t|---\t|\n"
	for _, r := range rows {
		text += fmt.Sprintf("| %s\t| %s\t| %s\t| %s\t| %s\t|\n", r.Name, Format(r.Value), r.Unit, r.Reach, r.Verdict())
	}
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	_, _ = io.WriteString(w, text) // a terminal that is gone needs no table
	_ = w.Flush()
}

// Format writes a number with three digits that count, and whole where it is large.
func Format(value float64) string {
	if value == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(value))))
	text := strconv.FormatFloat(value, 'f', max(digits, 0), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
