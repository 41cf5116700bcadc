package webhook

import (
	"context"
	"time"

	"github.com/sim-operator/sim-operator/internal/logging"
	"github.com/sim-operator/sim-operator/internal/tracing"
)

// traceTime is the time, where there are traces that it may stand in.
func (h *Handler) traceTime() time.Time {
	if !h.options.Tracer.Enabled() {
		return time.Time{}
	}
	return h.clock.Now()
}

// tell tells the log and the trace of a delivery that is on disk. Of any other request nothing is told: it has no id, and
// whoever found the address must not fill a log.
func (h *Handler) tell(ctx context.Context, c *call, id, result, failure string) {
	if id == "" {
		return
	}
	if log := h.options.Log.V(logging.Debug); log.Enabled() {
		log.Info("A delivery is on disk", logging.KeyDelivery, id, logging.KeyReceiver, c.receiver.Key(),
			logging.KeyKind, c.kind, logging.KeyBytes, c.bytes, logging.KeyResult, result)
	}
	if h.options.Tracer.Enabled() {
		h.options.Tracer.Received(ctx, id, tracing.Received{
			Receiver: c.receiver.Key(), Kind: c.kind, Result: result, Bytes: c.bytes, Failure: failure,
			Started: c.receivedAt, Spooling: c.spooling, Spooled: c.spooled, Ended: h.clock.Now(),
		})
	}
}
