package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: scaling check|plan|docs [flags]")

func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	flags := flag.NewFlagSet("scaling "+args[0], flag.ExitOnError)
	path := flags.String("record", filepath.Join("docs", "benchmarks.json"), "The record of make bench.")
	a, l := planFlags(flags)
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	r, err := record.Read(*path)
	if err != nil {
		return err
	}
	if args[0] == "docs" {
		return writeDocs("docs", r)
	}
	small, middle, large, err := points(r)
	if err != nil {
		return err
	}
	c, err := coefficientsOf(r, small, middle)
	if err != nil {
		return err
	}
	switch args[0] {
	case "check":
		all := predict(c, large)
		printPredictions(os.Stdout, all)
		return check(all)
	case "plan":
		return plan(&c, *a, *l)
	default:
		return errUsage
	}
}

func plan(c *coefficients, a assumptions, l limits) error {
	if err := a.valid(); err != nil {
		return err
	}
	sims := scales()
	if a.sims > 0 {
		sims = []float64{a.sims}
	}
	printPlan(os.Stdout, c, a, l, sims)
	fmt.Println()
	printLevers(os.Stdout, c, a, l, sims)
	return nil
}

// planFlags are all that is assumed.
func planFlags(flags *flag.FlagSet) (*assumptions, *limits) {
	a, l := defaultAssumptions(), defaultLimits()
	for _, f := range []struct {
		at   *float64
		name string
		what string
	}{
		{&a.sims, "sims", "SIMs; by default a few numbers of them"},
		{&a.ordersAMonth, "orders", "orders of a SIM in a month"},
		{&a.reportsAnOrder, "order-reports", "reports of an order"},
		{&a.alertsAMonth, "alerts", "alerts of a SIM that go On in a month"},
		{&a.alertsSetUp, "alerts-set-up", "alerts that a SIM is under"},
		{&a.repeats, "repeats", "part of the deliveries that comes twice"},
		{&a.speed, "speed", "how many times as fast the control plane is as the machine of the record"},
		{&l.replicas, "replicas", "replicas of the ingress"},
		{&l.drainHours, "drain-hours", "hours that a month's end may take"},
	} {
		flags.Float64Var(f.at, f.name, *f.at, f.what)
	}
	for _, f := range []struct {
		at   *int
		name string
		what string
	}{
		{&a.orderHours, "order-hours", "hours that an order takes"},
		{&a.burstHours, "burst-hours", "hours in which the sender reports a month's end"},
		{&a.finishedOrderHours, "finished-orders", "hours that finished orders are kept; 0 is for ever"},
		{&a.inactiveAlertHours, "inactive-alerts", "hours that inactive alerts are kept; 0 is for ever"},
		{&a.eventHours, "events", "hours that Events are kept"},
	} {
		flags.IntVar(f.at, f.name, *f.at, f.what)
	}
	return &a, &l
}

// valid is an error for what cannot be.
func (a *assumptions) valid() error {
	switch {
	case a.speed <= 0 || a.burstHours <= 0 || a.eventHours <= 0 || a.orderHours <= 0:
		return errors.New("speed, burst-hours, events and order-hours must be more than 0")
	case a.alertsAMonth > a.alertsSetUp:
		return errors.New("a SIM cannot have more alerts in a month than it is under: each goes On once a month")
	case a.reportsAnOrder < 1:
		return errors.New("an order has at least one report")
	default:
		return nil
	}
}
