package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/sim-operator/sim-operator/internal/logging"
)

// The names of the spans. Each is below SpanReceive.
const (
	// SpanReceive is a delivery at the door, from the first byte of the request to the answer.
	SpanReceive = "receive"
	// SpanSpool is the part of it in which the delivery goes to disk.
	SpanSpool = "spool"
	// SpanApply is the turn of the applier that brought the delivery into its resource, or to quarantine.
	SpanApply = "apply"
	// SpanEvent is the creation of the Event of the report that the delivery made.
	SpanEvent = "event"
	// SpanStatus is the writing of the status that covers that report.
	SpanStatus = "status"
)

// Received is what the door did with a delivery that is on disk.
type Received struct {
	Receiver, Kind, Result string
	Bytes                  int
	// From Started to Ended the request was served, and from Spooling to Spooled the delivery went to disk.
	Started, Spooling, Spooled, Ended time.Time
	// Failure is why the delivery went to quarantine; empty where it was accepted.
	Failure string
}

// Received makes the first spans of a delivery.
func (t *Tracer) Received(ctx context.Context, delivery string, r Received) {
	if !t.Enabled() {
		return
	}
	t.root(ctx, delivery, span{name: SpanReceive, start: r.Started, end: r.Ended, failure: r.Failure, attributes: []attribute.KeyValue{
		attribute.String(logging.KeyDelivery, delivery),
		attribute.String(logging.KeyReceiver, r.Receiver),
		attribute.String(logging.KeyKind, r.Kind),
		attribute.Int(logging.KeyBytes, r.Bytes),
		attribute.String(logging.KeyResult, r.Result),
	}})
	t.child(ctx, delivery, span{name: SpanSpool, start: r.Spooling, end: r.Spooled, attributes: []attribute.KeyValue{
		attribute.String(logging.KeyDelivery, delivery),
	}})
}

// Applied is what the applier did with a delivery.
type Applied struct {
	Resource, Receiver string
	// Started is when the turn began, and Ended when the API server had answered and the spool had been told.
	Started, Ended time.Time
	// Waited is how long the delivery was in the spool before; zero where that is not known.
	Waited time.Duration
	// Attempts is the number of turns in a row that it took the resource, this one included.
	Attempts int
	// Deliveries is how many were written together; First is the first of them.
	Deliveries int
	First      string
	// Sequence is that of the report that the delivery made; 0 where it made none.
	Sequence int64
	// Failure is why the delivery went to quarantine; empty where it did not.
	Failure string
}

// Applied makes the span of a delivery that has left the spool.
func (t *Tracer) Applied(ctx context.Context, delivery string, a Applied) {
	if !t.Enabled() {
		return
	}
	s := span{name: SpanApply, start: a.Started, end: a.Ended, failure: a.Failure, attributes: []attribute.KeyValue{
		attribute.String(logging.KeyDelivery, delivery),
		attribute.String(logging.KeyResource, a.Resource),
		attribute.String(logging.KeyReceiver, a.Receiver),
		attribute.Int("attempts", a.Attempts),
	}}
	if a.Failure == "" {
		s.attributes = append(s.attributes,
			attribute.Float64("waited_seconds", a.Waited.Seconds()),
			attribute.Int("deliveries", a.Deliveries),
			attribute.Int64(logging.KeySequence, a.Sequence))
	}
	if a.First != "" && a.First != delivery {
		s.links = []string{a.First}
	}
	t.child(ctx, delivery, s)
}

// Event makes the span of an Event. existed says that it had been created before.
func (t *Tracer) Event(ctx context.Context, delivery, resource, event string, existed bool, started, ended time.Time) {
	if !t.Enabled() {
		return
	}
	t.child(ctx, delivery, span{name: SpanEvent, start: started, end: ended, attributes: []attribute.KeyValue{
		attribute.String(logging.KeyDelivery, delivery),
		attribute.String(logging.KeyResource, resource),
		attribute.String(logging.KeyEvent, event),
		attribute.Bool("existed", existed),
	}})
}

// Status makes the span of a status that covers the report of a delivery.
func (t *Tracer) Status(ctx context.Context, delivery, resource string, started, ended time.Time) {
	if !t.Enabled() {
		return
	}
	t.child(ctx, delivery, span{name: SpanStatus, start: started, end: ended, attributes: []attribute.KeyValue{
		attribute.String(logging.KeyDelivery, delivery),
		attribute.String(logging.KeyResource, resource),
	}})
}
