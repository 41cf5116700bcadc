package simulator

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// maxPrinted is how many differences are printed.
const maxPrinted = 20

// Print writes the result as a table, and the first differences.
func (r *Result) Print(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(n int, what string) { fmt.Fprintf(table, "%d\t  %s\n", n, what) } //nolint:errcheck // Flush has the error
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
	_ = table.Flush()
	for i, d := range r.Differences {
		if i == maxPrinted {
			fmt.Fprintf(out, "... and %d more differences\n", len(r.Differences)-i) //nolint:errcheck // nothing to do about it
			break
		}
		fmt.Fprintln(out, d) //nolint:errcheck // nothing to do about it
	}
}
