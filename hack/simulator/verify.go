package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Flaw is a way in which the cluster can differ from the ledger.
type Flaw string

// The flaws.
const (
	Lost         Flaw = "lost deliveries"
	Doubled      Flaw = "doubled deliveries"
	WrongState   Flaw = "wrong states"
	WrongStatus  Flaw = "wrong statuses"
	WrongFields  Flaw = "wrong fields"
	Gap          Flaw = "gaps in sequences"
	MissingEvent Flaw = "missing Events"
	ExtraEvent   Flaw = "extra Events"
	WrongEvent   Flaw = "wrong Events"
	Phantom      Flaw = "resources that nobody spoke of"
	BadAnswer    Flaw = "answers that should not be"
	NotQuiet     Flaw = "not finished in time"
)

// Flaws returns all of them, in the order of the table.
func Flaws() []Flaw {
	return []Flaw{Lost, Doubled, WrongState, WrongStatus, WrongFields, Gap, MissingEvent, ExtraEvent, WrongEvent, Phantom, BadAnswer, NotQuiet}
}

// A Difference is one flaw, found.
type Difference struct {
	Flaw Flaw
	// Count is how many deliveries, reports or Events are concerned.
	Count  int
	Where  string
	Detail string
}

func (d Difference) String() string { return fmt.Sprintf("%s: %s: %s", d.Flaw, d.Where, d.Detail) }

// A Result is what came of a comparison.
type Result struct {
	Sent, Accepted, Maybe, Refused int
	Resources, Reports, Repeats    int
	Events, Quarantined            int
	Exact, Dropped                 int
	Differences                    []Difference
}

// Count is how many of a flaw there are.
func (r *Result) Count(f Flaw) int {
	n := 0
	for _, d := range r.Differences {
		if d.Flaw == f {
			n += d.Count
		}
	}
	return n
}

// Verify holds the ledger against what the cluster shows.
func Verify(l *Ledger, c Contents) *Result {
	v := &verifier{ledger: l, events: map[Resource][]Event{}}
	for _, e := range c.Events {
		v.events[e.Regarding] = append(v.events[e.Regarding], e)
	}
	v.Resources, v.Events, v.Quarantined = len(c.Resources), len(c.Events), c.Quarantined
	v.attempts()
	v.quarantine(c.Quarantined)
	seen := map[Resource]bool{}
	for i := range c.Resources {
		r := &c.Resources[i]
		seen[r.Resource] = true
		v.resource(r)
	}
	for resource, account := range l.Accounts {
		if !seen[resource] {
			v.absent(resource, account)
		}
	}
	for resource, events := range v.events {
		if !seen[resource] && l.Accounts[resource] == nil {
			v.differ(ExtraEvent, len(events), resource, "%d Events, and there is no such resource", len(events))
		}
	}
	slices.SortFunc(v.Differences, func(a, b Difference) int {
		return cmp.Or(slices.Index(Flaws(), a.Flaw)-slices.Index(Flaws(), b.Flaw), strings.Compare(a.Where, b.Where), strings.Compare(a.Detail, b.Detail))
	})
	return &v.Result
}

type verifier struct {
	Result
	ledger *Ledger
	events map[Resource][]Event
}

func (v *verifier) differ(f Flaw, count int, where fmt.Stringer, format string, args ...any) {
	v.Differences = append(v.Differences, Difference{f, count, where.String(), fmt.Sprintf(format, args...)})
}

type place string

func (p place) String() string { return string(p) }

// attempts counts them, and looks at the ids that they were given.
func (v *verifier) attempts() {
	total := tallyOf(v.ledger.Garbled)
	ids := map[string]bool{}
	for _, a := range v.ledger.Garbled {
		v.id(place("garbled"), ids, a)
	}
	for resource, account := range v.ledger.Accounts {
		total = total.plus(tallyOf(account.Attempts))
		for _, a := range account.Attempts {
			v.id(resource, ids, a)
		}
		if outOfOrder(account) {
			v.differ(BadAnswer, 1, resource, "a delivery that was sent after another had been accepted has a lower number")
		}
	}
	v.Sent, v.Accepted, v.Maybe, v.Refused = total.sent(), total.accepted, total.maybe, total.refused
	for _, text := range v.ledger.Unexpected {
		v.differ(BadAnswer, 1, place("answer"), "%s", text)
	}
}

func (v *verifier) id(where fmt.Stringer, ids map[string]bool, a Attempt) {
	if a.Outcome != Accepted || a.Number == 0 {
		return
	}
	id := a.Spool + "-" + strconv.FormatUint(a.Number, 10)
	if ids[id] {
		v.differ(BadAnswer, 1, where, "two deliveries were given the id %s", id)
	}
	ids[id] = true
}

func (v *verifier) quarantine(have int) {
	t := tallyOf(v.ledger.Garbled)
	if have < t.accepted {
		v.differ(Lost, t.accepted-have, place("quarantine"), "%d deliveries, and %d were accepted into it", have, t.accepted)
	}
	if have > t.accepted+t.maybe {
		v.differ(Doubled, have-t.accepted-t.maybe, place("quarantine"),
			"%d deliveries, and no more than %d were sent that belong there", have, t.accepted+t.maybe)
	}
}

// absent looks at what was accepted for a resource that is not there.
func (v *verifier) absent(resource Resource, account *Account) {
	if t := tallyOf(account.Attempts); t.accepted > 0 {
		v.differ(Lost, t.accepted, resource, "%d deliveries were accepted, and there is no such resource", t.accepted)
	}
	for _, e := range v.events[resource] {
		v.differ(ExtraEvent, 1, resource, "Event %s, and there is no such resource", e.Name)
	}
}

func (v *verifier) resource(r *Snapshot) {
	account := v.ledger.Accounts[r.Resource]
	if account == nil {
		v.differ(Phantom, 1, r.Resource, "it has reports %s", reports(r))
		return
	}
	v.Reports += int(r.lastSequence())
	v.Repeats += tallyOf(account.Attempts).accepted - int(r.lastSequence())
	if r.dropped() {
		v.Dropped++
	}
	v.sequences(r)
	v.fields(r, account)
	if !v.counts(r, account) {
		v.states(r, account)
	}
	v.status(r)
	v.resourceEvents(r)
}

// maxReports is how many reports are kept.
const maxReports = 64

// sequences looks whether they go from 1 to n without a gap, and stand in order of time.
func (v *verifier) sequences(r *Snapshot) {
	seen := map[int64]bool{}
	for i, report := range r.Reports {
		if report.Sequence < 1 || seen[report.Sequence] {
			v.differ(Gap, 1, r.Resource, "sequence %d stands there twice, or cannot be", report.Sequence)
		}
		seen[report.Sequence] = true
		if report.Count < 1 || report.LastReceivedAt.Before(report.ReceivedAt) {
			v.differ(WrongState, 1, r.Resource, "report %d has count %d, from %s to %s", report.Sequence, report.Count, report.ReceivedAt, report.LastReceivedAt)
		}
		if i > 0 && !report.ReceivedAt.After(r.Reports[i-1].ReceivedAt) {
			v.differ(WrongState, 1, r.Resource, "report %d does not stand in its place in time", report.Sequence)
		}
	}
	if missing := r.lastSequence() - int64(len(seen)); missing > 0 && len(r.Reports) < maxReports {
		v.differ(Gap, int(missing), r.Resource, "of %d reports %d are not there, though there is room", r.lastSequence(), missing)
	}
}

// fields looks at what does not change.
func (v *verifier) fields(r *Snapshot, account *Account) {
	told := slices.ContainsFunc(account.Attempts, func(a Attempt) bool { return a.Full && a.Outcome == Accepted })
	for _, name := range slices.Sorted(maps.Keys(r.Facts)) {
		have, want := r.Facts[name], account.Facts[name]
		if have != want && (told || have != "") {
			v.differ(WrongFields, 1, r.Resource, "%s is %q, want %q", name, have, want)
		}
	}
}

// counts looks whether as many deliveries are in as were accepted. It returns true if it found a difference.
func (v *verifier) counts(r *Snapshot, account *Account) bool {
	t := tallyOf(account.Attempts)
	sum := 0
	for _, report := range r.Reports {
		sum += int(report.Count)
	}
	least, most := t.accepted, t.accepted+t.maybe
	switch {
	case r.dropped():
		// Each of those that were dropped was at least one delivery.
		if sum += int(r.lastSequence()) - len(r.Reports); sum <= most {
			return false
		}
		v.differ(Doubled, sum-most, r.Resource, "at least %d deliveries are in, and no more than %d were sent", sum, most)
	case sum < least:
		v.differ(Lost, least-sum, r.Resource, "%d deliveries are in, and %d were accepted: have %s", sum, least, reports(r))
	case sum > most:
		v.differ(Doubled, sum-most, r.Resource, "%d deliveries are in, and no more than %d were sent: have %s", sum, most, reports(r))
	default:
		return false
	}
	return true
}

// states looks whether the reports say what was delivered.
func (v *verifier) states(r *Snapshot, account *Account) {
	if list, ok := foreseen(account); ok {
		v.Exact++
		if text := matches(list, r); text != "" {
			v.differ(WrongState, 1, r.Resource, "%s", text)
		}
		return
	}
	if !r.dropped() {
		v.stateCounts(r, account)
	}
	if last, ok := lastWord(account); ok && len(r.Reports) > 0 {
		if have := r.Reports[len(r.Reports)-1]; have.Says != last.Says || have.Value != last.Value {
			v.differ(WrongState, 1, r.Resource, "the last word was %s %s, and the last report is %s %s", last.Says, last.Value, have.Says, have.Value)
		}
	}
}

// stateCounts looks whether each state was reported as often as it was delivered.
func (v *verifier) stateCounts(r *Snapshot, account *Account) {
	have, said := map[string]int{}, map[string][]Attempt{}
	for _, report := range r.Reports {
		have[report.Says] += int(report.Count)
		said[report.Says] = nil
	}
	for _, a := range account.Attempts {
		said[a.Says] = append(said[a.Says], a)
	}
	for _, state := range slices.Sorted(maps.Keys(said)) {
		t := tallyOf(said[state])
		if have[state] < t.accepted || have[state] > t.accepted+t.maybe {
			v.differ(WrongState, 1, r.Resource, "%s is in %d times, and was delivered %d to %d times: have %s",
				state, have[state], t.accepted, t.accepted+t.maybe, reports(r))
		}
	}
}

// status looks whether it is the fold of the reports.
func (v *verifier) status(r *Snapshot) {
	want, have := fold(r), r.Status
	wrong := func(what string, have, want any) {
		v.differ(WrongStatus, 1, r.Resource, "%s is %v, want %v: reports %s", what, have, want, reports(r))
	}
	if have.Generation != want.Generation {
		wrong("observedGeneration", have.Generation, want.Generation)
	}
	if have.Sequence != want.Sequence {
		wrong("observedSequence", have.Sequence, want.Sequence)
	}
	if have.Transitions != want.Transitions {
		wrong("transitions", have.Transitions, want.Transitions)
	}
	if have.Says != want.Says || have.Value != want.Value {
		wrong("state or trigger", have.Says+" "+have.Value, want.Says+" "+want.Value)
	}
	for what, times := range map[string][2]time.Time{
		"since": {have.Since, want.Since}, "startedAt": {have.StartedAt, want.StartedAt}, "finishedAt": {have.FinishedAt, want.FinishedAt},
	} {
		if !times[0].Equal(times[1]) {
			wrong(what, times[0], times[1])
		}
	}
	v.conditions(r, &want, wrong)
}

// conditions looks at those that follow from the state. Overdue, Stale and the like depend on more than that.
func (v *verifier) conditions(r *Snapshot, want *Status, wrong func(what string, have, want any)) {
	for _, kind := range []string{"Ready", "Reconciling", "Stalled", "Complete", "Failed", "Active"} {
		if have := r.Status.Conditions[kind]; have != want.Conditions[kind] {
			wrong("condition "+kind, have, want.Conditions[kind])
			continue
		}
		at, shown := r.Status.Times[kind]
		if shown && !at.Equal(want.Since.Truncate(time.Second)) {
			wrong("lastTransitionTime of "+kind, at, want.Since)
		}
	}
}
