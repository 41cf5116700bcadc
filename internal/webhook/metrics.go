package webhook

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of a delivery, as the metric's label has them.
const (
	resultAccepted        = "accepted"
	resultMalformed       = "malformed"
	resultUnprocessable   = "unprocessable"
	resultNotFound        = "not_found"
	resultTooManyMisses   = "too_many_misses"
	resultForbiddenSource = "forbidden_source"
	resultMethod          = "method_not_allowed"
	resultTooLarge        = "too_large"
	resultIncomplete      = "incomplete"
	resultRateLimited     = "rate_limited"
	resultSuspended       = "suspended"
	resultFull            = "spool_full"
	resultBusy            = "busy"
	resultUnavailable     = "unavailable"
)

// maxReceivers is how many receivers have series of their own, from the first delivery to each. Those after them share
// series with no namespace and this name.
const (
	maxReceivers  = 500
	receiverOther = "other"
)

// Metrics counts what the door answers.
type Metrics struct {
	deliveries *prometheus.CounterVec
	seconds    prometheus.Histogram
	named      named
}

type receiverName struct{ namespace, name string }

// named are the receivers that have series of their own.
type named struct {
	mu   sync.RWMutex
	keys map[receiverName]struct{}
}

// has says whether a receiver is one of them; there is room for so many.
func (n *named) has(key receiverName, room int) bool {
	n.mu.RLock()
	_, ok := n.keys[key]
	full := len(n.keys) >= room
	n.mu.RUnlock()
	if ok || full {
		return ok
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok = n.keys[key]; !ok && len(n.keys) < room {
		n.keys[key], ok = struct{}{}, true
	}
	return ok
}

// NewMetrics registers the door's metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		named: named{keys: map[receiverName]struct{}{}},
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sim_operator_deliveries_total",
			Help: "Deliveries by receiver, kind (orders or alerts) and what became of them at the door.",
		}, []string{"namespace", "receiver", "kind", "result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sim_operator_delivery_seconds",
			Help:    "Time from a delivery's headers to its answer, the disk included.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 14),
		}),
	}
	registry.MustRegister(m.deliveries, m.seconds)
	return m
}

// observe counts one answer. Strangers have no receiver, so that they cannot make labels.
func (m *Metrics) observe(c call, result string, took time.Duration) {
	namespace, name := "", ""
	if c.receiver != nil {
		namespace, name = c.receiver.Namespace, c.receiver.Name
		if !m.named.has(receiverName{namespace, name}, maxReceivers) {
			namespace, name = "", receiverOther
		}
	}
	m.deliveries.WithLabelValues(namespace, name, c.kind, result).Inc()
	m.seconds.Observe(took.Seconds())
}
