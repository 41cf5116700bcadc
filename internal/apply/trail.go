package apply

import (
	"context"

	"github.com/sim-operator/sim-operator/internal/logging"
	"github.com/sim-operator/sim-operator/internal/spool"
	"github.com/sim-operator/sim-operator/internal/tracing"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// tellApplied tells the log and the traces of deliveries that their resource holds.
func (a *Applier) tellApplied(ctx context.Context, t Task, b batch, from int, numbers []uint64) {
	log := a.Log.V(logging.Debug)
	if !log.Enabled() && !a.Tracer.Enabled() {
		return
	}
	ended := a.Clock.Now()
	for i, number := range numbers {
		id := webhook.DeliveryID(a.spool.ID(), number)
		sequence := b.sequence(id)
		log.Info("A delivery was applied",
			logging.KeyDelivery, id, logging.KeyResource, t.key, logging.KeyReceiver, t.receiver, logging.KeySequence, sequence)
		if i < tracing.MaxBatch {
			a.Tracer.Applied(ctx, id, tracing.Applied{
				Resource: t.key, Receiver: t.receiver, Started: t.started, Ended: ended, Waited: t.started.Sub(b.receivedAt(from + i)),
				Attempts: t.attempts, Deliveries: len(numbers), First: webhook.DeliveryID(a.spool.ID(), numbers[0]), Sequence: sequence,
			})
		}
	}
}

// tellRejected tells the log and the trace of a delivery that it went to quarantine.
func (a *Applier) tellRejected(ctx context.Context, t Task, reason spool.Reason, number uint64) {
	id := webhook.DeliveryID(a.spool.ID(), number)
	a.Log.Info("A delivery went to quarantine", logging.KeyDelivery, id, logging.KeyResource, t.key,
		logging.KeyReceiver, t.receiver, logging.KeyReason, reason.Code, logging.KeyMessage, reason.Message)
	a.Tracer.Applied(ctx, id, tracing.Applied{
		Resource: t.key, Receiver: t.receiver, Started: t.started, Ended: a.Clock.Now(),
		Attempts: t.attempts, Failure: reason.Code + ": " + reason.Message,
	})
}
