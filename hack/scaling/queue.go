package main

// Kinds of deliveries.
const (
	orderOpened = iota
	orderMoved
	alertOn
	alertOff
	repeated
	kinds
)

// deliveries are how many there are of each kind. They are not whole numbers: what is simulated is what is expected.
type deliveries [kinds]float64

func (d deliveries) total() float64 {
	sum := 0.0
	for _, n := range d {
		sum += n
	}
	return sum
}

func (d deliveries) plus(other deliveries) deliveries {
	for kind, n := range other {
		d[kind] += n
	}
	return d
}

func (d deliveries) times(factor float64) deliveries {
	for kind := range d {
		d[kind] *= factor
	}
	return d
}

// transitions are those of them that become a report, and so an Event.
func (d deliveries) transitions() float64 { return d.total() - d[repeated] }

// serve applies what waits and what arrives, as far as the capacity goes. Each kind gets the same share.
func serve(waiting, arriving deliveries, capacity float64) (applied, left deliveries) {
	all := waiting.plus(arriving)
	if all.total() <= capacity {
		return all, deliveries{}
	}
	share := capacity / all.total()
	return all.times(share), all.times(1 - share)
}

// expiry is a ring of what ends at each of the hours to come.
type expiry []float64

// newExpiry is for things that live so many hours, or for ever.
func newExpiry(hours int) expiry {
	if hours <= 0 {
		return nil
	}
	return make(expiry, hours)
}

// turn ends what was added a ring's length before, and adds what lives from this hour on.
func (e expiry) turn(hour int, added float64) (ended float64) {
	if e == nil {
		return 0
	}
	at := hour % len(e)
	ended, e[at] = e[at], added
	return ended
}

// take takes a share of all that is there, whenever it would end.
func (e expiry) take(share float64) {
	for i := range e {
		e[i] *= 1 - share
	}
}

// simulateBurst is how many seconds a number of deliveries takes to its last Event, second by second: they arrive as fast as
// the doors accept, and are applied as fast as the API server takes them.
func simulateBurst(n, arrivingPerSecond, appliedPerSecond float64) float64 {
	if appliedPerSecond <= 0 || arrivingPerSecond <= 0 {
		return 0
	}
	var waiting deliveries
	seconds := 0.0
	for n > 0 || waiting.total() > 0 {
		arriving := min(n, arrivingPerSecond)
		n -= arriving
		applied, left := serve(waiting, deliveries{alertOff: arriving}, appliedPerSecond)
		waiting = left
		if n > 0 || left.total() > 0 {
			seconds++
		} else {
			seconds += applied.total() / appliedPerSecond
		}
	}
	return seconds
}
