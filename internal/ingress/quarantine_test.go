package ingress

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sim-operator/sim-operator/internal/apply"
	"github.com/sim-operator/sim-operator/internal/spool"
)

// newSpool opens a spool whose quarantine takes five deliveries of a receiver, and runs it until the end of the test.
func newSpool(t *testing.T) *spool.Spool {
	t.Helper()
	o := DefaultOptions()
	o.SpoolDir, o.Spool.MaxQuarantinedPerReceiver = t.TempDir(), 5
	kept, err := openSpool(o, apply.NewQueue(nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- kept.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return kept
}

func unreadable(receiver string, i int) (spool.Delivery, spool.Reason) {
	return spool.Delivery{Receiver: receiver, Kind: "orders", Body: fmt.Append(nil, i)}, spool.Reason{Code: "Malformed"}
}

func TestAFullQuarantineRefuses(t *testing.T) {
	kept := newSpool(t)
	for i := range 6 {
		d, reason := unreadable("sims/a", i)
		_, err := kept.Quarantine(t.Context(), d, reason)
		var full *spool.FullError
		if errors.As(err, &full) != (i == 5) {
			t.Errorf("delivery %d: %v", i, err)
		}
	}
}

func TestAFullQuarantineDropsTheOldestOfItsReceiver(t *testing.T) {
	kept := newSpool(t)
	registry := prometheus.NewRegistry()
	room := newMakingRoom(kept, registry)
	other, reason := unreadable("sims/b", 100)
	if _, err := room.Quarantine(t.Context(), other, reason); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		d, reason := unreadable("sims/a", i)
		if _, err := room.Quarantine(t.Context(), d, reason); err != nil {
			t.Fatal(err)
		}
	}
	left, err := kept.Quarantined(spool.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for _, q := range left {
		bodies = append(bodies, string(q.Body))
	}
	if len(left) != 2 || bodies[0] != "100" || bodies[1] != "5" {
		t.Errorf("left are %v", bodies)
	}
	families, err := registry.Gather()
	if err != nil || families[0].GetMetric()[0].GetCounter().GetValue() != 5 {
		t.Errorf("metrics are %v, error %v", families, err)
	}
}
