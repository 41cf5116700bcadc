package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"k8s.io/utils/clock"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// An instance is a spool that runs.
type instance struct {
	*Spool
	t      *testing.T
	dir    string
	cancel context.CancelFunc
	ended  chan error

	mu        sync.Mutex
	committed []Entry
}

func testOptions() Options {
	o := DefaultOptions()
	o.Clock = clock.RealClock{}
	o.Rand = rand.New(rand.NewSource(1))
	o.LockTimeout = 10 * time.Second
	return o
}

// run opens a spool and runs it until the test ends or end is called.
func run(t *testing.T, dir string, o Options) *instance {
	t.Helper()
	i := &instance{t: t, dir: dir, ended: make(chan error, 1)}
	o.Committed = func(entries []Entry) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.committed = append(i.committed, entries...)
	}
	s, err := Open(dir, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	i.Spool, i.cancel = s, cancel
	go func() { i.ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		err := <-i.ended
		i.ended <- err
	})
	return i
}

// end ends the spool as its owner does.
func (i *instance) end() {
	i.t.Helper()
	i.cancel()
	err := <-i.ended
	i.ended <- err
	if err != nil {
		i.t.Fatalf("run: %v", err)
	}
}

func (i *instance) append(d Delivery) Delivery {
	i.t.Helper()
	kept, err := i.Append(i.t.Context(), d)
	if err != nil {
		i.t.Fatalf("append: %v", err)
	}
	return kept
}

// settle waits until all Dones so far are in the file: one request goes after them.
func (i *instance) settle() {
	i.t.Helper()
	if _, err := i.Drop(i.t.Context()); err != nil {
		i.t.Fatalf("settle: %v", err)
	}
}

func (i *instance) announced() []uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return numbersOf(i.committed)
}

func (i *instance) waiting() []uint64 {
	i.t.Helper()
	var numbers []uint64
	for e, err := range i.Waiting() {
		if err != nil {
			i.t.Fatalf("waiting: %v", err)
		}
		numbers = append(numbers, e.Number)
	}
	return numbers
}

func (i *instance) inQuarantine(f Filter) []Quarantined {
	i.t.Helper()
	found, err := i.Quarantined(f)
	if err != nil {
		i.t.Fatalf("quarantined: %v", err)
	}
	return found
}

func (i *instance) read(numbers ...uint64) []Delivery {
	i.t.Helper()
	deliveries, err := i.Read(numbers)
	if err != nil {
		i.t.Fatalf("read: %v", err)
	}
	return deliveries
}

// tamper changes the file of a spool that does not run.
func tamper(t *testing.T, dir string, change func(buckets) error) {
	t.Helper()
	db, err := bbolt.Open(dir+"/"+fileName, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return change(bucketsOf(tx)) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func order(n int) Delivery {
	return Delivery{
		ReceivedAt: start.Add(time.Duration(n) * time.Second), Receiver: "sims/demo", Kind: "orders",
		Key: fmt.Sprintf("sims/orders/%d", n), Body: fmt.Appendf(nil, `{"OrderId": %d}`, n),
	}
}

func numbersOf(entries []Entry) []uint64 {
	var numbers []uint64
	for _, e := range entries {
		numbers = append(numbers, e.Number)
	}
	return numbers
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func fullScope(t *testing.T, err error) Scope {
	t.Helper()
	var full *FullError
	if !errors.As(err, &full) {
		t.Fatalf("got %v, want a FullError", err)
	}
	return full.Scope
}

func fileBytes(t *testing.T, dir string) []byte {
	t.Helper()
	raw, err := os.ReadFile(dir + "/" + fileName)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func futureFormat(b buckets) error {
	return b.meta.Put([]byte(metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion+1))
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
