// Package failpoint ends the process at chosen places in the code, so that a test can be sure that a crash there was
// tried. Without the build tag failpoints its functions are empty and inlined: what is shipped has none of it.
//
// With the tag, $SIM_OPERATOR_FAILPOINTS says where: "name=N,name=N", each at the Nth time that the process gets there.
// The process then writes "failpoint: name" to stderr and ends as by kill -9: nothing is deferred, flushed or closed.
package failpoint

// Variable is the environment variable that says where to end.
const Variable = "SIM_OPERATOR_FAILPOINTS"

// The places.
const (
	// BetweenEventAndStatus is in the manager: a report has its Event, and the status does not say so yet.
	BetweenEventAndStatus = "between-event-and-status"
	// BetweenWriteAndDone is in the ingress: the API server has taken a write, and the spool does not know.
	BetweenWriteAndDone = "between-write-and-done"
	// BeforeCommit is in the ingress: callers wait for a commit that has not begun.
	BeforeCommit = "before-commit"
	// AfterCommit is in the ingress: a commit is on disk, and those who wait for it have not been told.
	AfterCommit = "after-commit"
	// BetweenDataAndMeta is in the ingress: a commit has written its data pages, and not the page that makes them count.
	BetweenDataAndMeta = "between-data-and-meta"
	// WithinFrame is in the ingress: a commit has written half of what it has for the journal.
	WithinFrame = "within-frame"
)
