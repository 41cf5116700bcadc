package plugin

import (
	"io"
	"strings"
	"time"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// printTimeline prints a timeline for a person.
func printTimeline(w io.Writer, s style, v timelineView, namespaced bool) {
	if len(v.Entries) == 0 {
		write(w, "There is nothing of it in this time.\n")
		return
	}
	rows := [][]cell{cells("TIME", "KIND", "WHAT", "STATE", "VALUE", "COUNT", "RESOURCE")}
	for i := range v.Entries {
		rows = append(rows, entryRow(&v.Entries[i], namespaced))
	}
	writeTable(w, s, "", rows)
	if v.NotKept > 0 {
		write(w, counted(v.NotKept, "older report is", "older reports are")+" no longer kept\n")
	}
}

func entryRow(e *entry, namespaced bool) []cell {
	resource := strings.ToLower(e.Kind) + "/" + e.Name
	if !namespaced {
		resource = e.Namespace + " " + resource
	}
	row := cells(e.Time.UTC().Format(time.RFC3339), e.kind(), clean(e.What, maxNameInText), e.State, clean(e.value(), maxNameInText), e.count(), resource)
	row[3].paint = colourOfState(e.State)
	return row
}

// kind is the kind as a person says it.
func (e *entry) kind() string {
	if e.Kind == v1alpha1.KindSimAlert {
		return "alert"
	}
	return "order"
}

// value is what an alert watches and what it saw, as its Event has it.
func (e *entry) value() string {
	if e.Kind != v1alpha1.KindSimAlert {
		return ""
	}
	value := strings.TrimSpace(e.StatName + " " + e.Value)
	if limit := strings.TrimSpace(e.Condition + " " + e.ConditionalValue); limit != "" {
		value += ", " + limit
	}
	return value
}

// count is empty for what was said once.
func (e *entry) count() string {
	if e.Count <= 1 {
		return ""
	}
	return "x" + decimal(e.Count)
}

// colourOfState is red for what needs somebody, and green for what has ended well.
func colourOfState(state string) paint {
	switch state {
	case string(v1alpha1.OrderStateFailed), string(v1alpha1.OrderStateStalled), string(v1alpha1.AlertTriggerOn):
		return red
	case string(v1alpha1.OrderStateCancelled):
		return yellow
	case string(v1alpha1.OrderStateComplete), string(v1alpha1.AlertTriggerOff):
		return green
	default:
		return plain
	}
}
