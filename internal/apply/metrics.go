package apply

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what the applier does.
type Metrics struct {
	applied prometheus.Counter
	seconds prometheus.Histogram
	errors  *prometheus.CounterVec
}

// NewMetrics registers the applier's metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		applied: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sim_operator_applied_deliveries_total",
			Help: "Deliveries that a resource holds since this process started.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sim_operator_apply_seconds",
			Help:    "Time to bring what waits for one resource to the API server, in one turn.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sim_operator_apply_errors_total",
			Help: "Turns that left deliveries waiting, by the API server's reason.",
		}, []string{"reason"}),
	}
	registry.MustRegister(m.applied, m.seconds, m.errors)
	return m
}
