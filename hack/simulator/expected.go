package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A change is a report as the ledger foresees it: what it says, how often at least and at most, and its value if that
// is sure.
type change struct {
	says        string
	value       string
	fixed       bool
	least, most int64
}

func (c change) String() string {
	if c.least == c.most {
		return fmt.Sprintf("%s×%d", c.says, c.least)
	}
	return fmt.Sprintf("%s×%d..%d", c.says, c.least, c.most)
}

// foreseen is the list of all reports of a resource, where the ledger knows the order in which deliveries were kept:
// all are in one spool, and either all were answered, so that their numbers tell, or each was made after the one before
// it was over. ok is false where it does not.
func foreseen(a *Account) (list []change, ok bool) {
	kept := slices.DeleteFunc(slices.Clone(a.Attempts), func(t Attempt) bool { return t.Outcome == Refused })
	sure, ok := inOneSpool(kept)
	if !ok || !sure && !a.Sequential {
		return nil, false
	}
	if sure {
		slices.SortFunc(kept, func(a, b Attempt) int { return cmp.Compare(a.Number, b.Number) })
	}
	// What perhaps was kept is followed by what repeats it, as callers try until it is accepted. Without that the report
	// itself is not sure.
	if len(kept) > 0 && kept[len(kept)-1].Outcome != Accepted {
		return nil, false
	}
	for _, t := range kept {
		list = foresee(list, t)
	}
	return list, true
}

// inOneSpool says whether all that was kept is in one spool, or was lost on the way to it; sure is true if nothing was.
func inOneSpool(kept []Attempt) (sure, ok bool) {
	spool := ""
	sure = true
	for _, t := range kept {
		switch {
		case t.Outcome == MaybeLate, t.Outcome == Accepted && spool != "" && spool != t.Spool:
			return false, false
		case t.Outcome == Maybe:
			sure = false
		default:
			spool = t.Spool
		}
	}
	return sure, true
}

func foresee(list []change, t Attempt) []change {
	last := len(list) - 1
	if last < 0 || list[last].says != t.Says {
		list = append(list, change{says: t.Says})
		last++
	}
	c := &list[last]
	c.most++
	if t.Outcome == Accepted {
		c.least++
		c.value, c.fixed = t.Value, true
	}
	return list
}

// outOfOrder says of an account where each attempt waited for the one before it whether a later one has a lower number.
func outOfOrder(a *Account) bool {
	if !a.Sequential {
		return false
	}
	var last Attempt
	for _, t := range a.Attempts {
		if t.Outcome != Accepted {
			continue
		}
		if t.Spool == last.Spool && t.Number <= last.Number {
			return true
		}
		last = t
	}
	return false
}

// lastWord is what the sender said after everything else had its answer, and so what must stand as the latest report.
func lastWord(a *Account) (Attempt, bool) {
	var last Attempt
	for _, t := range a.Attempts {
		if t.Outcome == Maybe || t.Outcome == MaybeLate {
			return Attempt{}, false
		}
		if t.Outcome == Accepted && t.Sent.After(last.Sent) {
			last = t
		}
	}
	for _, t := range a.Attempts {
		if t.Outcome == Accepted && t != last && !t.Answered.Before(last.Sent) {
			return Attempt{}, false
		}
	}
	return last, last.Outcome == Accepted
}

// matches says how the reports that there are differ from what is foreseen; "" if they do not. The first of them may
// have been dropped.
func matches(list []change, r *Snapshot) string {
	if int64(len(list)) != r.lastSequence() {
		return fmt.Sprintf("%d reports were foreseen, and there were %d: want %s, have %s", len(list), r.lastSequence(), changes(list), reports(r))
	}
	missing := len(list) - len(r.Reports)
	if missing < 0 {
		return "" // sequences that are doubled are told elsewhere
	}
	for i, report := range r.Reports {
		want := list[missing+i]
		if report.Says != want.says || report.Count < want.least || report.Count > want.most {
			return fmt.Sprintf("want %s, have %s", changes(list[missing:]), reports(r))
		}
		if want.fixed && report.Value != want.value {
			return fmt.Sprintf("report %d has value %q, want %q", report.Sequence, report.Value, want.value)
		}
	}
	return ""
}

func changes(list []change) string {
	texts := make([]string, 0, len(list))
	for _, c := range list {
		texts = append(texts, c.String())
	}
	return "[" + strings.Join(texts, " ") + "]"
}

func reports(r *Snapshot) string {
	texts := make([]string, 0, len(r.Reports))
	for _, report := range r.Reports {
		texts = append(texts, fmt.Sprintf("%s×%d", report.Says, report.Count))
	}
	return "[" + strings.Join(texts, " ") + "]"
}
