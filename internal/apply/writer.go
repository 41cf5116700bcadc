package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/spool"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

const (
	// cachedResources is how many resources of a kind are remembered as they were last written, so that the next write
	// needs no read before it.
	cachedResources = 2048
	// maxAttempts bounds how often one turn writes a resource that others write at the same time.
	maxAttempts = 8
	// writeTimeout bounds one turn. A server that is frozen must not hold the worker for ever.
	writeTimeout = 30 * time.Second
)

// errContended is a resource that was written by others at each attempt.
var errContended = errors.New("the resource was changed at each attempt to write it")

// A writer brings deliveries of one kind into resources: O is the resource, P what a delivery says.
type writer[O client.Object, P any] struct {
	client  client.Client
	spoolID string
	recent  *lru.Cache
	parse   func(body []byte) (P, error)
	merge   func(current O, spoolID string, deliveries []delivery[P]) merged[O]
	empty   func(namespace, name string) O
	// sequence is that of the report that a delivery has made in a resource; 0 where it made none.
	sequence func(object O, deliveryID string) int64
}

func newOrderWriter(c client.Client, spoolID string) *writer[*v1alpha1.SimOrder, webhook.Order] {
	return &writer[*v1alpha1.SimOrder, webhook.Order]{
		client: c, spoolID: spoolID, recent: lru.New(cachedResources), parse: webhook.ParseOrder, merge: mergeOrder,
		empty: func(namespace, name string) *v1alpha1.SimOrder {
			return &v1alpha1.SimOrder{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		},
		sequence: func(object *v1alpha1.SimOrder, deliveryID string) int64 {
			return sequenceOf(object.Spec.Reports, deliveryID)
		},
	}
}

func newAlertWriter(c client.Client, spoolID string) *writer[*v1alpha1.SimAlert, webhook.Alert] {
	return &writer[*v1alpha1.SimAlert, webhook.Alert]{
		client: c, spoolID: spoolID, recent: lru.New(cachedResources), parse: webhook.ParseAlert, merge: mergeAlert,
		empty: func(namespace, name string) *v1alpha1.SimAlert {
			return &v1alpha1.SimAlert{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		},
		sequence: func(object *v1alpha1.SimAlert, deliveryID string) int64 {
			return sequenceOf(object.Spec.Reports, deliveryID)
		},
	}
}

// A batch is what waits for one resource, read.
type batch interface {
	// add reads one delivery into the batch. An error means that it cannot be read.
	add(d spool.Delivery) error
	// numbers lists the deliveries in the batch.
	numbers() []uint64
	// write brings the deliveries from the one at index from on, at most n of them, into the resource. It returns how
	// many of them the resource now holds; without an error, fewer than asked means that there is no room for more.
	write(ctx context.Context, from, n int) (taken int, err error)
	// receivedAt is when the delivery at an index came in.
	receivedAt(i int) time.Time
	// sequence is that of the report that a delivery has made in the resource as it was last written; 0 where it made none.
	sequence(deliveryID string) int64
}

type typedBatch[O client.Object, P any] struct {
	writer     *writer[O, P]
	name       types.NamespacedName
	deliveries []delivery[P]
}

func (w *writer[O, P]) newBatch(namespace, name string) batch {
	return &typedBatch[O, P]{writer: w, name: types.NamespacedName{Namespace: namespace, Name: name}}
}

func (b *typedBatch[O, P]) add(d spool.Delivery) error {
	payload, err := b.writer.parse(d.Body)
	if err != nil {
		return err
	}
	b.deliveries = append(b.deliveries, delivery[P]{
		number:     int64(d.Number),   //nolint:gosec // counts deliveries from 1
		previous:   int64(d.Previous), //nolint:gosec // counts deliveries from 1
		receivedAt: d.ReceivedAt,
		receiver:   receiverName(d.Receiver),
		payload:    payload,
	})
	return nil
}

func (b *typedBatch[O, P]) numbers() []uint64 {
	numbers := make([]uint64, len(b.deliveries))
	for i, d := range b.deliveries {
		numbers[i] = uint64(d.number) //nolint:gosec // came from a uint64
	}
	return numbers
}

func (b *typedBatch[O, P]) receivedAt(i int) time.Time { return b.deliveries[i].receivedAt }

func (b *typedBatch[O, P]) sequence(deliveryID string) int64 {
	return b.writer.sequence(b.writer.recall(b.name).object, deliveryID)
}

func (b *typedBatch[O, P]) write(ctx context.Context, from, n int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return b.writer.write(ctx, b.name, b.deliveries[from:from+n])
}

// write makes the resource or changes it.
func (w *writer[O, P]) write(ctx context.Context, name types.NamespacedName, deliveries []delivery[P]) (int, error) {
	current, err := w.look(ctx, name, deliveries)
	if err != nil {
		return 0, err
	}
	for range maxAttempts {
		result := w.merge(current.object, w.spoolID, deliveries)
		if whole := result.changed && result.taken == len(deliveries); !whole && !current.certain() {
			if current, err = w.fetch(ctx, name); err != nil {
				return 0, err
			}
			continue
		}
		if !result.changed {
			return result.taken, nil
		}
		err = w.put(ctx, result.object, current.state)
		if err == nil {
			result.object.SetManagedFields(nil)
			w.recent.Add(name, result.object)
			return result.taken, nil
		}
		if current, err = w.lookAgain(ctx, name, current.state, err); err != nil {
			return 0, err
		}
	}
	return 0, errContended
}

// known is what is known of a resource before a write.
type known[O client.Object] struct {
	object O
	state  knowledge
}

type knowledge int

const (
	// guessed: nothing is known; most resources that are not remembered do not exist yet.
	guessed knowledge = iota
	// absent: the server has just said that there is none.
	absent
	// remembered: as it was after our last write.
	remembered
	// cached: as the server's own cache has it, which may be behind.
	cached
	// fetched: as the server has just given it.
	fetched
)

// certain is false for what is only good enough for a write, which the server checks. That there is nothing to write, or
// no room, is believed only after a read.
func (k known[O]) certain() bool {
	return k.state == absent || k.state == fetched
}

func (w *writer[O, P]) recall(name types.NamespacedName) known[O] {
	if object, ok := w.recent.Get(name); ok {
		return known[O]{object.(O), remembered} //nolint:forcetypeassert // only write adds
	}
	return known[O]{w.empty(name.Namespace, name.Name), guessed}
}

// look is what is known of a resource before deliveries go in. What had one before is there, as good as always: it is
// read, for a create would be sent in vain.
func (w *writer[O, P]) look(ctx context.Context, name types.NamespacedName, deliveries []delivery[P]) (known[O], error) {
	current := w.recall(name)
	if current.state == guessed && len(deliveries) > 0 && deliveries[0].previous > 0 {
		return w.glance(ctx, name)
	}
	return current, nil
}

// glance reads a resource from the server's cache, which spares it a read from etcd and the decoding of what it has decoded
// already. One that is not there is a guess as before.
func (w *writer[O, P]) glance(ctx context.Context, name types.NamespacedName) (known[O], error) {
	anyVersion := &client.GetOptions{Raw: &metav1.GetOptions{ResourceVersion: "0"}}
	return w.read(ctx, name, cached, guessed, anyVersion)
}

func (w *writer[O, P]) fetch(ctx context.Context, name types.NamespacedName) (known[O], error) {
	return w.read(ctx, name, fetched, absent)
}

// read says what is known of a resource when it was found, and when it was not.
func (w *writer[O, P]) read(ctx context.Context, name types.NamespacedName, found, missing knowledge, options ...client.GetOption) (known[O], error) {
	object := w.empty(name.Namespace, name.Name)
	err := w.client.Get(ctx, name, object, options...)
	switch {
	case apierrors.IsNotFound(err):
		return known[O]{w.empty(name.Namespace, name.Name), missing}, nil
	case err != nil:
		return known[O]{}, fmt.Errorf("read: %w", err)
	}
	return known[O]{object, found}, nil
}

// lookAgain reads a resource that could not be written, if that may show how to write it after all; else it returns why
// it could not. A quota that is used up forbids a create even of what exists already, so a guess is checked then too.
func (w *writer[O, P]) lookAgain(ctx context.Context, name types.NamespacedName, state knowledge, cause error) (known[O], error) {
	w.recent.Remove(name)
	forbidden := apierrors.IsForbidden(cause) && state == guessed
	vanished := apierrors.IsNotFound(cause) && state != guessed && state != absent
	if !forbidden && !vanished && !apierrors.IsConflict(cause) && !apierrors.IsAlreadyExists(cause) {
		return known[O]{}, cause
	}
	current, err := w.fetch(ctx, name)
	if err == nil && forbidden && current.state == absent {
		err = cause
	}
	return current, err
}

func (w *writer[O, P]) put(ctx context.Context, object O, state knowledge) error {
	if state == guessed || state == absent {
		if err := w.client.Create(ctx, object, client.FieldOwner(v1alpha1.FieldManagerIngress)); err != nil {
			return fmt.Errorf("create: %w", err)
		}
		return nil
	}
	if err := w.client.Update(ctx, object, client.FieldOwner(v1alpha1.FieldManagerIngress)); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}
