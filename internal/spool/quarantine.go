package spool

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Quarantined lists deliveries in quarantine, in order of number: a page of them. The next one is that After the last
// number of this one, until a page is empty.
func (s *Spool) Quarantined(f Filter) ([]Quarantined, error) {
	limit := cmp.Or(f.Limit, QuarantinePage)
	var found []Quarantined
	size := 0
	err := s.store.view(func(b buckets) error {
		c := b.quarantine.Cursor()
		for key, value := c.Seek(numberKey(f.After + 1)); key != nil; key, value = c.Next() {
			q, matches := f.read(keyNumber(key), value)
			if !matches {
				continue
			}
			found, size = append(found, q), size+len(q.Body)
			if len(found) == limit || size >= quarantinePageBytes {
				break
			}
		}
		return nil
	})
	return found, err
}

func (f Filter) read(number uint64, value []byte) (Quarantined, bool) {
	if len(f.Numbers) > 0 && !slices.Contains(f.Numbers, number) {
		return Quarantined{}, false
	}
	q := decodeQuarantined(number, value)
	if f.Receiver != "" && q.Receiver != f.Receiver {
		return Quarantined{}, false
	}
	q.Body = bytes.Clone(q.Body)
	return q, true
}

// Drop removes deliveries from quarantine for good. It returns how many there were.
func (s *Spool) Drop(ctx context.Context, numbers ...uint64) (int, error) {
	dropped := 0
	err := s.submit(ctx, &request{
		bytes: int64(len(numbers)) * recordOverhead,
		apply: func(b *batch) error {
			dropped = 0
			for _, number := range numbers {
				found, err := b.drop(number)
				if err != nil {
					return err
				}
				if found {
					dropped++
				}
			}
			return nil
		},
	})
	if err != nil {
		return 0, err
	}
	return dropped, nil
}

// Replay moves deliveries from quarantine back to those that wait, under new numbers, with the ReceivedAt that they had.
// key gives each the Key to wait under; one for which it returns an error stays in quarantine. If key is nil they keep
// theirs. Replay returns how many it moved; the error joins what kept the others.
func (s *Spool) Replay(ctx context.Context, key func(Delivery) (string, error), numbers ...uint64) (int, error) {
	moved := 0
	var failures []error
	for _, number := range numbers {
		if err := s.replay(ctx, key, number); err != nil {
			failures = append(failures, fmt.Errorf("delivery %s-%d: %w", s.id, number, err))
			continue
		}
		moved++
	}
	return moved, errors.Join(failures...)
}

func (s *Spool) replay(ctx context.Context, key func(Delivery) (string, error), number uint64) error {
	d, err := s.findQuarantined(number)
	if err != nil {
		return err
	}
	if key != nil {
		if d.Key, err = key(d); err != nil {
			return err
		}
	}
	record := encodeRecord(d)
	size := sizeOf(record)
	moved := false
	err = s.submit(ctx, &request{
		claims: []claim{{receiver: d.Receiver, in: areaWaiting, bytes: size}},
		grows:  true,
		bytes:  size,
		apply: func(b *batch) error {
			var err error
			if moved, err = b.drop(number); err != nil || !moved {
				return err
			}
			b.last.number++
			d.Number = b.last.number
			return b.putWaiting(&d, record)
		},
	})
	if err == nil && !moved {
		return ErrNotFound
	}
	return err
}

func (s *Spool) findQuarantined(number uint64) (Delivery, error) {
	found, err := s.Quarantined(Filter{After: number - 1, Numbers: []uint64{number}, Limit: 1})
	switch {
	case err != nil:
		return Delivery{}, err
	case len(found) == 0:
		return Delivery{}, ErrNotFound
	}
	return found[0].Delivery, found[0].Damaged
}
