package spool

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

func TestAppendedIsThereAfterRestart(t *testing.T) {
	dir := t.TempDir()
	i := run(t, dir, testOptions())
	id := i.ID()
	var want []Delivery
	for n := range 5 {
		want = append(want, i.append(order(n)))
	}
	same(t, "announced", i.announced(), []uint64{1, 2, 3, 4, 5})
	i.end()

	i = run(t, dir, testOptions())
	same(t, "id", i.ID(), id)
	same(t, "length of the id", len(id), 8)
	same(t, "waiting", i.waiting(), []uint64{1, 2, 3, 4, 5})
	same(t, "read in the order asked", i.read(4, 2), []Delivery{want[3], want[1]})
	same(t, "next number", i.append(order(9)).Number, 6)
}

func TestReceivedAtIncreasesStrictly(t *testing.T) {
	dir := t.TempDir()
	i := run(t, dir, testOptions())
	at := func(received time.Time) time.Time {
		d := order(0)
		d.ReceivedAt = received
		return i.append(d).ReceivedAt
	}
	us := time.Microsecond
	same(t, "first, cut to the microsecond", at(start.Add(999)), start)
	same(t, "the same time again", at(start), start.Add(us))
	same(t, "a clock that stepped back", at(start.Add(-time.Hour)), start.Add(2*us))
	i.end()
	i = run(t, dir, testOptions())
	same(t, "across a restart", at(start), start.Add(3*us))
	same(t, "in another zone", at(start.Add(time.Hour).In(time.FixedZone("x", 3600))), start.Add(time.Hour))
}

func TestPreviousIsTheDeliveryBeforeOfTheSameKey(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	i := run(t, dir, o)
	send := func(key string) uint64 {
		d := order(0)
		d.Key = key
		return i.append(d).Previous
	}
	same(t, "first a", send("a"), 0)
	same(t, "first b", send("b"), 0)
	same(t, "second a", send("a"), 1)
	i.Done(1, 2, 3)
	i.settle()
	i.end()
	i = run(t, dir, o)
	same(t, "applied before a restart", send("a"), 3)
	if err := i.Reject(t.Context(), Reason{Code: "No"}, 4); err != nil {
		t.Fatal(err)
	}
	same(t, "after one that was rejected", send("a"), 3)
	i.Done(5)
	i.settle()
	i.end()
	o.KeepApplied = 0
	i = run(t, dir, o)
	i.settle()
	same(t, "after all was forgotten", send("a"), 0)
}

func TestDoneMakesRoomAndKeepsForReplay(t *testing.T) {
	dir := t.TempDir()
	clk := clocktesting.NewFakeClock(start)
	o := testOptions()
	o.Clock = clk
	i := run(t, dir, o)
	for n := range 4 {
		i.append(order(n))
	}
	clk.Step(time.Hour)
	i.Done(1, 2)
	i.Done(2, 99)
	i.settle()
	clk.Step(time.Hour)
	i.Done(4)
	i.settle()
	same(t, "waiting", i.waiting(), []uint64{3})
	stats := i.Stats()
	same(t, "counts", []int{stats.Waiting, stats.Applied, stats.Quarantined}, []int{1, 3, 0})
	same(t, "oldest", stats.OldestWaiting, order(2).ReceivedAt)

	replayed, err := i.ReplayApplied(t.Context(), start.Add(90*time.Minute))
	same(t, "replayed since", []any{replayed, err}, []any{1, nil})
	same(t, "waiting", i.waiting(), []uint64{3, 4})
	i.Done(4)
	i.settle()
	replayed, err = i.ReplayApplied(t.Context(), time.Time{})
	same(t, "replayed", []any{replayed, err}, []any{3, nil})
	same(t, "waiting under the old numbers", i.waiting(), []uint64{1, 2, 3, 4})
	same(t, "announced", i.announced(), []uint64{1, 2, 3, 4, 4, 1, 2, 4})
	same(t, "read", i.read(2)[0].Body, order(1).Body)
	same(t, "applied", i.Stats().Applied, 0)
}

func TestReplayAppliedWaitsForRoom(t *testing.T) {
	o := testOptions()
	o.MaxDeliveries = 2
	i := run(t, t.TempDir(), o)
	for n := range 7 {
		i.Done(i.append(order(n)).Number)
		i.settle()
	}
	// The applier's part: whatever comes is done at once.
	finished := make(chan int)
	go func() {
		replayed, err := i.ReplayApplied(t.Context(), time.Time{})
		if err != nil {
			t.Error(err)
		}
		finished <- replayed
	}()
	replayed := -1
	for replayed < 0 {
		select {
		case replayed = <-finished:
		default:
			if waiting := i.Stats().Waiting; waiting > o.MaxDeliveries {
				t.Fatalf("%d wait", waiting)
			}
			i.Done(i.waiting()...)
			i.settle()
		}
	}
	same(t, "replayed", replayed, 7)
}

func TestAppliedIsForgotten(t *testing.T) {
	cases := map[string]struct {
		change func(*Options)
		step   time.Duration
		want   int
	}{
		"not before its time":       {func(*Options) {}, DefaultKeepApplied - time.Second, 10},
		"after its time":            {func(*Options) {}, DefaultKeepApplied + time.Second, 0},
		"when it is too much":       {func(o *Options) { o.MaxAppliedBytes = 1000 }, time.Second, 5},
		"at once if it is not kept": {func(o *Options) { o.KeepApplied = 0 }, time.Second, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			clk := clocktesting.NewFakeClock(start)
			o := testOptions()
			o.Clock = clk
			c.change(&o)
			i := run(t, t.TempDir(), o)
			for n := range 11 {
				i.append(order(n))
			}
			i.Done(2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
			i.settle()
			clk.Step(c.step)
			i.settle()
			i.settle()
			same(t, "applied", i.Stats().Applied, c.want)
			same(t, "waiting all the same", i.waiting(), []uint64{1})
			same(t, "read all the same", i.read(1)[0].Body, order(0).Body)
		})
	}
}

func TestIdleSpoolForgets(t *testing.T) {
	clk := clocktesting.NewFakeClock(start)
	o := testOptions()
	o.Clock = clk
	i := run(t, t.TempDir(), o)
	i.Done(i.append(order(0)).Number)
	i.settle()
	for i.Stats().Applied > 0 {
		clk.Step(DefaultKeepApplied)
		runtime.Gosched()
	}
}

func TestDoneIsCommittedWithoutOtherTraffic(t *testing.T) {
	i := run(t, t.TempDir(), testOptions())
	number := i.append(order(0)).Number
	changed := i.nextChange()
	i.Done(number)
	<-changed
	same(t, "waiting", i.Stats().Waiting, 0)
}

func TestBounds(t *testing.T) {
	const size = 160 // about that of order(0) with what it costs to store
	cases := map[string]struct {
		change  func(*Options)
		want    Scope
		kept    int
		another bool
	}{
		"deliveries":               {func(o *Options) { o.MaxDeliveries = 3 }, ScopeDeliveries, 3, false},
		"bytes":                    {func(o *Options) { o.MaxBytes = 3*size + 100 }, ScopeBytes, 3, false},
		"deliveries of a receiver": {func(o *Options) { o.MaxDeliveriesPerReceiver = 3 }, ScopeReceiverDeliveries, 3, true},
		"bytes of a receiver":      {func(o *Options) { o.MaxBytesPerReceiver = 3*size + 100 }, ScopeReceiverBytes, 3, true},
		"the receiver's comes first": {
			func(o *Options) { o.MaxDeliveries, o.MaxDeliveriesPerReceiver = 3, 3 }, ScopeReceiverDeliveries, 3, false,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := testOptions()
			c.change(&o)
			dir := t.TempDir()
			i := run(t, dir, o)
			for range c.kept {
				i.append(order(0))
			}
			for range 2 { // the second time after a restart
				_, err := i.Append(t.Context(), order(0))
				same(t, "scope", fullScope(t, err), c.want)
				i.end()
				i = run(t, dir, o)
			}
			other := order(0)
			other.Receiver = "sims/other"
			_, err := i.Append(t.Context(), other)
			same(t, "another receiver is let in", err == nil, c.another)
			i.Done(1)
			i.settle()
			i.append(order(0))
		})
	}
}

func TestQuarantineBounds(t *testing.T) {
	cases := map[string]struct {
		change func(*Options)
		want   Scope
	}{
		"deliveries":               {func(o *Options) { o.MaxQuarantined = 2 }, ScopeQuarantine},
		"bytes":                    {func(o *Options) { o.MaxQuarantinedBytes = 500 }, ScopeQuarantineBytes},
		"deliveries of a receiver": {func(o *Options) { o.MaxQuarantinedPerReceiver = 2 }, ScopeReceiverQuarantine},
		"bytes of a receiver":      {func(o *Options) { o.MaxQuarantinedBytesPerReceiver = 500 }, ScopeReceiverQuarantineBytes},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := testOptions()
			c.change(&o)
			i := run(t, t.TempDir(), o)
			reason := Reason{Code: "Bad", Message: "not an object"}
			for range 2 {
				if _, err := i.Quarantine(t.Context(), order(0), reason); err != nil {
					t.Fatal(err)
				}
			}
			_, err := i.Quarantine(t.Context(), order(0), reason)
			same(t, "scope of Quarantine", fullScope(t, err), c.want)
			number := i.append(order(1)).Number
			same(t, "scope of Reject", fullScope(t, i.Reject(t.Context(), reason, number)), c.want)
			same(t, "it still waits", i.waiting(), []uint64{number})
		})
	}
}

func TestBoundHoldsUnderConcurrency(t *testing.T) {
	o := testOptions()
	o.MaxDeliveries, o.MaxDeliveriesPerReceiver = 150, 100
	i := run(t, t.TempDir(), o)
	var callers sync.WaitGroup
	for n := range 400 {
		callers.Go(func() {
			d := order(n)
			d.Receiver = fmt.Sprintf("sims/%d", n%2)
			_, err := i.Append(t.Context(), d)
			var full *FullError
			if err != nil && !errors.As(err, &full) {
				t.Error(err)
			}
			if stats := i.Stats(); stats.Waiting > 150 || stats.Receivers["sims/0"].Waiting > 100 || stats.Receivers["sims/1"].Waiting > 100 {
				t.Errorf("overshot: %+v", stats)
			}
		})
	}
	callers.Wait()
	same(t, "kept", len(i.waiting()), 150)
	if i.ledger.reserved != [areas]tally{} {
		t.Fatalf("still reserved: %v", i.ledger.reserved)
	}
}

func TestFileQuota(t *testing.T) {
	o := testOptions()
	o.MaxFileBytes = 4 << 20
	dir := t.TempDir()
	i := run(t, dir, o)
	r := rand.New(rand.NewSource(2))
	// Twice over: what was applied makes room again before its time.
	for range 2 {
		var kept []uint64
		for {
			d := order(0)
			d.Body = make([]byte, r.Intn(20_000))
			got, err := i.Append(t.Context(), d)
			if errors.Is(err, ErrUnavailable) {
				continue // the quota was met within a commit; the spool opens its file again
			}
			if err != nil {
				same(t, "scope", fullScope(t, err), ScopeFile)
				break
			}
			kept = append(kept, got.Number)
		}
		if len(kept) < 30 {
			t.Fatalf("only %d fit", len(kept))
		}
		i.Done(kept...)
		i.settle()
		for stats := i.Stats(); stats.UsedBytes > o.MaxFileBytes*shortPercent/100; stats = i.Stats() {
			i.settle()
		}
		same(t, "waiting", i.Stats().Waiting, 0)
	}
	if size := len(fileBytes(t, dir)); int64(size) > o.MaxFileBytes {
		t.Fatalf("the file has %d bytes", size)
	}
}

func TestAppendAfterTheEndIsRefused(t *testing.T) {
	i := run(t, t.TempDir(), testOptions())
	i.append(order(0))
	i.end()
	if _, err := i.Append(t.Context(), order(1)); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if err := i.Check(); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if _, err := i.Read([]uint64{1}); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
}

func TestRunCommitsWhatIsQueuedWhenItEnds(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	// They are queued before Run begins, with a context that has ended already.
	const callers = 5
	results := make(chan error, callers)
	for n := range callers {
		go func() {
			_, err := s.Append(context.Background(), order(n))
			results <- err
		}()
	}
	for queued := 0; queued < callers; runtime.Gosched() {
		s.mu.Lock()
		queued = len(s.pending)
		s.mu.Unlock()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for range callers {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	same(t, "waiting", len(run(t, dir, testOptions()).waiting()), callers)
}

func TestAppendGivesUpWithItsContext(t *testing.T) {
	s, err := Open(t.TempDir(), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the test is about something else
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := s.Append(ctx, order(0))
		result <- err
	}()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, testOptions())
	o := testOptions()
	o.LockTimeout = 60 * time.Millisecond
	_, err := Open(dir, o)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "another process holds the spool in "+dir) {
		t.Fatalf("got %v", err)
	}
}

func TestFutureFormatIsRefusedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	i := run(t, dir, testOptions())
	i.append(order(0))
	i.end()
	tamper(t, dir, futureFormat)
	before := fileBytes(t, dir)
	_, err := Open(dir, testOptions())
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "has format 3, and this version reads 2") {
		t.Fatalf("got %v", err)
	}
	if !slices.Equal(before, fileBytes(t, dir)) {
		t.Fatal("the file was changed")
	}
}

func TestTornFirstStartIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/"+newFileName, []byte("torn"))
	i := run(t, dir, testOptions())
	same(t, "number", i.append(order(0)).Number, 1)
}

func TestDamagedRecordIsReportedAloneAndGoesToQuarantine(t *testing.T) {
	dir := t.TempDir()
	i := run(t, dir, testOptions())
	for n := range 3 {
		i.append(order(n))
	}
	i.end()
	var damaged []byte
	tamper(t, dir, func(b buckets) error {
		damaged = slices.Clone(b.log.Get(numberKey(2)))
		damaged[len(damaged)-10] ^= 1
		return b.log.Put(numberKey(2), damaged)
	})

	i = run(t, dir, testOptions())
	same(t, "waiting", i.waiting(), []uint64{1, 2, 3})
	got := i.read(1, 2, 3, 4)
	same(t, "others", []string{string(got[0].Body), string(got[2].Body)}, []string{string(order(0).Body), string(order(2).Body)})
	if !errors.Is(got[1].Damaged, ErrDamaged) || !errors.Is(got[3].Damaged, ErrNotFound) {
		t.Fatalf("got %v and %v", got[1].Damaged, got[3].Damaged)
	}
	if err := i.Reject(t.Context(), Reason{Code: "Damaged"}, 2, 4); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		found := i.inQuarantine(Filter{})
		if len(found) != 1 || found[0].Number != 2 || !slices.Equal(found[0].Body, damaged) || found[0].Reason.Code != "Damaged" {
			t.Fatalf("got %+v", found)
		}
		same(t, "waiting", i.waiting(), []uint64{1, 3})
		i.end()
		i = run(t, dir, testOptions())
	}
	if _, err := i.Replay(t.Context(), nil, 2); !errors.Is(err, ErrDamaged) {
		t.Fatalf("got %v", err)
	}
}

func TestQuarantineAndBack(t *testing.T) {
	dir := t.TempDir()
	clk := clocktesting.NewFakeClock(start)
	o := testOptions()
	o.Clock = clk
	i := run(t, dir, o)
	unread := order(0)
	unread.Key = ""
	unread, err := i.Quarantine(t.Context(), unread, Reason{Code: "Malformed", Message: "trailing data"})
	if err != nil {
		t.Fatal(err)
	}
	other := order(1)
	other.Receiver = "sims/other"
	other = i.append(other)
	clk.Step(time.Minute)
	refused := Reason{Code: "Invalid", Message: "spec.type"}
	if err := i.Reject(t.Context(), refused, other.Number); err != nil {
		t.Fatal(err)
	}
	i.end()
	i = run(t, dir, o)

	same(t, "all", i.inQuarantine(Filter{}), []Quarantined{
		{Delivery: unread, Reason: Reason{Code: "Malformed", Message: "trailing data"}, Since: start},
		{Delivery: other, Reason: refused, Since: start.Add(time.Minute)},
	})
	same(t, "by receiver", len(i.inQuarantine(Filter{Receiver: "sims/other"})), 1)
	same(t, "by number", len(i.inQuarantine(Filter{Numbers: []uint64{2, 7}})), 1)
	same(t, "a page", i.inQuarantine(Filter{Limit: 1})[0].Number, 1)
	same(t, "the next page", i.inQuarantine(Filter{After: 1, Limit: 1})[0].Number, 2)
	same(t, "stats", i.Stats().Receivers, map[string]ReceiverStats{
		"sims/demo":  {Quarantined: 1, LastReason: Reason{Code: "Malformed", Message: "trailing data"}},
		"sims/other": {Quarantined: 1, LastReason: refused},
	})

	key := func(d Delivery) (string, error) {
		if d.Number == 2 {
			return "", errors.New("still unreadable")
		}
		return "sims/orders/found", nil
	}
	moved, err := i.Replay(t.Context(), key, 1, 2, 3)
	same(t, "moved", moved, 1)
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), i.ID()+"-2: still unreadable") {
		t.Fatalf("got %v", err)
	}
	unread.Number, unread.Key = 3, "sims/orders/found"
	same(t, "waits with its old time", i.read(3), []Delivery{unread})
	same(t, "announced", i.announced(), []uint64{3})

	dropped, err := i.Drop(t.Context(), 1, 2)
	same(t, "dropped", []any{dropped, err}, []any{1, nil})
	same(t, "stats", i.Stats().Receivers, map[string]ReceiverStats{"sims/demo": {Waiting: 1}, "sims/other": {}})
	i.end()
	i = run(t, dir, o)
	same(t, "empty", len(i.inQuarantine(Filter{})), 0)
	same(t, "waiting", i.waiting(), []uint64{3})
	same(t, "bytes", i.Stats().QuarantinedBytes, 0)
}
