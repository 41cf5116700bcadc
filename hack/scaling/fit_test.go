package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

// pointOf is what would be measured if the coefficients were true.
func pointOf(c *coefficients, alerts, orders, reports, versions, capacity float64) point {
	p := point{
		size: int(alerts), alerts: alerts, orders: orders, reports: reports, versions: versions, cacheCapacity: capacity,
		alertBytes: c.alert, flippedBytes: c.alert + 2*c.report, orderBytes: c.order, eventBytes: c.event,
		newTime: 1 / c.newPerSecond, newWrites: c.newWrites, transitionWrites: c.transitionWrites, transitionProcessor: c.processor,
		burstTook: alerts / c.perSecond, burstAccepted: alerts / c.acceptedPerSecond,
	}
	e := measured(p, capacity)
	p.etcd, p.apiServerHeap, p.managerHeap = c.etcd(e), c.apiServerHeap(e), c.managerHeap(e)
	return p
}

func TestFitFindsTheCoefficients(t *testing.T) {
	want := made()
	small, middle := pointOf(want, 1000, 100, 1000, 2000, 6400), pointOf(want, 10_000, 400, 12_000, 24_000, 51_200)
	got := fit(small, middle)
	for what, pair := range map[string][2]float64{
		"alert": {want.alert, got.alert}, "report": {want.report, got.report}, "order": {want.order, got.order}, "event": {want.event, got.event},
		"base of etcd": {want.etcdBase, got.etcdBase}, "overhead of etcd": {want.etcdOverhead, got.etcdOverhead},
		"base of the API server": {want.apiBase, got.apiBase}, "version": {want.apiVersion, got.apiVersion},
		"base of the manager": {want.managerBase, got.managerBase}, "resource": {want.managerResource, got.managerResource},
		"rate": {want.perSecond, got.perSecond}, "accepted": {want.acceptedPerSecond, got.acceptedPerSecond},
	} {
		if !near(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", what, pair[1], pair[0])
		}
	}
}

func TestACheckOfTheCacheIsPredictedIfItWasMeasured(t *testing.T) {
	c := made()
	small, middle := pointOf(c, 1000, 100, 1000, 2000, 6400), pointOf(c, 10_000, 400, 12_000, 24_000, 51_200)
	large := pointOf(c, 100_000, 700, 122_000, 222_000, ringCapacity(2*c.newPerSecond))
	without := len(predict(fit(small, middle), large))
	middle.checkProcessor, large.checkProcessor = 5, 55
	all := predict(fit(small, middle), large)
	at := slices.IndexFunc(all, func(p prediction) bool { return strings.HasPrefix(p.what, "a check") })
	if len(all) != without+1 || at < 0 {
		t.Fatalf("%d predictions without it, and %d with it", without, len(all))
	}
	if p := all[at]; !near(p.predicted, 50) || p.measured != 55 || !p.holds() {
		t.Errorf("predicted %v of %v", p.predicted, p.measured)
	}
}

func TestChecksTakeAPartOfTheProcessors(t *testing.T) {
	c := made()
	c.checkResource, c.perSecond, c.processor = 0.001, 100, 0.02 // two processors
	tests := map[string]struct{ alerts, speed, want float64 }{
		"without resources there is nothing to check": {0, 1, 0},
		"as long as they rest":                        {375_000, 1, 0.25},
		"with a machine that is twice as fast":        {750_000, 2, 0.25},
		"beyond ten minutes they fail":                {10_000_000, 1, 600. / 975 / 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := c.checking(estate{alerts: tt.alerts}, tt.speed); !near(got, tt.want) {
				t.Errorf("checking = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestChecksLeaveLessForDeliveries(t *testing.T) {
	without, with := made(), made()
	with.checkResource = 0.001
	a := defaultAssumptions()
	a.sims = 3_000_000
	some, fewer := simulateYear(without, a), simulateYear(with, a)
	if fewer.waiting <= some.waiting || fewer.checking <= 0 || some.checking != 0 {
		t.Errorf("%v wait and %v of the processors check; without checks %v and %v", fewer.waiting, fewer.checking, some.waiting, some.checking)
	}
}

func TestPredictionsHoldOnlyIfTheyAreClose(t *testing.T) {
	c := made()
	large := pointOf(c, 100_000, 700, 122_000, 222_000, ringCapacity(2*c.newPerSecond))
	if err := check(predict(*c, large)); err != nil {
		t.Errorf("what is as predicted: %v", err)
	}
	tests := map[string]struct {
		change func(*point)
		off    string
	}{
		"etcd is larger":             {func(p *point) { p.etcd *= 1.2 }, "etcd, in use"},
		"the API server is larger":   {func(p *point) { p.apiServerHeap *= 2 }, "live heap of kube-apiserver"},
		"the manager is smaller":     {func(p *point) { p.managerHeap /= 2 }, "live heap of the manager"},
		"the burst takes longer":     {func(p *point) { p.burstTook *= 2 }, "burst, last Event after"},
		"it was not measured at all": {func(p *point) { p.managerHeap = 0 }, "live heap of the manager"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := large
			tt.change(&p)
			if err := check(predict(*c, p)); !errors.Is(err, errOff) || !strings.Contains(err.Error(), tt.off) {
				t.Errorf("err = %v, want one about %s", err, tt.off)
			}
		})
	}
}

func TestABurstThatWasNotWaitedForIsNotPredicted(t *testing.T) {
	c := made()
	large := pointOf(c, 100_000, 700, 122_000, 222_000, ringCapacity(2*c.newPerSecond))
	all := len(predict(*c, large))
	large.burstTook = 0
	if n := len(predict(*c, large)); n != all-2 {
		t.Errorf("%d predictions, and %d with the burst", n, all)
	}
}

func TestPredictionsDoNotLookAtWhatTheyPredict(t *testing.T) {
	c := made()
	large := pointOf(c, 100_000, 700, 122_000, 222_000, 51_200)
	blind := large
	blind.etcd, blind.apiServerHeap, blind.managerHeap, blind.burstTook, blind.transitionProcessor, blind.cacheCapacity = 1, 1, 1, 1, 1, 1
	seen, unseen := predict(*c, large), predict(*c, blind)
	for i := range seen {
		if seen[i].predicted != unseen[i].predicted {
			t.Errorf("%s depends on what was measured", seen[i].what)
		}
	}
}

func TestRingCapacity(t *testing.T) {
	for changes, want := range map[float64]float64{0: 100, 1: 100, 2: 200, 10: 800, 600: 51_200, 700: 102_400, 100_000: 102_400} {
		if got := ringCapacity(changes); got != want {
			t.Errorf("%v changes a second: %v are kept, want %v", changes, got, want)
		}
	}
}

func TestPointsNeedThreeSizes(t *testing.T) {
	r := record.Record{Rows: []record.Row{{Name: record.At(0, record.Alerts)}, {Name: record.At(10, record.Alerts)}, {Name: record.At(100, record.Alerts)}}}
	if _, _, _, err := points(r); err == nil || !strings.Contains(err.Error(), "three") {
		t.Errorf("err = %v", err)
	}
}

func TestUsesAreSorted(t *testing.T) {
	l := defaultLimits()
	y := year{etcdEvents: 16 * gibibyte, managerHeap: gibibyte}
	tests := map[string]struct {
		ownEtcd  bool
		first    string
		clusters int
	}{
		"Events count against the quota":         {false, "etcd's quota", 2},
		"but not where they have their own etcd": {true, "memory of the manager", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			uses := l.uses(y, tt.ownEtcd)
			if uses[0].of != tt.first || clusters(uses) != tt.clusters {
				t.Errorf("most used is %v, clusters %d", uses[0], clusters(uses))
			}
		})
	}
}
