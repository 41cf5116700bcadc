package controllers

import (
	"cmp"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxAlertNames is how many names of active alerts have a series of their own, over all receivers. The names come from
	// the sender: whoever has a token could otherwise make series without end.
	maxAlertNames = 1000
	// maxReceivers is how many receivers have series of their own. Whoever may declare an order can name any receiver in it.
	maxReceivers = 500
)

// stock tells Prometheus what there is. Only the replica that leads does: the others' caches hold the same resources,
// and a sum over replicas would count them again.
type stock struct {
	tallies *tallies
	leading <-chan struct{}

	orders, overdue, alerts, stale, flapping, ready *prometheus.Desc
}

func newStock(t *tallies, leading <-chan struct{}) *stock {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sim_operator_"+name, help, append([]string{"namespace", "receiver"}, labels...), nil)
	}
	return &stock{
		tallies:  t,
		leading:  leading,
		orders:   desc("orders", "SimOrders that exist.", "type", "state"),
		overdue:  desc("orders_overdue", "SimOrders that have not finished within the overdueAfter of their receiver."),
		alerts:   desc("alerts_active", "SimAlerts that are On, by the name of the alert.", "alert"),
		stale:    desc("alerts_stale", "SimAlerts that have been On for the staleAfter of their receiver with no word since."),
		flapping: desc("alerts_flapping", "SimAlerts that turn on and off more often than their receiver's flapping says."),
		ready:    desc("receiver_ready", "1 for a SimReceiver that takes deliveries, and 0 for one that does not, by the reason of its Ready condition.", "reason"),
	}
}

// Describe is called by the registry.
func (s *stock) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{s.orders, s.overdue, s.alerts, s.stale, s.flapping, s.ready} {
		descs <- desc
	}
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
	gauge := func(desc *prometheus.Desc, n int64, of owner, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), append([]string{of.namespace, of.receiver}, labels...)...)
	}
	found := takeCensus(s.tallies.orders.snapshot(), s.tallies.alerts.snapshot(), s.tallies.receivers.snapshot())
	for key, n := range found.orders {
		gauge(s.orders, n, key.owner, key.orderType, key.state)
	}
	for key, n := range activeAlerts(found.active, maxAlertNames) {
		gauge(s.alerts, n, key.owner, key.name)
	}
	for desc, counts := range map[*prometheus.Desc]map[owner]int64{s.overdue: found.overdue, s.stale: found.stale, s.flapping: found.flapping} {
		for of, n := range counts {
			gauge(desc, n, of)
		}
	}
	for key := range found.receivers {
		var ready int64
		if key.ready {
			ready = 1
		}
		gauge(s.ready, ready, key.owner, key.reason)
	}
}

// census is what there is, as the labels tell it apart.
type census struct {
	orders map[orderKey]int64
	active map[alertKey]int64
	// overdue, stale and flapping have each receiver, also where the number is 0.
	overdue, stale, flapping map[owner]int64
	receivers                map[receiverKey]int64
}

// takeCensus adds up the counts. Of the receivers that have no series of their own, what belongs to them is one.
func takeCensus(orders map[orderKey]int64, alerts map[alertKey]int64, receivers map[receiverKey]int64) census {
	label := ownersOf(orders, alerts, receivers)
	c := census{
		orders: map[orderKey]int64{}, active: map[alertKey]int64{}, receivers: map[receiverKey]int64{},
		overdue: map[owner]int64{}, stale: map[owner]int64{}, flapping: map[owner]int64{},
	}
	for _, of := range label {
		c.overdue[of], c.stale[of], c.flapping[of] = 0, 0, 0
	}
	for key, n := range orders {
		of := label[key.owner]
		c.orders[orderKey{owner: of, orderType: key.orderType, state: key.state}] += n
		if key.overdue {
			c.overdue[of] += n
		}
	}
	for key, n := range alerts {
		of := label[key.owner]
		if key.active {
			c.active[alertKey{owner: of, name: nameUnder(of, key.name), active: true}] += n
		}
		if key.stale {
			c.stale[of] += n
		}
		if key.flapping {
			c.flapping[of] += n
		}
	}
	for key, n := range receivers {
		if of := label[key.owner]; of == key.owner {
			c.receivers[key] += n
		}
	}
	return c
}

// nameUnder is the name of an alert, where its receiver has series of its own.
func nameUnder(of owner, name string) string {
	if of == (owner{receiver: labelOther}) {
		return labelOther
	}
	return name
}

// ownersOf says by which name each receiver goes in labels: the first in the order of the alphabet by their own, so that
// they are the same at each scrape, and the others by one.
func ownersOf(orders map[orderKey]int64, alerts map[alertKey]int64, receivers map[receiverKey]int64) map[owner]owner {
	label := map[owner]owner{}
	for key := range orders {
		label[key.owner] = key.owner
	}
	for key := range alerts {
		label[key.owner] = key.owner
	}
	for key := range receivers {
		label[key.owner] = key.owner
	}
	if len(label) <= maxReceivers {
		return label
	}
	for _, of := range slices.SortedFunc(maps.Keys(label), compareOwners)[maxReceivers:] {
		label[of] = owner{receiver: labelOther}
	}
	return label
}

func compareOwners(a, b owner) int {
	return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.receiver, b.receiver))
}

// activeAlerts keeps the first names, in the order of the alphabet so that they are the same at each scrape, and adds
// the others up for each receiver.
func activeAlerts(all map[alertKey]int64, names int) map[alertKey]int64 {
	keys := slices.SortedFunc(maps.Keys(all), func(a, b alertKey) int {
		return cmp.Or(compareOwners(a.owner, b.owner), cmp.Compare(a.name, b.name))
	})
	active := map[alertKey]int64{}
	for _, key := range keys {
		n := all[key]
		if len(active) >= names {
			key.name = labelOther
		}
		active[key] += n
	}
	return active
}
