package tracing

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"k8s.io/utils/clock"
)

// What became of a span, as a label.
const (
	resultExported = "exported"
	resultDropped  = "dropped"
	resultFailed   = "failed"
)

// A queue holds the spans that wait for the collector. Whoever puts one in never waits: where there is no room it is
// dropped. The SDK's own does not say how many it drops, and tells its errors to a global handler.
type queue struct {
	exporter sdktrace.SpanExporter
	clock    clock.Clock
	log      logr.Logger
	spans    chan sdktrace.ReadOnlySpan
	closed   atomic.Bool
	// stop ends work, and ended is closed when it has; cut ends an export that is under way.
	stop, ended chan struct{}
	cut         context.CancelFunc
	counted     *prometheus.CounterVec
	// failing is work's own: the last batch did not reach the collector.
	failing bool
}

func newQueue(ctx context.Context, exporter sdktrace.SpanExporter, p Process) *queue {
	q := &queue{
		exporter: exporter, clock: p.Clock, log: p.Log,
		spans: make(chan sdktrace.ReadOnlySpan, queueSpans), stop: make(chan struct{}), ended: make(chan struct{}),
		counted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sim_operator_trace_spans_total",
			Help: "Spans of deliveries by what became of them: exported, dropped for there was no room, or failed at the collector.",
		}, []string{"result"}),
	}
	for _, result := range []string{resultExported, resultDropped, resultFailed} {
		q.counted.WithLabelValues(result)
	}
	p.Registry.MustRegister(q.counted)
	ctx, cut := context.WithCancel(context.WithoutCancel(ctx))
	q.cut = cut
	go q.work(ctx)
	return q
}

// OnStart implements sdktrace.SpanProcessor.
func (q *queue) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements sdktrace.SpanProcessor: it takes a span in if there is room.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if !q.closed.Load() {
		select {
		case q.spans <- s:
			return
		default:
		}
	}
	q.counted.WithLabelValues(resultDropped).Inc()
}

// ForceFlush implements sdktrace.SpanProcessor. Nothing here needs it.
func (q *queue) ForceFlush(context.Context) error { return nil }

// Shutdown implements sdktrace.SpanProcessor: it sends what waits, until ctx ends.
func (q *queue) Shutdown(ctx context.Context) error {
	if q.closed.Swap(true) {
		return nil
	}
	defer q.cut()
	close(q.stop)
	var late error
	select {
	case <-q.ended:
	case <-ctx.Done():
		late = ctx.Err()
		q.cut()
		<-q.ended
	}
	return errors.Join(late, q.exporter.Shutdown(ctx))
}

// work sends batches until stop is closed and nothing waits, or ctx ends.
func (q *queue) work(ctx context.Context) {
	defer close(q.ended)
	for {
		batch, more := q.next()
		if len(batch) > 0 {
			q.export(ctx, batch)
		}
		if !more || ctx.Err() != nil {
			return
		}
	}
}

// next waits for a span, and then for others to go with it. more is false where no batch will follow.
func (q *queue) next() (batch []sdktrace.ReadOnlySpan, more bool) {
	select {
	case s := <-q.spans:
		batch = append(batch, s)
	case <-q.stop:
		return q.rest(nil)
	}
	timer := q.clock.NewTimer(batchDelay)
	defer timer.Stop()
	for len(batch) < batchSpans {
		select {
		case s := <-q.spans:
			batch = append(batch, s)
		case <-timer.C():
			return batch, true
		case <-q.stop:
			return q.rest(batch)
		}
	}
	return batch, true
}

// rest takes what is there without waiting.
func (q *queue) rest(batch []sdktrace.ReadOnlySpan) (_ []sdktrace.ReadOnlySpan, more bool) {
	for len(batch) < batchSpans {
		select {
		case s := <-q.spans:
			batch = append(batch, s)
		default:
			return batch, false
		}
	}
	return batch, true
}

func (q *queue) export(ctx context.Context, batch []sdktrace.ReadOnlySpan) {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	err := q.exporter.ExportSpans(ctx, batch)
	switch {
	case err != nil && !q.failing:
		q.log.Info("The collector of traces takes nothing; spans are lost, deliveries are not", "error", err.Error())
	case err == nil && q.failing:
		q.log.Info("The collector of traces takes spans again")
	}
	q.failing = err != nil
	result := resultExported
	if err != nil {
		result = resultFailed
	}
	q.counted.WithLabelValues(result).Add(float64(len(batch)))
}
