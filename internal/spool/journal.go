package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/sim-operator/sim-operator/internal/failpoint"
)

// A journal is the file in front of the spool's: a commit that only takes deliveries in is one write and one fdatasync
// here, where in bbolt it is a dozen pages and two. What it holds is moved to the other file many commits at a time.
//
// It is a row of frames from the start of the file, one for each commit:
//
//	epoch 8 | length of the records 4 | CRC-32C over both and the records 4 | records, each with its length before it as an uvarint
//
// Each begins with a block of the disk, so that writing one never touches another, which may have been acknowledged.
//
// The epoch is that which the other file names. Moving the records there and naming the next epoch is one transaction, and
// so the frames of the one before are void at the moment that they are no longer needed. Nothing is ever cleared: the
// next frame is written at the start, and what is behind the last whole frame of the epoch does not count.
type journal struct {
	path     string
	openFile func(path string, flags int, mode os.FileMode) (*os.File, error)
	sync     func(*os.File) error
	// limit is how many bytes it holds at most, small beside what the other file may have.
	limit int64

	// These are the committer's own. size is how much of the file is there to be written, at is where the next frame goes,
	// and stale is true until the first epoch that this process has begun: what a frame that was cut short has left is in
	// nobody's way then.
	file  *os.File
	size  int64
	at    int64
	epoch uint64
	stale bool
	frame []byte

	mu sync.RWMutex
	// records are those of the frames. Neither they nor the slots that are taken change.
	records records
	bytes   int64
}

// records are of consecutive numbers.
type records [][]byte

// find returns the record of a number, or nil if it is not here.
func (r records) find(number uint64) []byte {
	if len(r) == 0 {
		return nil
	}
	if first := numberOf(r[0]); number >= first && number < first+uint64(len(r)) {
		return r[number-first]
	}
	return nil
}

// last is the number of the last one, or 0 if there is none.
func (r records) last() uint64 {
	if len(r) == 0 {
		return 0
	}
	return numberOf(r[len(r)-1])
}

const (
	journalName = "spool.journal"
	frameHead   = 8 + 4 + 4
	// blockSize is at least what a disk writes at a time.
	blockSize = 4096
)

// aligned is where the next block begins.
func aligned(at int64) int64 { return (at + blockSize - 1) / blockSize * blockSize }

// open opens the journal of a spool that names an epoch, and reads what it holds. Records that are known from before are
// kept, whatever the file says. A journal is made only for a spool that never had one: where it vanished, deliveries may
// have vanished with it, and somebody must know.
func (j *journal) open(epoch uint64, isNew bool) error {
	flags := os.O_RDWR
	if isNew {
		flags |= os.O_CREATE | os.O_TRUNC // one that is there is of a spool that is gone
	}
	file, err := j.openFile(j.path, flags, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the journal has vanished, and with it the deliveries of the last moments before the spool was closed, "+
			"unless that was done in order; to go on without them, put an empty file there: %w", err)
	case err != nil:
		return fmt.Errorf("open the journal: %w", err)
	}
	j.file, j.stale = file, true
	if j.epoch != epoch {
		j.forget()
	}
	j.epoch = epoch
	known := len(j.records) > 0
	switch err := j.read(); {
	case err == nil:
		return j.extend()
	case known: // what was acknowledged is in memory, and is about to be moved; the file is left as it is until then
		return nil
	default:
		return errors.Join(fmt.Errorf("read the journal %s: %w", j.path, err), j.close())
	}
}

// read takes up the frames of the epoch.
func (j *journal) read() error {
	content := make([]byte, journalSize)
	n, err := j.file.ReadAt(content, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	content = content[:n]
	j.size = int64(n)
	for at := int64(0); at < j.size; {
		found, size := decodeFrame(content[at:], j.epoch)
		if size == 0 {
			if err := j.checkTail(content, at); err != nil {
				return err
			}
			break
		}
		for _, record := range found {
			if err := j.takeUp(record, at); err != nil {
				return err
			}
		}
		at = aligned(at + size)
	}
	if len(j.records) == 0 {
		return nil
	}
	// A process that was killed may have written a frame and not waited for the disk. From now on it counts.
	return j.sync(j.file)
}

// checkTail looks for a frame behind the last one that counts. A frame is written when the one before it is on disk: what
// a crash leaves at the end is at most one that was cut short, and nothing of the epoch after it.
func (j *journal) checkTail(content []byte, end int64) error {
	for at := end + blockSize; at < int64(len(content)); at += blockSize {
		if _, size := decodeFrame(content[at:], j.epoch); size > 0 {
			return fmt.Errorf("%w: at byte %d, with deliveries after it", ErrDamaged, end)
		}
	}
	return nil
}

// takeUp adds a record of the frame at a place, unless it is known.
func (j *journal) takeUp(record []byte, at int64) error {
	number, last := numberOf(record), j.records.last()
	switch {
	case number == 0 || last != 0 && number > last+1:
		return fmt.Errorf("%w: at byte %d, number %d after %d", ErrDamaged, at, number, last)
	case number > last:
		j.add(record)
	}
	return nil
}

// extend gives the file its full size, so that a commit has no blocks to allocate. Where the disk has no room for that, the
// journal stays as small as it is and leaves the room to the other file, where everything then goes.
func (j *journal) extend() error {
	if j.size >= journalSize {
		return nil
	}
	if err := j.fill(); err == nil {
		j.size = journalSize
	} else if err := j.file.Truncate(j.size); err != nil {
		return fmt.Errorf("give back what the journal cannot use: %w", err)
	}
	return syncDir(filepath.Dir(j.path))
}

func (j *journal) fill() error {
	var zeros [64 << 10]byte
	for at := j.size; at < journalSize; at += int64(len(zeros)) {
		if _, err := j.file.WriteAt(zeros[:min(journalSize-at, int64(len(zeros)))], at); err != nil {
			return err
		}
	}
	return j.file.Sync()
}

// fits says whether the journal takes so many records. Their bytes are more than what they take here.
func (j *journal) fits(n int, bytes int64) bool {
	return !j.stale && len(j.records)+n <= maxJournal && j.bytes+bytes <= j.limit && j.at+frameHead+bytes <= j.size
}

// write writes a frame of records. If that fails, nobody knows whether it is on disk.
func (j *journal) write(committed records) error {
	j.frame = appendFrame(j.frame[:0], j.epoch, committed)
	failpoint.Hit(failpoint.BeforeCommit)
	half := len(j.frame) / 2
	err := failpoint.Torn(failpoint.WithinFrame, j.path, j.at+int64(half), len(j.frame)-half, func() error {
		if _, err := j.file.WriteAt(j.frame, j.at); err != nil {
			return err
		}
		return j.sync(j.file)
	})
	if err != nil {
		return fmt.Errorf("write to the journal: %w", err)
	}
	failpoint.Hit(failpoint.AfterCommit)
	j.at = aligned(j.at + int64(len(j.frame)))
	for _, record := range committed {
		j.add(record)
	}
	return nil
}

func (j *journal) add(record []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, record)
	j.bytes += sizeOf(record)
}

// begin begins an epoch, after the commit to the other file that named it.
func (j *journal) begin(epoch uint64) {
	j.epoch, j.at, j.stale = epoch, 0, false
	j.forget()
}

func (j *journal) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records, j.bytes = nil, 0
}

// held is all that the other file does not have, in order of number.
func (j *journal) held() records {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.records
}

func (j *journal) heldBytes() int64 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.bytes
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	file := j.file
	j.file, j.size = nil, 0
	return file.Close()
}

func appendFrame(frame []byte, epoch uint64, committed records) []byte {
	frame = append(frame, make([]byte, frameHead)...)
	for _, record := range committed {
		frame = appendField(frame, record)
	}
	binary.BigEndian.PutUint64(frame, epoch)
	binary.BigEndian.PutUint32(frame[8:], uint32(len(frame)-frameHead)) //nolint:gosec // at most journalSize
	binary.BigEndian.PutUint32(frame[12:], frameSum(frame))
	return frame
}

func frameSum(frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[:12], castagnoli()), castagnoli(), frame[frameHead:])
}

// decodeFrame returns the records of the frame at the start of content, and the size of the frame: 0 if there is no whole
// frame of the epoch.
func decodeFrame(content []byte, epoch uint64) (found records, size int64) {
	if len(content) < frameHead || binary.BigEndian.Uint64(content) != epoch {
		return nil, 0
	}
	length := int64(binary.BigEndian.Uint32(content[8:]))
	if length > int64(len(content)-frameHead) {
		return nil, 0
	}
	frame := content[:frameHead+length]
	if binary.BigEndian.Uint32(frame[12:]) != frameSum(frame) {
		return nil, 0
	}
	rest := fields{rest: frame[frameHead:]}
	for len(rest.rest) > 0 {
		found = append(found, rest.field())
	}
	if rest.cut {
		return nil, 0
	}
	return found, int64(len(frame))
}
