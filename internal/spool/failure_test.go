package spool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

var errDisk = errors.New("the disk fails") //nolint:gochecknoglobals // a sentinel

// A disk puts /dev/full in the place of the spool's file: each write fails with ENOSPC, as on a full disk.
type disk struct {
	mu   sync.Mutex
	file *os.File
	full bool
}

func (d *disk) open(path string, flags int, mode os.FileMode) (*os.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return nil, syscall.ENOSPC
	}
	var err error
	d.file, err = os.OpenFile(path, flags, mode) //nolint:gosec // a test's own file
	return d.file, err
}

func (d *disk) fill(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = true
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close() //nolint:errcheck // nothing was written
	if err := syscall.Dup3(int(full.Fd()), int(d.file.Fd()), syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
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
	d.fill(t)
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
			o.Clock = clk
			o.commit = func(db *bbolt.DB, fn func(*bbolt.Tx) error) error {
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
			dir := t.TempDir()
			i := run(t, dir, o)
			for n := range 3 {
				i.append(order(n))
			}
			quarantined, err := i.Quarantine(t.Context(), order(8), Reason{Code: "Bad"})
			if err != nil {
				t.Fatal(err)
			}
			i.Done(1)
			i.settle()

			// One batch of everything, which is queued while the committer is held up.
			results := make(chan error, 5)
			i.mu.Lock() // Committed waits for it
			go func() { _, _ = i.Append(context.Background(), order(7)) }()
			for i.Stats().Waiting < 3 {
			}
			failing.Store(true)
			i.Done(2)
			for _, call := range []func() error{
				func() error { _, err := i.Append(context.Background(), order(9)); return err },
				func() error { return i.Reject(context.Background(), Reason{Code: "No"}, 3) },
				func() error { _, err := i.Replay(context.Background(), nil, quarantined.Number); return err },
				func() error { _, err := i.ReplayApplied(context.Background(), start); return err },
			} {
				go func() { results <- call() }()
			}
			for queued := 0; queued < 4; {
				i.Spool.mu.Lock()
				queued = len(i.pending)
				i.Spool.mu.Unlock()
			}
			i.mu.Unlock()
			for range 4 {
				if err := <-results; !errors.Is(err, ErrUnavailable) || !errors.Is(err, errDisk) {
					t.Fatalf("got %v", err)
				}
			}
			failing.Store(false)
			untilAccepted(i, clk)
			i.settle()

			waiting := i.waiting()
			stats := i.Stats()
			reserved := i.ledger.reserved
			same(t, "Stats agree with the file", stats.Waiting, len(waiting))
			if reserved != [areas]tally{} {
				t.Fatalf("still reserved: %v", reserved)
			}
			announced := i.announced()
			for _, number := range waiting {
				if !slices.Contains(announced, number) {
					t.Errorf("%d waits and was never announced: %v", number, announced)
				}
			}
			if slices.Contains(waiting, 2) {
				t.Error("the Done in the failed batch was forgotten")
			}
			next := i.append(order(10)).Number
			if slices.Contains(announced, next) || next != 8 {
				t.Errorf("number %d", next)
			}
			if visible {
				same(t, "1 again, 3 gone, and three that are new", len(waiting), 4)
				same(t, "quarantined", stats.Quarantined, 1)
			} else {
				same(t, "as before", waiting, []uint64{3, 5})
				same(t, "announced as before", announced, []uint64{1, 2, 3, 5})
			}
			i.end()
			same(t, "next number after a restart", run(t, dir, testOptions()).append(order(0)).Number, 9)
		})
	}
}

func TestEndWhileTheDiskFails(t *testing.T) {
	d := &disk{}
	o := testOptions()
	o.Clock, o.openFile = clock.RealClock{}, d.open
	dir := t.TempDir()
	i := run(t, dir, o)
	i.append(order(0))
	d.fill(t)
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
	if _, err := i.Append(t.Context(), order(1)); !errors.Is(err, errDisk) {
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

func TestIDNeedsRandomness(t *testing.T) {
	o := testOptions()
	o.Rand = bytes.NewReader([]byte{1})
	dir := t.TempDir()
	if _, err := Open(dir, o); err == nil {
		t.Fatal("no error")
	}
	run(t, dir, testOptions())
}
