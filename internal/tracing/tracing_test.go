package tracing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"k8s.io/utils/clock"

	"github.com/sim-operator/sim-operator/internal/tracing/collector"
)

// epoch is when the spans of the tests begin.
var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func process() Process {
	n := uint64(0)
	var mu sync.Mutex
	return Process{
		Service: "test", Instance: "test-0", Version: "v0", Clock: clock.RealClock{}, Registry: prometheus.NewRegistry(), Log: logr.Discard(),
		Random: func() uint64 {
			mu.Lock()
			defer mu.Unlock()
			n++
			return n
		},
	}
}

// exporter stands in for a collector.
type exporter struct {
	mu    sync.Mutex
	spans int
	// gate, if there is one, holds up each export until it is closed or the export is cut off.
	gate chan struct{}
	err  error
}

func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if e.gate != nil {
		select {
		case <-e.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.spans += len(spans)
	return e.err
}

func (e *exporter) Shutdown(context.Context) error { return nil }

func TestTheTraceFollowsFromTheDelivery(t *testing.T) {
	if got := TraceID("k3v9x2ab-17").String(); got != wantTrace {
		t.Errorf("the trace is %s; want %s, or programs of two versions would not agree", got, wantTrace)
	}
	if TraceID("k3v9x2ab-17") == TraceID("k3v9x2ab-18") {
		t.Error("two deliveries have one trace")
	}
}

// wantTrace is the beginning of what sha256sum says of the id.
const wantTrace = "eb72566a92747c0dfab4f2d80837435d"

func TestSpansReachTheCollector(t *testing.T) {
	c := collector.Start(t)
	tracer, err := Start(t.Context(), Options{Endpoint: c.Endpoint(), SampleRatio: 1}, process())
	if err != nil {
		t.Fatal(err)
	}
	second := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }
	tracer.Received(t.Context(), "s-2", Received{Receiver: "sims/demo", Kind: "orders", Result: "accepted", Bytes: 9, Started: second(0), Spooling: second(1), Spooled: second(2), Ended: second(3)})
	tracer.Applied(t.Context(), "s-2", Applied{Resource: "sims/orders/a", Receiver: "sims/demo", Started: second(4), Ended: second(5), Waited: 4 * time.Second, Attempts: 2, Deliveries: 2, First: "s-1", Sequence: 3})
	tracer.Event(t.Context(), "s-2", "sims/orders/a", "a.1.3", false, second(6), second(7))
	tracer.Status(t.Context(), "s-2", "sims/orders/a", second(8), second(9))
	tracer.Applied(t.Context(), "s-3", Applied{Resource: "sims/orders/a", Started: second(1), Ended: second(2), Attempts: 1, Failure: "Invalid: no"})
	tracer.Close(t.Context())

	_, root := rootOf("s-2")
	_, first := rootOf("s-1")
	id, parent := TraceID("s-2").String(), root.String()
	ignoreIDs := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".ID" }, cmp.Ignore())
	want := []collector.Span{
		{Name: "receive", Attributes: map[string]string{"delivery": "s-2", "receiver": "sims/demo", "kind": "orders", "bytes": "9", "result": "accepted"}, Start: second(0), End: second(3)},
		{Name: "spool", Parent: parent, Attributes: map[string]string{"delivery": "s-2"}, Start: second(1), End: second(2)},
		{
			Name: "apply", Parent: parent, Start: second(4), End: second(5), Links: []string{first.String()},
			Attributes: map[string]string{"delivery": "s-2", "resource": "sims/orders/a", "receiver": "sims/demo", "attempts": "2", "waited_seconds": "4", "deliveries": "2", "sequence": "3"},
		},
		{Name: "event", Parent: parent, Attributes: map[string]string{"delivery": "s-2", "resource": "sims/orders/a", "event": "a.1.3", "existed": "false"}, Start: second(6), End: second(7)},
		{Name: "status", Parent: parent, Attributes: map[string]string{"delivery": "s-2", "resource": "sims/orders/a"}, Start: second(8), End: second(9)},
	}
	for i := range want {
		want[i].Service, want[i].Trace = "test", id
	}
	got := c.Spans(id)
	if diff := cmp.Diff(want, got, ignoreIDs); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if len(got) > 0 && got[0].ID != parent {
		t.Errorf("the root span is %s; want %s", got[0].ID, parent)
	}
	if failed := c.Spans(TraceID("s-3").String()); len(failed) != 1 || failed[0].Failure != "Invalid: no" {
		t.Errorf("the delivery that went to quarantine has the spans %v", failed)
	}
}

func TestAllProcessesTraceTheSameDeliveries(t *testing.T) {
	c := collector.Start(t)
	for range 2 {
		tracer, err := Start(t.Context(), Options{Endpoint: c.Endpoint(), SampleRatio: 0.5}, process())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			tracer.Status(t.Context(), fmt.Sprintf("s-%d", i), "sims/orders/a", epoch, epoch)
		}
		tracer.Close(t.Context())
	}
	both := 0
	for i := range 100 {
		switch n := len(c.Spans(TraceID(fmt.Sprintf("s-%d", i)).String())); n {
		case 0:
		case 2:
			both++
		default:
			t.Errorf("delivery %d has %d spans of two processes", i, n)
		}
	}
	if both < 25 || both > 75 {
		t.Errorf("%d of 100 are traced; want about 50", both)
	}
}

func TestACollectorThatHangsHoldsNobodyUp(t *testing.T) {
	p := process()
	hangs := &exporter{gate: make(chan struct{})}
	tracer := newTracer(t.Context(), hangs, 1, p)
	for range queueSpans + 2*batchSpans {
		tracer.Status(t.Context(), "s-1", "sims/orders/a", epoch, epoch)
	}
	dropped := testutil.ToFloat64(tracer.queue.counted.WithLabelValues(resultDropped))
	if dropped < 1 || dropped > 2*batchSpans {
		t.Errorf("%v spans were dropped; at most %d are under way and %d wait", dropped, batchSpans, queueSpans)
	}
	close(hangs.gate)
	tracer.Close(t.Context())
	exported := testutil.ToFloat64(tracer.queue.counted.WithLabelValues(resultExported))
	if exported+dropped != queueSpans+2*batchSpans || float64(hangs.spans) != exported {
		t.Errorf("%v exported, %v dropped, %d arrived", exported, dropped, hangs.spans)
	}
	tracer.Status(t.Context(), "s-1", "sims/orders/a", epoch, epoch)
	tracer.Close(t.Context())
}

func TestTheEndIsBounded(t *testing.T) {
	tracer := newTracer(t.Context(), &exporter{gate: make(chan struct{})}, 1, process())
	tracer.Status(t.Context(), "s-1", "sims/orders/a", epoch, epoch)
	started := time.Now()
	tracer.Close(t.Context())
	if took := time.Since(started); took < closeTimeout || took > 10*closeTimeout {
		t.Errorf("it took %s", took)
	}
}

func TestWhatFailsIsCounted(t *testing.T) {
	tracer := newTracer(t.Context(), &exporter{err: errors.New("no")}, 1, process())
	tracer.Status(t.Context(), "s-1", "sims/orders/a", epoch, epoch)
	tracer.Close(t.Context())
	if failed := testutil.ToFloat64(tracer.queue.counted.WithLabelValues(resultFailed)); failed != 1 {
		t.Errorf("%v spans failed", failed)
	}
}

func TestWithoutAnEndpointThereIsNoTracer(t *testing.T) {
	tracer, err := Start(t.Context(), DefaultOptions(), Process{})
	if err != nil || tracer.Enabled() {
		t.Fatalf("%v, %v", tracer, err)
	}
	if n := testing.AllocsPerRun(100, func() {
		tracer.Received(t.Context(), "s-1", Received{})
		tracer.Applied(t.Context(), "s-1", Applied{})
		tracer.Event(t.Context(), "s-1", "", "", false, epoch, epoch)
		tracer.Status(t.Context(), "s-1", "", epoch, epoch)
	}); n != 0 {
		t.Errorf("no traces cost %v allocations", n)
	}
	tracer.Close(t.Context())
}

func TestOptionsThatAreWrong(t *testing.T) {
	for name, o := range map[string]Options{
		"a ratio over 1":    {Endpoint: "http://localhost:4317", SampleRatio: 1.5},
		"a ratio under 0":   {Endpoint: "http://localhost:4317", SampleRatio: -1},
		"no scheme":         {Endpoint: "localhost:4317", SampleRatio: 1},
		"no host":           {Endpoint: "http://", SampleRatio: 1},
		"no URL":            {Endpoint: "http://user:secret@%zz", SampleRatio: 1},
		"another transport": {Endpoint: "unix:///socket", SampleRatio: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Start(t.Context(), o, process()); err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
