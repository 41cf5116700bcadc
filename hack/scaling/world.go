package main

// assumptions are what the estate of SIMs does, and how it is kept. A month has 30 days, a year 12 months.
type assumptions struct {
	sims float64
	// ordersAMonth and alertsAMonth are those of one SIM. All alerts that went On in a month go Off at its end.
	ordersAMonth, alertsAMonth float64
	// reportsAnOrder are one when it opens, and the others while it lives.
	reportsAnOrder float64
	orderHours     int
	// alertsSetUp is how many alerts one SIM is under.
	alertsSetUp float64
	// repeats is what part of the deliveries comes a second time.
	repeats float64
	// burstHours is how long the sender takes to report a month's end.
	burstHours int
	// Retention, in hours; 0 is for ever.
	finishedOrderHours, inactiveAlertHours, eventHours int
	// speed is that of the control plane against the machine that the coefficients are of.
	speed float64
}

func defaultAssumptions() assumptions {
	return assumptions{
		ordersAMonth: 0.1, alertsAMonth: 0.5, reportsAnOrder: 3, orderHours: 24, alertsSetUp: 2, repeats: 0.05, burstHours: 1,
		finishedOrderHours: 720, inactiveAlertHours: 2160, eventHours: 1, speed: 1,
	}
}

const (
	hoursAMonth   = 30 * 24
	hoursAYear    = 12 * hoursAMonth
	secondsAnHour = 3600
	// keptReports is how many reports a resource keeps.
	keptReports = 64
)

// A world is an estate as it goes through the hours.
type world struct {
	assumptions
	c *coefficients

	hour    int
	waiting deliveries
	estate

	inactive float64
	// turnedOn are the alerts reported On since the last month's end; dueOff are those still to be reported Off.
	turnedOn, dueOff float64
	orderEnds        expiry
	alertEnds        expiry
	eventEnds        expiry

	arrived, applied, deleted float64
}

func newWorld(c *coefficients, a assumptions) *world {
	w := &world{assumptions: a, c: c, eventEnds: newExpiry(a.eventHours), alertEnds: newExpiry(a.inactiveAlertHours)}
	if a.finishedOrderHours > 0 {
		w.orderEnds = newExpiry(a.orderHours + a.finishedOrderHours)
	}
	return w
}

// An hour is what went on in one.
type hour struct {
	arrived, applied deliveries
	deleted          float64
	writes           float64
}

// step goes on by an hour.
func (w *world) step() hour {
	h := hour{arrived: w.arriving()}
	left := 1 - w.c.checking(w.estate, w.speed)
	h.applied, w.waiting = serve(w.waiting, h.arrived, left*w.c.perSecond*w.speed*secondsAnHour)
	h.deleted = w.apply(h.applied)
	h.writes = h.applied[orderOpened]*w.c.newWrites + (h.applied.total()-h.applied[orderOpened])*w.c.transitionWrites + h.deleted
	w.versions = olderVersions(h.applied.total(), ringCapacity(2*h.applied.total()/secondsAnHour))
	w.arrived, w.applied, w.deleted = w.arrived+h.arrived.total(), w.applied+h.applied.total(), w.deleted+h.deleted
	w.hour++
	return h
}

// arriving is what comes in within an hour: orders and alerts On all the time, alerts Off after each month's end.
func (w *world) arriving() deliveries {
	if w.hour%hoursAMonth == 0 {
		w.dueOff, w.turnedOn = w.dueOff+w.turnedOn, 0
	}
	opened := w.sims * w.ordersAMonth / hoursAMonth
	d := deliveries{orderOpened: opened, orderMoved: opened * (w.reportsAnOrder - 1), alertOn: w.sims * w.alertsAMonth / hoursAMonth}
	w.turnedOn += d[alertOn]
	left := max(w.burstHours-w.hour%hoursAMonth, 1)
	d[alertOff] = w.dueOff / float64(left)
	w.dueOff -= d[alertOff]
	d[repeated] = d.total() * w.repeats
	return d
}

// apply changes the estate, and says how many resources it lost to retention.
func (w *world) apply(d deliveries) (deleted float64) {
	endedOrders := w.orderEnds.turn(w.hour, d[orderOpened])
	w.orders += d[orderOpened] - endedOrders
	w.orderReports += d[orderOpened] + d[orderMoved] - endedOrders*w.reportsAnOrder
	w.orderReports = min(max(w.orderReports, w.orders), w.orders*keptReports)
	endedAlerts := w.turn(d[alertOn], d[alertOff])
	w.events += d.transitions() - w.eventEnds.turn(w.hour, d.transitions())
	return endedOrders + endedAlerts
}

// turn turns alerts On and Off. An alert that goes On is one of those that could, be there a resource of it already or not.
func (w *world) turn(on, off float64) (ended float64) {
	ended = w.alertEnds.turn(w.hour, 0)
	w.lose(ended)
	active := w.alerts - w.inactive
	could := max(w.sims*w.alertsSetUp-active, 0)
	on, off = min(on, could), min(off, active+min(on, could)) // beyond that it only repeats what is known
	known := 0.0
	if could > 0 {
		known = on * min(w.inactive/could, 1)
	}
	if w.inactive > 0 {
		w.alertEnds.take(known / w.inactive)
	}
	w.alerts += on - known
	w.inactive += off - known
	if w.alertEnds != nil {
		w.alertEnds[w.hour%len(w.alertEnds)] += off
	}
	w.alertReports = min(w.alertReports+on+off, w.alerts*keptReports)
	return ended
}

// lose deletes inactive alerts, with the reports that an alert has on average.
func (w *world) lose(ended float64) {
	if w.alerts > 0 {
		w.alertReports *= 1 - ended/w.alerts
	}
	w.alerts -= ended
	w.inactive -= ended
}
