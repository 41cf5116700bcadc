package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

const (
	kibibyte = 1 << 10
	mebibyte = 1 << 20
	gibibyte = 1 << 30
)

// A point is what was measured at one number of alerts. Bytes are bytes, times seconds.
type point struct {
	size                              int
	alerts, orders, reports, versions float64

	etcd                               float64
	alertBytes, orderBytes, eventBytes float64
	cacheCapacity                      float64
	apiServerHeap                      float64
	managerHeap                        float64
	newTime, newWrites                 float64
	// checkProcessor is 0 where it was not waited for.
	checkProcessor float64

	// The rest comes of the burst, which may not have been waited for at the largest size: then it is 0.
	transitionWrites         float64
	transitionProcessor      float64
	burstAccepted, burstTook float64
	// flippedBytes is an alert with two reports more; not measured at the largest size.
	flippedBytes float64
}

// burst says whether the burst was measured.
func (p *point) burst() bool { return p.burstTook > 0 && p.transitionProcessor > 0 }

// points finds the three sizes that a record is of, smallest first.
func points(r record.Record) (small, middle, large point, err error) {
	var sizes []int
	for _, row := range r.Rows {
		var size int
		if n, err := fmt.Sscanf(row.Name, "at %d resources,", &size); n == 1 && err == nil && size > 0 && !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
	}
	slices.Sort(sizes)
	if len(sizes) != 3 {
		return small, middle, large, fmt.Errorf("the record is of the sizes %v, and not of three; it takes a run of scale, memory and burst", sizes)
	}
	found := make([]point, 0, len(sizes))
	for i, size := range sizes {
		p, err := readPoint(r, size, i == len(sizes)-1)
		if err != nil {
			return small, middle, large, err
		}
		found = append(found, p)
	}
	return found[0], found[1], found[2], nil
}

func readPoint(r record.Record, size int, largest bool) (point, error) {
	p := point{size: size}
	type wanted struct {
		to   *float64
		name string
		unit float64
	}
	rows := []wanted{
		{&p.alerts, record.At(size, record.Alerts), 1},
		{&p.orders, record.At(size, record.Orders), 1},
		{&p.reports, record.At(size, record.Reports), 1},
		{&p.versions, record.At(size, record.Versions), 1},
		{&p.etcd, record.At(size, record.EtcdInUse), mebibyte},
		{&p.alertBytes, record.At(size, record.AlertBytes), 1},
		{&p.orderBytes, record.At(size, record.OrderBytes), 1},
		{&p.eventBytes, record.At(size, record.EventBytes), 1},
		{&p.cacheCapacity, record.At(size, record.CacheCapacity), 1},
		{&p.apiServerHeap, record.At(size, record.APIServerHeap), mebibyte},
		{&p.managerHeap, record.At(size, record.ManagerHeap), mebibyte},
		{&p.newTime, record.At(size, record.Time(record.NewAlert)), 1e-3},
		{&p.newWrites, record.At(size, record.Writes(record.NewAlert)), 1},
	}
	ofBurst := []wanted{
		{&p.transitionWrites, record.At(size, record.Writes(record.Transition)), 1},
		{&p.transitionProcessor, record.At(size, record.Processor(record.Transition)), 1e-3},
		{&p.burstAccepted, record.Burst(size, record.Accepted), 1},
		{&p.burstTook, record.Burst(size, record.LastEvent), 1},
		{&p.flippedBytes, record.At(size, record.FlippedBytes), 1},
	}
	for i, row := range append(rows, ofBurst...) {
		value, found := r.Value(row.name)
		if mayLack := largest && i >= len(rows); !found && !mayLack {
			return p, fmt.Errorf("the record has no %q", row.name)
		}
		*row.to = value * row.unit
	}
	p.checkProcessor, _ = r.Value(record.At(size, record.CheckProcessor))
	p.cacheCapacity = max(p.cacheCapacity, smallestRing)
	return p, nil
}

// ingressMemory is what an ingress takes, in bytes: with nothing waiting, and more for each delivery that waits.
func ingressMemory(r record.Record) (idle, waiting float64, err error) {
	idle, found := r.Value(record.IngressIdle)
	if !found {
		return 0, 0, fmt.Errorf("the record has no %q", record.IngressIdle)
	}
	for _, row := range r.Rows {
		var n int
		if _, err := fmt.Sscanf(row.Name, "memory of the ingress, %d deliveries", &n); err == nil && strings.HasSuffix(row.Name, "waiting: RSS") && n > 0 {
			return idle * mebibyte, max(row.Value-idle, 0) * mebibyte / float64(n), nil
		}
	}
	return 0, 0, fmt.Errorf("the record has no %q", record.IngressWaiting(0))
}
