package webhook

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// narrow is a door for few deliveries at once, with two receivers.
func narrow(requests int, wait time.Duration) *door {
	a, b := demo(), receiver("other", otherToken)
	a.PerSecond, b.PerSecond = 0, 0
	d := newDoor(a, b)
	limits := DefaultLimits()
	limits.Requests, limits.RequestWait = requests, wait
	d.Handler = NewHandler(d.directory, d.spool, d.clock, NewMetrics(prometheus.NewRegistry()), Options{Limits: limits})
	return d
}

// hold begins a delivery whose body does not come until release is called.
func (d *door) hold(token string) (release func() *httptest.ResponseRecorder) {
	body, write := io.Pipe()
	w := httptest.NewRecorder()
	var done sync.WaitGroup
	done.Go(func() { d.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/"+token+"/orders", body)) })
	// It takes the first byte once it is let in.
	_, _ = write.Write([]byte(" "))
	return func() *httptest.ResponseRecorder {
		_, _ = write.Write(orderBody())
		_ = write.Close()
		done.Wait()
		return w
	}
}

func (d *door) refuses(t *testing.T, token string) {
	t.Helper()
	w := d.serve(http.MethodPost, "/hooks/"+token+"/orders", untouched{t})
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || !strings.Contains(w.Body.String(), "too many deliveries are under way") {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

func TestDeliveriesUnderWayAreBounded(t *testing.T) {
	d := narrow(4, 0)
	held := []func() *httptest.ResponseRecorder{d.hold(demoToken), d.hold(demoToken), d.hold(demoToken)}
	d.refuses(t, demoToken)
	// One receiver has no more than three quarters, so the other still gets in.
	held = append(held, d.hold(otherToken))
	d.refuses(t, otherToken)
	// A stranger's answer does not depend on it.
	if w := d.serve(http.MethodPost, "/hooks/"+noToken+"/orders", untouched{t}); w.Code != http.StatusNotFound {
		t.Errorf("a stranger is answered %d", w.Code)
	}
	for i, release := range held {
		if w := release(); w.Code != http.StatusOK {
			t.Errorf("delivery %d is answered %d", i, w.Code)
		}
	}
	if len(d.gate.shares) != 0 {
		t.Errorf("%d receivers are remembered", len(d.gate.shares))
	}
	if w := d.post(demoToken, KindOrders, orderBody()); w.Code != http.StatusOK {
		t.Errorf("afterwards: answered %d", w.Code)
	}
}

func TestADeliveryWaitsForItsTurn(t *testing.T) {
	d := narrow(1, time.Minute)
	release := d.hold(demoToken)
	answer := make(chan int, 1)
	go func() { answer <- d.post(otherToken, KindOrders, orderBody()).Code }()
	for users := 0; users < 2; runtime.Gosched() {
		d.gate.mu.Lock()
		users = len(d.gate.shares)
		d.gate.mu.Unlock()
	}
	release()
	if code := <-answer; code != http.StatusOK {
		t.Errorf("answered %d", code)
	}
}

func TestADeliveryDoesNotWaitForEver(t *testing.T) {
	d := narrow(2, 10*time.Millisecond)
	for _, token := range []string{demoToken, otherToken} {
		release := d.hold(token)
		defer release()
	}
	d.refuses(t, demoToken)
	d.refuses(t, otherToken)
	if d.gate.shares["sims/demo"].users != 1 {
		t.Error("who was refused is still counted")
	}
}

// TestBodiesCostBoundedMemory has many callers send huge and deep bodies at the same time, stops each when the door has
// read as much of it as it will, and looks what is in use. Without the limits it does not pass.
func TestBodiesCostBoundedMemory(t *testing.T) {
	const callers, bound = 64, 8 << 20
	limits := DefaultLimits()
	limits.Requests, limits.RequestWait = 32, time.Minute
	// The other receivers' quarter stays free.
	if got := inUse(limits, callers, 24, int(limits.BodyBytes)-1); got > bound {
		t.Errorf("within the limits they cost %d KiB", got>>10)
	}
	limits.Requests, limits.BodyBytes = 2*callers, 1<<30
	if got := inUse(limits, callers, callers, 1<<18); got < bound {
		t.Errorf("without limits they cost %d KiB, so that this shows nothing", got>>10)
	}
}

// inUse is what the heap has grown by when so many bodies have been read up to a place.
func inUse(limits Limits, callers, under, place int) int64 {
	r := demo()
	r.PerSecond = 0
	d := newDoor(r)
	d.spool.keep = false
	d.Handler = NewHandler(d.directory, d.spool, d.clock, NewMetrics(prometheus.NewRegistry()), Options{Limits: limits})
	before := heap()
	var read, done sync.WaitGroup
	read.Add(under)
	measured := make(chan struct{})
	var arrived atomic.Int64
	for i := range callers {
		done.Go(func() {
			stop := readerFunc(func([]byte) (int, error) {
				if arrived.Add(1) <= int64(under) {
					read.Done()
				}
				<-measured
				return 0, io.EOF
			})
			body := io.MultiReader(io.LimitReader(repeated([]string{" ", "["}[i%2]), int64(place)), stop, io.LimitReader(repeated(" "), 1<<17))
			d.serve(http.MethodPost, "/hooks/"+demoToken+"/orders", unknownLength{body})
		})
	}
	read.Wait()
	grown := heap() - before
	close(measured)
	done.Wait()
	return grown
}

// repeated is a text of one byte without end.
type repeated string

func (r repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r[0]
	}
	return len(p), nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
