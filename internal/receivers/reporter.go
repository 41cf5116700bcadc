package receivers

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// reportEvery is how often at most a replica writes its row in a SimReceiver's status.
const reportEvery = 10 * time.Second

// Reporter writes how this replica stands with each receiver into the receiver's status: one row of status.ingresses.
type Reporter struct {
	reader client.Reader
	writer client.SubResourceWriter
	clock  clock.WithTicker
	log    logr.Logger
	rowOf  func(receiver *v1alpha1.SimReceiver) v1alpha1.IngressStatus
}

// NewReporter makes a Reporter that reads SimReceivers from a cache. rowOf gives the row of this replica.
func NewReporter(
	reader client.Reader, writer client.SubResourceWriter, c clock.WithTicker, log logr.Logger,
	rowOf func(receiver *v1alpha1.SimReceiver) v1alpha1.IngressStatus,
) *Reporter {
	return &Reporter{reader: reader, writer: writer, clock: c, log: log, rowOf: rowOf}
}

// Run reports until ctx ends. A row that could not be written is written the next time.
func (r *Reporter) Run(ctx context.Context) error {
	ticker := r.clock.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			if err := r.report(ctx); err != nil && ctx.Err() == nil {
				r.log.V(1).Info("A row of a SimReceiver's status could not be written; it is tried again", "error", err.Error())
			}
		}
	}
}

func (r *Reporter) report(ctx context.Context) error {
	var list v1alpha1.SimReceiverList
	if err := r.reader.List(ctx, &list); err != nil {
		return fmt.Errorf("list SimReceivers from the cache: %w", err)
	}
	for i := range list.Items {
		receiver := &list.Items[i]
		changed := receiver.DeepCopy()
		if !setRow(&changed.Status, r.rowOf(receiver), r.clock.Now()) {
			continue
		}
		err := r.writer.Update(ctx, changed, client.FieldOwner(v1alpha1.FieldManagerIngress))
		if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return fmt.Errorf("write the row of %s/%s: %w", receiver.Namespace, receiver.Name, err)
		}
	}
	return nil
}

// setRow puts a replica's row into a status. It returns false where nothing changes. A row with nothing to say is not
// added, and a restart does not take back the time of the last delivery.
func setRow(status *v1alpha1.SimReceiverStatus, row v1alpha1.IngressStatus, now time.Time) bool {
	for i := range status.Ingresses {
		old := &status.Ingresses[i]
		if old.Replica != row.Replica {
			continue
		}
		if row.LastDelivery == nil {
			row.LastDelivery = old.LastDelivery
		}
		if sameRow(*old, row) {
			return false
		}
		*old = row
		return true
	}
	// The manager drops a row that has been idle for long. The half keeps two clocks that differ from putting it there and
	// taking it away in turns.
	if row.IsIdle(now.Add(-v1alpha1.IdleIngressKept / 2)) {
		return false
	}
	// Where there is no room, this one has no row until the manager has dropped one: it may not take another's.
	if len(status.Ingresses) == v1alpha1.MaxIngresses {
		return false
	}
	status.Ingresses = append(status.Ingresses, row)
	return true
}

func sameRow(a, b v1alpha1.IngressStatus) bool {
	sameTime := a.LastDelivery.Equal(b.LastDelivery)
	a.LastDelivery, b.LastDelivery = nil, nil
	return sameTime && a == b
}
