package apply

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/internal/spool"
)

// A verdict is what an error of the API server means for what was to be written.
type verdict int

const (
	// refused: the server will never take it as it is. It belongs in quarantine.
	refused verdict = iota
	// notNow: the server does not take this resource now: no quota, no namespace, a conflict, a webhook that fails.
	notNow
	// nobody: the server takes nothing from anybody now. Trying other resources is of no use.
	nobody
)

// Reasons that are no answer of the API server.
const (
	reasonReportsFull      = "ReportsFull"
	reasonUnreachable      = "Unreachable"
	reasonTimeout          = "Timeout"
	reasonContended        = "Contended"
	reasonQuarantineFull   = "QuarantineFull"
	reasonSpoolUnavailable = "SpoolUnavailable"
)

// classify judges why a resource was not written, and names its reason in a few fixed words, fit for a metric's label.
func classify(err error) (verdict, string) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return classifyLocal(err)
	}
	reason := reasonLabel(status.Status().Reason)
	switch status.Status().Reason {
	case metav1.StatusReasonInvalid, metav1.StatusReasonBadRequest, metav1.StatusReasonRequestEntityTooLarge:
		return refused, reason
	case metav1.StatusReasonTooManyRequests, metav1.StatusReasonServiceUnavailable, metav1.StatusReasonUnauthorized:
		return nobody, reason
	default:
		return notNow, reason
	}
}

// reasonLabel keeps the reasons that an API server has of its own. An admission webhook may give any other.
func reasonLabel(reason metav1.StatusReason) string {
	switch reason {
	case metav1.StatusReasonUnauthorized, metav1.StatusReasonForbidden, metav1.StatusReasonNotFound, metav1.StatusReasonAlreadyExists,
		metav1.StatusReasonConflict, metav1.StatusReasonGone, metav1.StatusReasonInvalid, metav1.StatusReasonServerTimeout,
		metav1.StatusReasonStoreReadError, metav1.StatusReasonTimeout, metav1.StatusReasonTooManyRequests, metav1.StatusReasonBadRequest,
		metav1.StatusReasonMethodNotAllowed, metav1.StatusReasonNotAcceptable, metav1.StatusReasonRequestEntityTooLarge,
		metav1.StatusReasonUnsupportedMediaType, metav1.StatusReasonInternalError, metav1.StatusReasonExpired, metav1.StatusReasonServiceUnavailable:
		return string(reason)
	default:
		return "Unknown"
	}
}

// classifyLocal judges an error that is no answer of the API server.
func classifyLocal(err error) (verdict, string) {
	var full *spool.FullError
	switch {
	case errors.As(err, &full):
		return notNow, reasonQuarantineFull
	case errors.Is(err, spool.ErrUnavailable):
		return nobody, reasonSpoolUnavailable
	case errors.Is(err, errContended):
		return notNow, reasonContended
	case errors.Is(err, context.DeadlineExceeded):
		return notNow, reasonTimeout
	default:
		return nobody, reasonUnreachable
	}
}
