package webhook

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// from sends an order with a token from an address.
func (d *door) from(address, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/hooks/"+token+"/orders", strings.NewReader(string(orderBody())))
	r.RemoteAddr = address + ":1234"
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func unlimited() *door {
	r := demo()
	r.PerSecond = 0
	return newDoor(r)
}

func TestRepeatedMisses(t *testing.T) {
	d := unlimited()
	limits := DefaultLimits()
	expect := func(address, token string, status int, retryAfter string) {
		t.Helper()
		w := d.from(address, token)
		if w.Code != status || w.Header().Get("Retry-After") != retryAfter {
			t.Fatalf("%s is answered %d with Retry-After %q, want %d with %q", address, w.Code, w.Header().Get("Retry-After"), status, retryAfter)
		}
		wantNoSecret(t, w)
	}
	for range limits.MissBurst {
		expect("192.0.2.1", noToken, 404, "")
	}
	for range 3 {
		expect("192.0.2.1", noToken, 429, "3")
		// Behind the same address, a valid token is never refused for that.
		expect("192.0.2.1", demoToken, 200, "")
	}
	expect("192.0.2.2", noToken, 404, "")

	d.clock.SetTime(noon().Add(limits.MissEvery - time.Millisecond))
	expect("192.0.2.1", noToken, 429, "1")
	d.clock.SetTime(noon().Add(limits.MissEvery))
	expect("192.0.2.1", noToken, 404, "")
	expect("192.0.2.1", noToken, 429, "3")
}

func TestEveryMissCounts(t *testing.T) {
	for name, path := range map[string]string{"an unknown token": "/hooks/" + noToken + "/orders", "an unknown path": "/wp-login.php", "an unknown kind": "/hooks/" + demoToken + "/sims"} {
		d := unlimited()
		for range DefaultLimits().MissBurst {
			d.serve(http.MethodPost, path, nil)
		}
		if w := d.serve(http.MethodPost, "/hooks/x/orders", nil); w.Code != http.StatusTooManyRequests {
			t.Errorf("after %s: answered %d", name, w.Code)
		}
	}
}

func TestWhatIsNoMiss(t *testing.T) {
	d := unlimited()
	for range 10 * DefaultLimits().MissBurst {
		d.post(demoToken, KindOrders, orderBody())
		d.post(demoToken, KindOrders, []byte("{"))
		d.serve(http.MethodGet, "/hooks/"+demoToken+"/orders", nil)
	}
	if w := d.post(noToken, KindOrders, nil); w.Code != http.StatusNotFound {
		t.Errorf("answered %d", w.Code)
	}
}

func TestAHostOfIPv6HasManyAddresses(t *testing.T) {
	d := unlimited()
	for i := range DefaultLimits().MissBurst {
		if w := d.from(fmt.Sprintf("[2001:db8::%x]", i+1), noToken); w.Code != http.StatusNotFound {
			t.Fatalf("answered %d", w.Code)
		}
	}
	if w := d.from("[2001:db8::ffff:1]", noToken); w.Code != http.StatusTooManyRequests {
		t.Errorf("the same network is answered %d", w.Code)
	}
	if w := d.from("[2001:db8:0:1::1]", noToken); w.Code != http.StatusNotFound {
		t.Errorf("another network is answered %d", w.Code)
	}
}

// TestMissesAreForgotten: of the addresses, the one that has been quiet longest goes when another comes.
func TestMissesAreForgotten(t *testing.T) {
	limits := DefaultLimits()
	limits.MissAddresses, limits.MissBurst = 2, 1
	m := newMisses(limits)
	address := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, i}) }
	for i, step := range []struct {
		address byte
		refused bool
	}{{1, false}, {2, false}, {1, true}, {3, false}, {1, true}, {2, false}, {3, false}} {
		if refused := m.add(address(step.address), noon()) > 0; refused != step.refused {
			t.Errorf("step %d: refused = %t", i, refused)
		}
	}
	if len(m.addresses) != 2 || m.recent.Len() != 2 {
		t.Errorf("%d and %d addresses are remembered", len(m.addresses), m.recent.Len())
	}
}

func TestMissesAreBounded(t *testing.T) {
	m := newMisses(DefaultLimits())
	before := heap()
	for i := range uint32(100_000) {
		var raw [4]byte
		binary.BigEndian.PutUint32(raw[:], i)
		m.add(netip.AddrFrom4(raw), noon())
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("100,000 addresses cost %d KiB", grown>>10)
	}
	runtime.KeepAlive(m)
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestMissesAtOnce(t *testing.T) {
	limits := DefaultLimits()
	m := newMisses(limits)
	var mu sync.Mutex
	var callers sync.WaitGroup
	let := 0
	for range 16 {
		callers.Go(func() {
			for range 100 {
				if m.add(netip.MustParseAddr("192.0.2.1"), noon()) == 0 {
					mu.Lock()
					let++
					mu.Unlock()
				}
			}
		})
	}
	callers.Wait()
	if let != limits.MissBurst {
		t.Errorf("%d were let through, want %d", let, limits.MissBurst)
	}
}

func TestAllowedSources(t *testing.T) {
	restricted := demo()
	restricted.PerSecond = 0
	restricted.Sources = networks(t, "192.0.2.0/24,2001:db8::/32")
	d := newDoor(restricted, receiver("other", otherToken))
	for address, want := range map[string]int{
		"192.0.2.7": 200, "[2001:db8::7]": 200, "[::ffff:192.0.2.7]": 200, "192.0.3.1": 404, "[2001:db9::1]": 404,
	} {
		if w := d.from(address, demoToken); w.Code != want {
			t.Errorf("from %s: answered %d, want %d", address, w.Code, want)
		}
	}
	if w := d.from("192.0.3.1", otherToken); w.Code != 200 {
		t.Errorf("the other receiver: answered %d", w.Code)
	}
	wantCounted(t, d.registry,
		`sim_operator_deliveries_total{kind="orders",namespace="sims",receiver="demo",result="accepted"} 3`,
		`sim_operator_deliveries_total{kind="orders",namespace="sims",receiver="demo",result="forbidden_source"} 2`,
		`sim_operator_deliveries_total{kind="orders",namespace="sims",receiver="other",result="accepted"} 1`)
}

// TestAForbiddenSourceLearnsNothing compares whole answers, the 429 after many included.
func TestAForbiddenSourceLearnsNothing(t *testing.T) {
	restricted := demo()
	restricted.Suspended = true
	restricted.Sources = networks(t, "198.51.100.0/24")
	valid, unknown := newDoor(restricted), newDoor(restricted)
	for i := range 2 * DefaultLimits().MissBurst {
		a, b := valid.from("192.0.2.1", demoToken), unknown.from("192.0.2.1", noToken)
		if got, want := fmt.Sprint(a.Code, a.Header(), a.Body), fmt.Sprint(b.Code, b.Header(), b.Body); got != want {
			t.Fatalf("request %d: %s for a valid token, %s for another", i, got, want)
		}
	}
}

func TestTheSourceBehindAProxy(t *testing.T) {
	restricted := demo()
	restricted.Sources = networks(t, "192.0.2.0/24")
	d := newDoor(restricted)
	d.options.TrustedProxies = networks(t, "10.0.0.0/8")
	for forwarded, want := range map[string]int{"192.0.2.1": 200, "192.0.2.1, 203.0.113.1": 404, "": 404} {
		r := httptest.NewRequest(http.MethodPost, "/hooks/"+demoToken+"/orders", strings.NewReader(string(orderBody())))
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("X-Forwarded-For", forwarded)
		w := httptest.NewRecorder()
		if d.ServeHTTP(w, r); w.Code != want {
			t.Errorf("for %q: answered %d, want %d", forwarded, w.Code, want)
		}
	}
}
