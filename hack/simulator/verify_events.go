package simulator

import (
	"strconv"
	"strings"
)

// uidInName is how much of the uid stands in an Event's name.
const uidInName = 8

// resourceEvents looks whether each report has its one Event, and each Event its report.
func (v *verifier) resourceEvents(r *Snapshot) {
	kept := map[int64]Report{}
	for _, report := range r.Reports {
		kept[report.Sequence] = report
	}
	prefix := r.Resource.Name + "." + r.UID[:min(uidInName, len(r.UID))] + "."
	found := map[int64]int{}
	for _, e := range v.events[r.Resource] {
		sequence, err := strconv.ParseInt(strings.TrimPrefix(e.Name, prefix), 10, 64)
		if err != nil || sequence < 1 || sequence > r.lastSequence() {
			v.differ(ExtraEvent, 1, r.Resource, "Event %s (%s) is of no report", e.Name, e.Reason)
			continue
		}
		if found[sequence]++; found[sequence] > 1 {
			v.differ(ExtraEvent, 1, r.Resource, "Event %s was created more than once", e.Name)
		}
		if report, ok := kept[sequence]; ok {
			v.event(r.Resource, e, report)
		}
	}
	for sequence := int64(1); sequence <= r.lastSequence(); sequence++ {
		if found[sequence] == 0 {
			v.differ(MissingEvent, 1, r.Resource, "report %d has no Event", sequence)
		}
	}
}

// event holds an Event against its report.
func (v *verifier) event(resource Resource, e Event, report Report) {
	if !e.Time.Equal(report.ReceivedAt) {
		v.differ(WrongEvent, 1, resource, "Event %s has time %s, and its report %s", e.Name, e.Time, report.ReceivedAt)
	}
	if e.Reason != eventReason(resource.Kind, report.Says) {
		v.differ(WrongEvent, 1, resource, "Event %s has reason %s, and its report says %s", e.Name, e.Reason, report.Says)
	}
}
