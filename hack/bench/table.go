package main

import (
	"errors"
	"math"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

// A table is what was measured. Each row is written to a file as soon as it is there, so that a run that is cut off is
// not lost.
type table struct {
	record.Record

	// earlier is what the file held that rows are merged into.
	earlier record.Record
	path    string
	failed  error
}

// note adds a number that has nothing to reach.
func (t *table) note(name string, value float64, unit string) {
	t.add(record.Row{Name: name, Value: value, Unit: unit, Pass: true})
}

// atLeast adds a ratio that must not be below a limit.
func (t *table) atLeast(limit float64, name string, ratio float64) {
	t.add(record.Row{Name: name, Value: ratio, Unit: "ratio", Reach: "at least " + record.Format(limit), Pass: ratio >= limit})
}

// atMost adds a number that must not be above a limit, and below one that must not even be at it.
func (t *table) atMost(limit float64, name string, value float64, unit string) {
	t.add(record.Row{Name: name, Value: value, Unit: unit, Reach: "at most " + record.Format(limit), Pass: value <= limit})
}

func (t *table) below(limit float64, name string, value float64, unit string) {
	t.add(record.Row{Name: name, Value: value, Unit: unit, Reach: "under " + record.Format(limit), Pass: value < limit})
}

func (t *table) add(r record.Row) {
	if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		r.Value, r.Pass = 0, false
	}
	t.Rows = append(t.Rows, r)
	step("%s: %s %s %s", r.Name, record.Format(r.Value), r.Unit, r.Verdict())
	t.save()
}

// save writes the table, and the machine and the commit beside it.
func (t *table) save() {
	if t.path != "" {
		t.failed = errors.Join(t.failed, t.earlier.Merge(t.Record).Write(t.path))
	}
}
