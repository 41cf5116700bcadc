package main

import (
	"fmt"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

// coefficients are what one more of anything takes. Bytes are bytes, times seconds.
type coefficients struct {
	// Keys and values in etcd: an alert with one report, one more report, an order with one report, an Event.
	alert, report, order, event float64
	// The file of etcd holds etcdBase, and keys and values times etcdOverhead.
	etcdBase, etcdOverhead float64
	// The API server's heap is apiBase and so much for each version of a resource that it holds.
	apiBase, apiVersion float64
	// The manager's heap is managerBase and so much for each resource.
	managerBase, managerResource float64
	// The ingress's memory is ingressIdle and so much for each delivery that waits, which takes so much of the disk.
	ingressIdle, ingressWaiting, spoolWaiting float64
	// Writes of a delivery that makes a resource, and of one that turns one.
	newWrites, transitionWrites float64
	// processor time of a transition in all programs.
	processor float64
	// checkResource is the processor time that kube-apiserver takes for each resource when it compares its cache to etcd; 0 if
	// that was not measured.
	checkResource float64
	// perSecond is how many deliveries become status and Event a second, acceptedPerSecond how many the doors take.
	perSecond, acceptedPerSecond float64
	// newPerSecond is how many new alerts do.
	newPerSecond float64
}

// An estate is what there is at one time.
type estate struct {
	alerts, orders, events float64
	// alertReports and orderReports are those that the resources keep.
	alertReports, orderReports float64
	// versions are those that the API server holds of resources, besides the latest.
	versions float64
}

// coefficientsOf takes all from the two smaller sizes of a record.
func coefficientsOf(r record.Record, small, middle point) (coefficients, error) {
	idle, waiting, err := ingressMemory(r)
	if err != nil {
		return coefficients{}, err
	}
	spool, found := r.Value(record.SpoolBytes)
	if !found {
		return coefficients{}, fmt.Errorf("the record has no %q", record.SpoolBytes)
	}
	c := fit(small, middle)
	c.ingressIdle, c.ingressWaiting, c.spoolWaiting = idle, waiting, spool
	return c, nil
}

// fit draws a line through two points for each thing that has a part which does not grow. What was too short at the smaller
// point to be measured well is taken from the other one alone.
func fit(small, middle point) coefficients {
	c := coefficients{
		alert:             small.alertBytes,
		report:            (small.flippedBytes - small.alertBytes) / 2,
		order:             middle.orderBytes,
		event:             middle.eventBytes,
		newWrites:         middle.newWrites,
		transitionWrites:  middle.transitionWrites,
		processor:         middle.transitionProcessor,
		perSecond:         middle.alerts / middle.burstTook,
		acceptedPerSecond: middle.alerts / middle.burstAccepted,
		newPerSecond:      1 / middle.newTime,
		checkResource:     middle.checkProcessor / middle.alerts,
	}
	few, many := measured(small, small.cacheCapacity), measured(middle, middle.cacheCapacity)
	c.etcdBase, c.etcdOverhead = line(c.logical(few), small.etcd, c.logical(many), middle.etcd)
	c.apiBase, c.apiVersion = line(few.held(), small.apiServerHeap, many.held(), middle.apiServerHeap)
	c.managerBase, c.managerResource = line(few.resources(), small.managerHeap, many.resources(), middle.managerHeap)
	return c
}

// line is y = base + slope*x through two points.
func line(x1, y1, x2, y2 float64) (base, slope float64) {
	if x1 == x2 {
		return y1, 0
	}
	slope = (y2 - y1) / (x2 - x1)
	return y1 - slope*x1, slope
}

// measured is the estate at a point: each report has its Event, and of the orders there is one report each.
func measured(p point, cacheCapacity float64) estate {
	return estate{
		alerts: p.alerts, orders: p.orders, events: p.reports + p.orders, alertReports: p.reports, orderReports: p.orders,
		versions: olderVersions(p.versions-p.alerts, cacheCapacity) + p.orders,
	}
}

func (e estate) resources() float64 { return e.alerts + e.orders }

// held is how many versions of resources the API server holds.
func (e estate) held() float64 { return e.resources() + e.versions }

// logical is the size of all keys and values.
func (c *coefficients) logical(e estate) float64 {
	return c.resourceBytes(e) + e.events*c.event
}

// resourceBytes is the size of the keys and values that are not Events.
func (c *coefficients) resourceBytes(e estate) float64 {
	return e.alerts*c.alert + e.orders*c.order + (e.alertReports-e.alerts+e.orderReports-e.orders)*c.report
}

func (c *coefficients) etcd(e estate) float64 {
	return c.etcdBase + c.etcdOverhead*c.logical(e)
}

func (c *coefficients) apiServerHeap(e estate) float64 {
	return c.apiBase + c.apiVersion*e.held()
}

func (c *coefficients) managerHeap(e estate) float64 {
	return c.managerBase + c.managerResource*e.resources()
}

// restSeconds is how long the API server rests between two checks of its cache, on average: five minutes, and up to half of
// that more.
const restSeconds = 375

// checking is what part of the control plane's processors the checks take if it is so many times as fast as the machine of
// the record. A check has one processor, and those of that machine are what deliveries use up when there are enough. It lists
// one version from etcd: once that is compacted away, the check ends with an error.
func (c *coefficients) checking(e estate, speed float64) float64 {
	took := min(c.checkResource*e.resources()/speed, historySeconds)
	return took / (restSeconds + took) / max(c.perSecond*c.processor, 1)
}

// The API server's watch cache keeps, besides the latest version of each resource, its last changes: as many as came in
// 75 seconds, in a ring whose size doubles from 100 up to 102,400.
const (
	cacheSeconds = 75
	smallestRing = 100
	largestRing  = 102_400
)

// ringCapacity is how many changes the watch cache keeps of a kind that changes so often.
func ringCapacity(changesPerSecond float64) float64 {
	capacity := float64(smallestRing)
	for capacity < largestRing && capacity < changesPerSecond*cacheSeconds {
		capacity *= 2
	}
	return capacity
}

// olderVersions is how many versions the changes in the ring hold that no longer are the latest. A delivery makes two, the
// spec and the status, the latter of which stays.
func olderVersions(written, capacity float64) float64 {
	return min(max(written, 0), capacity/2)
}
