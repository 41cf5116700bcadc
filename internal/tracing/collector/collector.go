// Package collector is a small OpenTelemetry collector for tests: it takes spans by OTLP over gRPC and keeps them.
package collector

import (
	"context"
	"encoding/hex"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
)

// A Span is one that the collector was sent.
type Span struct {
	// Service is the program that sent it.
	Service string
	Name    string
	// Trace, ID and Parent are hexadecimal; Parent is empty for a root span.
	Trace, ID, Parent string
	Attributes        map[string]string
	// Links are the ids of the spans that it links to.
	Links      []string
	Start, End time.Time
	// Failure is the message of a status that is an error.
	Failure string
}

// Collector keeps all that it is sent.
type Collector struct {
	collectorpb.UnimplementedTraceServiceServer

	address string
	server  *grpc.Server
	mu      sync.Mutex
	spans   []Span
	heard   strings.Builder
}

// Start serves on a free port until the test ends.
func Start(t testing.TB) *Collector {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{address: listener.Addr().String(), server: grpc.NewServer()}
	collectorpb.RegisterTraceServiceServer(c.server, c)
	served := make(chan error, 1)
	go func() { served <- c.server.Serve(listener) }()
	t.Cleanup(func() {
		c.Stop()
		if err := <-served; err != nil {
			t.Errorf("the collector: %v", err)
		}
	})
	return c
}

// Stop ends the collector before the test does.
func (c *Collector) Stop() {
	c.server.Stop()
}

// Endpoint is what --traces-endpoint is to be.
func (c *Collector) Endpoint() string {
	return "http://" + c.address
}

// Export implements the protocol.
func (c *Collector) Export(_ context.Context, r *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard.WriteString(prototext.Format(r))
	for _, resource := range r.GetResourceSpans() {
		service := values(resource.GetResource().GetAttributes())["service.name"]
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				span := Span{
					Service: service, Name: s.GetName(),
					Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
					Attributes: values(s.GetAttributes()), Failure: s.GetStatus().GetMessage(),
					Start: time.Unix(0, int64(s.GetStartTimeUnixNano())).UTC(), //nolint:gosec // a time of this century
					End:   time.Unix(0, int64(s.GetEndTimeUnixNano())).UTC(),   //nolint:gosec // a time of this century
				}
				for _, link := range s.GetLinks() {
					span.Links = append(span.Links, hex.EncodeToString(link.GetSpanId()))
				}
				c.spans = append(c.spans, span)
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

func values(attributes []*commonpb.KeyValue) map[string]string {
	values := map[string]string{}
	for _, a := range attributes {
		values[a.GetKey()] = textOf(a.GetValue())
	}
	return values
}

func textOf(value *commonpb.AnyValue) string {
	switch v := value.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_IntValue:
		return strconv.FormatInt(v.IntValue, 10)
	case *commonpb.AnyValue_BoolValue:
		return strconv.FormatBool(v.BoolValue)
	case *commonpb.AnyValue_DoubleValue:
		return strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
	default:
		return value.String()
	}
}

// Spans are those of a trace, in the order in which they began.
func (c *Collector) Spans(trace string) []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var spans []Span
	for _, s := range c.spans {
		if s.Trace == trace {
			spans = append(spans, s)
		}
	}
	slices.SortStableFunc(spans, func(a, b Span) int { return a.Start.Compare(b.Start) })
	return spans
}

// Heard is all that the collector was sent, as text.
func (c *Collector) Heard() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard.String()
}
