package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

func TestParseMetrics(t *testing.T) {
	const page = `# HELP sim_operator_orders SimOrders that exist.
# TYPE sim_operator_orders gauge
sim_operator_orders{namespace="status",receiver="bench",state="Open",type="Activate"} 1500
sim_operator_orders{namespace="other",receiver="bench",state="Open",type="Cease"} 7
sim_operator_spool_deliveries 1e+05

apiserver_request_total{code="201",resource="simorders",subresource="",verb="POST"} 10
apiserver_request_total{code="200",resource="simorders",subresource="status",verb="PATCH"} 9
apiserver_request_total{code="200",resource="leases",subresource="",verb="PUT"} 99
apiserver_request_total{code="200",resource="simorders",subresource="",verb="LIST"} 99
apiserver_request_total{code="403",resource="events",subresource="",verb="POST"} 99
`
	all, err := parseMetrics(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	if got := sum(all, "sim_operator_orders", isOpenIn("status")); got != 1500 {
		t.Errorf("open orders = %v, want 1500", got)
	}
	if got := sum(all, "sim_operator_orders", nil); got != 1507 {
		t.Errorf("orders = %v, want 1507", got)
	}
	if got := sum(all, "sim_operator_spool_deliveries", nil); got != 100_000 {
		t.Errorf("deliveries = %v, want 100000", got)
	}
	want := map[string]float64{"simorders/": 10, "simorders/status": 9}
	writes := countWrites(all)
	if diff := cmp.Diff(want, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if got := total(writes); got != 19 {
		t.Errorf("total = %v, want 19", got)
	}
}

func TestParseMetricsRefusesWhatIsNone(t *testing.T) {
	if _, err := parseMetrics(strings.NewReader("<html>")); err == nil {
		t.Error("a page that is no metrics was read")
	}
}

func TestParseProcessorTime(t *testing.T) {
	const stat = "4242 (a (strange) name) S 1 4242 4242 0 -1 4194304 1 2 3 4 150 50 7 8 20 0 9 0 100 200 300"
	got, err := parseProcessorTime(stat)
	if err != nil || got != 2*time.Second {
		t.Errorf("processor time = %v, %v, want 2s", got, err)
	}
	if _, err := parseProcessorTime("4242 (short) S 1"); err == nil {
		t.Error("too few fields were read")
	}
}

func TestKilobytes(t *testing.T) {
	const status = "Name:\tingress\nVmRSS:\t   20480 kB\nRssAnon:\t    1024 kB\n"
	got, err := kilobytes(status, "VmRSS:")
	if err != nil || got != 20*mebibyte {
		t.Errorf("VmRSS = %v, %v, want 20 MiB", got, err)
	}
	if _, err := kilobytes(status, "VmSwap:"); err == nil {
		t.Error("a line was found that is not there")
	}
}

func TestHeapInUse(t *testing.T) {
	got, err := heapInUse("heap profile: 1: 2 [3: 4] @ heap/1048576\n\n# runtime.MemStats\n# Alloc = 7\n# HeapAlloc = 4194304\n# HeapSys = 9\n")
	if err != nil || got != 4*mebibyte {
		t.Errorf("heap = %v, %v, want 4 MiB", got, err)
	}
	if _, err := heapInUse("heap profile: "); err == nil {
		t.Error("a profile without statistics was read")
	}
}

// TestBodies is here so that no number is that of deliveries which the door refuses.
func TestBodies(t *testing.T) {
	names := map[string]bool{}
	for n := range 1000 {
		order, err := webhook.ParseOrder(orderBody(n))
		if err != nil {
			t.Fatal(err)
		}
		if order.Name() != uuid(orderIDs, n) {
			t.Fatalf("order %d is named %s", n, order.Name())
		}
		on, err := webhook.ParseAlert(alertBody(v1alpha1.AlertTriggerOn, 85)(n))
		if err != nil {
			t.Fatal(err)
		}
		off, err := webhook.ParseAlert(alertBody(v1alpha1.AlertTriggerOff, 10)(n))
		if err != nil {
			t.Fatal(err)
		}
		if on.Name() != off.Name() || on.Trigger == off.Trigger {
			t.Fatalf("alert %d turns On as %s and Off as %s", n, on.Name(), off.Name())
		}
		names[order.Name()], names[on.Name()] = true, true
	}
	if len(names) != 2000 {
		t.Errorf("2000 resources have %d names", len(names))
	}
	if !json.Valid(orderBody(1)) {
		t.Error("a body is no JSON")
	}
}
