package controllers

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	eventsv1 "k8s.io/api/events/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// labelOther stands in a label for whatever has no series of its own, so that no sender can make series without end.
const labelOther = "other"

// Metrics counts what the controllers do.
type Metrics struct {
	events *prometheus.CounterVec
	orders *prometheus.HistogramVec
}

// NewMetrics registers the metrics of what the controllers do.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sim_operator_events_created_total",
			Help: "Events created, one for each report.",
		}, []string{"kind", "reason"}),
		orders: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sim_operator_order_duration_seconds",
			Help: "From the first report of an order to the one that finished it.",
			// From a second to a month: a SIM is activated within minutes, a private APN takes days.
			Buckets: []float64{1, 10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86400, 3 * 86400, 7 * 86400, 30 * 86400},
		}, []string{"type"}),
	}
	for _, collector := range []prometheus.Collector{m.events, m.orders} {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *Metrics) eventCreated(event *eventsv1.Event) {
	m.events.WithLabelValues(event.Regarding.Kind, event.Reason).Inc()
}

func (m *Metrics) orderFinished(orderType v1alpha1.OrderType, took time.Duration) {
	m.orders.WithLabelValues(codeLabel(string(orderType))).Observe(took.Seconds())
}

// codeLabel is an order's type or state as a label. The codes that this version does not know share one.
func codeLabel(name string) string {
	if strings.HasPrefix(name, "Code") {
		return labelOther
	}
	return name
}

// anID finds what looks like the id of something: a UUID, or as many digits as the number of a SIM or a telephone has.
var anID = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9]{10}`)

// nameLabel is the name of an alert as a label. People choose it; one that holds an id must not become a label.
func nameLabel(name string) string {
	if anID.MatchString(name) {
		return labelOther
	}
	return clean(name, maxNameInText)
}
