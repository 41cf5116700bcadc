package ingress

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/sim-operator/sim-operator/internal/spool"
)

// spoolCollector shows a spool's state as it is when it is asked.
type spoolCollector struct {
	spool *spool.Spool
	clock clock.PassiveClock

	deliveries, oldest, bytes, quarantined *prometheus.Desc
}

func newSpoolCollector(s *spool.Spool, c clock.PassiveClock) *spoolCollector {
	gauge := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("sim_operator_"+name, help, nil, nil)
	}
	return &spoolCollector{
		spool: s, clock: c,
		deliveries:  gauge("spool_deliveries", "Accepted deliveries that wait to be applied."),
		oldest:      gauge("spool_oldest_seconds", "Age of the oldest delivery that waits; 0 if none does."),
		bytes:       gauge("spool_bytes", "Bytes of the deliveries that wait."),
		quarantined: gauge("quarantine_deliveries", "Deliveries in quarantine."),
	}
}

// Describe implements prometheus.Collector.
func (c *spoolCollector) Describe(descs chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(c, descs)
}

// Collect implements prometheus.Collector.
func (c *spoolCollector) Collect(metrics chan<- prometheus.Metric) {
	stats := c.spool.Stats()
	oldest := 0.0
	if !stats.OldestWaiting.IsZero() {
		oldest = c.clock.Since(stats.OldestWaiting).Seconds()
	}
	gauge := func(desc *prometheus.Desc, value float64) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	gauge(c.deliveries, float64(stats.Waiting))
	gauge(c.oldest, oldest)
	gauge(c.bytes, float64(stats.WaitingBytes))
	gauge(c.quarantined, float64(stats.Quarantined))
}
