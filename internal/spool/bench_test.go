package spool

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// BenchmarkAppend measures deliveries of 350 bytes from a number of callers at once. x-of-bare is the ratio to a loop over
// bbolt that commits batches of the same size, on the same disk.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			spool := benchmarkSpool(b, callers)
			b.StopTimer()
			bare := benchmarkBare(b, b.N, callers)
			b.ReportMetric(float64(b.N)/spool.Seconds(), "deliveries/s")
			b.ReportMetric(bare.Seconds()/spool.Seconds(), "x-of-bare")
		})
	}
}

func benchmarkSpool(b *testing.B, callers int) time.Duration {
	b.Helper()
	o := testOptions()
	o.MaxDeliveriesPerReceiver, o.MaxBytesPerReceiver, o.MaxDeliveries, o.MaxBytes, o.MaxFileBytes = 0, 0, 0, 0, 0
	s, err := Open(b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx := b.Context()
	go func() { ended <- s.Run(ctx) }()
	body := bytes.Repeat([]byte("x"), 350)
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	b.ResetTimer()
	began := time.Now()
	for caller := range callers {
		all.Go(func() {
			d := Delivery{ReceivedAt: start, Receiver: "sims/demo", Kind: "orders", Body: body}
			for n := 0; left.Add(-1) >= 0; n++ {
				d.Key = fmt.Sprintf("sims/orders/%d-%d", caller, n)
				if _, err := s.Append(ctx, d); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

func benchmarkBare(b *testing.B, n, batch int) time.Duration {
	b.Helper()
	db, err := bbolt.Open(b.TempDir()+"/bare.db", 0o600, &bbolt.Options{
		NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, InitialMmapSize: initialMmapSize,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a benchmark
	body := bytes.Repeat([]byte("x"), 350)
	began := time.Now()
	for done := 0; done < n; done += batch {
		err := db.Update(func(tx *bbolt.Tx) error {
			log, err := tx.CreateBucketIfNotExists([]byte(bucketLog))
			if err != nil {
				return err
			}
			log.FillPercent = 1
			for i := range min(batch, n-done) {
				if err := log.Put(numberKey(uint64(done+i)), body); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}
