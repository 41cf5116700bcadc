package plugin

import (
	"io"
	"strings"
)

// printSent prints what became of a delivery for a person.
func printSent(w io.Writer, s style, v sendView) {
	write(w, "accepted as delivery "+clean(v.DeliveryID, maxNameInText)+"\n")
	resource := strings.ToLower(v.Resource) + "/" + v.Name
	if v.State != "" {
		write(w, resource+" is "+s.paint(v.State, colourOfState(v.State))+": "+clean(v.Message, maxReasonInText)+"\n")
	}
	write(w, "see it with: kubectl -n "+v.Namespace+" describe "+resource+"\n")
}
