package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

// A prediction is what follows from the smaller sizes for the largest, beside what was measured there.
type prediction struct {
	what                string
	unit                string
	predicted, measured float64
	// tolerance is by how much of the measured one the predicted one may be off.
	tolerance float64
}

// How far off a prediction may be. Sizes in etcd are exact but for the fill of pages; a heap depends on what the watch
// cache happens to hold, and times on the machine.
const (
	tolerateBytes = 0.10
	tolerateHeap  = 0.25
	tolerateTime  = 0.25
)

// predict uses of the large point only what was done there, not what came of it.
func predict(c coefficients, large point) []prediction {
	e := measured(large, ringCapacity(2*c.newPerSecond))
	all := []prediction{
		{"etcd, in use", "MiB", c.etcd(e) / mebibyte, large.etcd / mebibyte, tolerateBytes},
		{"live heap of kube-apiserver", "MiB", c.apiServerHeap(e) / mebibyte, large.apiServerHeap / mebibyte, tolerateHeap},
		{"live heap of the manager", "MiB", c.managerHeap(e) / mebibyte, large.managerHeap / mebibyte, tolerateHeap},
	}
	if c.checkResource > 0 && large.checkProcessor > 0 {
		took := c.checkResource * large.alerts
		all = append(all, prediction{"a check of its cache by kube-apiserver, processor", "s", took, large.checkProcessor, tolerateTime})
	}
	if !large.burst() {
		return all
	}
	return append(all,
		prediction{"burst, last Event after", "s", simulateBurst(large.alerts, c.acceptedPerSecond, c.perSecond), large.burstTook, tolerateTime},
		prediction{"processor of a transition", "ms", c.processor * 1e3, large.transitionProcessor * 1e3, tolerateTime},
	)
}

// off is the error, as a part of what was measured.
func (p prediction) off() float64 {
	if p.measured == 0 {
		return math.Inf(1)
	}
	return (p.predicted - p.measured) / p.measured
}

func (p prediction) holds() bool { return math.Abs(p.off()) <= p.tolerance }

var errOff = errors.New("a prediction is off by more than it may be")

// check fails if a prediction does not hold.
func check(all []prediction) error {
	var off []string
	for _, p := range all {
		if !p.holds() {
			off = append(off, p.what)
		}
	}
	if len(off) > 0 {
		return fmt.Errorf("%w: %s", errOff, strings.Join(off, "; "))
	}
	return nil
}

func printPredictions(out io.Writer, all []prediction) {
	rows := [][]string{{"what", "predicted", "measured", "unit", "error", "may be", ""}}
	for _, p := range all {
		verdict := "holds"
		if !p.holds() {
			verdict = "OFF"
		}
		rows = append(rows, []string{
			p.what, record.Format(p.predicted), record.Format(p.measured), p.unit,
			fmt.Sprintf("%+.1f%%", 100*p.off()), fmt.Sprintf("%.0f%%", 100*p.tolerance), verdict,
		})
	}
	printTable(out, rows)
}
