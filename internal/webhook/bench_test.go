package webhook

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func BenchmarkParseOrder(b *testing.B) {
	body := sample(b, "order.json")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseOrder(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAlert(b *testing.B) {
	body := sample(b, "alert.json")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseAlert(body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandler is the door without network and disk: what it costs on top of them. Its recorder and its request are
// made anew each time, and cost what BenchmarkHandler/nothing says.
func BenchmarkHandler(b *testing.B) {
	unlimited := demo()
	unlimited.PerSecond = 0
	d := newDoor(unlimited)
	d.spool.keep = false
	nothing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
	})
	limited := newDoor(demo())
	limited.spool.keep = false

	for name, run := range map[string]struct {
		handler http.Handler
		kind    string
		body    []byte
		want    []int
	}{
		"order":        {d, KindOrders, sample(b, "order.json"), []int{200}},
		"alert":        {d, KindAlerts, sample(b, "alert.json"), []int{200}},
		"malformed":    {d, KindOrders, []byte(`{"OrderId": `), []int{400}},
		"rate limited": {limited, KindOrders, sample(b, "order.json"), []int{200, 429}},
		"nothing":      {nothing, KindOrders, sample(b, "order.json"), []int{200}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w := httptest.NewRecorder()
					run.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/"+demoToken+"/"+run.kind, bytes.NewReader(run.body)))
					if w.Code != run.want[0] && w.Code != run.want[len(run.want)-1] {
						b.Errorf("answer = %d %s", w.Code, w.Body)
					}
				}
			})
		})
	}
}
