package plugin

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/duration"
)

// Bounds, in bytes, of what stands in a table or an error.
const (
	maxNameInText   = 48
	maxReasonInText = 160
	maxErrorInText  = 2048
)

// clean makes a string from outside fit for a terminal: one line, printable (a name that a stranger chose may hold what
// moves the cursor), valid UTF-8, at most size bytes.
func clean(text string, size int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	const more = "..."
	if len(text) <= size {
		return text
	}
	end := size - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}

// ago is how long before now something was, as kubectl writes ages; "never" for the zero time.
func ago(now, at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return duration.HumanDuration(max(now.Sub(at), 0))
}

// counted is "1 order" or "2 orders".
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return decimal(n) + " " + many
}
