package main

// A year is what an estate of SIMs came to, in its second year: the first fills it.
type year struct {
	// most is the estate at its largest.
	most estate
	// Bytes at their peak.
	etcdResources, etcdEvents, etcdHistory float64
	apiServerHeap, managerHeap             float64
	ingressMemory, spool                   float64
	waiting                                float64
	// drainHours is how long deliveries waited in the worst stretch.
	drainHours float64
	// Of an average day.
	deliveriesADay, eventsADay float64
	// busy is what part of the capacity was used on average, by deliveries.
	busy float64
	// checking is what part of the processors kube-apiserver took at most for the checks of its cache.
	checking float64
}

// historySeconds is how far back etcd keeps what was written over: the API server compacts every five minutes what is five
// minutes old.
const historySeconds = 600

// simulateYear goes through two years, and tells of the second.
func simulateYear(c *coefficients, a assumptions) year {
	w := newWorld(c, a)
	for range hoursAYear {
		w.step()
	}
	var y year
	stretch := 0.0
	var applied, transitions float64
	for range hoursAYear {
		h := w.step()
		applied, transitions = applied+h.applied.total(), transitions+h.applied.transitions()
		if w.waiting.total() > 0 {
			stretch++
		} else {
			stretch = 0
		}
		y.drainHours = max(y.drainHours, stretch)
		y.peak(w, h)
	}
	y.deliveriesADay = applied / (hoursAYear / 24)
	y.eventsADay = transitions / (hoursAYear / 24)
	y.busy = applied / (c.perSecond * a.speed * secondsAnHour * hoursAYear)
	return y
}

// peak takes over what is larger than it has been.
func (y *year) peak(w *world, h hour) {
	c := w.c
	y.most.alerts, y.most.orders, y.most.events = max(y.most.alerts, w.alerts), max(y.most.orders, w.orders), max(y.most.events, w.events)
	y.etcdResources = max(y.etcdResources, c.etcdBase+c.etcdOverhead*c.resourceBytes(w.estate))
	y.etcdEvents = max(y.etcdEvents, c.etcdOverhead*w.events*c.event)
	y.etcdHistory = max(y.etcdHistory, h.writes/secondsAnHour*historySeconds*c.etcdOverhead*c.meanVersion(w.estate))
	y.apiServerHeap = max(y.apiServerHeap, c.apiServerHeap(w.estate))
	y.managerHeap = max(y.managerHeap, c.managerHeap(w.estate))
	y.checking = max(y.checking, c.checking(w.estate, w.speed))
	y.waiting = max(y.waiting, w.waiting.total())
	y.ingressMemory = max(y.ingressMemory, c.ingressIdle+c.ingressWaiting*w.waiting.total())
	y.spool = max(y.spool, c.spoolWaiting*w.waiting.total())
}

// meanVersion is the size of what a write leaves behind.
func (c *coefficients) meanVersion(e estate) float64 {
	if e.resources() == 0 {
		return c.event
	}
	return (c.resourceBytes(e)/e.resources()*2 + c.event) / 3
}
