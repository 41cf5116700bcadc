package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sim-operator/sim-operator/hack/bench/record"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// A cost is what one delivery takes: of the processors, by program, of time while many are made, and of writes.
type cost struct {
	processor map[string]time.Duration
	time      time.Duration
	writes    float64
}

// costOf is what a delivery takes if n of them are made.
func (e *estate) costOf(ctx context.Context, n int, deliver func() error) (cost, error) {
	written, err := e.lab.writes(ctx)
	if err != nil {
		return cost{}, err
	}
	before, err := e.processorTimes()
	if err != nil {
		return cost{}, err
	}
	began := time.Now()
	if err := deliver(); err != nil {
		return cost{}, err
	}
	took := time.Since(began)
	after, err := e.processorTimes()
	if err != nil {
		return cost{}, err
	}
	now, err := e.lab.writes(ctx)
	if err != nil {
		return cost{}, err
	}
	c := cost{processor: map[string]time.Duration{}, time: took / time.Duration(n), writes: (total(now) - total(written)) / float64(n)}
	for program := range after {
		c.processor[program] = (after[program] - before[program]) / time.Duration(n)
	}
	return c, nil
}

// processorTimes are those of all programs. The ingresses count as one.
func (e *estate) processorTimes() (map[string]time.Duration, error) {
	times := map[string]time.Duration{}
	for name, program := range map[string]string{
		localcluster.Etcd: localcluster.Etcd, localcluster.APIServer: localcluster.APIServer, localcluster.Manager: localcluster.Manager,
		localcluster.IngressName(0): localcluster.Ingress, localcluster.IngressName(1): localcluster.Ingress,
	} {
		used, err := processorTime(e.lab.cluster.Supervisor().Pid(name))
		if err != nil {
			return nil, err
		}
		times[program] += used
	}
	return times, nil
}

// programs are what a delivery goes through.
func programs() []string {
	return []string{localcluster.Ingress, localcluster.APIServer, localcluster.Etcd, localcluster.Manager}
}

// medianCost takes the median of each part.
func medianCost(rounds []cost) cost {
	return eachPart(rounds, median[time.Duration], median[float64])
}

// meanCost takes the mean of each part.
func meanCost(rounds []cost) cost {
	return eachPart(rounds, mean[time.Duration], mean[float64])
}

// dearest is the one that took most of the processors.
func dearest(rounds []cost) cost {
	return slices.MaxFunc(rounds, func(a, b cost) int { return cmp.Compare(a.total(), b.total()) })
}

// eachPart makes one cost of several, part by part.
func eachPart(rounds []cost, ofTimes func([]time.Duration) time.Duration, ofWrites func([]float64) float64) cost {
	one := cost{processor: map[string]time.Duration{}}
	var times []time.Duration
	var writes []float64
	for _, c := range rounds {
		times, writes = append(times, c.time), append(writes, c.writes)
	}
	one.time, one.writes = ofTimes(times), ofWrites(writes)
	for _, program := range programs() {
		var all []time.Duration
		for _, c := range rounds {
			all = append(all, c.processor[program])
		}
		one.processor[program] = ofTimes(all)
	}
	return one
}

// total is the processor time in all programs.
func (c cost) total() time.Duration {
	var sum time.Duration
	for _, used := range c.processor {
		sum += used
	}
	return sum
}

func (c cost) note(t *table, size int, of string) {
	t.note(record.At(size, record.Time(of)), milliseconds(c.time), "ms")
	t.note(record.At(size, record.Writes(of)), c.writes, "writes")
	t.note(record.At(size, record.Processor(of)), milliseconds(c.total()), "ms")
	for _, program := range programs() {
		t.note(record.At(size, record.ProcessorIn(of, program)), milliseconds(c.processor[program]), "ms")
	}
}
