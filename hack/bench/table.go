package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A row is one number. One that the design sets no reach for always passes.
type row struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Reach string  `json:"reach"`
	Pass  bool    `json:"pass"`
}

// A table is what was measured.
type table struct {
	rows []row
}

// note adds a number that has nothing to reach.
func (t *table) note(name string, value float64, unit string) {
	t.add(row{Name: name, Value: value, Unit: unit, Pass: true})
}

// atLeast adds a ratio that must not be below a limit.
func (t *table) atLeast(limit float64, name string, ratio float64) {
	t.add(row{Name: name, Value: ratio, Unit: "ratio", Reach: "at least " + format(limit), Pass: ratio >= limit})
}

// atMost adds a number that must not be above a limit, and below one that must not even be at it.
func (t *table) atMost(limit float64, name string, value float64, unit string) {
	t.add(row{Name: name, Value: value, Unit: unit, Reach: "at most " + format(limit), Pass: value <= limit})
}

func (t *table) below(limit float64, name string, value float64, unit string) {
	t.add(row{Name: name, Value: value, Unit: unit, Reach: "under " + format(limit), Pass: value < limit})
}

func (t *table) add(r row) {
	if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		r.Value, r.Pass = 0, false
	}
	t.rows = append(t.rows, r)
	step("%s: %s %s %s", r.Name, format(r.Value), r.Unit, r.verdict())
}

func (r row) verdict() string {
	switch {
	case r.Reach == "":
		return ""
	case r.Pass:
		return "PASS"
	default:
		return "SHORT"
	}
}

// print writes the table as Markdown, which a terminal shows as well.
func (t *table) print(out io.Writer) {
	text := "| what\t| value\t| unit\t| reach\t| \t|\n|---\t|---:\t|---\t|---\t|---\t|\n"
	for _, r := range t.rows {
		text += fmt.Sprintf("| %s\t| %s\t| %s\t| %s\t| %s\t|\n", r.Name, format(r.Value), r.Unit, r.Reach, r.verdict())
	}
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	_, _ = io.WriteString(w, text) // a terminal that is gone needs no table
	_ = w.Flush()
}

func (t *table) write(path string) error {
	rows := t.rows
	if rows == nil {
		rows = []row{}
	}
	content, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	if err := os.WriteFile(path, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

// format writes a number with three digits that count, and whole where it is large.
func format(value float64) string {
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
