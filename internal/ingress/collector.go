package ingress

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/sim-operator/sim-operator/internal/spool"
)

// spoolCollector shows a spool's state as it is when it is asked.
type spoolCollector struct {
	spool  *spool.Spool
	limits spool.Options
	clock  clock.PassiveClock

	deliveries, oldest, bytes, quarantined, full, quarantineFull, failing *prometheus.Desc
}

func newSpoolCollector(s *spool.Spool, limits spool.Options, c clock.PassiveClock) *spoolCollector {
	gauge := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("sim_operator_"+name, help, nil, nil)
	}
	return &spoolCollector{
		spool: s, limits: limits, clock: c,
		deliveries:  gauge("spool_deliveries", "Accepted deliveries that wait to be applied."),
		oldest:      gauge("spool_oldest_seconds", "Age of the oldest delivery that waits; 0 if none does."),
		bytes:       gauge("spool_bytes", "Bytes of the deliveries that wait."),
		quarantined: gauge("quarantine_deliveries", "Deliveries in quarantine."),
		full: gauge("spool_full_ratio",
			"How far the spool is filled, by the bound that is nearest, those of single receivers included; at 1 deliveries are refused."),
		quarantineFull: gauge("quarantine_full_ratio",
			"How far the quarantine is filled, by the bound that is nearest, those of single receivers included."),
		failing: gauge("spool_failing", "1 while the spool takes nothing because its disk fails, else 0."),
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
	waiting, quarantined := c.limits.Fullness(stats)
	gauge(c.full, waiting)
	gauge(c.quarantineFull, quarantined)
	failing := 0.0
	if stats.Err != nil {
		failing = 1
	}
	gauge(c.failing, failing)
}
