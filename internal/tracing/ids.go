package tracing

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"go.opentelemetry.io/otel/trace"
)

// rootOf is the trace of a delivery and its root span, made from the delivery's id alone: whoever knows the id goes on
// with the trace, in another process and after a restart, and nothing has to be kept for that.
func rootOf(delivery string) (trace.TraceID, trace.SpanID) {
	sum := sha256.Sum256([]byte(delivery))
	return trace.TraceID(sum[:16]), trace.SpanID(sum[16:24])
}

// TraceID is the trace of a delivery.
func TraceID(delivery string) trace.TraceID {
	id, _ := rootOf(delivery)
	return id
}

// deliveryKey is where the delivery stands in the context of its root span. The SDK gives a generator of ids nothing else.
type deliveryKey struct{}

// ids makes the ids of spans. Those of the root span follow from the delivery; the others are drawn at random.
type ids struct {
	random func() uint64
}

// NewIDs implements sdktrace.IDGenerator, for the root span.
func (g ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	delivery, _ := ctx.Value(deliveryKey{}).(string)
	return rootOf(delivery)
}

// NewSpanID implements sdktrace.IDGenerator, for the other spans.
func (g ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	var id trace.SpanID
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:], g.random())
	}
	return id
}
