package spool

import "time"

// A request is one change that somebody waits for.
type request struct {
	// claims is the room that it needs.
	claims []claim
	// grows is true if it must leave room in the file for others to shrink it.
	grows bool
	// bytes is about how much it writes.
	bytes int64
	// plain is true if it does no more than append something small, for which the journal will do.
	plain bool
	// apply makes the change. An error is one of the file, and fails the whole batch.
	apply func(*batch) error
	done  chan error
}

// A batch is what one commit does. It reads the ledger and leaves it as it is; effects change it after the commit.
type batch struct {
	requests []*request
	dones    []uint64

	// toJournal is true if all of it is a frame of the journal. There are no buckets then, and the records are collected.
	toJournal bool
	records   records

	buckets
	options *Options
	ledger  *ledger
	now     time.Time
	last    last
	// newest goes before what the ledger's lines say.
	newest  map[uint64]uint64
	entries []Entry
	effects []func(*ledger)
	// short is true if the file is so full that what was applied must make room.
	short bool
}

// collect does all of a batch that is for the journal, but for the writing.
func (b *batch) collect() error {
	if err := b.applyRequests(); err != nil {
		return err
	}
	oldest := getTime(b.records[0][receivedAt:])
	b.then(func(l *ledger) {
		if l.oldestWaiting.IsZero() {
			l.oldestWaiting = oldest
		}
	})
	return nil
}

func (b *batch) applyRequests() error {
	for _, r := range b.requests {
		if err := r.apply(b); err != nil {
			return err
		}
	}
	return nil
}

// write does all of it in one transaction.
func (b *batch) write(in buckets) error {
	b.buckets = in
	if err := b.applyRequests(); err != nil {
		return err
	}
	for _, number := range b.dones {
		if err := b.done(number); err != nil {
			return err
		}
	}
	if err := b.prune(); err != nil {
		return err
	}
	first := b.first()
	b.then(func(l *ledger) { l.note(first) })
	return b.putLast(b.last)
}

func (b *batch) then(effect func(*ledger)) { b.effects = append(b.effects, effect) }

// number gives a delivery its number and its time.
func (b *batch) number(d *Delivery) {
	received := d.ReceivedAt
	if received.IsZero() {
		received = b.now
	}
	received = received.UTC().Truncate(time.Microsecond)
	if !received.After(b.last.receivedAt) {
		received = b.last.receivedAt.Add(time.Microsecond)
	}
	b.last = last{number: b.last.number + 1, receivedAt: received}
	d.Number, d.ReceivedAt = b.last.number, received
}

func (b *batch) append(d *Delivery, record []byte) error {
	b.number(d)
	return b.putWaiting(d, record)
}

// putWaiting stores a numbered delivery.
func (b *batch) putWaiting(d *Delivery, record []byte) error {
	hash := hashKey(d.Key)
	d.Previous = b.newestOf(hash)
	b.newest[hash] = d.Number
	stampRecord(record, d.Number, d.Previous, d.ReceivedAt)
	b.waits(*d, sizeOf(record), hash, true)
	if b.toJournal {
		b.records = append(b.records, record)
		return nil
	}
	return b.buckets.putWaiting(numberKey(d.Number), record)
}

func (b *batch) newestOf(hash uint64) uint64 {
	if number, known := b.newest[hash]; known {
		return number
	}
	return b.ledger.lines[hash].newest
}

// waits notes that a delivery has come to wait, and whether it has come into the log with that.
func (b *batch) waits(d Delivery, size int64, keyHash uint64, logged bool) {
	b.entries = append(b.entries, Entry{Number: d.Number, Receiver: d.Receiver, Kind: d.Kind, Key: d.Key})
	number, receiver := d.Number, d.Receiver
	b.then(func(l *ledger) {
		l.addWaiting(number, item{share: l.shareOf(receiver), size: size, keyHash: keyHash})
		if logged {
			l.log(number, keyHash)
		}
	})
}

// find returns a delivery that waits, unless it came or went in this very batch.
func (b *batch) find(number uint64) (item, bool) {
	i, known := b.ledger.waiting[number]
	return i, known && b.waiting.Get(numberKey(number)) != nil
}

// done moves a delivery from those that wait to those that were applied. The record stays where it is.
func (b *batch) done(number uint64) error {
	i, waits := b.find(number)
	if !waits {
		return nil
	}
	row := appliedEntry{at: b.now, number: number, size: i.size, keyHash: i.keyHash}
	if err := b.waiting.Delete(numberKey(number)); err != nil {
		return err
	}
	if err := b.applied.Put(row.key(), row.value()); err != nil {
		return err
	}
	b.then(func(l *ledger) {
		l.removeWaiting(number)
		l.addApplied(row)
	})
	return nil
}

// reject moves a delivery from those that wait to quarantine, with its record as it is.
func (b *batch) reject(reason Reason, number uint64) error {
	i, waits := b.find(number)
	if !waits {
		return nil
	}
	key := numberKey(number)
	record := b.log.Get(key)
	d, _ := decodeRecord(number, record) // damage is kept as it is
	d.Receiver = i.share.receiver
	if err := b.putQuarantined(d, reason, record); err != nil {
		return err
	}
	if err := b.waiting.Delete(key); err != nil {
		return err
	}
	b.then(func(l *ledger) { l.removeWaiting(number) })
	return b.forget(number, i.keyHash)
}

// putQuarantined stores a delivery in quarantine.
func (b *batch) putQuarantined(d Delivery, reason Reason, record []byte) error {
	wrapped := encodeQuarantined(reason, b.now, record)
	if err := b.quarantine.Put(numberKey(d.Number), wrapped); err != nil {
		return err
	}
	size, since := sizeOf(wrapped), b.now
	b.then(func(l *ledger) {
		i := item{share: l.shareOf(d.Receiver), size: size}
		l.addQuarantined(d.Number, i, reason, since)
	})
	return nil
}

// drop removes a delivery from quarantine. It is false if there is none.
func (b *batch) drop(number uint64) (bool, error) {
	key := numberKey(number)
	if _, known := b.ledger.quarantined[number]; !known || b.quarantine.Get(key) == nil {
		return false, nil
	}
	if err := b.quarantine.Delete(key); err != nil {
		return false, err
	}
	b.then(func(l *ledger) { l.removeQuarantined(number) })
	return true, nil
}

// revive makes deliveries wait that were applied. It returns how many of them there still are.
func (b *batch) revive(rows []appliedEntry) (int, error) {
	revived := 0
	for _, row := range rows {
		if b.applied.Get(row.key()) == nil {
			continue
		}
		key := numberKey(row.number)
		d, _ := decodeRecord(row.number, b.log.Get(key)) // Read reports it
		if err := b.applied.Delete(row.key()); err != nil {
			return 0, err
		}
		if err := b.waiting.Put(key, []byte{present}); err != nil {
			return 0, err
		}
		b.then(func(l *ledger) { l.applied.remove(row.size) })
		b.waits(d, row.size, row.keyHash, false)
		revived++
	}
	return revived, nil
}

// prune forgets what was applied long ago, or is too much, a bounded amount at a time.
func (b *batch) prune() error {
	for _, row := range b.due() {
		if err := b.applied.Delete(row.key()); err != nil {
			return err
		}
		b.then(func(l *ledger) { l.applied.remove(row.size) })
		if err := b.forget(row.number, row.keyHash); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) due() []appliedEntry {
	var rows []appliedEntry
	left := b.ledger.applied.bytes
	c := b.applied.Cursor()
	for key, value := c.First(); key != nil && len(rows) < maxCommitPrunes; key, value = c.Next() {
		row := readApplied(key, value)
		if !b.short && !b.options.prunable(row.at, left, b.now) {
			break
		}
		left -= row.size
		rows = append(rows, row)
	}
	return rows
}

// prunable says whether the delivery that was applied first, at a time, must go, where so many bytes are kept.
func (o *Options) prunable(at time.Time, bytes int64, now time.Time) bool {
	tooMuch := o.MaxAppliedBytes > 0 && bytes > o.MaxAppliedBytes
	return tooMuch || at.Before(now.Add(-o.KeepApplied))
}

// forget takes a delivery out of the log.
func (b *batch) forget(number, keyHash uint64) error {
	key := numberKey(number)
	previous := previousOf(b.log.Get(key))
	if b.log.Get(numberKey(previous)) == nil {
		previous = 0
	}
	if b.newestOf(keyHash) == number && previous > 0 {
		b.newest[keyHash] = previous
	}
	b.then(func(l *ledger) { l.unlog(number, keyHash, previous) })
	return b.log.Delete(key)
}
