package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	bbolterrors "go.etcd.io/bbolt/errors"
)

// errClosed is why a spool takes nothing once its owner ends it.
var errClosed = errors.New("it is closing")

// Run is the committer: it commits what the other methods ask for until ctx ends, then what is queued, and closes the
// spool. It is called once.
func (s *Spool) Run(ctx context.Context) error {
	for s.wait(ctx) {
		b := s.take()
		if err := s.commit(b); err != nil {
			s.fail(b, err)
			if err := s.reopen(ctx); err != nil {
				return errors.Join(err, s.store.close())
			}
		}
	}
	return errors.Join(s.drain(), s.store.close())
}

// wait returns when there is something to commit, or false when ctx has ended.
func (s *Spool) wait(ctx context.Context) bool {
	for {
		if ctx.Err() != nil {
			return false
		}
		delay, now := s.nextCommit()
		if now {
			s.gather(ctx)
			return true
		}
		timer := s.options.Clock.NewTimer(delay)
		select {
		case <-s.wake:
		case <-ctx.Done():
		case <-timer.C():
			timer.Stop()
			return true
		}
		timer.Stop()
	}
}

// gather lets others come along before a commit. A commit costs the same for one as for a hundred: where many call at a
// time, it is worth to wait until half of as many as there were last time are there. While these are committed the other
// half is answered and comes again, so that neither disk nor processors stand still. Where few call nobody waits.
func (s *Spool) gather(ctx context.Context) {
	if s.crowd/2 < 2 {
		// Those whom the last commit has set free, and who come again, get into this one.
		runtime.Gosched()
		return
	}
	s.mu.Lock()
	enough := len(s.pending) >= s.crowd/2
	if !enough {
		s.enoughAt = s.crowd / 2
	}
	s.mu.Unlock()
	if enough {
		return
	}
	// By the clock of the process: this is too short for the clock on the wall to have a say.
	timer := time.NewTimer(s.options.gather)
	defer timer.Stop()
	select {
	case <-s.enough:
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enoughAt = 0
	select {
	case <-s.enough: // it came at the last moment
	default:
	}
}

// nextCommit says when the next commit is due if nothing comes: at once if somebody waits for it.
func (s *Spool) nextCommit() (delay time.Duration, now bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.pending) > 0 || len(s.dones) >= maxCommitDones:
		return 0, true
	case !s.flushAt.IsZero():
		return s.flushAt.Sub(s.options.Clock.Now()), false
	case s.prunes():
		return linger, false
	default:
		return pruneInterval, false
	}
}

// lingers notes that there is something that must not wait for longer than linger, and says whether it is the first.
func (s *Spool) lingers() bool {
	if !s.flushAt.IsZero() {
		return false
	}
	s.flushAt = s.options.Clock.Now().Add(linger)
	return true
}

// prunes says whether there is something to forget.
func (s *Spool) prunes() bool {
	l := s.ledger
	return l.applied.deliveries > 0 && (s.short() || s.options.prunable(l.oldestApplied, l.applied.bytes, s.options.Clock.Now()))
}

// short says whether the file has so little room that what was applied must make some.
func (s *Spool) short() bool {
	return s.options.MaxFileBytes > 0 && s.usedBytes > s.fileLimit/acceptPercent*shortPercent
}

// take makes a batch of what is queued, up to the bounds of a commit.
func (s *Spool) take() *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, bytes := 0, int64(0)
	for n < len(s.pending) && n < maxCommitRequests && (n == 0 || bytes+s.pending[n].bytes <= maxCommitBytes) {
		bytes += s.pending[n].bytes
		n++
	}
	b := &batch{
		requests: s.pending[:n:n],
		options:  &s.options, ledger: s.ledger, now: s.options.Clock.Now(), last: s.last, newest: map[uint64]uint64{}, short: s.short(),
	}
	s.pending = rest(s.pending, n)
	if b.toJournal = s.journalDoes(b, bytes); !b.toJournal {
		dones := min(len(s.dones), maxCommitDones)
		b.dones, s.dones = s.dones[:dones:dones], rest(s.dones, dones)
		if len(s.dones) == 0 {
			s.flushAt = time.Time{}
		}
	}
	return b
}

// journalDoes says whether a batch of so many bytes may go to the journal.
func (s *Spool) journalDoes(b *batch, bytes int64) bool {
	due := !s.flushAt.IsZero() && !b.now.Before(s.flushAt) || len(s.dones) >= maxCommitDones
	return len(b.requests) > 0 && !due && s.store.journal.fits(len(b.requests), bytes) &&
		!slices.ContainsFunc(b.requests, func(r *request) bool { return !r.plain })
}

// rest lets go of the array when nothing is left of it.
func rest[T any](queue []T, n int) []T {
	if n == len(queue) {
		return nil
	}
	return queue[n:]
}

// commit writes a batch, and tells everybody whom it concerns. A batch that changes nothing is not written.
func (s *Spool) commit(b *batch) error {
	if len(b.requests) == 0 && len(b.dones) == 0 && !s.owes() {
		return nil
	}
	if err := s.write(b); err != nil {
		return err
	}
	s.last = b.last
	s.surge.note(len(b.entries), s.options.Clock.Now())
	file, used := s.store.usage()
	s.mu.Lock()
	if b.toJournal {
		s.lingers()
	}
	for _, effect := range b.effects {
		effect(s.ledger)
	}
	for _, r := range b.requests {
		s.ledger.release(r.claims)
	}
	s.fileBytes, s.usedBytes = file, used
	s.crowd = len(b.requests) + len(s.pending)
	s.announceChange()
	s.mu.Unlock()
	s.announce(b.entries)
	for _, r := range b.requests {
		r.done <- nil
	}
	return nil
}

// write makes a batch durable, in one file or the other.
func (s *Spool) write(b *batch) error {
	if b.toJournal {
		if err := b.collect(); err != nil {
			return err
		}
		return s.store.journal.write(b.records)
	}
	some := len(b.requests) > 0 || len(s.store.journal.held()) > 0
	if err := s.store.update(b.write); err != nil {
		return err
	}
	if some {
		s.reopenDelay = minReopenDelay // the little that a reopening writes proves less
	}
	return nil
}

// owes says whether the file of the store has to be written though nobody has asked for anything.
func (s *Spool) owes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.store.journal.held()) > 0 || s.prunes()
}

func (s *Spool) announce(entries []Entry) {
	if len(entries) == 0 || s.options.Committed == nil {
		return
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Number, b.Number) })
	s.options.Committed(entries)
}

// fail turns away all who wait, after a commit of which nobody knows what became. It keeps the dones.
func (s *Spool) fail(b *batch, cause error) {
	s.last = b.last // numbers that may be on disk are not given again
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(b.requests, s.pending...)
	s.dones = append(b.dones, s.dones...)
	s.lingers()
	if errors.Is(cause, bbolterrors.ErrMaxSizeReached) {
		// What is free is in pieces too small to use, so that the file is fuller than it looks.
		s.fileLimit = min(s.fileLimit, s.usedBytes/10*9)
	}
	s.refuseLocked(fmt.Errorf("commit: %w", cause))
}

// refuse turns away all who wait, and all who come from now on.
func (s *Spool) refuse(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuseLocked(cause)
}

func (s *Spool) refuseLocked(cause error) {
	s.failure = cause
	for _, r := range s.pending {
		s.ledger.release(r.claims)
		r.done <- s.unavailable()
	}
	s.pending = nil
	s.announceChange()
}

// unavailable is what callers get while nothing is taken in.
func (s *Spool) unavailable() error {
	if s.failure == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, s.failure)
}

// reopen closes the file and opens it again, until it can be written. The delays grow until a delivery has been kept: a
// disk that is full takes the little that is written here. An error means that ctx ended first.
func (s *Spool) reopen(ctx context.Context) error {
	_ = s.store.close() // its failure is what we are here for
	for {
		timer := s.options.Clock.NewTimer(s.reopenDelay)
		s.reopenDelay = min(2*s.reopenDelay, maxReopenDelay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return s.giveUp()
		case <-timer.C():
		}
		_ = s.store.close() // relieve may have left it open
		err := s.tryReopen()
		if err == nil {
			return nil
		}
		s.refuse(err)
		_ = s.store.close() // as above
		if err := s.relieve(); err != nil {
			_ = s.store.close() // as above
		}
	}
}

func (s *Spool) giveUp() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cause := s.failure
	s.refuseLocked(errClosed)
	return fmt.Errorf("the spool ended while its file could not be written: %w", cause)
}

// tryReopen takes up what the file holds now. What the commit that failed brought after all is handed out, for it will be
// there after a restart, too.
func (s *Spool) tryReopen() error {
	next, entries, err := s.reread()
	if err != nil {
		return err
	}
	// This proves that the file can be written, and makes durable which numbers have been given.
	if err := s.store.update(func(b buckets) error { return b.putLast(s.last) }); err != nil {
		return fmt.Errorf("write the spool again: %w", err)
	}
	s.resume(next)
	s.announce(entries)
	s.accept()
	return nil
}

// relieve goes on with what there is while the file has no room for what the journal holds. Nothing more is taken in, but
// what waits can be read, and be noted as applied, and what was applied long ago is forgotten, which makes room.
func (s *Spool) relieve() error {
	next, entries, err := s.reread()
	if err != nil {
		return err
	}
	b := s.takeRelief(next)
	if err := s.store.updateApart(b.write); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dones = append(b.dones, s.dones...)
		return fmt.Errorf("write the spool without what its journal holds: %w", err)
	}
	for _, effect := range b.effects {
		effect(next)
	}
	s.resume(next)
	s.announce(entries)
	return nil
}

// takeRelief makes a batch of the dones that are about deliveries in the file.
func (s *Spool) takeRelief(next *ledger) *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.store.journal.held()
	b := &batch{options: &s.options, ledger: next, now: s.options.Clock.Now(), last: s.last, newest: map[uint64]uint64{}, short: s.short()}
	s.dones = slices.DeleteFunc(s.dones, func(number uint64) bool {
		inFile := held.find(number) == nil && len(b.dones) < maxCommitDones
		if inFile {
			b.dones = append(b.dones, number)
		}
		return inFile
	})
	return b
}

// reread opens the files and reads what they hold: the ledger of it, and what was never handed out.
func (s *Spool) reread() (next *ledger, entries []Entry, err error) {
	if err := s.store.open(); err != nil {
		return nil, nil, err
	}
	err = s.store.view(func(b buckets) error {
		if id := b.id(); id != s.id {
			return fmt.Errorf("%w: the file is now that of another spool, %s", ErrFormat, id)
		}
		if l := b.lastNumber(); l.number > s.last.number {
			s.last = l
		}
		var err error
		if next, err = readLedger(b); err != nil {
			return err
		}
		entries = s.missed(b, next)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the spool again: %w", err)
	}
	return next, entries, nil
}

// missed lists what waits in the file and was never handed out.
func (s *Spool) missed(b buckets, next *ledger) []Entry {
	var entries []Entry
	for number := range next.waiting {
		if _, known := s.ledger.waiting[number]; known {
			continue
		}
		d, _ := decodeRecord(number, b.record(number)) // Read reports it
		entries = append(entries, Entry{Number: number, Receiver: d.Receiver, Kind: d.Kind, Key: d.Key})
	}
	return entries
}

// resume puts a new ledger in the place of the old one, of which nothing is reserved, since nothing is pending.
func (s *Spool) resume(next *ledger) {
	file, used := s.store.usage()
	s.mu.Lock()
	defer s.mu.Unlock()
	for receiver := range s.ledger.shares {
		next.shareOf(receiver)
	}
	s.ledger = next
	s.fileBytes, s.usedBytes = file, used
}

func (s *Spool) accept() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = nil
}

// drain commits what is queued when the owner ends the spool, and takes nothing more.
func (s *Spool) drain() error {
	s.mu.Lock()
	s.failure = errClosed
	s.mu.Unlock()
	for {
		b := s.take()
		if len(b.requests) == 0 && len(b.dones) == 0 && len(s.store.journal.held()) == 0 {
			s.refuse(errClosed)
			return nil
		}
		if err := s.commit(b); err != nil {
			s.fail(b, err)
			return fmt.Errorf("commit what was queued at the end: %w", err)
		}
	}
}

// submit queues a request and waits for its commit.
func (s *Spool) submit(ctx context.Context, r *request) error {
	if ctx.Err() != nil {
		return fmt.Errorf("wait for the commit: %w", context.Cause(ctx))
	}
	r.done = make(chan error, 1)
	if err := s.enqueue(r); err != nil {
		return err
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for the commit: %w", context.Cause(ctx))
	}
}

func (s *Spool) enqueue(r *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return s.unavailable()
	}
	if r.grows && s.fileFull(r.bytes) {
		return &FullError{Receiver: r.claims[0].receiver, Scope: ScopeFile, Limit: s.options.MaxFileBytes}
	}
	if err := s.ledger.reserve(r.claims, &s.options); err != nil {
		return err
	}
	s.pending = append(s.pending, r)
	s.nudge()
	if len(s.pending) == s.enoughAt {
		signal(s.enough)
	}
	return nil
}

// fileFull says whether the file has no room for so many bytes more, given what is on its way.
func (s *Spool) fileFull(bytes int64) bool {
	for _, reserved := range s.ledger.reserved {
		bytes += reserved.bytes
	}
	return s.usedBytes+bytes > s.fileLimit
}

func (s *Spool) nudge() { signal(s.wake) }

// signal leaves a token in a channel that has room for one, unless there is one already.
func signal(channel chan<- struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

// nextChange is closed when the next commit has been made, or has failed.
func (s *Spool) nextChange() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

func (s *Spool) announceChange() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}
