package spool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

var errDisk = errors.New("the disk fails")

// A disk puts /dev/full in the place of files of the spool: each write fails with ENOSPC, as on a full disk.
type disk struct {
	mu    sync.Mutex
	files map[string]*os.File
	full  bool
}

func (d *disk) open(path string, flags int, mode os.FileMode) (*os.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return nil, syscall.ENOSPC
	}
	file, err := os.OpenFile(path, flags, mode)
	if err == nil {
		if d.files == nil {
			d.files = map[string]*os.File{}
		}
		d.files[filepath.Base(path)] = file
	}
	return file, err
}

// fill has writes to the files of these names fail, and any file be impossible to open.
func (d *disk) fill(t *testing.T, names ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = true
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close() //nolint:errcheck // nothing was written
	for _, name := range names {
		if err := syscall.Dup3(int(full.Fd()), int(d.files[name].Fd()), syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *disk) clean() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = false
}

// untilAccepted steps the clock, so that the spool tries again, until it takes deliveries.
func untilAccepted(i *instance, clk *clocktesting.FakeClock) {
	for i.Check() != nil {
		clk.Step(maxReopenDelay)
		runtime.Gosched()
	}
}

func TestFullDiskTurnsAwayAndRecovers(t *testing.T) {
	d := &disk{}
	clk := clocktesting.NewFakeClock(start)
	o := testOptions()
	o.Clock, o.openFile = clk, d.open
	i := run(t, t.TempDir(), o)
	i.append(order(0))
	i.append(order(1))
	d.fill(t, fileName, journalName)
	// It goes with the commit that fails, and must not be forgotten with it.
	i.Done(1)
	_, err := i.Append(t.Context(), order(2))
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	if err := i.Reject(t.Context(), Reason{}, 2); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if err := i.Stats().Err; err == nil {
		t.Fatal("the failure is not in Stats")
	}
	// It stays so while the disk is full.
	for range 5 {
		clk.Step(maxReopenDelay)
		if err := i.Check(); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	d.clean()
	untilAccepted(i, clk)
	// Number 3 was given to what was turned away.
	same(t, "next number", i.append(order(3)).Number, 4)
	i.settle()
	same(t, "waiting", i.waiting(), []uint64{2, 4})
	same(t, "announced", i.announced(), []uint64{1, 2, 4})
	same(t, "applied", i.Stats().Applied, 1)
	same(t, "waiting in Stats", i.Stats().Waiting, 2)
	if err := i.Reject(t.Context(), Reason{}, 2); err != nil {
		t.Fatal(err)
	}
}

// A commit that took effect and says that it failed, and one that did not.
func TestAmbiguousCommit(t *testing.T) {
	for name, visible := range map[string]bool{"took effect": true, "did not": false} {
		t.Run(name, func(t *testing.T) {
			var failing atomic.Bool
			clk := clocktesting.NewFakeClock(start)
			o := testOptions()
			o.Clock, o.commit = clk, ambiguous(&failing, visible)
			dir := t.TempDir()
			i := run(t, dir, o)
			for n := range 3 {
				i.append(order(n))
			}
			if _, err := i.Quarantine(t.Context(), order(8), Reason{Code: "Bad"}); err != nil {
				t.Fatal(err)
			}
			i.Done(1)
			i.settle()
			failTogether(i, &failing)
			untilAccepted(i, clk)
			i.settle()

			if visible {
				same(t, "1 and two that are new, without 2 and 3", i.waiting(), []uint64{1, 5, 6, 7})
				same(t, "each was announced", i.announced(), []uint64{1, 2, 3, 5, 1, 6, 7})
				same(t, "3 instead of 4", i.inQuarantine(Filter{})[0].Number, 3)
			} else {
				same(t, "only the Done was not forgotten", i.waiting(), []uint64{3, 5})
				same(t, "announced as before", i.announced(), []uint64{1, 2, 3, 5})
			}
			same(t, "Stats agree with the file", i.Stats().Waiting, len(i.waiting()))
			if reserved := i.ledger.reserved; reserved != [areas]tally{} {
				t.Fatalf("still reserved: %v", reserved)
			}
			same(t, "next number", i.append(order(10)).Number, 8)
			i.end()
			same(t, "next number after a restart", run(t, dir, testOptions()).append(order(0)).Number, 9)
		})
	}
}

// ambiguous is a commit that says that it failed, whether or not it took effect.
func ambiguous(failing *atomic.Bool, visible bool) func(*bbolt.DB, func(*bbolt.Tx) error) error {
	return func(db *bbolt.DB, fn func(*bbolt.Tx) error) error {
		if !failing.Load() {
			return db.Update(fn)
		}
		err := db.Update(func(tx *bbolt.Tx) error {
			if err := fn(tx); err != nil || visible {
				return err
			}
			return errDisk
		})
		return errors.Join(err, errDisk)
	}
}

// failTogether puts one of each change into one batch, and lets it fail. It appends 5 first, and gives out 6 and 7 within.
func failTogether(i *instance, failing *atomic.Bool) {
	i.t.Helper()
	ctx := context.Background()
	calls := []func() error{
		func() error { _, err := i.Append(ctx, order(9)); return err },
		func() error { return i.Reject(ctx, Reason{Code: "No"}, 3) },
		func() error { _, err := i.Replay(ctx, nil, 4); return err },
		func() error { _, err := i.ReplayApplied(ctx, start); return err },
	}
	first, results := make(chan error, 1), make(chan error, len(calls))
	i.mu.Lock() // the committer is held up in Committed
	go func() { _, err := i.Append(ctx, order(7)); first <- err }()
	for i.Stats().Waiting < 3 {
		runtime.Gosched()
	}
	failing.Store(true)
	i.Done(2)
	for _, call := range calls {
		go func() { results <- call() }()
	}
	for queued := 0; queued < len(calls); runtime.Gosched() {
		i.Spool.mu.Lock()
		queued = len(i.pending)
		i.Spool.mu.Unlock()
	}
	i.mu.Unlock()
	if err := <-first; err != nil {
		i.t.Fatal(err)
	}
	for range calls {
		if err := <-results; !errors.Is(err, ErrUnavailable) || !errors.Is(err, errDisk) {
			i.t.Fatalf("got %v", err)
		}
	}
	failing.Store(false)
}

func TestEndWhileTheDiskFails(t *testing.T) {
	d := &disk{}
	o := testOptions()
	o.Clock, o.openFile = clock.RealClock{}, d.open
	dir := t.TempDir()
	i := run(t, dir, o)
	i.append(order(0))
	d.fill(t, fileName, journalName)
	if _, err := i.Append(t.Context(), order(1)); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	i.cancel()
	err := <-i.ended
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	i.ended <- nil
	same(t, "what was acknowledged", run(t, dir, testOptions()).waiting(), []uint64{1})
}

func TestVanishedFileIsNotMadeAnew(t *testing.T) {
	var failing atomic.Bool
	clk := clocktesting.NewFakeClock(start)
	o := testOptions()
	o.Clock = clk
	o.commit = func(db *bbolt.DB, fn func(*bbolt.Tx) error) error {
		if failing.Load() {
			return errDisk
		}
		return db.Update(fn)
	}
	dir := t.TempDir()
	i := run(t, dir, o)
	i.append(order(0))
	if err := os.Rename(dir+"/"+fileName, dir+"/gone"); err != nil {
		t.Fatal(err)
	}
	failing.Store(true)
	if _, err := i.Quarantine(t.Context(), order(1), Reason{}); !errors.Is(err, errDisk) {
		t.Fatalf("got %v", err)
	}
	failing.Store(false)
	for !errors.Is(i.Check(), os.ErrNotExist) {
		clk.Step(maxReopenDelay)
	}
	if err := os.Rename(dir+"/gone", dir+"/"+fileName); err != nil {
		t.Fatal(err)
	}
	untilAccepted(i, clk)
	same(t, "waiting", i.waiting(), []uint64{1})
}

// A patientClock tells how long a wait is that has begun, if it is one before the file is opened again.
type patientClock struct {
	*clocktesting.FakeClock
	waits chan time.Duration
}

func (c patientClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	if d >= minReopenDelay && d <= maxReopenDelay { // that before a pruning is longer
		c.waits <- d
	}
	return timer
}

// The disk takes the little that is written to open the file again, and no delivery: that it could be opened proves nothing.
func TestAFileThatKeepsNothingIsOpenedLessAndLessOften(t *testing.T) {
	var failing atomic.Bool
	clk := patientClock{clocktesting.NewFakeClock(start), make(chan time.Duration, 1)}
	o := testOptions()
	o.Clock, o.commit = clk, ambiguous(&failing, false)
	i := run(t, t.TempDir(), o)
	fail := func() time.Duration {
		failing.Store(true)
		if _, err := i.Quarantine(t.Context(), order(0), Reason{}); !errors.Is(err, errDisk) {
			t.Fatalf("got %v", err)
		}
		failing.Store(false)
		wait := <-clk.waits
		clk.Step(wait)
		for i.Check() != nil {
			runtime.Gosched()
		}
		return wait
	}
	for want := minReopenDelay; want < maxReopenDelay; want *= 2 {
		same(t, "wait", fail(), want)
	}
	same(t, "longest wait", fail(), maxReopenDelay)
	if _, err := i.Quarantine(t.Context(), order(1), Reason{}); err != nil {
		t.Fatal(err)
	}
	same(t, "wait after something was kept", fail(), minReopenDelay)
}

func TestIDNeedsRandomness(t *testing.T) {
	o := testOptions()
	o.Rand = bytes.NewReader([]byte{1})
	dir := t.TempDir()
	if _, err := Open(dir, o); err == nil {
		t.Fatal("no error")
	}
	run(t, dir, testOptions())
}
