package apply

import (
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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
	for _, reason := range commonReasons() {
		m.errors.WithLabelValues(reason)
	}
	return m
}

// commonReasons are there from the start, so that the first error of such a reason is an increase to Prometheus.
func commonReasons() []string {
	return []string{
		reasonReportsFull, reasonUnreachable, reasonTimeout, reasonContended, reasonQuarantineFull, reasonSpoolUnavailable,
		string(metav1.StatusReasonForbidden), string(metav1.StatusReasonNotFound), string(metav1.StatusReasonConflict),
		string(metav1.StatusReasonTooManyRequests), string(metav1.StatusReasonServiceUnavailable), string(metav1.StatusReasonInternalError),
	}
}
