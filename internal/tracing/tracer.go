// Package tracing tells an OpenTelemetry collector what became of each delivery, from the webhook to the Event. The trace
// of a delivery follows from its id, so that each process goes on where the one before it ended.
//
// Spans are made after the fact: the id of a delivery is known only when it is on disk. Nothing here holds up a delivery:
// where the collector is slow or gone, spans are dropped and counted. A token is in none of them.
package tracing

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"k8s.io/utils/clock"
)

// A Process is what a tracer takes from the program that it is in.
type Process struct {
	// Service and Instance say which program it is and which of its replicas; Version which version.
	Service, Instance, Version string
	Clock                      clock.Clock
	// Random gives the ids of spans. It is called by many goroutines.
	Random   func() uint64
	Registry prometheus.Registerer
	Log      logr.Logger
}

// Tracer makes the spans of deliveries. A nil Tracer makes none.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	queue    *queue
}

// Start makes a tracer, or nil where the options say that there are no traces. It does not wait for the collector. The
// caller ends it by Close.
func Start(ctx context.Context, o Options, p Process) (*Tracer, error) {
	if o.Endpoint == "" {
		return nil, nil //nolint:nilnil // a nil Tracer is one that makes no spans
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(o.Endpoint), otlptracegrpc.WithTimeout(exportTimeout),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: true, InitialInterval: firstRetry, MaxInterval: maxRetry, MaxElapsedTime: exportTimeout}))
	if err != nil {
		return nil, fmt.Errorf("make the exporter of traces: %w", err)
	}
	p.Log.Info("Deliveries are traced", "endpoint", o.Endpoint, "ratio", o.SampleRatio)
	return newTracer(ctx, exporter, o.SampleRatio, p), nil
}

func newTracer(ctx context.Context, exporter sdktrace.SpanExporter, ratio float64, p Process) *Tracer {
	q := newQueue(ctx, exporter, p)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(q),
		sdktrace.WithIDGenerator(ids{p.Random}),
		// Not what the parent says: all processes choose by the trace's id, and so the same.
		sdktrace.WithSampler(sdktrace.TraceIDRatioBased(ratio)),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", p.Service),
			attribute.String("service.version", p.Version),
			attribute.String("service.instance.id", p.Instance),
		)),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/sim-operator/sim-operator"), queue: q}
}

// Enabled says whether spans are made.
func (t *Tracer) Enabled() bool {
	return t != nil
}

// Close sends what waits, for at most closeTimeout, and ends the tracer. Spans that are made later are dropped.
func (t *Tracer) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.queue.log.Info("The last spans did not reach the collector", "error", err.Error())
	}
}

// A span is one step of a delivery.
type span struct {
	name       string
	start, end time.Time
	attributes []attribute.KeyValue
	// links are other deliveries that took this step together with this one.
	links []string
	// failure is why the step did not end well; empty where it did.
	failure string
}

// root makes the first span of a delivery's trace.
func (t *Tracer) root(ctx context.Context, delivery string, s span) {
	t.record(context.WithValue(ctx, deliveryKey{}, delivery), s, trace.WithSpanKind(trace.SpanKindServer), trace.WithNewRoot())
}

// child makes a span below the first.
func (t *Tracer) child(ctx context.Context, delivery string, s span) {
	t.record(trace.ContextWithRemoteSpanContext(ctx, rootContext(delivery)), s)
}

func rootContext(delivery string) trace.SpanContext {
	traceID, rootID := rootOf(delivery)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: rootID, TraceFlags: trace.FlagsSampled, Remote: true})
}

func (t *Tracer) record(ctx context.Context, s span, options ...trace.SpanStartOption) {
	links := make([]trace.Link, 0, len(s.links))
	for _, delivery := range s.links {
		links = append(links, trace.Link{SpanContext: rootContext(delivery)})
	}
	options = append(options, trace.WithTimestamp(s.start), trace.WithAttributes(s.attributes...), trace.WithLinks(links...))
	_, made := t.tracer.Start(ctx, s.name, options...)
	if s.failure != "" {
		made.SetStatus(codes.Error, s.failure)
	}
	made.End(trace.WithTimestamp(s.end))
}
