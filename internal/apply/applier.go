package apply

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/internal/failpoint"
	"github.com/sim-operator/sim-operator/internal/logging"
	"github.com/sim-operator/sim-operator/internal/spool"
	"github.com/sim-operator/sim-operator/internal/tracing"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// Reasons for which an accepted delivery goes to quarantine. What the API server refuses for good has its own reason.
const (
	// ReasonReceiverDeleted is a delivery whose SimReceiver was deleted while it waited.
	ReasonReceiverDeleted = "ReceiverDeleted"
	// ReasonUnreadable is a delivery that is damaged on disk, or that this version cannot read although the one that
	// accepted it could.
	ReasonUnreadable = "Unreadable"
)

// DefaultWorkers is how many resources are written at the same time. On two cores an API server makes as many resources a
// second for 8 and for 16 callers, and a fifth fewer for 4 and for 64.
const DefaultWorkers = 16

// readAtOnce is how many bodies a worker holds in memory at a time.
const readAtOnce = 16

// A Spool is where the deliveries wait.
type Spool interface {
	ID() string
	Read(numbers []uint64) ([]spool.Delivery, error)
	Done(numbers ...uint64)
	Reject(ctx context.Context, reason spool.Reason, numbers ...uint64) error
	// Surging is true while more deliveries come in than can be applied.
	Surging() bool
}

// A Directory tells which receivers are gone.
type Directory interface {
	// Deleted is true only if the API server has said that there is no such receiver.
	Deleted(key string) bool
}

// Options are the settings of an Applier.
type Options struct {
	// Workers is how many resources are written at the same time.
	Workers int
	Clock   clock.WithDelayedExecution
	// Jitter gives numbers in [0,1), evenly spread. It is called by many goroutines.
	Jitter  func() float64
	Log     logr.Logger
	Metrics *Metrics
	// Tracer is nil for no traces.
	Tracer *tracing.Tracer
}

// Applier brings what waits in a spool to the API server, and tries for ever what is not taken now.
type Applier struct {
	Options
	queue     *Queue
	spool     Spool
	directory Directory
	gate      *gate
	lane      *lane
	newBatch  map[string]func(namespace, name string) batch

	mu      sync.Mutex
	reasons map[string]string
}

// New makes an Applier over a queue that its owner fills. The client must not read from a cache.
func New(q *Queue, s Spool, directory Directory, c client.Client, o Options) *Applier {
	return &Applier{
		Options: o, queue: q, spool: s, directory: directory,
		gate: &gate{clock: o.Clock, jitter: o.Jitter},
		lane: newLane(o.Clock, s.Surging),
		newBatch: map[string]func(namespace, name string) batch{
			webhook.KindOrders: newOrderWriter(c, s.ID()).newBatch,
			webhook.KindAlerts: newAlertWriter(c, s.ID()).newBatch,
		},
		reasons: map[string]string{},
	}
}

// Run works until ctx ends and all workers have stopped. A write that is under way then is cut off; it is safe to do it
// again at the next start.
func (a *Applier) Run(ctx context.Context) error {
	defer a.queue.Stop()
	var workers sync.WaitGroup
	for range a.Workers {
		workers.Go(func() { a.work(ctx) })
	}
	workers.Wait()
	return nil
}

// Reason says why the last delivery of a receiver that was not taken waits; it is empty while all are.
func (a *Applier) Reason(receiver string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reasons[receiver]
}

func (a *Applier) work(ctx context.Context) {
	for a.gate.wait(ctx) {
		inLane := a.lane.enter(ctx)
		task, ok := a.queue.Next(ctx)
		if !ok {
			return
		}
		task.started = a.Clock.Now()
		result := a.do(ctx, &task)
		took := a.Clock.Since(task.started)
		a.Metrics.seconds.Observe(took.Seconds())
		a.giveBack(ctx, task, result)
		if inLane {
			a.lane.leave(ctx, took)
		}
	}
}

// A result is what came of a task: the deliveries that have left the spool, and why the others have not.
type result struct {
	gone []uint64
	// full is true where the resource has no room for the next delivery.
	full bool
	err  error
}

func (a *Applier) giveBack(ctx context.Context, t Task, r result) {
	receiver := t.receiver
	if r.err == nil && !r.full {
		a.note(receiver, "")
		a.queue.Done(t, r.gone)
		return
	}
	limit := maxDelay
	if r.full {
		limit = maxFullDelay
		a.note(receiver, "a resource has no room for reports that the manager has not processed")
		a.Metrics.errors.WithLabelValues(reasonReportsFull).Inc()
	} else if ctx.Err() == nil {
		a.explain(t, receiver, r.err)
	}
	a.queue.Hold(t, r.gone, func(failures int) time.Duration { return backoff(failures, limit, a.Jitter()) })
}

// explain makes a failure visible, and shuts the gate if it is everybody's.
func (a *Applier) explain(t Task, receiver string, err error) {
	verdict, reason := classify(err)
	a.Metrics.errors.WithLabelValues(reason).Inc()
	a.note(receiver, err.Error())
	a.Log.V(1).Info("A resource was not taken; its deliveries wait", logging.KeyResource, t.key, logging.KeyReceiver, receiver, logging.KeyReason, reason, "error", err.Error())
	if verdict == nobody && a.gate.shut() {
		a.Log.Error(err, "The API server takes nothing; deliveries are accepted and wait")
	}
}

func (a *Applier) note(receiver, reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if reason == "" {
		delete(a.reasons, receiver)
		return
	}
	a.reasons[receiver] = reason
}

// do brings the deliveries of one task into their resource.
func (a *Applier) do(ctx context.Context, t *Task) result {
	b, gone, err := a.read(ctx, t)
	if err != nil {
		return result{gone: gone, err: err}
	}
	applied := a.write(ctx, *t, b)
	applied.gone = join(gone, applied.gone)
	return applied
}

// batchFor makes the batch for a resource; one that takes no delivery if the key names none.
func (a *Applier) batchFor(key string) batch {
	parts := strings.Split(key, "/")
	if len(parts) != 3 || a.newBatch[parts[1]] == nil {
		return nowhere(key)
	}
	return a.newBatch[parts[1]](parts[0], parts[2])
}

// read makes the batch of a task, and notes its key. It returns also the deliveries that went to quarantine instead.
func (a *Applier) read(ctx context.Context, t *Task) (b batch, gone []uint64, err error) {
	b = nowhere("")
	for from := 0; from < len(t.Numbers); from += readAtOnce {
		numbers := t.Numbers[from:min(from+readAtOnce, len(t.Numbers))]
		deliveries, err := a.spool.Read(numbers)
		if err != nil {
			return b, gone, fmt.Errorf("read the spool: %w", err)
		}
		for _, d := range deliveries {
			// All that can be read have the same key.
			if d.Damaged == nil && t.key != d.Key {
				t.key, b = d.Key, a.batchFor(d.Key)
			}
			reason, unfit := a.unfit(d, b)
			if !unfit {
				continue
			}
			if err := a.reject(ctx, *t, reason, d.Number); err != nil {
				return b, gone, err
			}
			gone = append(gone, d.Number)
		}
	}
	return b, gone, nil
}

// unfit says why a delivery cannot go into the batch; else it has gone in.
func (a *Applier) unfit(d spool.Delivery, b batch) (spool.Reason, bool) {
	if d.Damaged != nil {
		return spool.Reason{Code: ReasonUnreadable, Message: d.Damaged.Error()}, true
	}
	if a.directory.Deleted(d.Receiver) {
		return spool.Reason{Code: ReasonReceiverDeleted, Message: "the SimReceiver " + d.Receiver + " was deleted"}, true
	}
	if err := b.add(d); err != nil {
		return spool.Reason{Code: ReasonUnreadable, Message: err.Error()}, true
	}
	return spool.Reason{}, false
}

// write writes the batch in one go if the API server takes it, and one delivery at a time if it refuses it, so that
// only those that it refuses go to quarantine.
func (a *Applier) write(ctx context.Context, t Task, b batch) result {
	numbers := b.numbers()
	if len(numbers) == 0 {
		return result{}
	}
	taken, err := b.write(ctx, 0, len(numbers))
	if err == nil {
		a.applied(ctx, t, b, 0, numbers[:taken])
		return result{gone: numbers[:taken], full: taken < len(numbers)}
	}
	if verdict, _ := classify(err); verdict != refused {
		return result{err: err}
	}
	for i := range numbers {
		taken, err := b.write(ctx, i, 1)
		verdict, reason := classify(err)
		switch {
		case err == nil && taken == 0:
			return result{gone: numbers[:i], full: true}
		case err == nil:
			a.applied(ctx, t, b, i, numbers[i:i+1])
		case verdict != refused:
			return result{gone: numbers[:i], err: err}
		default:
			if err := a.reject(ctx, t, spool.Reason{Code: reason, Message: err.Error()}, numbers[i]); err != nil {
				return result{gone: numbers[:i], err: err}
			}
		}
	}
	return result{gone: numbers}
}

// applied is told of deliveries that their resource holds: numbers are those of the batch from the index from on.
func (a *Applier) applied(ctx context.Context, t Task, b batch, from int, numbers []uint64) {
	failpoint.Hit(failpoint.BetweenWriteAndDone)
	a.spool.Done(numbers...)
	a.Metrics.applied.Add(float64(len(numbers)))
	if a.gate.open() {
		a.Log.Info("The API server takes deliveries again")
	}
	a.tellApplied(ctx, t, b, from, numbers)
}

func (a *Applier) reject(ctx context.Context, t Task, reason spool.Reason, number uint64) error {
	if err := a.spool.Reject(ctx, reason, number); err != nil {
		return fmt.Errorf("put delivery %s into quarantine: %w", webhook.DeliveryID(a.spool.ID(), number), err)
	}
	a.tellRejected(ctx, t, reason, number)
	return nil
}

// join joins two lists of numbers in order.
func join(a, b []uint64) []uint64 {
	if len(a) == 0 {
		return b
	}
	joined := make([]uint64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			joined, a = append(joined, a[0]), a[1:]
		} else {
			joined, b = append(joined, b[0]), b[1:]
		}
	}
	return append(append(joined, a...), b...)
}

// nowhere is the batch of a key that is not namespace/kind/name.
type nowhere string

func (n nowhere) add(spool.Delivery) error {
	return fmt.Errorf("the key %q is not namespace/kind/name", string(n))
}

func (n nowhere) numbers() []uint64 { return nil }

func (n nowhere) receivedAt(int) time.Time { return time.Time{} }

func (n nowhere) sequence(string) int64 { return 0 }

func (n nowhere) write(context.Context, int, int) (int, error) { return 0, nil }

// receiverName is the name in namespace/name.
func receiverName(key string) string {
	_, name, _ := strings.Cut(key, "/")
	return name
}
