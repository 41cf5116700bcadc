package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"
)

// A Spool is a durable queue of deliveries. Its methods may be called by many goroutines; those that write wait until Run
// is called.
type Spool struct {
	options Options
	id      string
	store   *store
	// wake has room for one: that there is something for the committer to do.
	wake chan struct{}
	// enough has room for one: that as many wait as gather waits for.
	enough chan struct{}

	mu      sync.Mutex
	ledger  *ledger
	pending []*request
	dones   []uint64
	// flushAt is when the file of the store must take note of dones and of what the journal holds; zero if there is neither.
	flushAt time.Time
	// enoughAt is how many are to wait before gather ends; 0 while it does not run.
	enoughAt int
	// failure is why nothing is taken in now; nil while it is.
	failure error
	// changed is closed at the next commit. It is nil while nobody waits for that.
	changed chan struct{}
	// fileBytes and usedBytes are of the file after the last commit. At fileLimit it is full.
	fileBytes, usedBytes, fileLimit int64

	surge surge

	// last, crowd and reopenDelay are the committer's own. crowd is how many waited at the last commit, those who came during
	// it included.
	last        last
	crowd       int
	reopenDelay time.Duration
}

// Open opens the spool in a directory, and makes both if they are not there. Run closes it, or Close where Run is not
// called.
func Open(dir string, o Options) (*Spool, error) {
	s := &Spool{options: o, wake: make(chan struct{}, 1), enough: make(chan struct{}, 1), fileLimit: math.MaxInt64, reopenDelay: minReopenDelay}
	if o.MaxFileBytes > 0 {
		s.fileLimit = o.MaxFileBytes / 100 * acceptPercent
	}
	var err error
	if s.store, err = openStore(dir, &s.options); err != nil {
		return nil, err
	}
	err = s.store.view(func(b buckets) error {
		var err error
		s.id, s.last = b.id(), b.lastNumber()
		s.ledger, err = readLedger(b)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the spool in %s: %w", dir, err), s.store.close())
	}
	s.fileBytes, s.usedBytes = s.store.usage()
	if len(s.store.journal.held()) > 0 {
		s.lingers()
	}
	return s, nil
}

// Close closes a spool whose Run was never called.
func (s *Spool) Close() error {
	s.refuse(errClosed)
	return s.store.close()
}

// ID is the spool's id: 8 lower-case letters and digits, made once.
func (s *Spool) ID() string { return s.id }

// Append keeps a delivery. When it returns without an error, the delivery is on disk, with its Number, Previous and
// ReceivedAt as returned. The error is a *FullError or ErrUnavailable, or that of ctx; after the latter two the delivery
// may be on disk all the same.
func (s *Spool) Append(ctx context.Context, d Delivery) (Delivery, error) {
	record := encodeRecord(d)
	size := sizeOf(record)
	kept := d
	r := &request{
		claims: []claim{{receiver: d.Receiver, in: areaWaiting, bytes: size}},
		grows:  true,
		plain:  size <= maxJournalRecord,
		bytes:  size,
		apply: func(b *batch) error {
			kept = d
			return b.append(&kept, record)
		},
	}
	if err := s.submit(ctx, r); err != nil {
		return Delivery{}, err
	}
	return kept, nil
}

// Quarantine keeps a delivery that could not be read, as Append does, but in quarantine.
func (s *Spool) Quarantine(ctx context.Context, d Delivery, reason Reason) (Delivery, error) {
	record := encodeRecord(d)
	size := sizeOf(record) + reason.size()
	kept := d
	r := &request{
		claims: []claim{{receiver: d.Receiver, in: areaQuarantine, bytes: size}},
		grows:  true,
		bytes:  size,
		apply: func(b *batch) error {
			kept = d
			b.number(&kept)
			stampRecord(record, kept.Number, 0, kept.ReceivedAt)
			return b.putQuarantined(kept, reason, record)
		},
	}
	if err := s.submit(ctx, r); err != nil {
		return Delivery{}, err
	}
	return kept, nil
}

// Done notes that deliveries were applied. It does not wait for the disk: what a crash makes it forget is applied again,
// which changes nothing.
func (s *Spool) Done(numbers ...uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dones = append(s.dones, numbers...)
	if s.lingers() || len(s.dones) >= maxCommitDones {
		s.nudge()
	}
}

// Reject moves waiting deliveries to quarantine. It returns when that is on disk. Those that do not wait are left out.
func (s *Spool) Reject(ctx context.Context, reason Reason, numbers ...uint64) error {
	return s.submit(ctx, &request{
		claims: s.claimQuarantine(reason, numbers),
		bytes:  int64(len(numbers)) * recordOverhead,
		apply: func(b *batch) error {
			for _, number := range numbers {
				if err := b.reject(reason, number); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (s *Spool) claimQuarantine(reason Reason, numbers []uint64) []claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	claims := make([]claim, 0, len(numbers))
	for _, number := range numbers {
		if i, waits := s.ledger.waiting[number]; waits {
			claims = append(claims, claim{receiver: i.share.receiver, in: areaQuarantine, bytes: i.size + reason.size()})
		}
	}
	return claims
}

// Read returns waiting deliveries, one for each number, in the same order. One that cannot be read, or that no longer
// waits, has Damaged set; the error is for a file that cannot be read now.
func (s *Spool) Read(numbers []uint64) ([]Delivery, error) {
	deliveries := make([]Delivery, 0, len(numbers))
	err := s.store.view(func(b buckets) error {
		for _, number := range numbers {
			deliveries = append(deliveries, b.readWaiting(number))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return deliveries, nil
}

func (b buckets) readWaiting(number uint64) Delivery {
	if !b.waits(number) {
		return Delivery{Number: number, Damaged: fmt.Errorf("%w: %d does not wait", ErrNotFound, number)}
	}
	d, err := decodeRecord(number, b.record(number))
	if err != nil {
		return Delivery{Number: number, Damaged: err}
	}
	d.Body = bytes.Clone(d.Body)
	return d
}

// Waiting lists all that waits, in order of number. It is meant for the time before Run: what comes later is given to
// Options.Committed.
func (s *Spool) Waiting() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		errStopped := errors.New("stopped")
		names := interner{}
		err := s.store.view(func(b buckets) error {
			return b.eachWaiting(func(number uint64, record []byte) error {
				// A damaged record has an entry, too: Read reports it when its turn comes.
				d, _ := decodeRecord(number, record)
				if !yield(names.entry(d), nil) {
					return errStopped
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(Entry{}, fmt.Errorf("read what waits: %w", err))
		}
	}
}

// An interner makes one string of many equal ones.
type interner map[string]string

func (i interner) intern(s string) string {
	if same, known := i[s]; known {
		return same
	}
	i[s] = s
	return s
}

func (i interner) entry(d Delivery) Entry {
	return Entry{Number: d.Number, Receiver: i.intern(d.Receiver), Kind: i.intern(d.Kind), Key: d.Key}
}

// Stats is the state of the spool. It is kept in memory.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.ledger
	stats := Stats{
		Waiting: l.held[areaWaiting].deliveries, WaitingBytes: l.held[areaWaiting].bytes, OldestWaiting: l.oldestWaiting,
		Applied: l.applied.deliveries, AppliedBytes: l.applied.bytes,
		Quarantined: l.held[areaQuarantine].deliveries, QuarantinedBytes: l.held[areaQuarantine].bytes,
		FileBytes: s.fileBytes, UsedBytes: s.usedBytes,
		Err:       s.failure,
		Receivers: make(map[string]ReceiverStats, len(l.shares)),
	}
	for receiver, share := range l.shares {
		stats.Receivers[receiver] = ReceiverStats{
			Waiting:     share.held[areaWaiting].deliveries,
			Quarantined: share.held[areaQuarantine].deliveries,
			LastReason:  share.lastReason,
		}
	}
	return stats
}

// Check returns nil while the spool takes deliveries, and else why not. One that is full is healthy: it says so to whom it
// concerns.
func (s *Spool) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unavailable()
}
