package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

// limits are what one cluster has.
type limits struct {
	// etcdQuota is for resources, Events and history together; 8 GiB is the most that etcd's authors advise.
	etcdQuota float64
	// Memory of each program, garbage included.
	apiServerMemory, managerMemory, ingressMemory float64
	// spooled is how many deliveries one replica of the ingress holds, at its default.
	spooled  float64
	replicas float64
	// busy is what part of the capacity may be used on average, and drainHours how long a month's end may take.
	busy, drainHours float64
}

func defaultLimits() limits {
	return limits{
		etcdQuota: 8 * gibibyte, apiServerMemory: 16 * gibibyte, managerMemory: 4 * gibibyte, ingressMemory: gibibyte / 2, spooled: 1_000_000,
		replicas: 2, busy: 0.5, drainHours: 6,
	}
}

// garbage is how much larger a Go program's memory is than its live heap, at the most, unless it is told otherwise.
const garbage = 2

// A use is what part of a limit is used.
type use struct {
	of   string
	part float64
}

// uses are those of all limits, the most used first. Events on an etcd of their own do not count against the quota.
func (l limits) uses(y year, ownEtcd bool) []use {
	etcd := y.etcdResources + y.etcdHistory
	if !ownEtcd {
		etcd += y.etcdEvents
	}
	all := []use{
		{"etcd's quota", etcd / l.etcdQuota},
		{"memory of kube-apiserver", garbage * y.apiServerHeap / l.apiServerMemory},
		{"memory of the manager", garbage * y.managerHeap / l.managerMemory},
		{"memory of an ingress", y.ingressMemory / l.replicas / l.ingressMemory},
		{"spools", y.waiting / l.replicas / l.spooled},
		{"writes and checks, all the time", (y.busy + y.checking) / l.busy},
		{"writes, at a month's end", y.drainHours / l.drainHours},
	}
	slices.SortStableFunc(all, func(a, b use) int {
		switch {
		case a.part > b.part:
			return -1
		case a.part < b.part:
			return 1
		default:
			return 0
		}
	})
	return all
}

// clusters is how many it takes so that nothing gives out, if receivers are spread over them.
func clusters(uses []use) int {
	return max(int(math.Ceil(uses[0].part)), 1)
}

// scales are the numbers of SIMs that docs/scaling.md is about.
func scales() []float64 { return []float64{1e4, 1e5, 1e6, 1e7} }

// printPlan writes what a number of SIMs takes, for each.
func printPlan(out io.Writer, c *coefficients, a assumptions, l limits, sims []float64) {
	rows := [][]string{{
		"SIMs", "orders", "alerts", "Events at once", "deliveries a day", "etcd: resources", "etcd: Events", "etcd: history",
		"kube-apiserver", "manager", "busy", "checks", "month's end", "waiting at once", "most used", "clusters",
	}}
	for _, n := range sims {
		a.sims = n
		y := simulateYear(c, a)
		uses := l.uses(y, false)
		rows = append(rows, []string{
			count(n), count(y.most.orders), count(y.most.alerts), count(y.most.events), count(y.deliveriesADay),
			inBytes(y.etcdResources), inBytes(y.etcdEvents), inBytes(y.etcdHistory),
			inBytes(garbage * y.apiServerHeap), inBytes(garbage * y.managerHeap),
			percent(y.busy), percent(y.checking), fmt.Sprintf("%.0f h", y.drainHours), count(y.waiting), describe(uses[0]), fmt.Sprint(clusters(uses)),
		})
	}
	printTable(out, rows)
}

// A lever is something to do about it.
type lever struct {
	what    string
	change  func(*assumptions, *limits)
	ownEtcd bool
}

func levers() []lever {
	shorter := func(a *assumptions, _ *limits) { a.finishedOrderHours, a.inactiveAlertHours = 168, 168 }
	faster := func(a *assumptions, _ *limits) { a.speed = 4 }
	wider := func(_ *assumptions, l *limits) { l.replicas = 8 }
	all := func(a *assumptions, l *limits) {
		shorter(a, l)
		faster(a, l)
		wider(a, l)
	}
	none := func(*assumptions, *limits) {}
	return []lever{
		{"as it is", none, false},
		{"Events on an etcd of their own", none, true},
		{"retention of 7 days", shorter, false},
		{"a control plane that is 4 times as fast", faster, false},
		{"8 replicas of the ingress", wider, false},
		{"all four", all, true},
	}
}

// printLevers writes what gives out first, and what second, at the number of SIMs where something does, with each lever.
func printLevers(out io.Writer, c *coefficients, a assumptions, l limits, sims []float64) {
	rows := [][]string{{"SIMs", "what is done", "most used", "then", "clusters"}}
	for _, n := range sims {
		for _, lever := range levers() {
			changed, limits := a, l
			changed.sims = n
			lever.change(&changed, &limits)
			uses := limits.uses(simulateYear(c, changed), lever.ownEtcd)
			rows = append(rows, []string{count(n), lever.what, describe(uses[0]), describe(uses[1]), fmt.Sprint(clusters(uses))})
		}
	}
	printTable(out, rows)
}

func printCoefficients(out io.Writer, c *coefficients) {
	number := func(value float64, unit string) string { return record.Format(value) + " " + unit }
	printTable(out, [][]string{
		{"what", "takes"},
		{"an alert with one report, in etcd", number(c.alert, "B")},
		{"a further report", number(c.report, "B")},
		{"an order with one report", number(c.order, "B")},
		{"an Event", number(c.event, "B")},
		{"file of etcd in use, for each byte of these", number(c.etcdOverhead, "B")},
		{"live heap of kube-apiserver, for each version of a resource that it holds", number(c.apiVersion, "B")},
		{"live heap of kube-apiserver, beside", number(c.apiBase/mebibyte, "MiB")},
		{"live heap of the manager, a resource", number(c.managerResource, "B")},
		{"live heap of the manager, beside", number(c.managerBase/mebibyte, "MiB")},
		{"ingress, a delivery that waits: memory", number(c.ingressWaiting, "B")},
		{"ingress, a delivery that waits: disk", number(c.spoolWaiting, "B")},
		{"ingress, beside", number(c.ingressIdle/mebibyte, "MiB")},
		{"writes of a delivery that makes a resource", number(c.newWrites, "")},
		{"writes of a delivery that turns one", number(c.transitionWrites, "")},
		{"processor time of a transition, in all programs", number(c.processor*1e3, "ms")},
		{"check of its cache by kube-apiserver, processor time a resource", checkTime(c)},
		{"deliveries to status and Event, on the machine of the record", number(c.perSecond, "1/s")},
		{"deliveries accepted, likewise", number(c.acceptedPerSecond, "1/s")},
	})
}

func checkTime(c *coefficients) string {
	if c.checkResource == 0 {
		return "not measured"
	}
	return record.Format(c.checkResource*1e3) + " ms"
}

func describe(u use) string { return fmt.Sprintf("%s: %s", u.of, percent(u.part)) }

func percent(part float64) string {
	if part > 0 && part < 0.001 {
		return "under 0.1%"
	}
	return record.Format(100*part) + "%"
}

// count writes a number for people: 1.2 million.
func count(n float64) string {
	switch {
	case n >= 1e6:
		return record.Format(n/1e6) + " million"
	case n >= 1e3:
		return record.Format(n/1e3) + " thousand"
	default:
		return record.Format(math.Round(n))
	}
}

func inBytes(n float64) string {
	switch {
	case n >= gibibyte:
		return record.Format(n/gibibyte) + " GiB"
	case n >= mebibyte:
		return record.Format(n/mebibyte) + " MiB"
	default:
		return record.Format(n/kibibyte) + " KiB"
	}
}

// printTable writes a table in Markdown, whose first row is its head.
func printTable(out io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	line := func(row []string, fill string) {
		for i, cell := range row {
			_, _ = fmt.Fprint(out, "| ", cell, strings.Repeat(fill, widths[i]-len([]rune(cell))), " ")
		}
		_, _ = fmt.Fprintln(out, "|")
	}
	line(rows[0], " ")
	line(make([]string, len(widths)), "-")
	for _, row := range rows[1:] {
		line(row, " ")
	}
}
