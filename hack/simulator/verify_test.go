package simulator

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	began = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	order = Resource{Orders, "order-1"}
	alert = Resource{Alerts, "alert-1"}
	busy  = Resource{Alerts, "alert-2"}
)

func at(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }

// attempt is one that took less than a second.
func attempt(says, value string, second int, outcome Outcome, spool string, number uint64) Attempt {
	return Attempt{
		Says: says, Value: value, Full: true, Outcome: outcome, Spool: spool, Number: number,
		Sent: at(second), Answered: at(second).Add(500 * time.Millisecond),
	}
}

// goodLedger is of an order whose deliveries came one after the other, one of which perhaps twice; of an alert that came
// to two replicas at once; of an alert with more reports than are kept; and of two deliveries that cannot be read.
func goodLedger() *Ledger {
	l := NewLedger()
	l.Accounts[order] = &Account{Sequential: true, Facts: map[string]string{"orderID": "order-1", "type": "Cease"}, Attempts: []Attempt{
		attempt("Open", "", 1, Accepted, "a", 1),
		attempt("Open", "", 2, Maybe, "", 0),
		attempt("Open", "", 3, Accepted, "a", 3),
		attempt("Complete", "", 4, Refused, "", 0),
		attempt("Complete", "", 5, Accepted, "a", 7),
		attempt("Pending", "", 6, Accepted, "a", 8),
	}}
	l.Accounts[alert] = &Account{Facts: map[string]string{"alertName": "Name"}, Attempts: []Attempt{
		attempt("On", "80", 1, Accepted, "a", 2),
		attempt("On", "81", 1, Accepted, "b", 1),
		attempt("Off", "3", 9, Accepted, "b", 2),
	}}
	flapper := &Account{Sequential: true, Facts: map[string]string{"alertName": "Name"}}
	for i := range 70 {
		flapper.Attempts = append(flapper.Attempts, attempt([]string{"On", "Off"}[i%2], "", 100+i, Accepted, "a", uint64(100+i)))
	}
	l.Accounts[busy] = flapper
	l.Garbled = []Attempt{attempt("", "", 1, Accepted, "a", 4), attempt("", "", 1, Maybe, "", 0)}
	return l
}

func report(sequence, count int64, says, value string, second int) Report {
	return Report{Sequence: sequence, Count: count, Says: says, Value: value, ReceivedAt: at(second), LastReceivedAt: at(second)}
}

// goodContents is what a cluster shows that keeps the contract.
func goodContents() Contents {
	c := Contents{Quarantined: 1, Resources: []Snapshot{
		{
			Resource: order, UID: "0123456789", Generation: 5, Facts: map[string]string{"orderID": "order-1", "type": "Cease"},
			Reports: []Report{report(1, 3, "Open", "", 1), report(2, 1, "Complete", "", 5), report(3, 1, "Pending", "", 6)},
			Status: Status{
				Generation: 5, Sequence: 3, Transitions: 3, Says: "Complete", Since: at(5), StartedAt: at(1), FinishedAt: at(5),
				Conditions: map[string]string{"Ready": "True/Complete", "Complete": "True/Complete"},
				Times:      map[string]time.Time{"Ready": at(5), "Complete": at(5)},
			},
		},
		{
			Resource: alert, UID: "abcdefghij", Generation: 2, Facts: map[string]string{"alertName": "Name"},
			Reports: []Report{report(1, 2, "On", "81", 1), report(2, 1, "Off", "3", 9)},
			Status: Status{
				Generation: 2, Sequence: 2, Transitions: 2, Says: "Off", Value: "3", Since: at(9),
				Conditions: map[string]string{"Ready": "True/ReportProcessed", "Active": "False/AlertOff"},
				Times:      map[string]time.Time{"Ready": at(9), "Active": at(9)},
			},
		},
		{
			Resource: busy, UID: "qrstuvwxyz", Generation: 70, Facts: map[string]string{"alertName": "Name"},
			Status: Status{
				Generation: 70, Sequence: 70, Transitions: 70, Says: "Off", Since: at(169),
				Conditions: map[string]string{"Ready": "True/ReportProcessed", "Active": "False/AlertOff"},
				Times:      map[string]time.Time{"Ready": at(169), "Active": at(169)},
			},
		},
	}}
	for i := 6; i < 70; i++ {
		c.Resources[2].Reports = append(c.Resources[2].Reports, report(int64(i+1), 1, []string{"On", "Off"}[i%2], "", 100+i))
	}
	c.Events = append(c.Events, event(order, "01234567", 1, "OrderOpen", 1), event(order, "01234567", 2, "OrderComplete", 5),
		event(order, "01234567", 3, "OrderPending", 6), event(alert, "abcdefgh", 1, "AlertOn", 1), event(alert, "abcdefgh", 2, "AlertOff", 9))
	for i := range 70 {
		c.Events = append(c.Events, event(busy, "qrstuvwx", i+1, "Alert"+[]string{"On", "Off"}[i%2], 100+i))
	}
	return c
}

func event(r Resource, uid string, sequence int, reason string, second int) Event {
	name := fmt.Sprintf("%s.%s.%d", r.Name, uid, sequence)
	return Event{Name: name, UID: name, Reason: reason, Time: at(second), Regarding: r}
}

func TestVerifyFindsNothingWhereNothingIs(t *testing.T) {
	r := Verify(goodLedger(), goodContents())
	if len(r.Differences) > 0 {
		t.Errorf("differences: %v", r.Differences)
	}
	want := Result{
		Sent: 81, Accepted: 78, Maybe: 2, Refused: 1, Resources: 3, Reports: 75, Repeats: 2, Events: 75, Quarantined: 1, Exact: 2, Dropped: 1,
	}
	if diff := cmp.Diff(want, *r); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Each difference must be found, and be called what it is.
func TestVerifyFinds(t *testing.T) {
	order, alert, busy := 0, 1, 2 // in Contents.Resources
	tests := map[string]struct {
		spoil func(*Ledger, *Contents)
		want  map[Flaw]int
	}{
		"what perhaps was kept may not have been": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[order].Reports[0].Count = 2 },
			want:  map[Flaw]int{},
		},
		"one lost": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[order].Reports[0].Count = 1 },
			want:  map[Flaw]int{Lost: 1},
		},
		"one lost of those that came to two replicas": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[alert].Reports[0].Count = 1 },
			want:  map[Flaw]int{Lost: 1},
		},
		"a whole resource lost, but for its Events": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources = c.Resources[1:] },
			want:  map[Flaw]int{Lost: 4, ExtraEvent: 3},
		},
		"one lost of the quarantine": {
			spoil: func(_ *Ledger, c *Contents) { c.Quarantined = 0 },
			want:  map[Flaw]int{Lost: 1},
		},
		"one doubled": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[order].Reports[0].Count = 4 },
			want:  map[Flaw]int{Doubled: 1},
		},
		"two doubled of those that came to two replicas": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[alert].Reports[0].Count = 4 },
			want:  map[Flaw]int{Doubled: 2},
		},
		"doubled where the first reports are no longer there": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[busy].Reports[9].Count = 3 },
			want:  map[Flaw]int{Doubled: 2},
		},
		"doubled in the quarantine": {
			spoil: func(_ *Ledger, c *Contents) { c.Quarantined = 3 },
			want:  map[Flaw]int{Doubled: 1},
		},
		"one counted with another report than it belongs to": {
			spoil: func(_ *Ledger, c *Contents) {
				c.Resources[order].Reports[0].Count--
				c.Resources[order].Reports[0].Count--
				c.Resources[order].Reports[2].Count++
			},
			want: map[Flaw]int{WrongState: 1},
		},
		"the reports in a wrong order": {
			spoil: func(_ *Ledger, c *Contents) {
				r := c.Resources[order].Reports
				r[1].Says, r[2].Says = r[2].Says, r[1].Says
			},
			want: map[Flaw]int{WrongState: 1, WrongStatus: 4, WrongEvent: 2},
		},
		"a state that nobody said": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[order].Reports[2].Says = "Stalled" },
			want:  map[Flaw]int{WrongState: 1, WrongEvent: 1},
		},
		"a trigger that came to two replicas taken for the other one": {
			spoil: func(_ *Ledger, c *Contents) {
				c.Resources[alert].Reports[0].Count, c.Resources[alert].Reports[1].Count = 1, 2
			},
			want: map[Flaw]int{WrongState: 2},
		},
		"not the last word": {
			spoil: func(l *Ledger, _ *Contents) {
				l.Accounts[Resource{Alerts, "alert-1"}].Attempts[2].Value = "4"
			},
			want: map[Flaw]int{WrongState: 1},
		},
		"a report lost where the first are no longer there": {
			spoil: func(_ *Ledger, c *Contents) {
				r := &c.Resources[busy]
				r.Reports = r.Reports[:63]
				r.Reports = append([]Report{report(6, 1, "Off", "", 105)}, r.Reports...)
				r.Status.Sequence, r.Status.Transitions, r.Status.Says, r.Status.Since = 69, 69, "On", at(168)
				r.Status.Conditions["Active"] = "True/AlertOn"
				r.Status.Times = nil
				c.Events = c.Events[:len(c.Events)-1]
			},
			want: map[Flaw]int{WrongState: 1},
		},
		"reports out of their place in time": {
			spoil: func(_ *Ledger, c *Contents) {
				r := c.Resources[alert].Reports
				r[0].LastReceivedAt, r[0].ReceivedAt = at(10), at(10)
				c.Events[3].Time = at(10)
			},
			want: map[Flaw]int{WrongState: 1, WrongStatus: 4},
		},
		"a status that another report brought": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[order].Status.Says = "Pending" },
			want:  map[Flaw]int{WrongStatus: 1},
		},
		"a status of a wrong time": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[order].Status.Since = at(6) },
			want:  map[Flaw]int{WrongStatus: 1},
		},
		"a status that never began nor ended": {
			spoil: func(_ *Ledger, c *Contents) {
				c.Resources[order].Status.StartedAt, c.Resources[order].Status.FinishedAt = time.Time{}, time.Time{}
			},
			want: map[Flaw]int{WrongStatus: 2},
		},
		"a condition too many": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[order].Status.Conditions["Stalled"] = "True/OrderFailed" },
			want:  map[Flaw]int{WrongStatus: 1},
		},
		"a condition that does not follow from the state is none of its business": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[order].Status.Conditions["Overdue"] = "True/OrderOverdue" },
			want:  map[Flaw]int{},
		},
		"a condition of a wrong time": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[alert].Status.Times["Active"] = at(1) },
			want:  map[Flaw]int{WrongStatus: 1},
		},
		"a count of transitions, a generation and a value that are wrong": {
			spoil: func(_ *Ledger, c *Contents) {
				s := &c.Resources[alert].Status
				s.Transitions, s.Generation, s.Value = 3, 1, "81"
			},
			want: map[Flaw]int{WrongStatus: 3},
		},
		"a report that is not in the status": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[alert].Status.Sequence = 1 },
			want:  map[Flaw]int{WrongStatus: 1},
		},
		"a field erased": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[order].Facts["type"] = "" },
			want:  map[Flaw]int{WrongFields: 1},
		},
		"a gap in the sequences": {
			spoil: func(_ *Ledger, c *Contents) {
				c.Resources[alert].Reports[1].Sequence = 3
				s := &c.Resources[alert].Status
				s.Sequence, s.Transitions = 3, 3
				c.Events[4] = event(c.Resources[alert].Resource, "abcdefgh", 3, "AlertOff", 9)
			},
			// The status keeps to the sequences, and there is no Event for the one that is missing.
			want: map[Flaw]int{Gap: 1, Doubled: 1, MissingEvent: 1},
		},
		"a sequence twice": {
			spoil: func(_ *Ledger, c *Contents) { c.Resources[alert].Reports[0].Sequence = 2 },
			want:  map[Flaw]int{Gap: 2},
		},
		"a missing Event": {
			spoil: func(_ *Ledger, c *Contents) { c.Events = c.Events[1:] },
			want:  map[Flaw]int{MissingEvent: 1},
		},
		"a missing Event of a report that is no longer there": {
			spoil: func(_ *Ledger, c *Contents) { c.Events = append(c.Events[:5], c.Events[6:]...) },
			want:  map[Flaw]int{MissingEvent: 1},
		},
		"an Event twice under its name": {
			spoil: func(_ *Ledger, c *Contents) {
				again := c.Events[0]
				again.UID = "another"
				c.Events = append(c.Events, again)
			},
			want: map[Flaw]int{ExtraEvent: 1},
		},
		"an Event of a sequence that there is not": {
			spoil: func(_ *Ledger, c *Contents) {
				c.Events = append(c.Events, event(c.Resources[order].Resource, "01234567", 4, "OrderOpen", 7))
			},
			want: map[Flaw]int{ExtraEvent: 1},
		},
		"an Event of an earlier resource of the name": {
			spoil: func(_ *Ledger, c *Contents) {
				c.Events = append(c.Events, event(c.Resources[order].Resource, "76543210", 1, "OrderOpen", 1))
			},
			want: map[Flaw]int{ExtraEvent: 1},
		},
		"an Event of a resource that there never was": {
			spoil: func(_ *Ledger, c *Contents) {
				c.Events = append(c.Events, event(Resource{Orders, "ghost"}, "76543210", 1, "OrderOpen", 1))
			},
			want: map[Flaw]int{ExtraEvent: 1},
		},
		"an Event of a wrong time": {
			spoil: func(_ *Ledger, c *Contents) { c.Events[0].Time = c.Events[0].Time.Add(time.Microsecond) },
			want:  map[Flaw]int{WrongEvent: 1},
		},
		"an Event of a wrong reason": {
			spoil: func(_ *Ledger, c *Contents) { c.Events[3].Reason = "AlertOff" },
			want:  map[Flaw]int{WrongEvent: 1},
		},
		"a resource that nobody spoke of": {
			spoil: func(l *Ledger, _ *Contents) {
				delete(l.Accounts, Resource{Orders, "order-1"})
			},
			want: map[Flaw]int{Phantom: 1},
		},
		"an id given to two deliveries": {
			spoil: func(l *Ledger, _ *Contents) { l.Accounts[Resource{Alerts, "alert-1"}].Attempts[0].Number = 1 },
			want:  map[Flaw]int{BadAnswer: 1},
		},
		"a lower number for what was sent later": {
			spoil: func(l *Ledger, _ *Contents) { l.Accounts[Resource{Alerts, "alert-2"}].Attempts[69].Number = 50 },
			want:  map[Flaw]int{BadAnswer: 1, WrongState: 1},
		},
		"an answer that should not be": {
			spoil: func(l *Ledger, _ *Contents) { l.Unexpected = []string{"404"} },
			want:  map[Flaw]int{BadAnswer: 1},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l, c := goodLedger(), goodContents()
			test.spoil(l, &c)
			r := Verify(l, c)
			got := map[Flaw]int{}
			for _, flaw := range Flaws() {
				if n := r.Count(flaw); n > 0 {
					got[flaw] = n
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s\n%v", diff, r.Differences)
			}
		})
	}
}
