package ingress

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

// flood fills the spool of a door with n deliveries, each to an order of its own, while the API server cannot be reached.
// The door is stopped then.
func (d *door) flood(t testing.TB, n int) {
	t.Helper()
	d.stop()
	nowhere := plane.ConfigFor(t, v1alpha1.FieldManagerIngress)
	nowhere.Host = "https://" + freeAddress(t)
	d.options.HooksAddress, d.options.ProbeAddress = freeAddress(t), freeAddress(t)
	d.address = "http://" + d.options.HooksAddress
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, nowhere, d.options, prometheus.NewRegistry(), logr.Discard()) }()
	testenv.Eventually(t, func() error {
		connection, err := net.DialTimeout("tcp", d.options.HooksAddress, time.Second)
		if err == nil {
			err = connection.Close()
		}
		return err
	})
	var callers sync.WaitGroup
	work := make(chan struct{})
	for range 64 {
		callers.Go(func() {
			for range work {
				d.acceptOrder(t, uuid.NewString(), 1)
			}
		})
	}
	for range n {
		work <- struct{}{}
	}
	close(work)
	callers.Wait()
	cancel()
	d.must(t, <-ended)
}

// calm is a second receiver, in a namespace of its own, at the same ingress.
func (d *door) calm(t testing.TB) *door {
	t.Helper()
	other := *d
	other.namespace, other.token = plane.Namespace(t), "calm-"+uuid.NewString()
	other.publish(t)
	testenv.Eventually(t, func() error {
		if code := other.post(t, "orders", orderBody(uuid.NewString(), 1)); code != http.StatusOK {
			return fmt.Errorf("answered %d", code)
		}
		return nil
	})
	return &other
}

// arrive delivers an order and returns how long it took until the API server had it.
func (d *door) arrive(t testing.TB) time.Duration {
	t.Helper()
	id := uuid.NewString()
	started := time.Now()
	d.acceptOrder(t, id, 1)
	for {
		if _, err := d.order(t, id); err == nil {
			return time.Since(started)
		}
		if time.Since(started) > time.Minute {
			t.Fatal("the delivery has not arrived after a minute")
		}
	}
}

func TestAFloodOnOneReceiverDelaysNoOther(t *testing.T) {
	d := newDoor(t)
	calm := d.calm(t)
	d.flood(t, 5000)
	d.start(t)
	calm.address = d.address
	for range 20 {
		calm.arrive(t)
	}
	if waiting := scrape(t, d.registry, "sim_operator_spool_deliveries"); waiting == 0 {
		t.Error("the flood was over first, so that this shows nothing")
	}
}

// BenchmarkFlood measures how long a delivery on one receiver takes to become a resource while 50,000 deliveries wait
// on another, and what it takes when none does.
func BenchmarkFlood(b *testing.B) {
	const waiting, samples = 50_000, 300
	for b.Loop() {
		d := newDoor(b)
		calm := d.calm(b)
		measure := func() (p50, p99 time.Duration) {
			var took []time.Duration
			for range samples {
				took = append(took, calm.arrive(b))
			}
			slices.Sort(took)
			return took[samples/2], took[samples*99/100]
		}
		quiet50, quiet99 := measure()
		d.flood(b, waiting)
		d.start(b)
		calm.address = d.address
		flood50, flood99 := measure()
		left := scrape(b, d.registry, "sim_operator_spool_deliveries")
		if left == 0 {
			b.Fatal("the flood was over first, so that this shows nothing")
		}
		b.ReportMetric(float64(quiet50.Microseconds())/1000, "quiet-p50-ms")
		b.ReportMetric(float64(quiet99.Microseconds())/1000, "quiet-p99-ms")
		b.ReportMetric(float64(flood50.Microseconds())/1000, "flood-p50-ms")
		b.ReportMetric(float64(flood99.Microseconds())/1000, "flood-p99-ms")
		b.ReportMetric(left, "still-waiting")
		b.ReportMetric(0, "ns/op")

		d.stop()
	}
}
