package spool

import (
	"fmt"
	"time"
)

// A tally counts deliveries and their bytes.
type tally struct {
	deliveries int
	bytes      int64
}

func (t *tally) add(bytes int64) {
	t.deliveries++
	t.bytes += bytes
}

func (t *tally) remove(bytes int64) {
	t.deliveries--
	t.bytes -= bytes
}

// An area is a part of the spool that has bounds of its own.
type area int

const (
	areaWaiting area = iota
	areaQuarantine
	areas
)

// A share is what is one receiver's. reserved is what has been let in and is not committed yet.
type share struct {
	receiver       string
	held, reserved [areas]tally
	lastReason     Reason
	lastReasonAt   time.Time
}

// An item is what is known in memory of a delivery that waits or is in quarantine. There may be a million of them.
type item struct {
	share   *share
	size    int64
	keyHash uint64
}

// A line is the deliveries of one key in the log: how many, and the highest number. The latter may be that of one that has
// gone, since which one was before it may have gone, too. So it is never too low.
type line struct {
	newest uint64
	held   int
}

// A ledger mirrors in memory what the file holds, so that bounds and Stats cost no read. Only the committer changes what
// is held; it changes it after the commit.
type ledger struct {
	shares         map[string]*share
	held, reserved [areas]tally
	applied        tally
	waiting        map[uint64]item
	quarantined    map[uint64]item
	// lines are, by hash of the key, the deliveries in the log.
	lines map[uint64]line
	// oldestWaiting is when the first waiting delivery was received, oldestApplied when the first one that is kept was
	// applied. Zero if there is none.
	oldestWaiting, oldestApplied time.Time
}

func newLedger() *ledger {
	return &ledger{
		shares: map[string]*share{}, waiting: map[uint64]item{}, quarantined: map[uint64]item{}, lines: map[uint64]line{},
	}
}

// readLedger makes the ledger of a file.
func readLedger(b buckets) (*ledger, error) {
	l := newLedger()
	err := b.eachWaiting(func(number uint64, record []byte) error {
		// A damaged record has no receiver and no key; Read reports it when its turn comes.
		d, _ := decodeRecord(number, record)
		i := l.itemOf(d, record)
		l.addWaiting(number, i)
		l.log(number, i.keyHash)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what waits: %w", err)
	}
	err = b.applied.ForEach(func(key, value []byte) error {
		e := readApplied(key, value)
		l.addApplied(e)
		l.log(e.number, e.keyHash)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what was applied: %w", err)
	}
	err = b.quarantine.ForEach(func(key, value []byte) error {
		q := decodeQuarantined(keyNumber(key), value)
		l.addQuarantined(q.Number, l.itemOf(q.Delivery, value), q.Reason, q.Since)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the quarantine: %w", err)
	}
	l.note(b.first())
	return l, nil
}

func (l *ledger) shareOf(receiver string) *share {
	s, known := l.shares[receiver]
	if !known {
		s = &share{receiver: receiver}
		l.shares[receiver] = s
	}
	return s
}

func (l *ledger) itemOf(d Delivery, record []byte) item {
	return item{share: l.shareOf(d.Receiver), size: sizeOf(record), keyHash: hashKey(d.Key)}
}

func sizeOf(record []byte) int64 { return int64(len(record)) + recordOverhead }

func (l *ledger) hold(in area, i item) {
	l.held[in].add(i.size)
	i.share.held[in].add(i.size)
}

func (l *ledger) letGo(in area, i item) {
	l.held[in].remove(i.size)
	i.share.held[in].remove(i.size)
}

func (l *ledger) addWaiting(number uint64, i item) {
	l.waiting[number] = i
	l.hold(areaWaiting, i)
}

// removeWaiting is for what stays in the log.
func (l *ledger) removeWaiting(number uint64) {
	l.letGo(areaWaiting, l.waiting[number])
	delete(l.waiting, number)
}

// log notes that a delivery has come into the log.
func (l *ledger) log(number, keyHash uint64) {
	of := l.lines[keyHash]
	l.lines[keyHash] = line{newest: max(of.newest, number), held: of.held + 1}
}

// unlog notes that a delivery has left the log. previous is the one before it, or 0 if that has gone, too.
func (l *ledger) unlog(number, keyHash, previous uint64) {
	of := l.lines[keyHash]
	of.held--
	if of.newest == number && previous > 0 {
		of.newest = previous
	}
	l.lines[keyHash] = of
	if of.held == 0 {
		delete(l.lines, keyHash)
	}
}

func (l *ledger) addApplied(e appliedEntry) {
	l.applied.add(e.size)
}

func (l *ledger) addQuarantined(number uint64, i item, r Reason, since time.Time) {
	l.quarantined[number] = i
	l.hold(areaQuarantine, i)
	if !since.Before(i.share.lastReasonAt) {
		i.share.lastReason, i.share.lastReasonAt = r, since
	}
}

func (l *ledger) removeQuarantined(number uint64) {
	i := l.quarantined[number]
	delete(l.quarantined, number)
	l.letGo(areaQuarantine, i)
	if i.share.held[areaQuarantine].deliveries == 0 {
		i.share.lastReason, i.share.lastReasonAt = Reason{}, time.Time{}
	}
}

// note takes in what stands first in the file.
func (l *ledger) note(f first) {
	l.oldestWaiting, l.oldestApplied = f.waiting, f.applied
}

// A claim is room in an area that a request has reserved, so that what is on its way to the disk is within the bounds.
type claim struct {
	receiver string
	in       area
	bytes    int64
}

// reserve makes all of the claims or none.
func (l *ledger) reserve(claims []claim, o *Options) error {
	for i, c := range claims {
		s := l.shareOf(c.receiver)
		if err := l.exceeds(c, s, o); err != nil {
			l.release(claims[:i])
			return err
		}
		l.reserved[c.in].add(c.bytes)
		s.reserved[c.in].add(c.bytes)
	}
	return nil
}

func (l *ledger) release(claims []claim) {
	for _, c := range claims {
		l.reserved[c.in].remove(c.bytes)
		l.shares[c.receiver].reserved[c.in].remove(c.bytes)
	}
}

// exceeds says which bound a claim would exceed.
func (l *ledger) exceeds(c claim, s *share, o *Options) error {
	for _, b := range o.bounds(c.in) {
		held, reserved := l.held[c.in], l.reserved[c.in]
		if b.perReceiver {
			held, reserved = s.held[c.in], s.reserved[c.in]
		}
		next := held.bytes + reserved.bytes + c.bytes
		if b.ofDeliveries {
			next = int64(held.deliveries) + int64(reserved.deliveries) + 1
		}
		if b.limit > 0 && next > b.limit {
			return &FullError{Receiver: c.receiver, Scope: b.scope, Limit: b.limit}
		}
	}
	return nil
}

// A bound is one of those of Options.
type bound struct {
	scope                     Scope
	limit                     int64
	perReceiver, ofDeliveries bool
}

// bounds lists those of an area. A receiver's own come first: it is told that it alone is the cause.
func (o *Options) bounds(in area) [4]bound {
	if in == areaQuarantine {
		return [4]bound{
			{ScopeReceiverQuarantine, int64(o.MaxQuarantinedPerReceiver), true, true},
			{ScopeReceiverQuarantineBytes, o.MaxQuarantinedBytesPerReceiver, true, false},
			{ScopeQuarantine, int64(o.MaxQuarantined), false, true},
			{ScopeQuarantineBytes, o.MaxQuarantinedBytes, false, false},
		}
	}
	return [4]bound{
		{ScopeReceiverDeliveries, int64(o.MaxDeliveriesPerReceiver), true, true},
		{ScopeReceiverBytes, o.MaxBytesPerReceiver, true, false},
		{ScopeDeliveries, int64(o.MaxDeliveries), false, true},
		{ScopeBytes, o.MaxBytes, false, false},
	}
}
