package main

import (
	"context"

	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// Where the API server keeps in etcd what is in the namespace of the estate.
const (
	alertsPrefix = "/registry/sim-operator.io/simalerts/" + scale + "/"
	ordersPrefix = "/registry/sim-operator.io/simorders/" + scale + "/"
	eventsPrefix = "/registry/events/" + scale + "/"
)

// noteState writes down how many resources there are, and what they take in etcd and in the memory of each program.
func (e *estate) noteState(ctx context.Context, size int) error {
	step("looking at etcd and at the memory of the programs")
	t := e.lab.table
	t.note(record.At(size, record.Alerts), float64(e.alerts), "")
	t.note(record.At(size, record.Orders), float64(e.orders), "")
	t.note(record.At(size, record.Reports), float64(e.reports), "")
	t.note(record.At(size, record.Versions), float64(e.versions), "")
	if err := e.noteEtcd(ctx, size); err != nil {
		return err
	}
	page, err := scrape(ctx, e.lab.http, e.lab.config.Host+"/metrics")
	if err != nil {
		return err
	}
	// There is none before it has grown for the first time.
	t.note(record.At(size, record.CacheCapacity), sum(page, "watch_cache_capacity", func(labels map[string]string) bool {
		return labels["resource"] == "simalerts"
	}), "")
	return e.noteFootprints(ctx, size)
}

func (e *estate) noteEtcd(ctx context.Context, size int) error {
	sizes, err := e.etcd.compact(ctx)
	if err != nil {
		return err
	}
	t := e.lab.table
	t.note(record.At(size, record.EtcdInUse), float64(sizes.InUse)/mebibyte, "MiB")
	t.note(record.At(size, record.EtcdFile), float64(sizes.File)/mebibyte, "MiB")
	if size == 0 {
		return nil
	}
	for _, kind := range []struct{ what, prefix string }{
		{record.AlertBytes, alertsPrefix}, {record.OrderBytes, ordersPrefix}, {record.EventBytes, eventsPrefix},
	} {
		mean, err := e.etcd.meanSize(ctx, kind.prefix)
		if err != nil {
			return err
		}
		t.note(record.At(size, kind.what), mean, "B")
	}
	return nil
}

// noteFootprints reads the memory in RAM before it has any garbage collected.
func (e *estate) noteFootprints(ctx context.Context, size int) error {
	t := e.lab.table
	rss, _, err := resident(e.lab.cluster.Supervisor().Pid(localcluster.Etcd))
	if err != nil {
		return err
	}
	t.note(record.At(size, record.EtcdRSS), rss/mebibyte, "MiB")
	for _, program := range []string{localcluster.APIServer, localcluster.Manager, localcluster.Ingress} {
		f, err := e.footprint(ctx, program)
		if err != nil {
			return err
		}
		t.note(record.At(size, "memory of "+program+": RSS"), f.rss/mebibyte, "MiB")
		t.note(record.At(size, "memory of "+program+": live heap"), f.heap/mebibyte, "MiB")
	}
	return nil
}

func (e *estate) footprint(ctx context.Context, program string) (footprint, error) {
	rss, _, err := resident(e.lab.cluster.Supervisor().Pid(program))
	if err != nil {
		return footprint{}, err
	}
	heap, err := e.lab.liveHeap(ctx, program)
	return footprint{rss: rss, heap: heap}, err
}
