package spool

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// ReplayApplied makes what was applied at or after a time wait again, under its old numbers. It waits where a bound leaves
// no room, until what waits has been applied. It returns how many deliveries it handed out.
func (s *Spool) ReplayApplied(ctx context.Context, since time.Time) (int, error) {
	rows, err := s.appliedSince(since)
	if err != nil {
		return 0, err
	}
	replayed := 0
	for chunk := range slices.Chunk(rows, replayChunk) {
		n, err := s.replayRows(ctx, chunk)
		replayed += n
		if err != nil {
			return replayed, err
		}
	}
	return replayed, nil
}

// appliedSince lists what to replay, once and for all: what is replayed is soon applied once more.
func (s *Spool) appliedSince(since time.Time) ([]appliedEntry, error) {
	from := appliedEntry{at: since.Truncate(time.Microsecond)}
	if since.UnixMicro() < 0 {
		from.at = time.UnixMicro(0) // the keys are in order from there on
	}
	var rows []appliedEntry
	err := s.store.view(func(b buckets) error {
		c := b.applied.Cursor()
		for key, value := c.Seek(from.key()); key != nil; key, value = c.Next() {
			rows = append(rows, readApplied(key, value))
		}
		return nil
	})
	slices.SortFunc(rows, func(a, b appliedEntry) int { return cmp.Compare(a.number, b.number) })
	return rows, err
}

// replayRows replays all of the rows in one commit if there is room, and else piece by piece.
func (s *Spool) replayRows(ctx context.Context, rows []appliedEntry) (int, error) {
	for {
		changed := s.nextChange()
		n, err := s.tryReplay(ctx, rows)
		var full *FullError
		if !errors.As(err, &full) {
			return n, err
		}
		if half := len(rows) / 2; half > 0 {
			n, err := s.replayRows(ctx, rows[:half])
			if err != nil {
				return n, err
			}
			m, err := s.replayRows(ctx, rows[half:])
			return n + m, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, errors.Join(err, context.Cause(ctx))
		}
	}
}

func (s *Spool) tryReplay(ctx context.Context, rows []appliedEntry) (int, error) {
	claims := make([]claim, len(rows))
	err := s.store.view(func(b buckets) error {
		for i, row := range rows {
			d, _ := decodeRecord(row.number, b.log.Get(numberKey(row.number))) // Read reports it
			claims[i] = claim{receiver: d.Receiver, in: areaWaiting, bytes: row.size}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	replayed := 0
	err = s.submit(ctx, &request{
		claims: claims,
		bytes:  int64(len(rows)) * recordOverhead,
		apply: func(b *batch) error {
			var err error
			replayed, err = b.revive(rows)
			return err
		},
	})
	if err != nil {
		return 0, err
	}
	return replayed, nil
}
