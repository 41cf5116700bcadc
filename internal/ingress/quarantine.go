package ingress

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sim-operator/sim-operator/internal/spool"
)

// What becomes of a delivery that the quarantine has no room for.
const (
	// WhenFullRefuse pushes back: the door answers 503, and what was accepted waits on.
	WhenFullRefuse = "refuse"
	// WhenFullDropOldest drops the deliveries that have been in quarantine longest, for good, and counts them.
	WhenFullDropOldest = "drop-oldest"
)

// evicted is how many deliveries are dropped at a time to make room.
const evicted = 16

// makingRoom is a spool whose quarantine drops the oldest when it is full.
type makingRoom struct {
	*spool.Spool
	dropped prometheus.Counter
}

func newMakingRoom(s *spool.Spool, registry prometheus.Registerer) *makingRoom {
	dropped := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sim_operator_quarantine_dropped_total",
		Help: "Deliveries that were dropped from a full quarantine, as --quarantine-when-full=drop-oldest says.",
	})
	registry.MustRegister(dropped)
	return &makingRoom{Spool: s, dropped: dropped}
}

// Quarantine is spool.Spool.Quarantine, and makes room where there is none.
func (m *makingRoom) Quarantine(ctx context.Context, d spool.Delivery, reason spool.Reason) (spool.Delivery, error) {
	var kept spool.Delivery
	err := m.retry(ctx, func() (err error) {
		kept, err = m.Spool.Quarantine(ctx, d, reason)
		return err
	})
	return kept, err
}

// Reject is spool.Spool.Reject, and makes room where there is none.
func (m *makingRoom) Reject(ctx context.Context, reason spool.Reason, numbers ...uint64) error {
	return m.retry(ctx, func() error { return m.Spool.Reject(ctx, reason, numbers...) })
}

// retry does something again, with room made, for as long as the quarantine is full and holds something to drop.
func (m *makingRoom) retry(ctx context.Context, do func() error) error {
	for {
		err := do()
		var full *spool.FullError
		if !errors.As(err, &full) {
			return err
		}
		filter := spool.Filter{Limit: evicted}
		switch full.Scope {
		case spool.ScopeQuarantine, spool.ScopeQuarantineBytes:
		case spool.ScopeReceiverQuarantine, spool.ScopeReceiverQuarantineBytes:
			filter.Receiver = full.Receiver
		default:
			return err
		}
		dropped, dropErr := m.dropOldest(ctx, filter)
		if dropErr != nil || dropped == 0 {
			return errors.Join(err, dropErr)
		}
	}
}

func (m *makingRoom) dropOldest(ctx context.Context, filter spool.Filter) (int, error) {
	oldest, err := m.Quarantined(filter)
	if err != nil {
		return 0, fmt.Errorf("find the oldest in quarantine: %w", err)
	}
	numbers := make([]uint64, len(oldest))
	for i, q := range oldest {
		numbers[i] = q.Number
	}
	dropped, err := m.Drop(ctx, numbers...)
	m.dropped.Add(float64(dropped))
	if err != nil {
		return dropped, fmt.Errorf("drop the oldest in quarantine: %w", err)
	}
	return dropped, nil
}
