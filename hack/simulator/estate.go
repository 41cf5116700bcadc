package simulator

import (
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// linesPerCaller is how many resources are spoken of at a time. It must leave a caller a choice.
	linesPerCaller = 4
	minLines       = 100
	garbledChance  = 0.01
	// maxGarbled leaves room in the quarantine.
	maxGarbled = 2000
)

// A line is one resource and what is still to be said of it.
type line struct {
	rng        *rand.Rand
	resource   Resource
	facts      map[string]string
	sequential bool
	replica    int
	plan       []step
	// busy is how many deliveries have been handed out and not been accepted yet.
	busy int
	last string
}

// A message is one delivery, over all attempts to make it.
type message struct {
	line     *line
	resource Resource
	kind     string
	step     step
	full     bool
	body     []byte
	replica  int
	tries    int
	after    time.Time
}

// An estate is all SIMs, pools, orders and alerts of a customer. It is not safe for concurrent use.
type estate struct {
	rng      *rand.Rand
	seed     uint64
	replicas int
	lines    []*line
	alerts   []*line
	// hushed are the alerts that are still to go Off at the month's end.
	hushed  []*line
	made    uint64
	garbled int
}

func newEstate(seed uint64, replicas, callers int) *estate {
	e := &estate{rng: rand.New(rand.NewPCG(seed, 0)), seed: seed, replicas: replicas} //nolint:gosec // meant to be repeatable
	for range max(linesPerCaller*callers, minLines) {
		e.lines = append(e.lines, e.newLine())
	}
	return e
}

// newLine makes up a resource. All of it comes from the seed and the resource's own number.
func (e *estate) newLine() *line {
	e.made++
	r := rand.New(rand.NewPCG(e.seed, e.made)) //nolint:gosec // meant to be repeatable
	l := &line{rng: r, sequential: chance(r, 0.5), replica: r.IntN(e.replicas)}
	if chance(r, 0.5) {
		l.facts = map[string]string{"orderID": newUUID(r), "type": pick(r, orderTypes...)}
		if chance(r, unknownChance) {
			l.facts["type"] = fmt.Sprintf("Code%d", 15+r.IntN(30))
		}
		for _, name := range []string{"simID", "poolID", "apnID"} {
			if chance(r, 0.5) {
				l.facts[name] = newUUID(r)
			}
		}
		l.resource = Resource{Orders, l.facts["orderID"]}
		l.plan = orderPlan(r)
		return l
	}
	l.facts = map[string]string{
		"alertID": newUUID(r), "entityID": newUUID(r), "alertName": fmt.Sprintf("Alert Name %d", r.IntN(20)), "targetType": pick(r, "SIM", "Pool"),
		"statName": "SIM.%USED", "condition": "GreaterThan", "conditionalValue": "75",
	}
	l.resource = Resource{Alerts, l.facts["alertID"] + "-" + l.facts["entityID"]}
	l.plan = alertPlan(r)
	// What flaps for long is to be followed exactly, for its first reports are dropped.
	l.sequential = l.sequential || len(l.plan) > 60
	e.alerts = append(e.alerts, l)
	return l
}

// next makes the next message; nil if nothing can be said before somebody gets an answer.
func (e *estate) next() *message {
	if e.garbled < maxGarbled && chance(e.rng, garbledChance) {
		e.garbled++
		kind := pick(e.rng, Orders, Alerts)
		return &message{resource: Resource{Kind: kind}, kind: kind, body: garbledBody(e.rng, kind), replica: e.rng.IntN(e.replicas)}
	}
	for range len(e.lines) {
		at := e.rng.IntN(len(e.lines))
		l := e.lines[at]
		if len(l.plan) == 0 && l.busy == 0 {
			l = e.newLine()
			e.lines[at] = l
		}
		if l.free() {
			return e.say(l)
		}
	}
	return nil
}

// free says whether something may be said of the resource now.
func (l *line) free() bool {
	return len(l.plan) > 0 && (l.busy == 0 || !l.sequential)
}

func (e *estate) say(l *line) *message {
	s := l.plan[0]
	l.plan = l.plan[1:]
	l.busy++
	l.last = s.says
	m := &message{line: l, resource: l.resource, kind: l.resource.Kind, step: s, full: !chance(l.rng, briefChance), replica: l.replica}
	if !l.sequential {
		m.replica = e.rng.IntN(e.replicas)
	}
	if m.kind == Orders {
		m.body = orderBody(l.rng, l, s, m.full)
	} else {
		m.body = alertBody(l.rng, l, s, m.full)
	}
	return m
}

// monthEnd makes all alerts that are On go Off, and cuts short what was planned for them.
func (e *estate) monthEnd() {
	e.hushed = nil
	for _, l := range e.alerts {
		l.plan = nil
		if l.last == "On" {
			l.plan = []step{{says: "Off", value: "0"}}
			e.hushed = append(e.hushed, l)
		}
	}
	// What is finished is not spoken of again.
	e.alerts = nil
	for _, l := range e.lines {
		if l.resource.Kind == Alerts {
			e.alerts = append(e.alerts, l)
		}
	}
}

// nextOff is the next message of the month's end; nil if there is none, or none yet.
func (e *estate) nextOff() *message {
	for i, l := range e.hushed {
		if l.free() {
			e.hushed[i] = e.hushed[len(e.hushed)-1]
			e.hushed = e.hushed[:len(e.hushed)-1]
			return e.say(l)
		}
	}
	return nil
}
