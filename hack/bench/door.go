package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"syscall"
	"time"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// The numbers of the design.
const (
	reachDoor    = 0.5
	reachDoorP99 = 20 * time.Millisecond
)

// A duel is a comparison of the door and the bare handler, in turns.
type duel struct {
	lab     *lab
	poster  *http.Client
	callers int
	bare    target
	door    target
	next    int

	bareRates, doorRates []float64
	bareAnswers, answers []time.Duration
	// bareCosts and doorCosts are processor time a delivery, which other processes of the machine change little.
	bareCosts, doorCosts []float64
}

// measureDoor compares the door to a handler that only reads the body. First the API server is frozen, so that nothing
// but the door works; then it runs, so that what was accepted is applied at the same time.
func measureDoor(ctx context.Context, l *lab) error {
	supervisor := l.cluster.Supervisor()
	at, err := freeAddress()
	if err != nil {
		return err
	}
	process, err := bareProcess(at)
	if err != nil {
		return err
	}
	if err := supervisor.Start(process); err != nil {
		return err
	}
	defer supervisor.Stop(bareCommand) //nolint:errcheck // it runs
	if err := l.untilAnswered(ctx, "http://"+at); err != nil {
		return err
	}
	newDuel := func(callers int) *duel {
		return &duel{
			lab: l, poster: newPoster(callers), callers: callers,
			bare: target{urls: []string{"http://" + at}, body: orderBody},
			door: target{urls: []string{l.hooks[door].OrdersURL(0)}, body: orderBody},
			next: callers * 10_000_000, // no two duels are about the same orders
		}
	}
	for _, n := range []int{1, 16, callers, 256} {
		if err := l.doorAlone(ctx, newDuel(n)); err != nil {
			return err
		}
	}
	ingress, err := l.startIngress(ctx)
	if err != nil {
		return err
	}
	d := newDuel(callers)
	d.next *= 2
	return l.doorAtWork(ctx, d, ingress)
}

// untilAnswered waits until a server answers.
func (l *lab) untilAnswered(ctx context.Context, url string) error {
	poster := newPoster(1)
	defer poster.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return until(ctx, url, pollEvery, func(ctx context.Context) (bool, error) {
		return post(ctx, poster, url, nil) == nil, nil
	})
}

// doorAlone has an ingress of its own for each duel: none of what it accepts is applied, and a spool has bounds.
func (l *lab) doorAlone(ctx context.Context, d *duel) error {
	ingress, err := l.startIngress(ctx)
	if err != nil {
		return err
	}
	supervisor := l.cluster.Supervisor()
	if err := supervisor.Signal(localcluster.APIServer, syscall.SIGSTOP); err != nil {
		return err
	}
	defer supervisor.Signal(localcluster.APIServer, syscall.SIGCONT) //nolint:errcheck // it is there
	d.lab.profile(ctx, localcluster.Ingress, fmt.Sprintf("door-%d", d.callers), time.Duration(2*l.rounds)*l.turn)
	for round := range l.rounds + 1 {
		if err := d.round(ctx, round, l.turn); err != nil {
			return err
		}
	}
	d.report("API server stopped")
	return supervisor.Stop(ingress)
}

// doorAtWork waits after each turn until all is applied: the bare handler's turn must not pay for the door's.
func (l *lab) doorAtWork(ctx context.Context, d *duel, ingress string) error {
	for round := range l.rounds + 1 {
		if err := d.turnOfBare(ctx, round, l.turn); err != nil {
			return err
		}
		if err := d.turnOfDoor(ctx, round, l.turn); err != nil {
			return err
		}
		if err := l.untilDrained(ctx, ingress); err != nil {
			return err
		}
	}
	d.report("API server running")
	return nil
}

// round has both take their turns, each of them first in every second round.
func (d *duel) round(ctx context.Context, round int, length time.Duration) error {
	turns := []func(context.Context, int, time.Duration) error{d.turnOfBare, d.turnOfDoor}
	if round%2 == 1 {
		slices.Reverse(turns)
	}
	for _, turn := range turns {
		if err := turn(ctx, round, length); err != nil {
			return err
		}
	}
	return nil
}

func (d *duel) turnOfBare(ctx context.Context, round int, length time.Duration) error {
	f, cost, err := d.turn(ctx, bareCommand, d.bare, length)
	if err != nil || round == 0 {
		return err
	}
	d.bareRates, d.bareAnswers, d.bareCosts = append(d.bareRates, f.perSecond()), append(d.bareAnswers, f.answers...), append(d.bareCosts, cost)
	return nil
}

func (d *duel) turnOfDoor(ctx context.Context, round int, length time.Duration) error {
	f, cost, err := d.turn(ctx, localcluster.Ingress, d.door, length)
	if err != nil || round == 0 {
		return err
	}
	d.doorRates, d.answers, d.doorCosts = append(d.doorRates, f.perSecond()), append(d.answers, f.answers...), append(d.doorCosts, cost)
	return nil
}

// turn delivers for a time, and returns also the processor time of the server a delivery. The round 0 is there to open
// connections and to warm up, and does not count.
func (d *duel) turn(ctx context.Context, server string, to target, length time.Duration) (f flow, cost float64, err error) {
	pid := d.lab.cluster.Supervisor().Pid(server)
	before, err := processorTime(pid)
	if err != nil {
		return f, 0, err
	}
	if f, err = floodFor(ctx, d.poster, d.callers, to, d.next, length); err != nil {
		return f, 0, err
	}
	d.next += f.accepted + d.callers
	after, err := processorTime(pid)
	return f, (after - before).Seconds() / float64(f.accepted), err
}

func (d *duel) report(how string) {
	d.poster.CloseIdleConnections()
	name := fmt.Sprintf("door, %d callers, %s: ", d.callers, how)
	t := d.lab.table
	t.note(name+"bare handler", median(d.bareRates), "1/s")
	t.note(name+"accepted", median(d.doorRates), "1/s")
	t.note(name+"processor a delivery, door", median(d.doorCosts)*1e6, "us")
	t.note(name+"processor a delivery, bare handler", median(d.bareCosts)*1e6, "us")
	t.note(name+"p50", milliseconds(percentile(d.answers, 50)), "ms")
	t.note(name+"p99 of the bare handler", milliseconds(percentile(d.bareAnswers, 99)), "ms")
	ratio, p99 := median(ratios(d.doorRates, d.bareRates)), milliseconds(percentile(d.answers, 99))
	if d.callers != callers {
		t.note(name+"accepted to bare handler", ratio, "ratio")
		t.note(name+"p99", p99, "ms")
		return
	}
	t.atLeast(reachDoor, name+"accepted to bare handler", ratio)
	t.below(milliseconds(reachDoorP99), name+"p99", p99, "ms")
}
