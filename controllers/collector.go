package controllers

import (
	"cmp"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// maxAlertNames is how many names of active alerts have a series of their own, over all receivers. The names come from
// the sender: whoever has a token could otherwise make series without end.
const maxAlertNames = 1000

// stock tells Prometheus what there is. Only the replica that leads does: the others' caches hold the same resources,
// and a sum over replicas would count them again.
type stock struct {
	tallies *tallies
	leading <-chan struct{}
	orders  *prometheus.Desc
	alerts  *prometheus.Desc
}

func newStock(t *tallies, leading <-chan struct{}) *stock {
	return &stock{
		tallies: t,
		leading: leading,
		orders: prometheus.NewDesc("sim_operator_orders", "SimOrders that exist.",
			[]string{"namespace", "receiver", "type", "state"}, nil),
		alerts: prometheus.NewDesc("sim_operator_alerts_active", "SimAlerts that are On, by the name of the alert.",
			[]string{"namespace", "receiver", "alert"}, nil),
	}
}

// Describe is called by the registry.
func (s *stock) Describe(descs chan<- *prometheus.Desc) {
	descs <- s.orders
	descs <- s.alerts
}

// Collect is called at each scrape.
func (s *stock) Collect(metrics chan<- prometheus.Metric) {
	select {
	case <-s.leading:
	default:
		return
	}
	if !s.tallies.synced() {
		return
	}
	for key, n := range s.tallies.orders.snapshot() {
		metrics <- prometheus.MustNewConstMetric(s.orders, prometheus.GaugeValue, float64(n),
			key.namespace, key.receiver, key.orderType, key.state)
	}
	for key, n := range activeAlerts(s.tallies.alerts.snapshot(), maxAlertNames) {
		metrics <- prometheus.MustNewConstMetric(s.alerts, prometheus.GaugeValue, float64(n),
			key.namespace, key.receiver, key.name)
	}
}

// activeAlerts keeps the first names, in the order of the alphabet so that they are the same at each scrape, and adds
// the others up for each receiver.
func activeAlerts(all map[alertKey]int64, names int) map[alertKey]int64 {
	keys := slices.SortedFunc(maps.Keys(all), func(a, b alertKey) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.receiver, b.receiver), cmp.Compare(a.name, b.name))
	})
	active := map[alertKey]int64{}
	for _, key := range keys {
		if !key.active {
			continue
		}
		n := all[key]
		if len(active) >= names {
			key.name = labelOther
		}
		active[key] += n
	}
	return active
}
