package simulator

import (
	"slices"
	"strings"
	"time"
)

// fold works out from the reports what the status must say, as the contract has it. It is written anew, and not taken
// from the product, so that the two check each other. Of reports that are no longer there only the status itself
// knows; then what it says takes part, at its own time.
func fold(r *Snapshot) Status {
	want := Status{Generation: r.Generation, Sequence: r.lastSequence(), Transitions: r.lastSequence()}
	reports := slices.Clone(r.Reports)
	slices.SortStableFunc(reports, func(a, b Report) int { return a.ReceivedAt.Compare(b.ReceivedAt) })
	if len(reports) > 0 {
		want.StartedAt = reports[0].ReceivedAt
		want.Value = reports[len(reports)-1].Value
	}
	if r.dropped() {
		want.StartedAt = r.Status.StartedAt
		i, _ := slices.BinarySearchFunc(reports, r.Status.Since, func(a Report, t time.Time) int { return a.ReceivedAt.Compare(t) })
		reports = slices.Insert(reports, i, Report{Says: r.Status.Says, ReceivedAt: r.Status.Since})
	}
	for _, report := range reports {
		if report.Says == want.Says || stays(want.Says, report.Says) {
			continue
		}
		want.Says, want.Since = report.Says, report.ReceivedAt
	}
	if r.Resource.Kind == Alerts {
		want.StartedAt = time.Time{}
	} else if slices.Contains([]string{"Complete", "Failed", "Cancelled"}, want.Says) {
		want.FinishedAt = want.Since
	}
	want.Conditions = conditionsOf(r.Resource.Kind, want.Says)
	return want
}

// stays says whether a state is final towards another one.
func stays(state, next string) bool {
	switch next {
	case "Open", "Pending", "Stalled":
		return state == "Complete" || state == "Cancelled"
	default:
		return false
	}
}

// conditionsOf is the table of conditions.
func conditionsOf(kind, says string) map[string]string {
	if kind == Alerts {
		active := map[string]string{"On": "True/AlertOn", "Off": "False/AlertOff"}[says]
		return map[string]string{"Ready": "True/ReportProcessed", "Active": active}
	}
	switch says {
	case "Stalled":
		return map[string]string{"Ready": "False/Stalled", "Stalled": "True/OrderStalled"}
	case "Complete":
		return map[string]string{"Ready": "True/Complete", "Complete": "True/Complete"}
	case "Failed":
		return map[string]string{"Ready": "False/Failed", "Stalled": "True/OrderFailed", "Failed": "True/Failed"}
	case "Cancelled":
		return map[string]string{"Ready": "False/Cancelled", "Stalled": "True/OrderCancelled"}
	default:
		return map[string]string{"Ready": "False/" + says, "Reconciling": "True/" + says}
	}
}

// eventReason is the reason of a report's Event.
func eventReason(kind, says string) string {
	if kind == Alerts {
		return "Alert" + says
	}
	if strings.HasPrefix(says, "Code") {
		return "OrderStateReported"
	}
	return "Order" + says
}
