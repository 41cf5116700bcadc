package spool

import (
	"cmp"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/sim-operator/sim-operator/internal/failpoint"
)

const (
	fileName    = "spool.db"
	newFileName = "spool.db.new"
	// formatVersion is of the files: the buckets, their keys, the frames of the journal, and what is not a versioned record.
	// Version 1 has no journal yet. It becomes a version 2 with the first commit.
	formatVersion   = 2
	formatNoJournal = 1
	idSize          = 5
	// metaPages is how many pages stand before all others. A commit writes one of them last of all.
	metaPages = 2
	// present is the value in the bucket waiting. An empty one is not told from none.
	present = 1
)

// The buckets of the file, and the keys in meta.
const (
	bucketMeta       = "meta"
	bucketLog        = "log"
	bucketWaiting    = "waiting"
	bucketApplied    = "applied"
	bucketQuarantine = "quarantine"

	metaFormat = "format"
	metaID     = "id"
	metaLast   = "last"
	metaEpoch  = "epoch"
)

// A store is the two files of a spool: they are opened, and after a failure opened again.
type store struct {
	path    string
	options *Options
	journal *journal

	// mu is held for reading by whoever uses db, so that nobody does while it is closed.
	mu sync.RWMutex
	db *bbolt.DB
}

// buckets are the parts of the file in one transaction.
type buckets struct {
	tx *bbolt.Tx
	// held is what the journal has and the file had not when the transaction began. It waits, too.
	held records
	meta,
	// log: number -> record of all that waits or was applied.
	log,
	// waiting: number -> present.
	waiting,
	// applied: time, number -> size, hash of the key. Hence what goes first stands first.
	applied,
	// quarantine: number -> wrapped record.
	quarantine *bbolt.Bucket
}

// last is the highest number ever given, and the time that went with it.
type last struct {
	number     uint64
	receivedAt time.Time
}

// openStore opens the file in a directory, and makes both if they are not there.
func openStore(dir string, o *Options) (*store, error) {
	st := &store{path: filepath.Join(dir, fileName), options: o}
	st.journal = &journal{path: filepath.Join(dir, journalName), openFile: st.openFile, sync: syncData, limit: journalSize}
	if o.sync != nil {
		st.journal.sync = o.sync
	}
	if quota := o.MaxFileBytes; quota > 0 {
		st.journal.limit = min(journalSize, quota/growthSteps)
	}
	if _, err := os.Stat(st.path); errors.Is(err, fs.ErrNotExist) { //nolint:gosec // the directory that the owner chose
		if err := st.create(dir); err != nil {
			return nil, fmt.Errorf("make a spool in %s: %w", dir, err)
		}
	}
	if err := st.open(); err != nil {
		return nil, err
	}
	return st, nil
}

// create makes a new file under another name, so that one that power loss cut short is never taken for a spool.
func (st *store) create(dir string) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	next := filepath.Join(dir, newFileName)
	if err := removeIfThere(next); err != nil {
		return err
	}
	if err := initialize(next, st.options); err != nil {
		return err
	}
	// Unlike a rename, a link never takes the place of a spool that another process made meanwhile.
	if err := os.Link(next, st.path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := removeIfThere(next); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes a directory, durably. One that is there may stand in one that we cannot read.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) { //nolint:gosec // the directory that the owner chose
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // the directory that the owner chose
		return err
	}
	return syncDir(filepath.Dir(filepath.Clean(dir)))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { //nolint:gosec // in the directory that the owner chose
		return err
	}
	return nil
}

func initialize(path string, o *Options) error {
	random := make([]byte, idSize)
	if _, err := io.ReadFull(o.Rand, random); err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	id := strings.ToLower(base32.StdEncoding.EncodeToString(random))
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: o.LockTimeout, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{bucketLog, bucketWaiting, bucketApplied, bucketQuarantine} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		meta, err := tx.CreateBucket([]byte(bucketMeta))
		if err != nil {
			return err
		}
		return errors.Join(
			meta.Put([]byte(metaFormat), binary.BigEndian.AppendUint32(nil, formatNoJournal)),
			meta.Put([]byte(metaID), []byte(id)),
		)
	})
	return errors.Join(err, db.Sync(), db.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the directory that the owner chose
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// open opens the file, which must be there.
func (st *store) open() error {
	db, err := bbolt.Open(st.path, 0o600, &bbolt.Options{
		Timeout: st.options.LockTimeout,
		// With the free list in the file, each commit would cost more the more of the file is free, which after a burst
		// is nearly all of it for a day. Without it, opening reads the file once, and writes nothing.
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: initialMmapSize,
		MaxSize:         int(max(st.options.MaxFileBytes, 0)),
		OpenFile:        st.openExisting,
	})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return fmt.Errorf("%w in %s", ErrLocked, filepath.Dir(st.path))
	}
	if err != nil {
		return fmt.Errorf("open the spool %s: %w", st.path, err)
	}
	if quota := st.options.MaxFileBytes; quota > 0 {
		db.AllocSize = int(min(int64(db.AllocSize), max(quota/growthSteps, minGrowth)))
	}
	st.mu.Lock()
	st.db = db
	st.mu.Unlock()
	if err := st.openJournal(); err != nil {
		return errors.Join(fmt.Errorf("open the spool %s: %w", st.path, err), st.close())
	}
	return nil
}

// openJournal comes after the lock of the other file.
func (st *store) openJournal() error {
	var epoch uint64
	var isNew bool
	err := st.view(func(b buckets) error {
		if err := checkFormat(b); err != nil {
			return err
		}
		epoch, isNew = b.epoch(), b.format() == formatNoJournal
		return nil
	})
	if err != nil {
		return err
	}
	return st.journal.open(epoch, isNew)
}

// openExisting never makes a file: one that vanished must not become an empty spool under the old one's numbers.
func (st *store) openExisting(path string, flags int, mode os.FileMode) (*os.File, error) {
	return st.openFile(path, flags&^os.O_CREATE, mode)
}

func (st *store) openFile(path string, flags int, mode os.FileMode) (*os.File, error) {
	if st.options.openFile != nil {
		return st.options.openFile(path, flags, mode)
	}
	return os.OpenFile(path, flags, mode) //nolint:gosec // in the directory that the owner chose
}

func checkFormat(b buckets) error {
	switch version := b.format(); version {
	case formatNoJournal, formatVersion:
		return nil
	case 0:
		return fmt.Errorf("%w: this is no spool", ErrFormat)
	default:
		return fmt.Errorf("%w: the file has format %d, and this version reads %d; nothing was changed", ErrFormat, version, formatVersion)
	}
}

// format is 0 where there is none.
func (b buckets) format() uint32 {
	if b.meta == nil {
		return 0
	}
	raw := b.meta.Get([]byte(metaFormat))
	if len(raw) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(raw)
}

func (st *store) close() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.db == nil {
		return nil
	}
	db := st.db
	st.db = nil
	return errors.Join(st.journal.close(), db.Close())
}

// view calls fn in a transaction that reads.
func (st *store) view(fn func(buckets) error) error {
	st.mu.RLock()
	defer st.mu.RUnlock()
	if st.db == nil {
		return ErrUnavailable
	}
	// Before the transaction begins: records go from the journal to the file, never back.
	held := st.journal.held()
	return st.db.View(func(tx *bbolt.Tx) error {
		b := bucketsOf(tx)
		b.held = held
		return fn(b)
	})
}

// update calls fn in a transaction that writes, and commits it, and with that what the journal holds, which is then free.
// Whether it took effect is not known if that fails.
func (st *store) update(fn func(buckets) error) error {
	next := st.journal.epoch + 1
	err := st.commit(func(b buckets) error {
		if err := b.absorb(st.journal.held()); err != nil {
			return err
		}
		if err := b.putEpoch(next); err != nil {
			return err
		}
		return fn(b)
	})
	if err == nil {
		st.journal.begin(next)
	}
	return err
}

// updateApart is an update that leaves what the journal holds where it is.
func (st *store) updateApart(fn func(buckets) error) error {
	return st.commit(func(b buckets) error {
		b.held = st.journal.held()
		return fn(b)
	})
}

func (st *store) commit(fn func(buckets) error) error {
	st.mu.RLock()
	defer st.mu.RUnlock()
	if st.db == nil {
		return ErrUnavailable
	}
	commit := (*bbolt.DB).Update
	if st.options.commit != nil {
		commit = st.options.commit
	}
	failpoint.Hit(failpoint.BeforeCommit)
	err := failpoint.Torn(failpoint.BetweenDataAndMeta, st.path, 0, metaPages*st.db.Info().PageSize, func() error {
		return commit(st.db, func(tx *bbolt.Tx) error { return fn(bucketsOf(tx)) })
	})
	if err == nil {
		failpoint.Hit(failpoint.AfterCommit)
	}
	return err
}

// absorb takes up records of the journal.
func (b buckets) absorb(held records) error {
	for _, record := range held {
		if err := b.putWaiting(numberKey(numberOf(record)), record); err != nil {
			return err
		}
	}
	return nil
}

func (b buckets) putWaiting(key, record []byte) error {
	if err := b.log.Put(key, record); err != nil {
		return err
	}
	return b.waiting.Put(key, []byte{present})
}

// usage is the size of the file, and how much of it is in use, or will be with what the journal holds. A closed store has
// none.
func (st *store) usage() (file, used int64) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	if st.db == nil {
		return 0, 0
	}
	_ = st.db.View(func(tx *bbolt.Tx) error { // it is open
		file = tx.Size()
		return nil
	})
	stats := st.db.Stats()
	used = file - int64(stats.FreePageN+stats.PendingPageN)*int64(st.db.Info().PageSize)
	return file, used + st.journal.heldBytes()
}

func bucketsOf(tx *bbolt.Tx) buckets {
	b := buckets{
		tx:         tx,
		meta:       tx.Bucket([]byte(bucketMeta)),
		log:        tx.Bucket([]byte(bucketLog)),
		waiting:    tx.Bucket([]byte(bucketWaiting)),
		applied:    tx.Bucket([]byte(bucketApplied)),
		quarantine: tx.Bucket([]byte(bucketQuarantine)),
	}
	if tx.Writable() {
		// Their keys only grow: a page that was split is not filled up later.
		b.log.FillPercent, b.waiting.FillPercent, b.applied.FillPercent = 1, 1, 1
	}
	return b
}

func (b buckets) id() string { return string(b.meta.Get([]byte(metaID))) }

// epoch is that of the journal's frames that count.
func (b buckets) epoch() uint64 {
	if raw := b.meta.Get([]byte(metaEpoch)); len(raw) == 8 {
		return binary.BigEndian.Uint64(raw)
	}
	return 0
}

// putEpoch names the next epoch, and notes that there is a journal.
func (b buckets) putEpoch(epoch uint64) error {
	return cmp.Or(
		b.meta.Put([]byte(metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion)),
		b.meta.Put([]byte(metaEpoch), binary.BigEndian.AppendUint64(nil, epoch)),
	)
}

func (b buckets) lastNumber() last {
	l := last{receivedAt: time.UnixMicro(0).UTC()}
	if raw := b.meta.Get([]byte(metaLast)); len(raw) == 16 {
		l = last{number: binary.BigEndian.Uint64(raw), receivedAt: getTime(raw[8:])}
	}
	if number := b.held.last(); number > l.number {
		l = last{number: number, receivedAt: getTime(b.held.find(number)[receivedAt:])}
	}
	return l
}

// record is that of a delivery that waits or was applied. It is nil if there is none.
func (b buckets) record(number uint64) []byte {
	if record := b.held.find(number); record != nil {
		return record
	}
	return b.log.Get(numberKey(number))
}

// waits says whether a delivery waits.
func (b buckets) waits(number uint64) bool {
	return b.held.find(number) != nil || b.waiting.Get(numberKey(number)) != nil
}

// eachWaiting calls fn for all that waits, in order of number.
func (b buckets) eachWaiting(fn func(number uint64, record []byte) error) error {
	err := b.waiting.ForEach(func(key, _ []byte) error {
		number := keyNumber(key)
		if b.held.find(number) != nil { // it has come here meanwhile
			return nil
		}
		return fn(number, b.log.Get(key))
	})
	if err != nil {
		return err
	}
	for _, record := range b.held {
		if err := fn(numberOf(record), record); err != nil {
			return err
		}
	}
	return nil
}

func (b buckets) putLast(l last) error {
	raw := make([]byte, 16)
	binary.BigEndian.PutUint64(raw, l.number)
	putTime(raw[8:], l.receivedAt)
	return b.meta.Put([]byte(metaLast), raw)
}

// first is what stands first in the file: when the waiting delivery with the lowest number was received, and when the
// first of those that are kept was applied. Zero if there is none, or if it is damaged.
type first struct {
	waiting, applied time.Time
}

func (b buckets) first() first {
	var f first
	errFound := errors.New("found")
	_ = b.eachWaiting(func(number uint64, record []byte) error {
		d, _ := decodeRecord(number, record) // Read reports it
		f.waiting = d.ReceivedAt
		return errFound
	})
	if key, value := b.applied.Cursor().First(); key != nil {
		f.applied = readApplied(key, value).at
	}
	return f
}

func numberKey(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }

func keyNumber(key []byte) uint64 {
	if len(key) != 8 {
		return math.MaxUint64
	}
	return binary.BigEndian.Uint64(key)
}

// An appliedEntry is one row of the bucket applied.
type appliedEntry struct {
	at      time.Time
	number  uint64
	size    int64
	keyHash uint64
}

func (e appliedEntry) key() []byte {
	key := make([]byte, 16)
	putTime(key, e.at)
	binary.BigEndian.PutUint64(key[8:], e.number)
	return key
}

func (e appliedEntry) value() []byte {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(e.size)) //nolint:gosec // a length
	return binary.BigEndian.AppendUint64(value, e.keyHash)
}

func readApplied(key, value []byte) appliedEntry {
	if len(key) != 16 || len(value) != 16 {
		return appliedEntry{}
	}
	return appliedEntry{
		at: getTime(key), number: binary.BigEndian.Uint64(key[8:]),
		size: int64(binary.BigEndian.Uint64(value)), keyHash: binary.BigEndian.Uint64(value[8:]), //nolint:gosec // a length
	}
}
