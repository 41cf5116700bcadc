package spool

import (
	"bytes"
	"errors"
	"hash/fnv"
	"testing"
	"time"
)

func TestRecordRoundTrip(t *testing.T) {
	cases := map[string]Delivery{
		"nothing":          {Number: 1, ReceivedAt: start, Body: []byte{}},
		"everything":       {Number: 1 << 60, Previous: 7, ReceivedAt: start.Add(time.Microsecond), Receiver: "sims/demo", Kind: "orders", Key: "k", Body: []byte("\x00\xff{}")},
		"large":            {Number: 2, ReceivedAt: start, Body: bytes.Repeat([]byte("x"), 64<<10)},
		"before the epoch": {Number: 3, ReceivedAt: time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), Body: []byte("a")},
	}
	for name, d := range cases {
		t.Run(name, func(t *testing.T) {
			record := encodeRecord(d)
			stampRecord(record, d.Number, d.Previous, d.ReceivedAt)
			got, err := decodeRecord(d.Number, record)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "delivery", got, d)
			if _, err := decodeRecord(d.Number+1, record); !errors.Is(err, ErrDamaged) {
				t.Errorf("under another number: %v", err)
			}
			q := Quarantined{Delivery: d, Reason: Reason{Code: "Bad", Message: "why"}, Since: start}
			same(t, "quarantined", decodeQuarantined(d.Number, encodeQuarantined(q.Reason, q.Since, record)), q)
		})
	}
}

func TestEveryDamagedBitIsSeen(t *testing.T) {
	record := encodeRecord(order(1))
	stampRecord(record, 1, 0, start)
	for bit := range 8 * len(record) {
		damaged := bytes.Clone(record)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeRecord(1, damaged); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	for length := range record {
		if _, err := decodeRecord(1, record[:length]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("length %d: %v", length, err)
		}
	}
}

// FuzzDecode gives the decoders any bytes, also with a right checksum.
func FuzzDecode(f *testing.F) {
	record := encodeRecord(order(1))
	stampRecord(record, 1, 0, start)
	f.Add([]byte{})
	f.Add(record)
	f.Add(record[:stampedEnd+checksumSize])
	f.Add(encodeQuarantined(Reason{Code: "Bad", Message: "why"}, start, record))
	f.Add(append(bytes.Clone(record[:stampedEnd]), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = decodeRecord(1, raw)
		_ = decodeQuarantined(1, raw)
		if len(raw) < checksumSize {
			return
		}
		sealed := bytes.Clone(raw)
		seal(sealed)
		_ = decodeQuarantined(1, sealed)
		d, err := decodeRecord(1, sealed)
		if err != nil {
			return
		}
		again := encodeRecord(d)
		stampRecord(again, d.Number, d.Previous, d.ReceivedAt)
		got, err := decodeRecord(1, again)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "decoded again", got, d)
	})
}

func TestTheHashOfAKeyIsThatOfTheFile(t *testing.T) {
	for _, key := range []string{"", "a", "sims/orders/6b1c0f0e-8d5a-4f43-9c55-3a2c1d7e9f10", "\x00\xff"} {
		h := fnv.New64a()
		_, _ = h.Write([]byte(key)) // never fails
		if got := hashKey(key); got != h.Sum64() {
			t.Errorf("the hash of %q is %x, and in files that exist %x", key, got, h.Sum64())
		}
	}
}
