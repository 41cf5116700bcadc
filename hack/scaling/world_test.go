package main

import (
	"math/rand/v2"
	"testing"
)

// made are coefficients of the order of those measured.
func made() *coefficients {
	return &coefficients{
		alert: 2000, report: 150, order: 1800, event: 900, etcdBase: 3e6, etcdOverhead: 1.2, apiBase: 8e7, apiVersion: 12_000, managerBase: 1e7,
		managerResource: 2800, ingressIdle: 5e7, ingressWaiting: 1000, spoolWaiting: 500, newWrites: 3, transitionWrites: 3, processor: 0.004,
		perSecond: 300, acceptedPerSecond: 15_000, newPerSecond: 350,
	}
}

func with(change func(*assumptions)) assumptions {
	a := defaultAssumptions()
	a.sims = 50_000
	change(&a)
	return a
}

func TestNothingIsLost(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		a := with(func(a *assumptions) {
			a.sims, a.ordersAMonth, a.alertsAMonth = random.Float64()*3e6, random.Float64()*2, random.Float64()*2
			a.finishedOrderHours, a.inactiveAlertHours = random.IntN(1000), random.IntN(1000)
			a.eventHours, a.burstHours = 1+random.IntN(10), 1+random.IntN(10)
		})
		w := newWorld(made(), a)
		created := 0.0
		for range 2000 {
			h := w.step()
			created += h.applied[orderOpened]
			if !near(w.arrived, w.applied+w.waiting.total()) {
				t.Fatalf("hour %d: %v arrived, %v were applied and %v wait", w.hour, w.arrived, w.applied, w.waiting.total())
			}
			if most := w.sims * w.alertsSetUp; w.alerts > most*(1+1e-9) || w.inactive > w.alerts*(1+1e-9)+1e-6 || w.inactive < -1e-6 {
				t.Fatalf("hour %d: %v alerts of at most %v, %v of them inactive", w.hour, w.alerts, most, w.inactive)
			}
			if w.orders > created*(1+1e-9) || w.orders < -1e-6 || w.events < -1e-6 {
				t.Fatalf("hour %d: %v orders of %v, %v Events", w.hour, w.orders, created, w.events)
			}
		}
	}
}

func TestRetentionEndsGrowth(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*assumptions)
		orders float64
		events float64
	}{
		"orders live while they are open and are kept": {func(a *assumptions) { a.alertsAMonth, a.repeats = 0, 0 }, 50_000 * 0.1 / 720 * 744, 50_000 * 0.1 / 720 * 3},
		"a longer retention keeps more":                {func(a *assumptions) { a.alertsAMonth, a.finishedOrderHours = 0, 1440 }, 50_000 * 0.1 / 720 * 1464, 50_000 * 0.1 / 720 * 3},
		"Events are kept as long as they are told":     {func(a *assumptions) { a.alertsAMonth, a.eventHours = 0, 10 }, 50_000 * 0.1 / 720 * 744, 50_000 * 0.1 / 720 * 30},
	} {
		t.Run(name, func(t *testing.T) {
			y := simulateYear(made(), with(tt.change))
			if !near(y.most.orders, tt.orders) || !near(y.most.events, tt.events) {
				t.Errorf("%v orders and %v Events, want %v and %v", y.most.orders, y.most.events, tt.orders, tt.events)
			}
		})
	}
}

func TestAMonthsEndWaits(t *testing.T) {
	y := simulateYear(made(), with(func(a *assumptions) { a.sims = 10_000_000 }))
	// 5 million alerts go Off in an hour, and 300 a second are applied.
	if y.waiting < 3.5e6 || y.drainHours < 4 || y.drainHours > 7 {
		t.Errorf("%v wait, for %v hours", y.waiting, y.drainHours)
	}
	if few := simulateYear(made(), with(func(*assumptions) {})); few.waiting != 0 || few.drainHours != 0 {
		t.Errorf("of few SIMs %v wait", few.waiting)
	}
}

func TestMoreNeverCostsLess(t *testing.T) {
	more := map[string]func(a *assumptions, factor float64){
		"SIMs":   func(a *assumptions, factor float64) { a.sims *= factor },
		"orders": func(a *assumptions, factor float64) { a.ordersAMonth *= factor },
		"alerts": func(a *assumptions, factor float64) { a.alertsAMonth *= min(factor, 3) },
		"retention of orders": func(a *assumptions, factor float64) {
			a.finishedOrderHours = int(float64(a.finishedOrderHours) * factor)
		},
		"retention of alerts": func(a *assumptions, factor float64) {
			a.inactiveAlertHours = int(float64(a.inactiveAlertHours) * factor)
		},
		"time that Events live": func(a *assumptions, factor float64) { a.eventHours = int(float64(a.eventHours) * factor) },
	}
	for name, change := range more {
		t.Run(name, func(t *testing.T) {
			before := simulateYear(made(), with(func(*assumptions) {}))
			for _, factor := range []float64{2, 5, 20} {
				now := simulateYear(made(), with(func(a *assumptions) { change(a, factor) }))
				for what, pair := range map[string][2]float64{
					"etcd":       {before.etcdResources + before.etcdEvents + before.etcdHistory, now.etcdResources + now.etcdEvents + now.etcdHistory},
					"API server": {before.apiServerHeap, now.apiServerHeap}, "manager": {before.managerHeap, now.managerHeap},
					"ingress": {before.ingressMemory, now.ingressMemory}, "waiting": {before.waiting, now.waiting},
					"drain": {before.drainHours, now.drainHours}, "busy": {before.busy, now.busy},
				} {
					if pair[1] < pair[0]*(1-1e-9) {
						t.Errorf("times %v, %s went from %v to %v", factor, what, pair[0], pair[1])
					}
				}
				before = now
			}
		})
	}
}

func TestAFasterControlPlaneIsLessBusy(t *testing.T) {
	slow, fast := simulateYear(made(), with(func(*assumptions) {})), simulateYear(made(), with(func(a *assumptions) { a.speed = 4 }))
	if !near(slow.busy, 4*fast.busy) {
		t.Errorf("busy %v and %v", slow.busy, fast.busy)
	}
}
