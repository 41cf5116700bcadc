package spool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

const (
	crashDirVariable = "SPOOL_CRASH_TEST_DIR"
	crashRounds      = 6
	crashCallers     = 8
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirVariable); dir != "" {
		crashChild(dir)
		return
	}
	os.Exit(m.Run())
}

// crashChild appends and applies until it is killed. It prints the number and the key of each delivery that was
// acknowledged.
func crashChild(dir string) {
	ctx := context.Background()
	o := testOptions()
	applied := make(chan uint64, 1<<20)
	o.Committed = func(entries []Entry) {
		for _, e := range entries {
			applied <- e.Number
		}
	}
	s, err := Open(dir, o)
	if err != nil {
		panic(err)
	}
	go func() { panic(s.Run(ctx)) }()
	for caller := range crashCallers {
		go func() {
			for n := 0; ; n++ {
				d := order(n)
				d.Key = fmt.Sprintf("%d-%d-%d", os.Getpid(), caller, n)
				kept, err := s.Append(ctx, d)
				if err != nil {
					panic(err)
				}
				// One write: the parent never sees half a line that it takes for a whole one.
				_, _ = fmt.Fprintf(os.Stdout, "%d %s\n", kept.Number, kept.Key)
			}
		}()
	}
	for number := range applied {
		if number%2 == 0 {
			s.Done(number)
		}
	}
}

func TestAcknowledgedSurvivesSIGKILL(t *testing.T) {
	seed := time.Now().UnixNano() // put the printed one here to see a failure again
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	dir := t.TempDir()
	acknowledged := map[uint64]string{}
	for round := range crashRounds {
		killChild(t, dir, 1+random.Intn(2000), time.Duration(random.Intn(2000))*time.Microsecond, acknowledged)
		s, err := Open(dir, testOptions())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		checkSurvivors(t, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killChild runs a child and kills it a while after so many lines. It notes what the child has printed by then.
func killChild(t *testing.T, dir string, lines int, extra time.Duration, acknowledged map[uint64]string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashDirVariable+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var kill sync.Once
	scanner := bufio.NewScanner(out)
	for n := 0; scanner.Scan(); n++ {
		var number uint64
		var key string
		if _, err := fmt.Sscanf(scanner.Text(), "%d %s", &number, &key); err != nil {
			t.Fatalf("%q: %v", scanner.Text(), err)
		}
		if other, given := acknowledged[number]; given {
			t.Fatalf("number %d was given to %s and %s", number, other, key)
		}
		acknowledged[number] = key
		if n >= lines {
			// Not at the line itself: a commit is more likely to be under way a while later.
			kill.Do(func() { time.AfterFunc(extra, func() { _ = child.Process.Kill() }) })
		}
	}
	_ = child.Wait() // it was killed
}

func checkSurvivors(t *testing.T, s *Spool, acknowledged map[uint64]string) {
	t.Helper()
	found := map[uint64]Delivery{}
	note := func(number uint64, record []byte) error {
		d, err := decodeRecord(number, record)
		found[d.Number] = d
		return err
	}
	err := s.store.view(func(b buckets) error {
		err := b.log.ForEach(func(key, record []byte) error { return note(keyNumber(key), record) })
		return errors.Join(err, b.eachWaiting(note))
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]uint64{}
	for number, d := range found {
		if other, twice := keys[d.Key]; twice {
			t.Fatalf("%s is there as %d and %d", d.Key, number, other)
		}
		keys[d.Key] = number
		before, there := found[number-1]
		if number > 1 && (!there || !before.ReceivedAt.Before(d.ReceivedAt)) {
			t.Fatalf("%d does not follow on %d", number, number-1)
		}
	}
	for number, key := range acknowledged {
		if found[number].Key != key {
			t.Fatalf("%d was acknowledged to %s and is that of %q", number, key, found[number].Key)
		}
	}
	stats := s.Stats()
	if stats.Waiting+stats.Applied != len(found) {
		t.Fatalf("%d wait and %d were applied, of %d", stats.Waiting, stats.Applied, len(found))
	}
}
