package simulator

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"
)

// maxPrinted is how many differences of each flaw are printed.
const maxPrinted = 5

// Print writes the result as a table, and the first differences.
func (r *Result) Print(out io.Writer) {
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(n int, what string) { fmt.Fprintf(table, "%d\t  %s\n", n, what) } //nolint:errcheck // into memory
	row(r.Sent, "attempts to deliver")
	row(r.Accepted, "accepted")
	row(r.Refused, "refused, and delivered again")
	row(r.Maybe, "not answered, so perhaps kept, and delivered again")
	row(r.Quarantined, "in quarantine")
	row(r.Resources, "resources")
	row(r.Exact, "of them with an order of deliveries that is known, and compared report by report")
	row(r.Dropped, "of them with so many reports that the first are no longer kept")
	row(r.Reports, "reports")
	row(r.Repeats, "repeats that only raised a count")
	row(r.Events, "Events")
	for _, flaw := range Flaws() {
		row(r.Count(flaw), string(flaw))
	}
	_ = table.Flush() // into memory
	printed := map[Flaw]int{}
	for _, d := range r.Differences {
		if printed[d.Flaw]++; printed[d.Flaw] <= maxPrinted {
			fmt.Fprintln(&text, d)
		}
	}
	if len(r.Differences) > 0 {
		fmt.Fprintf(&text, "%d differences, of which the first of each kind are printed\n", len(r.Differences))
	}
	_, _ = text.WriteTo(out) // there is nobody else to tell
}
