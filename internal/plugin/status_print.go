package plugin

import (
	"fmt"
	"io"
	"time"
)

// maxNamesInTable is how many names of alerts a table has.
const maxNamesInTable = 10

// printStatus prints a status for a person: first what needs attention, or that nothing does.
func printStatus(w io.Writer, s style, v statusView) {
	now := v.Time.Time
	if len(v.Receivers) == 0 && v.Orders.Total == 0 && v.Alerts.Total == 0 {
		write(w, "There is nothing "+place(v.Namespace)+": no SimReceiver, no SimOrder, no SimAlert."+elsewhere(v.Namespace)+"\n")
		return
	}
	printAttention(w, s, v, now)
	printReceivers(w, s, v, now)
	if v.Orders.Total > 0 {
		printOrders(w, s, v.Orders)
	}
	if v.Alerts.Active > 0 {
		printAlerts(w, s, v.Alerts, now)
	}
}

func place(namespace string) string {
	if namespace == "" {
		return "in any namespace"
	}
	return "in namespace " + namespace
}

func elsewhere(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " -A looks in all namespaces."
}

// summary is the line for when all is well.
func summary(v statusView) string {
	return fmt.Sprintf("All is well: %s ready, %s, %s on.",
		counted(int64(len(v.Receivers)), "receiver", "receivers"),
		counted(v.Orders.Total, "order", "orders"),
		counted(v.Alerts.Active, "alert", "alerts"))
}

func printAttention(w io.Writer, s style, v statusView, now time.Time) {
	if v.Healthy {
		write(w, s.paint(summary(v), green)+"\n")
		return
	}
	write(w, s.paint("NEEDS ATTENTION", bold)+"\n")
	for _, a := range v.Attention {
		what, advice := a.Reason.said(a.Count)
		colour := yellow
		if a.Critical {
			colour = red
		}
		line := "  " + s.paint(what, colour)
		if advice != "" {
			line += " (" + advice + ")"
		}
		write(w, line+"\n")
		var rows [][]cell
		for _, about := range a.Newest {
			rows = append(rows, cells(ageOf(now, about), about.Namespace+"/"+about.Name, clean(about.Detail, maxReasonInText)))
		}
		writeTable(w, s, "    ", rows)
		if more := a.Count - int64(len(a.Newest)); more > 0 {
			write(w, "    and "+decimal(more)+" more; --limit names more of them\n")
		}
	}
}

func ageOf(now time.Time, about subject) string {
	if about.Since == nil {
		return ""
	}
	return ago(now, about.Since.Time)
}

func printReceivers(w io.Writer, s style, v statusView, now time.Time) {
	if len(v.Receivers) == 0 {
		return
	}
	rows := [][]cell{cells("RECEIVER", "READY", "LAST DELIVERY", "WAITING", "QUARANTINED", "REASON")}
	for _, r := range v.Receivers {
		last := "never"
		if r.LastDelivery != nil {
			last = ago(now, r.LastDelivery.Time)
		}
		row := cells(r.Namespace+"/"+r.Name, "True", last, decimal(r.Waiting), decimal(r.Quarantined), r.reason())
		row[1].paint = green
		if !r.Ready {
			row[1] = cell{"False", red}
		}
		if r.Quarantined > 0 {
			row[4].paint = yellow
		}
		rows = append(rows, row)
	}
	write(w, "\n")
	writeTable(w, s, "", rows)
}

// reason is why a receiver is not ready, or else the last that its ingresses had to say.
func (r receiverView) reason() string {
	if !r.Ready {
		return r.Reason
	}
	return clean(r.LastReason, maxReasonInText)
}

func printOrders(w io.Writer, s style, v ordersView) {
	rows := [][]cell{cells("ORDERS", "COUNT")}
	for _, state := range v.ByState {
		rows = append(rows, []cell{{state.State, colourOfState(state.State)}, {text: decimal(state.Count)}})
	}
	if v.Overdue > 0 {
		rows = append(rows, []cell{{"(overdue)", yellow}, {text: decimal(v.Overdue)}})
	}
	write(w, "\n")
	writeTable(w, s, "", rows)
}

func printAlerts(w io.Writer, s style, v alertsView, now time.Time) {
	rows := [][]cell{cells("ALERTS ON", "COUNT", "OLDEST")}
	for _, count := range v.ByName[:min(len(v.ByName), maxNamesInTable)] {
		oldest := ""
		if count.Oldest != nil {
			oldest = ago(now, count.Oldest.Time)
		}
		rows = append(rows, cells(clean(count.Name, maxNameInText), decimal(count.Active), oldest))
	}
	write(w, "\n")
	writeTable(w, s, "", rows)
	if more := len(v.ByName) - maxNamesInTable; more > 0 {
		write(w, "and "+counted(int64(more), "other name", "other names")+"; -o json has them all\n")
	}
}
