package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	clocktesting "k8s.io/utils/clock/testing"
)

// stopped runs a spool whose clock stands still, so that nothing goes from the journal to the other file by itself. Its
// first commit has been.
func stopped(t *testing.T, dir string, o Options) (*instance, *clocktesting.FakeClock) {
	t.Helper()
	clk := clocktesting.NewFakeClock(start)
	o.Clock = clk
	i := run(t, dir, o)
	i.settle()
	if _, err := i.Quarantine(t.Context(), order(0), Reason{}); err != nil {
		t.Fatal(err)
	}
	return i, clk
}

// inFile counts the deliveries in the log of the file, and in the journal.
func (i *instance) inFile() (inLog, inJournal int) {
	i.t.Helper()
	err := i.store.view(func(b buckets) error {
		inJournal = len(b.held)
		return b.log.ForEach(func(_, _ []byte) error {
			inLog++
			return nil
		})
	})
	if err != nil {
		i.t.Fatal(err)
	}
	return inLog, inJournal
}

// killed is a directory with the files as they would be if the process were killed now.
func killed(t *testing.T, dir string) string {
	t.Helper()
	left := t.TempDir()
	for _, name := range []string{fileName, journalName} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(left, name), content)
	}
	return left
}

// A place is where a frame begins and ends.
type place struct{ start, end int64 }

// alter changes the journal in a directory. It is given the frames of the epoch.
func alter(t *testing.T, dir string, change func(content []byte, frames []place) []byte) {
	t.Helper()
	path := filepath.Join(dir, journalName)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var frames []place
	for at := int64(0); ; {
		_, size := decodeFrame(content[at:], binary.BigEndian.Uint64(content))
		if size == 0 {
			break
		}
		frames, at = append(frames, place{at, at + size}), aligned(at+size)
	}
	writeFile(t, path, change(content, frames))
}

func TestDeliveriesWaitInTheJournalAndMoveOn(t *testing.T) {
	i, clk := stopped(t, t.TempDir(), testOptions())
	_, before := i.store.usage()
	for n := range 3 {
		i.append(order(n))
	}
	inLog, inJournal := i.inFile()
	same(t, "in the journal alone", [2]int{inLog, inJournal}, [2]int{0, 3})
	same(t, "waiting", i.waiting(), []uint64{2, 3, 4})
	same(t, "announced", i.announced(), []uint64{2, 3, 4})
	same(t, "body", string(i.read(3)[0].Body), string(order(1).Body))
	same(t, "oldest", i.Stats().OldestWaiting, i.read(2)[0].ReceivedAt)
	used := i.Stats().UsedBytes
	for {
		clk.Step(linger)
		if inLog, inJournal = i.inFile(); inJournal == 0 {
			break
		}
		runtime.Gosched()
	}
	same(t, "in the log", inLog, 3)
	same(t, "waiting", i.waiting(), []uint64{2, 3, 4})
	same(t, "announced once", i.announced(), []uint64{2, 3, 4})
	same(t, "body", string(i.read(3)[0].Body), string(order(1).Body))
	same(t, "in use then", used, before+3*sizeOf(encodeRecord(order(0))))
}

// A delivery that is applied while it is in the journal leaves it with the same commit.
func TestDoneOfADeliveryInTheJournal(t *testing.T) {
	i, _ := stopped(t, t.TempDir(), testOptions())
	same(t, "previous of the first", i.append(order(1)).Previous, 0)
	same(t, "previous of one in the journal", i.append(order(1)).Previous, 2)
	i.append(order(2))
	i.Done(2)
	if err := i.Reject(t.Context(), Reason{Code: "No"}, 4); err != nil {
		t.Fatal(err)
	}
	same(t, "waiting", i.waiting(), []uint64{3})
	same(t, "applied", i.Stats().Applied, 1)
	same(t, "in quarantine", len(i.inQuarantine(Filter{})), 2)
}

func TestJournalSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	i, _ := stopped(t, dir, testOptions())
	for n := range 4 {
		i.append(order(n % 2))
	}
	left := killed(t, dir)
	j := run(t, left, testOptions())
	same(t, "waiting", j.waiting(), []uint64{2, 3, 4, 5})
	same(t, "in Stats", j.Stats().Waiting, 4)
	next := j.append(order(1))
	same(t, "number", next.Number, 6)
	same(t, "previous", next.Previous, 5)
	if !next.ReceivedAt.After(j.read(5)[0].ReceivedAt) {
		t.Error("the time did not go on")
	}
	// The same once more, of a journal that was taken up and begun anew.
	again := run(t, killed(t, left), testOptions())
	same(t, "waiting", again.waiting(), []uint64{2, 3, 4, 5, 6})
}

func TestAFrameThatWasCutShortDoesNotCount(t *testing.T) {
	for name, cut := range map[string]func(content []byte, torn place) []byte{
		"half written": func(content []byte, torn place) []byte {
			clear(content[(torn.start+torn.end)/2:])
			return content
		},
		"the file ends": func(content []byte, torn place) []byte { return content[:torn.end-1] },
		"the head is missing": func(content []byte, torn place) []byte {
			clear(content[torn.start : torn.start+frameHead])
			return content
		},
		"a sector is neither old nor new": func(content []byte, torn place) []byte {
			sector := torn.start / 512 * 512
			copy(content[sector:sector+512], bytes.Repeat([]byte{0xa5}, 512))
			return content
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			i, _ := stopped(t, dir, testOptions())
			for n := range 3 {
				i.append(order(n))
			}
			left := killed(t, dir)
			alter(t, left, func(content []byte, frames []place) []byte { return cut(content, frames[2]) })
			j := run(t, left, testOptions())
			same(t, "waiting", j.waiting(), []uint64{2, 3})
			same(t, "next number", j.append(order(3)).Number, 4)
			// What is left of the old frame must never come back.
			again := run(t, killed(t, left), testOptions())
			same(t, "key", again.read(4)[0].Key, order(3).Key)
			same(t, "waiting", again.waiting(), []uint64{2, 3, 4})
		})
	}
}

// damage changes a frame that has another after it.
func damage(content []byte, frames []place) []byte {
	content[frames[1].start+frameHead] ^= 1
	return content
}

func TestADamagedJournalIsRefusedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	i, _ := stopped(t, dir, testOptions())
	for n := range 3 {
		i.append(order(n))
	}
	left := killed(t, dir)
	alter(t, left, damage)
	before, err := os.ReadFile(filepath.Join(left, journalName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(left, testOptions()); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "with deliveries after it") {
		t.Fatalf("got %v", err)
	}
	after, err := os.ReadFile(filepath.Join(left, journalName))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the journal was changed")
	}
}

func TestAVanishedJournalIsReported(t *testing.T) {
	dir := t.TempDir()
	i := run(t, dir, testOptions())
	i.append(order(0))
	i.end()
	path := filepath.Join(dir, journalName)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, testOptions()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "put an empty file there") {
		t.Fatalf("got %v", err)
	}
	writeFile(t, path, nil)
	same(t, "next number", run(t, dir, testOptions()).append(order(1)).Number, 2)
}

// A spool of the version before has no journal.
func TestAnOlderFormatIsTakenUp(t *testing.T) {
	dir := t.TempDir()
	i := run(t, dir, testOptions())
	i.append(order(0))
	i.end()
	tamper(t, dir, func(b buckets) error {
		return errors.Join(b.meta.Delete([]byte(metaEpoch)), b.meta.Put([]byte(metaFormat), binary.BigEndian.AppendUint32(nil, formatNoJournal)))
	})
	if err := os.Remove(filepath.Join(dir, journalName)); err != nil {
		t.Fatal(err)
	}
	j := run(t, dir, testOptions())
	same(t, "waiting", j.waiting(), []uint64{1})
	j.append(order(1))
	j.append(order(2))
	again := run(t, killed(t, dir), testOptions())
	same(t, "waiting after a kill", again.waiting(), []uint64{1, 2, 3})
	err := again.store.view(func(b buckets) error {
		same(t, "format", b.format(), formatVersion)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The disk is full, but for the journal, which has its blocks: what it has taken is not lost, nor turned away afterwards.
func TestFullDiskWhenTheJournalIsToBeMoved(t *testing.T) {
	d := &disk{}
	clk := clocktesting.NewFakeClock(start)
	o := testOptions()
	o.Clock, o.openFile = clk, d.open
	dir := t.TempDir()
	i := run(t, dir, o)
	i.append(order(0))
	d.fill(t, fileName)
	i.append(order(1))
	i.append(order(2))
	i.Done(2)
	for i.Check() == nil {
		clk.Step(linger)
		runtime.Gosched()
	}
	if _, err := i.Append(t.Context(), order(3)); !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	same(t, "waiting in Stats", i.Stats().Waiting, 3)
	same(t, "after a restart", run(t, killed(t, dir), testOptions()).waiting(), []uint64{1, 2, 3})
	d.clean()
	untilAccepted(i, clk)
	i.settle()
	same(t, "waiting", i.waiting(), []uint64{1, 3})
	same(t, "announced", i.announced(), []uint64{1, 2, 3})
	same(t, "next number", i.append(order(4)).Number, 4)
}

// A frame of which nobody knows whether it is on disk is handed out if it is there, and its numbers are not given again.
func TestAmbiguousFrame(t *testing.T) {
	var failing atomic.Bool
	clk := clocktesting.NewFakeClock(start)
	o := testOptions()
	o.Clock, o.sync = clk, failingSync(&failing)
	dir := t.TempDir()
	i := run(t, dir, o)
	i.append(order(0))
	i.append(order(1))
	failing.Store(true)
	if _, err := i.Append(t.Context(), order(2)); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errDisk) {
		t.Fatalf("got %v", err)
	}
	failing.Store(false)
	untilAccepted(i, clk)
	same(t, "waiting", i.waiting(), []uint64{1, 2, 3})
	same(t, "announced", i.announced(), []uint64{1, 2, 3})
	same(t, "Stats agree", i.Stats().Waiting, 3)
	same(t, "next number", i.append(order(3)).Number, 4)
	same(t, "after a kill", run(t, killed(t, dir), testOptions()).waiting(), []uint64{1, 2, 3, 4})
}

// What is large or does not fit goes into the other file, at once.
func TestWhatTheJournalDoesNotTake(t *testing.T) {
	i, _ := stopped(t, t.TempDir(), testOptions())
	large := order(0)
	large.Body = bytes.Repeat([]byte{'x'}, maxJournalRecord)
	i.append(order(1))
	i.append(large)
	inLog, inJournal := i.inFile()
	same(t, "in the log", [2]int{inLog, inJournal}, [2]int{2, 0})
	const frames = journalSize / blockSize
	for n := range frames {
		i.append(order(n))
	}
	inLog, inJournal = i.inFile()
	same(t, "as many as it holds, each in a block of its own", [2]int{inLog, inJournal}, [2]int{2, frames})
	i.append(order(0))
	inLog, inJournal = i.inFile()
	same(t, "one more", [2]int{inLog, inJournal}, [2]int{2 + frames + 1, 0})
}

// A journal that the disk has no room for is done without.
func TestADiskWithNoRoomForAJournal(t *testing.T) {
	dir := t.TempDir()
	o := testOptions()
	o.openFile = func(path string, flags int, mode os.FileMode) (*os.File, error) {
		if filepath.Base(path) != journalName {
			return os.OpenFile(path, flags, mode)
		}
		fd, err := unix.MemfdCreate(journalName, unix.MFD_ALLOW_SEALING)
		if err != nil {
			return nil, err
		}
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_GROW)
		return os.NewFile(uintptr(fd), path), err
	}
	i, _ := stopped(t, dir, o)
	i.append(order(1))
	inLog, inJournal := i.inFile()
	same(t, "in the log", [2]int{inLog, inJournal}, [2]int{1, 0})
}

// What was acknowledged is in memory, too, and outlives the file while the process does.
func TestADamagedJournalDoesNoHarmWhileTheSpoolRuns(t *testing.T) {
	for name, change := range map[string]func(content []byte, frames []place) []byte{
		"damaged": damage,
		"cut off": func([]byte, []place) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			var failing atomic.Bool
			clk := clocktesting.NewFakeClock(start)
			o := testOptions()
			o.Clock, o.sync = clk, failingSync(&failing)
			dir := t.TempDir()
			i := run(t, dir, o)
			for n := range 4 {
				i.append(order(n))
			}
			alter(t, dir, change)
			failing.Store(true)
			if _, err := i.Append(t.Context(), order(4)); !errors.Is(err, errDisk) {
				t.Fatalf("got %v", err)
			}
			failing.Store(false)
			untilAccepted(i, clk)
			same(t, "waiting", i.waiting()[:4], []uint64{1, 2, 3, 4})
			same(t, "after a kill", run(t, killed(t, dir), testOptions()).waiting()[:4], []uint64{1, 2, 3, 4})
		})
	}
}

func failingSync(failing *atomic.Bool) func(*os.File) error {
	return func(file *os.File) error {
		if failing.Load() {
			return errDisk
		}
		return file.Sync()
	}
}

// The commit that moves the journal's records took effect and says that it failed, or it did not take effect.
func TestAmbiguousMove(t *testing.T) {
	for name, visible := range map[string]bool{"took effect": true, "did not": false} {
		t.Run(name, func(t *testing.T) {
			var failing atomic.Bool
			clk := clocktesting.NewFakeClock(start)
			o := testOptions()
			o.Clock, o.commit = clk, ambiguous(&failing, visible)
			i := run(t, t.TempDir(), o)
			for n := range 3 {
				i.append(order(n))
			}
			failing.Store(true)
			if err := i.Reject(t.Context(), Reason{Code: "No"}, 2); !errors.Is(err, errDisk) {
				t.Fatalf("got %v", err)
			}
			failing.Store(false)
			untilAccepted(i, clk)
			want := []uint64{1, 2, 3}
			if visible {
				want = []uint64{1, 3}
			}
			same(t, "waiting", i.waiting(), want)
			same(t, "announced", i.announced(), []uint64{1, 2, 3})
		})
	}
}

// A Done that comes while deliveries go to the journal is neither lost nor left for long.
func TestDonesUnderTraffic(t *testing.T) {
	i, clk := stopped(t, t.TempDir(), testOptions())
	i.append(order(1))
	i.Done(2)
	i.append(order(2))
	same(t, "applied, before its time", i.Stats().Applied, 0)
	clk.Step(linger)
	i.append(order(3))
	same(t, "applied", i.Stats().Applied, 1)
	same(t, "waiting", i.waiting(), []uint64{3, 4})
	many := make([]uint64, maxCommitDones)
	i.Done(append([]uint64{3}, many...)...)
	i.append(order(4))
	i.append(order(5))
	same(t, "applied, for there were many", i.Stats().Applied, 2)
}

// The spool's file was removed, and the journal was not.
func TestAJournalOfASpoolThatIsGone(t *testing.T) {
	dir := t.TempDir()
	i, _ := stopped(t, dir, testOptions())
	for n := range 4 {
		i.append(order(n))
	}
	left := killed(t, dir)
	if err := os.Remove(filepath.Join(left, fileName)); err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	o.Rand = rand.New(rand.NewSource(2))
	j, _ := stopped(t, left, o)
	same(t, "number", j.append(order(9)).Number, 2)
	again := run(t, killed(t, left), testOptions())
	same(t, "waiting", again.waiting(), []uint64{2})
	same(t, "id", again.ID(), j.ID())
}

// smallVolume is a directory on a volume of its own, of so many mebibytes.
func smallVolume(t *testing.T, mebibytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mebibytes)); err != nil {
		t.Skipf("mount a small volume, which takes root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// The journal must not take the room that the other file needs.
func TestAVolumeTooSmallForAJournal(t *testing.T) {
	i := run(t, smallVolume(t, 2), testOptions())
	for n := range 300 {
		i.append(order(n))
	}
	same(t, "waiting", len(i.waiting()), 300)
}

// The volume is full, and the spool's file has no room for what the journal has acknowledged. Deliveries can be read and
// applied all the same, until there is room.
func TestAFullVolumeKeepsNothingFromBeingApplied(t *testing.T) {
	dir := smallVolume(t, 16)
	clk := clocktesting.NewFakeClock(start)
	o := testOptions()
	o.Clock = clk
	i := run(t, dir, o)
	large := order(0)
	large.Body = make([]byte, 6000)
	for range 200 {
		i.append(large)
	}
	i.settle()
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close() //nolint:errcheck // nobody reads it
	for err == nil {
		_, err = ballast.Write(make([]byte, blockSize))
	}
	for n := range 400 {
		i.append(order(n))
	}
	const acknowledged = 600
	if _, err := i.Drop(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the volume is not full: %v", err)
	}
	for _, numbers := range [][]uint64{{1, 2, 3}, {201, 202, 203}} {
		for {
			deliveries, err := i.Read(numbers)
			if err == nil {
				same(t, "read", deliveries[0].Damaged, nil)
				break
			}
			clk.Step(maxReopenDelay)
			runtime.Gosched()
		}
		i.Done(numbers...)
	}
	for i.Stats().Applied != 3 {
		clk.Step(maxReopenDelay)
		runtime.Gosched()
	}
	same(t, "waiting", i.Stats().Waiting, acknowledged-3)
	if err := ballast.Truncate(0); err != nil {
		t.Fatal(err)
	}
	untilAccepted(i, clk)
	i.settle()
	same(t, "applied", i.Stats().Applied, 6)
	same(t, "waiting", len(i.waiting()), acknowledged-6)
}

func FuzzDecodeFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 'a', 0, 2, 'b', 'c'})
	f.Add([]byte{5, 'a'})
	f.Add(bytes.Repeat([]byte{0xff}, 12))
	f.Fuzz(func(t *testing.T, payload []byte) {
		frame := append(appendFrame(nil, 3, nil), payload...)
		binary.BigEndian.PutUint32(frame[8:], uint32(len(payload)))
		binary.BigEndian.PutUint32(frame[12:], frameSum(frame))
		found, size := decodeFrame(frame, 3)
		if size == 0 {
			return
		}
		again, _ := decodeFrame(appendFrame(nil, 3, found), 3)
		same(t, "decoded, encoded and decoded again", again, found)
		if other, size := decodeFrame(frame, 4); size != 0 {
			t.Errorf("%v of another epoch", other)
		}
	})
}
