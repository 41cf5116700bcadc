package controllers

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

func TestWhatTheAPIServerRefuses(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	changedOrder := func(change func(*v1alpha1.SimOrder)) client.Object {
		o := freshOrder(namespace)
		change(o)
		return o
	}
	changedAlert := func(change func(*v1alpha1.SimAlert)) client.Object {
		a := freshAlert(namespace)
		change(a)
		return a
	}
	changedReceiver := func(change func(*v1alpha1.SimReceiver)) client.Object {
		r := &v1alpha1.SimReceiver{}
		r.Namespace, r.Name = namespace, "demo"
		change(r)
		return r
	}
	tests := map[string]struct {
		obj client.Object
		// want is part of the refusal; empty where it is accepted.
		want string
	}{
		"an order":                        {changedOrder(func(*v1alpha1.SimOrder) {}), ""},
		"an order of unknown codes":       {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.Type = "Code15"; o.Spec.Reports = reportsOf("Code6") }), ""},
		"an order with 64 reports":        {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.Reports = manyReports(64) }), ""},
		"an order with 65 reports":        {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.Reports = manyReports(65) }), "spec.reports: Too many"},
		"an order of another name":        {changedOrder(func(o *v1alpha1.SimOrder) { o.Name = "another" }), "metadata.name must be spec.orderID"},
		"an order id in upper case":       {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.OrderID = v1alpha1.UUID(strings.ToUpper(string(testAlert))) }), "spec.orderID"},
		"an order id that is none":        {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.OrderID = "1"; o.Name = "1" }), "spec.orderID"},
		"a SIM id that is none":           {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.SimID = "1" }), "spec.simID"},
		"a type that is none":             {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.Type = "Explode" }), "spec.type"},
		"a type in another case":          {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.Type = "activate" }), "spec.type"},
		"a state that is none":            {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.Reports = reportsOf("Done") }), "spec.reports[0].state"},
		"a report with sequence 0":        {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.Reports = reportsOf(open); o.Spec.Reports[0].Sequence = 0 }), "spec.reports[0].sequence"},
		"a report that never came":        {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.Reports = reportsOf(open); o.Spec.Reports[0].Count = 0 }), "spec.reports[0].count"},
		"a receiver's name of 64":         {changedOrder(func(o *v1alpha1.SimOrder) { o.Spec.Receiver = strings.Repeat("x", 64) }), "spec.receiver"},
		"an alert":                        {changedAlert(func(*v1alpha1.SimAlert) {}), ""},
		"an alert on an unknown target":   {changedAlert(func(a *v1alpha1.SimAlert) { a.Spec.TargetType = "Modem" }), ""},
		"an alert of another name":        {changedAlert(func(a *v1alpha1.SimAlert) { a.Name = string(testAlert) }), "metadata.name must be spec.alertID, a dash, and spec.entityID"},
		"a trigger that is none":          {changedAlert(func(a *v1alpha1.SimAlert) { a.Spec.Reports[0].Trigger = "Maybe" }), "spec.reports[0].trigger"},
		"a value of 257":                  {changedAlert(func(a *v1alpha1.SimAlert) { a.Spec.Reports[0].Value = strings.Repeat("9", 257) }), "spec.reports[0].value"},
		"an alert's name of 1025":         {changedAlert(func(a *v1alpha1.SimAlert) { a.Spec.AlertName = strings.Repeat("x", 1025) }), "spec.alertName"},
		"a receiver":                      {changedReceiver(func(*v1alpha1.SimReceiver) {}), ""},
		"a receiver's own name of 64":     {changedReceiver(func(r *v1alpha1.SimReceiver) { r.Name = strings.Repeat("x", 64) }), "metadata.name must be at most 63"},
		"a duration of days":              {changedReceiver(func(r *v1alpha1.SimReceiver) { r.Spec.OverdueAfter = "3d" }), "spec.overdueAfter"},
		"a duration below zero":           {changedReceiver(func(r *v1alpha1.SimReceiver) { r.Spec.StaleAfter = "-1h" }), "spec.staleAfter"},
		"a duration in parts":             {changedReceiver(func(r *v1alpha1.SimReceiver) { r.Spec.StaleAfter = "1h30m" }), ""},
		"a duration of zero":              {changedReceiver(func(r *v1alpha1.SimReceiver) { r.Spec.Retention.FinishedOrders = "0" }), ""},
		"a URL of another kind":           {changedReceiver(func(r *v1alpha1.SimReceiver) { r.Spec.ExternalURL = "ftp://example.com" }), "spec.externalURL"},
		"a URL with a query":              {changedReceiver(func(r *v1alpha1.SimReceiver) { r.Spec.ExternalURL = "https://example.com/?a=b" }), "spec.externalURL"},
		"a burst of more than 10 million": {changedReceiver(func(r *v1alpha1.SimReceiver) { r.Spec.RateLimit.Burst = 10000001 }), "spec.rateLimit.burst"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := c.Create(t.Context(), test.obj, client.DryRunAll)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.want != "" && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), test.want)):
				t.Errorf("not refused for %q: %v", test.want, err)
			}
		})
	}
}

func TestNothingIsHealthyBeforeTheFirstReconcile(t *testing.T) {
	c := shared.Client(t)
	namespace := shared.Namespace(t)
	o, a, r := freshOrder(namespace), freshAlert(namespace), &v1alpha1.SimReceiver{}
	r.Namespace, r.Name = namespace, "demo"
	create(t, c, o)
	create(t, c, a)
	create(t, c, r)
	for kind, observed := range map[string]int64{
		"SimOrder": o.Status.ObservedGeneration, "SimAlert": a.Status.ObservedGeneration, "SimReceiver": r.Status.ObservedGeneration,
	} {
		if observed != -1 {
			t.Errorf("%s: observedGeneration is %d, and a tool that reads it would say that all is well", kind, observed)
		}
	}
	if r.Spec.OverdueAfter != "72h" || r.Spec.StaleAfter != "840h" || r.Spec.Retention.FinishedOrders != "720h" ||
		r.Spec.Retention.InactiveAlerts != "2160h" || r.Spec.RateLimit.DeliveriesPerSecond != 500 || r.Spec.RateLimit.Burst != 200000 {
		t.Errorf("defaults: %+v", r.Spec)
	}
	if lim := limitsOf(&r.Spec); lim.overdueAfter != unknownReceiverOverdueAfter || lim.staleAfter != unknownReceiverStaleAfter {
		t.Errorf("an unknown receiver's limits are not those of one that sets none: %+v", lim)
	}
}

// freshOrder is orderWith the reports, as one who creates it sends it.
func freshOrder(namespace string, reports ...v1alpha1.OrderReport) *v1alpha1.SimOrder {
	template := orderWith(reports...)
	o := &v1alpha1.SimOrder{Spec: template.Spec}
	o.Namespace, o.Name = namespace, template.Name
	return o
}

// freshAlert is alertWith one report, as one who creates it sends it.
func freshAlert(namespace string) *v1alpha1.SimAlert {
	template := alertWith(alertReport(1, 1, on, "85"))
	a := &v1alpha1.SimAlert{Spec: template.Spec}
	a.Namespace, a.Name = namespace, template.Name
	return a
}

func reportsOf(states ...v1alpha1.OrderState) []v1alpha1.OrderReport {
	var reports []v1alpha1.OrderReport
	for i, state := range states {
		reports = append(reports, orderReport(int64(i+1), i+1, state))
	}
	return reports
}

// manyReports are an order's that goes between Open and Pending.
func manyReports(n int) []v1alpha1.OrderReport {
	var states []v1alpha1.OrderState
	for i := range n {
		states = append(states, []v1alpha1.OrderState{open, pending}[i%2])
	}
	return reportsOf(states...)
}
