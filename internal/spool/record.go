package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
)

// A record is a delivery as the log holds it:
//
//	version 1 | number 8 | previous 8 | received, microseconds 8 | receiver | kind | key | body | CRC-32C 4
//
// Each of receiver, kind, key and body has its length before it as an uvarint; the other numbers are big endian. A record
// in quarantine wraps one, so that what is damaged is kept as it is:
//
//	version 1 | since, microseconds 8 | code | message | record | CRC-32C 4
const (
	recordVersion     = 1
	quarantineVersion = 1

	numberAt   = 1
	previousAt = 9
	receivedAt = 17
	stampedEnd = 25

	checksumSize = 4
)

// encodeRecord encodes all but what the committer stamps.
func encodeRecord(d Delivery) []byte {
	size := stampedEnd + 4*binary.MaxVarintLen32 + len(d.Receiver) + len(d.Kind) + len(d.Key) + len(d.Body) + checksumSize
	record := make([]byte, stampedEnd, size)
	record[0] = recordVersion
	record = appendField(record, d.Receiver)
	record = appendField(record, d.Kind)
	record = appendField(record, d.Key)
	record = appendField(record, d.Body)
	return append(record, make([]byte, checksumSize)...)
}

// stampRecord completes a record of encodeRecord.
func stampRecord(record []byte, number, previous uint64, received time.Time) {
	binary.BigEndian.PutUint64(record[numberAt:], number)
	binary.BigEndian.PutUint64(record[previousAt:], previous)
	putTime(record[receivedAt:], received)
	seal(record)
}

// decodeRecord reads the record that the log holds under a number. The body is part of the record.
func decodeRecord(number uint64, record []byte) (Delivery, error) {
	d := Delivery{Number: number}
	r, err := unseal(record, recordVersion, stampedEnd)
	if err != nil {
		return d, err
	}
	if stamped := binary.BigEndian.Uint64(record[numberAt:]); stamped != number {
		return d, fmt.Errorf("%w: it is that of number %d", ErrDamaged, stamped)
	}
	receiver, kind, key, body := r.field(), r.field(), r.field(), r.field()
	if !r.whole() {
		return d, fmt.Errorf("%w: its lengths do not add up", ErrDamaged)
	}
	d.Previous = binary.BigEndian.Uint64(record[previousAt:])
	d.ReceivedAt = getTime(record[receivedAt:])
	d.Receiver, d.Kind, d.Key, d.Body = string(receiver), string(kind), string(key), body
	return d, nil
}

// numberOf reads the number of a record without a look at the rest.
func numberOf(record []byte) uint64 {
	if len(record) < stampedEnd {
		return 0
	}
	return binary.BigEndian.Uint64(record[numberAt:])
}

// previousOf reads one number of a record without a look at the rest.
func previousOf(record []byte) uint64 {
	if len(record) < stampedEnd {
		return 0
	}
	return binary.BigEndian.Uint64(record[previousAt:])
}

func encodeQuarantined(r Reason, since time.Time, record []byte) []byte {
	const head = 1 + 8
	size := head + 3*binary.MaxVarintLen32 + len(r.Code) + len(r.Message) + len(record) + checksumSize
	wrapped := make([]byte, head, size)
	wrapped[0] = quarantineVersion
	putTime(wrapped[1:], since)
	wrapped = appendField(wrapped, r.Code)
	wrapped = appendField(wrapped, r.Message)
	wrapped = appendField(wrapped, record)
	wrapped = append(wrapped, make([]byte, checksumSize)...)
	seal(wrapped)
	return wrapped
}

// decodeQuarantined reads what the quarantine holds under a number. Damage, to the wrapping or to the record, is in
// Damaged.
func decodeQuarantined(number uint64, wrapped []byte) Quarantined {
	r, err := unseal(wrapped, quarantineVersion, 1+8)
	code, message, record := r.field(), r.field(), r.field()
	if err == nil && !r.whole() {
		err = fmt.Errorf("%w: its lengths do not add up", ErrDamaged)
	}
	if err != nil {
		return Quarantined{Delivery: Delivery{Number: number, Body: wrapped, Damaged: err}}
	}
	q := Quarantined{Reason: Reason{Code: string(code), Message: string(message)}, Since: getTime(wrapped[1:])}
	if q.Delivery, err = decodeRecord(number, record); err != nil {
		q.Body, q.Damaged = record, err
	}
	return q
}

func appendField[T string | []byte](b []byte, field T) []byte {
	b = binary.AppendUvarint(b, uint64(len(field)))
	return append(b, field...)
}

// seal puts the checksum over all before it into the last bytes.
func seal(b []byte) {
	end := len(b) - checksumSize
	binary.BigEndian.PutUint32(b[end:], crc32.Checksum(b[:end], castagnoli()))
}

// unseal checks version and checksum and returns a reader of the fields after the head.
func unseal(b []byte, version byte, head int) (fields, error) {
	end := len(b) - checksumSize
	switch {
	case end < head:
		return fields{}, fmt.Errorf("%w: only %d bytes", ErrDamaged, len(b))
	case b[0] != version:
		return fields{}, fmt.Errorf("%w: version %d", ErrDamaged, b[0])
	case binary.BigEndian.Uint32(b[end:]) != crc32.Checksum(b[:end], castagnoli()):
		return fields{}, fmt.Errorf("%w: wrong checksum", ErrDamaged)
	}
	return fields{rest: b[head:end]}, nil
}

// castagnoli is made once by the standard library.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// fields reads fields one after another. Once one is cut off, it and all after it are empty.
type fields struct {
	rest []byte
	cut  bool
}

func (f *fields) field() []byte {
	length, n := binary.Uvarint(f.rest)
	if n <= 0 || length > uint64(len(f.rest)-n) { //nolint:gosec // n is not above the length
		f.rest, f.cut = nil, true
		return nil
	}
	field := f.rest[n : n+int(length)] //nolint:gosec // not above len(f.rest)
	f.rest = f.rest[n+int(length):]    //nolint:gosec // not above len(f.rest)
	return field
}

// whole is true if every field was there, and nothing else.
func (f *fields) whole() bool { return !f.cut && len(f.rest) == 0 }

func putTime(b []byte, t time.Time) {
	binary.BigEndian.PutUint64(b, uint64(t.UnixMicro()))
}

func getTime(b []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC() //nolint:gosec // came from an int64
}

// hashKey stands for a Key in memory and in the file. Two keys of one hash make each other's deliveries Previous, which
// costs the reader of Previous a gap that is none.
//
// It is FNV-1a, written out here because hash/fnv takes the key as bytes, and would cost two allocations for each delivery.
func hashKey(key string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	hash := uint64(offset)
	for i := range len(key) {
		hash = (hash ^ uint64(key[i])) * prime
	}
	return hash
}
