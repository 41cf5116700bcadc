package webhook

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/sim-operator/sim-operator/internal/receivers"
	"github.com/sim-operator/sim-operator/internal/spool"
)

const (
	// maxBodyBytes is the default of Limits.BodyBytes.
	maxBodyBytes = 64 << 10

	demoToken  = "demo-token-0123456789-0123456789-0123456789"
	otherToken = "other-token-0123456789-0123456789-012345678"
	noToken    = "no-ones-token-0123456789-0123456789-0123456"
)

func noon() time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
}

// kept is what a spool was given: a delivery, with the reason where it is for the quarantine.
type kept struct {
	spool.Delivery
	Reason spool.Reason
}

// fakeSpool notes what it is given, or fails with err. It numbers from 1, and moves times on by a microsecond, so that
// a test sees whether the handler uses what the spool returns.
type fakeSpool struct {
	mu   sync.Mutex
	err  error
	kept []kept
	keep bool
	last uint64
}

func (s *fakeSpool) ID() string { return "spool123" }

func (s *fakeSpool) Append(_ context.Context, d spool.Delivery) (spool.Delivery, error) {
	return s.add(d, spool.Reason{})
}

func (s *fakeSpool) Quarantine(_ context.Context, d spool.Delivery, reason spool.Reason) (spool.Delivery, error) {
	return s.add(d, reason)
}

func (s *fakeSpool) add(d spool.Delivery, reason spool.Reason) (spool.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return d, s.err
	}
	s.last++
	if s.keep {
		s.kept = append(s.kept, kept{d, reason})
	}
	d.Number, d.ReceivedAt = s.last, d.ReceivedAt.Add(time.Microsecond)
	return d, nil
}

// door is a handler with all that is around it.
type door struct {
	*Handler
	spool     *fakeSpool
	directory *receivers.Directory
	clock     *clocktesting.FakePassiveClock
	registry  *prometheus.Registry
}

func newDoor(all ...receivers.Receiver) *door {
	d := &door{
		spool: &fakeSpool{keep: true}, directory: &receivers.Directory{}, clock: clocktesting.NewFakePassiveClock(noon()), registry: prometheus.NewRegistry(),
	}
	if len(all) > 0 {
		d.directory.Replace(all, true)
	}
	d.Handler = NewHandler(d.directory, d.spool, d.clock, NewMetrics(d.registry), Options{Limits: DefaultLimits()})
	return d
}

func demo() receivers.Receiver {
	return receiver("demo", demoToken)
}

func receiver(name, token string) receivers.Receiver {
	hash := sha256.Sum256([]byte(token))
	return receivers.Receiver{Namespace: "sims", Name: name, Hashes: []string{hex.EncodeToString(hash[:])}, PerSecond: 1, Burst: 2}
}

func (d *door) serve(method, path string, body io.Reader) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(method, path, body))
	return w
}

func (d *door) post(token, kind string, body []byte) *httptest.ResponseRecorder {
	return d.serve(http.MethodPost, "/hooks/"+token+"/"+kind, strings.NewReader(string(body)))
}

// unknownLength hides what is behind a reader, so that a request does not know its length: it comes in chunks.
type unknownLength struct{ io.Reader }

// untouched fails the test if anything of it is read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func padded(size int) []byte {
	body := orderBody()
	return append(body, strings.Repeat(" ", size-len(body))...)
}

func TestAnswers(t *testing.T) {
	type answer struct {
		status     int
		body       problem
		deliveryID string
		retryAfter string
		allow      string
	}
	const orders, alerts = "/hooks/" + demoToken + "/orders", "/hooks/" + demoToken + "/alerts"
	full := &spool.FullError{Receiver: "sims/demo", Scope: spool.ScopeReceiverDeliveries, Limit: 500000}
	accepted := func(key string, body []byte) []kept {
		kind := strings.Split(key, "/")[1]
		return []kept{{Delivery: spool.Delivery{ReceivedAt: noon(), Receiver: "sims/demo", Kind: kind, Key: key, Body: body}}}
	}
	quarantined := func(kind string, body []byte, code, message string) []kept {
		return []kept{{
			Delivery: spool.Delivery{ReceivedAt: noon(), Receiver: "sims/demo", Kind: kind, Body: body},
			Reason:   spool.Reason{Code: code, Message: message},
		}}
	}
	no := func(status int, title, detail string) answer {
		return answer{status: status, body: problem{Status: status, Title: title, Detail: detail}}
	}
	notFound := no(404, "Not Found", "")
	malformed := func(detail string) answer {
		a := no(400, "Bad Request", detail)
		a.body.DeliveryID = "spool123-1"
		return a
	}
	unprocessable := func(field, detail string) answer {
		a := no(422, "Unprocessable Entity", detail)
		a.body.Field, a.body.DeliveryID = field, "spool123-1"
		return a
	}
	later := func(seconds, detail string) answer {
		a := no(503, "Service Unavailable", detail)
		a.retryAfter = seconds
		return a
	}
	tooLarge := no(413, "Request Entity Too Large", "a delivery has at most 65536 bytes")
	cannot := later("5", "the delivery cannot be kept now")

	tests := map[string]struct {
		prepare func(*door)
		method  string
		path    string
		body    io.Reader
		length  int64
		want    answer
		kept    []kept
		// counted is kind and result of the metric; a receiver is named where there is a kind.
		counted [2]string
	}{
		"an order is accepted": {
			path: orders, body: strings.NewReader(string(orderBody())), want: answer{status: 200, deliveryID: "spool123-1"},
			kept: accepted("sims/orders/"+string(anID), orderBody()), counted: [2]string{"orders", "accepted"},
		},
		"an alert is accepted": {
			path: alerts, body: strings.NewReader(string(alertBody())), want: answer{status: 200, deliveryID: "spool123-1"},
			kept: accepted("sims/alerts/"+string(anID)+"-"+string(anotherID), alertBody()), counted: [2]string{"alerts", "accepted"},
		},
		"the sender's own order is kept as it came": {
			path: orders, body: strings.NewReader(string(sample(t, "order.json"))), want: answer{status: 200, deliveryID: "spool123-1"},
			kept: accepted("sims/orders/"+string(nilUUID), sample(t, "order.json")), counted: [2]string{"orders", "accepted"},
		},
		"a mark, odd spaces and unknown keys are kept as they came": {
			path: orders, body: strings.NewReader("\ufeff\r\n" + string(orderBody("X", `{"y" : 1.0}`)) + "\t"), want: answer{status: 200, deliveryID: "spool123-1"},
			kept: accepted("sims/orders/"+string(anID), []byte("\ufeff\r\n"+string(orderBody("X", `{"y" : 1.0}`))+"\t")), counted: [2]string{"orders", "accepted"},
		},
		"64 KiB are accepted": {
			path: orders, body: strings.NewReader(string(padded(maxBodyBytes))), want: answer{status: 200, deliveryID: "spool123-1"},
			kept: accepted("sims/orders/"+string(anID), padded(maxBodyBytes)), counted: [2]string{"orders", "accepted"},
		},
		"64 KiB in chunks are accepted": {
			path: orders, body: unknownLength{strings.NewReader(string(padded(maxBodyBytes)))}, want: answer{status: 200, deliveryID: "spool123-1"},
			kept: accepted("sims/orders/"+string(anID), padded(maxBodyBytes)), counted: [2]string{"orders", "accepted"},
		},
		"a query changes nothing": {
			path: orders + "?debug=1", body: strings.NewReader(string(orderBody())), want: answer{status: 200, deliveryID: "spool123-1"},
			kept: accepted("sims/orders/"+string(anID), orderBody()), counted: [2]string{"orders", "accepted"},
		},
		"an empty body is malformed": {
			path: orders, want: malformed("the body is empty"),
			kept: quarantined("orders", []byte{}, "Malformed", "the body is empty"), counted: [2]string{"orders", "malformed"},
		},
		"an array is malformed": {
			path: alerts, body: strings.NewReader(`[]`), want: malformed("the body is not a JSON object"),
			kept: quarantined("alerts", []byte(`[]`), "Malformed", "the body is not a JSON object"), counted: [2]string{"alerts", "malformed"},
		},
		"a duplicate key is malformed": {
			path: orders, body: strings.NewReader(`{"a":1,"A":2}`), want: malformed(`the key "A" stands twice in one object`),
			kept: quarantined("orders", []byte(`{"a":1,"A":2}`), "Malformed", `the key "A" stands twice in one object`), counted: [2]string{"orders", "malformed"},
		},
		"what is not UTF-8 is malformed, and kept as it came": {
			path: orders, body: strings.NewReader("{\"a\":\"\xff\x00\"}"), want: malformed("the body is not UTF-8"),
			kept: quarantined("orders", []byte("{\"a\":\"\xff\x00\"}"), "Malformed", "the body is not UTF-8"), counted: [2]string{"orders", "malformed"},
		},
		"65 levels are malformed": {
			path: orders, body: strings.NewReader(`{"a":` + nesting(64, `[`, ``, `]`) + `}`), want: malformed("the body nests more than 64 levels deep"),
			kept:    quarantined("orders", []byte(`{"a":`+nesting(64, `[`, ``, `]`)+`}`), "Malformed", "the body nests more than 64 levels deep"),
			counted: [2]string{"orders", "malformed"},
		},
		"an order without an id is unprocessable": {
			path: orders, body: strings.NewReader(`{"State":1}`), want: unprocessable("OrderId", "OrderId must be a UUID"),
			kept: quarantined("orders", []byte(`{"State":1}`), "Unprocessable", "OrderId must be a UUID"), counted: [2]string{"orders", "unprocessable"},
		},
		"an order without a state is unprocessable": {
			path: orders, body: strings.NewReader(string(orderBody("State", ""))), want: unprocessable("State", "State is missing"),
			kept: quarantined("orders", orderBody("State", ""), "Unprocessable", "State is missing"), counted: [2]string{"orders", "unprocessable"},
		},
		"an alert without a trigger is unprocessable": {
			path: alerts, body: strings.NewReader(string(alertBody("AlertTriggerType", ""))), want: unprocessable("AlertTriggerType", "AlertTriggerType must be On or Off"),
			kept: quarantined("alerts", alertBody("AlertTriggerType", ""), "Unprocessable", "AlertTriggerType must be On or Off"), counted: [2]string{"alerts", "unprocessable"},
		},
		"an order at the alerts' door is unprocessable": {
			path: alerts, body: strings.NewReader(string(orderBody())), want: unprocessable("AlertId", "AlertId must be a UUID"),
			kept: quarantined("alerts", orderBody(), "Unprocessable", "AlertId must be a UUID"), counted: [2]string{"alerts", "unprocessable"},
		},
		"an unknown token":      {path: "/hooks/" + noToken + "/orders", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"a token and more":      {path: "/hooks/" + demoToken + "x/orders", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"a token in other case": {path: "/hooks/" + strings.ToUpper(demoToken) + "/orders", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"a hash for a token":    {path: "/hooks/" + demo().Hashes[0] + "/orders", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"an empty token":        {path: "/hooks//orders", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"an empty token, though a receiver has its hash": {
			prepare: func(d *door) { d.directory.Replace([]receivers.Receiver{receiver("demo", "")}, true) },
			path:    "/hooks//orders", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"},
		},
		"no token":                  {path: "/hooks/orders", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"an unknown kind":           {path: "/hooks/" + demoToken + "/sims", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"a kind in other case":      {path: "/hooks/" + demoToken + "/Orders", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"no kind":                   {path: "/hooks/" + demoToken, body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"an empty kind":             {path: "/hooks/" + demoToken + "/", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"a slash after the kind":    {path: orders + "/", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"more after the kind":       {path: orders + "/1", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"a slash before the token":  {path: "/hooks//" + demoToken + "/orders", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"the root":                  {path: "/", body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"something before the path": {path: "/x" + orders, body: untouched{t}, want: notFound, counted: [2]string{"", "not_found"}},
		"an unknown path by GET":    {path: "/metrics", method: http.MethodGet, want: notFound, counted: [2]string{"", "not_found"}},
		"another method": {
			path: orders, method: http.MethodGet, counted: [2]string{"", "method_not_allowed"},
			want: answer{status: 405, allow: "POST", body: problem{Status: 405, Title: "Method Not Allowed", Detail: "deliveries come by POST"}},
		},
		"a length over 64 KiB": {
			path: orders, body: untouched{t}, length: maxBodyBytes + 1, want: tooLarge, counted: [2]string{"orders", "too_large"},
		},
		"chunks over 64 KiB": {
			path: orders, body: unknownLength{strings.NewReader(string(padded(maxBodyBytes + 1)))}, want: tooLarge, counted: [2]string{"orders", "too_large"},
		},
		"chunks without end": {
			path: orders, body: unknownLength{endless{}}, want: tooLarge, counted: [2]string{"orders", "too_large"},
		},
		"a stranger's length does not matter": {
			path: "/hooks/" + noToken + "/orders", body: untouched{t}, length: maxBodyBytes + 1, want: notFound, counted: [2]string{"", "not_found"},
		},
		"a body that ends early": {
			path: orders, body: io.MultiReader(strings.NewReader(string(orderBody())), iotest.ErrReader(io.ErrUnexpectedEOF)), length: 1000,
			want: no(408, "Request Timeout", "the body did not arrive whole"), counted: [2]string{"orders", "incomplete"},
		},
		"a suspended receiver": {
			prepare: func(d *door) { r := demo(); r.Suspended = true; d.directory.Replace([]receivers.Receiver{r}, true) },
			path:    orders, body: untouched{t}, want: later("60", "the receiver is suspended"), counted: [2]string{"orders", "suspended"},
		},
		"receivers that are not known yet": {
			prepare: func(d *door) { d.directory = &receivers.Directory{}; d.Handler.directory = d.directory },
			path:    orders, body: untouched{t}, want: later("5", "the receivers are not known yet"), counted: [2]string{"", "unavailable"},
		},
		"receivers that are known from the disk": {
			prepare: func(d *door) {
				d.directory = &receivers.Directory{}
				d.directory.Replace([]receivers.Receiver{demo()}, false)
				d.Handler.directory = d.directory
			},
			path: orders, body: strings.NewReader(string(orderBody())), want: answer{status: 200, deliveryID: "spool123-1"},
			kept: accepted("sims/orders/"+string(anID), orderBody()), counted: [2]string{"orders", "accepted"},
		},
		"a full spool": {
			prepare: func(d *door) { d.spool.err = fmt.Errorf("append: %w", full) },
			path:    orders, body: strings.NewReader(string(orderBody())), counted: [2]string{"orders", "spool_full"},
			want: later("5", "append: the spool is full: at most 500000 deliveries of the receiver"),
		},
		"a full quarantine": {
			prepare: func(d *door) {
				d.spool.err = &spool.FullError{Receiver: "sims/demo", Scope: spool.ScopeReceiverQuarantine, Limit: 5000}
			},
			path: orders, body: strings.NewReader(`{`), counted: [2]string{"orders", "spool_full"},
			want: later("5", "the spool is full: at most 5000 deliveries of the receiver in quarantine"),
		},
		"a spool whose disk fails": {
			prepare: func(d *door) { d.spool.err = fmt.Errorf("write /secret/path: %w", spool.ErrUnavailable) },
			path:    alerts, body: strings.NewReader(string(alertBody())), want: cannot, counted: [2]string{"alerts", "unavailable"},
		},
		"a spool whose disk fails for the quarantine": {
			prepare: func(d *door) { d.spool.err = spool.ErrUnavailable },
			path:    alerts, body: strings.NewReader(`{}`), want: cannot, counted: [2]string{"alerts", "unavailable"},
		},
		"an error that nobody thought of": {
			prepare: func(d *door) { d.spool.err = errors.New("surprise") },
			path:    orders, body: strings.NewReader(string(orderBody())), want: cannot, counted: [2]string{"orders", "unavailable"},
		},
		"a caller that leaves while the spool writes": {
			prepare: func(d *door) { d.spool.err = context.Canceled },
			path:    orders, body: strings.NewReader(string(orderBody())), want: cannot, counted: [2]string{"orders", "unavailable"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDoor(demo())
			if test.prepare != nil {
				test.prepare(d)
			}
			method := test.method
			if method == "" {
				method = http.MethodPost
			}
			r := httptest.NewRequest(method, test.path, test.body)
			if test.length > 0 {
				r.ContentLength = test.length
			}
			w := httptest.NewRecorder()
			d.ServeHTTP(w, r)

			got := answer{status: w.Code, retryAfter: w.Header().Get("Retry-After"), allow: w.Header().Get("Allow")}
			wantType := "application/problem+json"
			var into any = &got.body
			if w.Code == http.StatusOK {
				wantType = "application/json"
				into = &struct {
					DeliveryID *string `json:"deliveryID"`
				}{&got.deliveryID}
			}
			decodeStrictly(t, w.Body.Bytes(), into)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(answer{}, problem{})); diff != "" {
				t.Errorf("unexpected answer (-want +got):\n%s", diff)
			}
			if contentType := w.Header().Get("Content-Type"); contentType != wantType {
				t.Errorf("Content-Type = %s, want %s", contentType, wantType)
			}
			if caching := w.Header().Get("Cache-Control"); caching != "no-store" {
				t.Errorf("Cache-Control = %q", caching)
			}
			if diff := cmp.Diff(test.kept, d.spool.kept); diff != "" {
				t.Errorf("the spool was given something else (-want +got):\n%s", diff)
			}
			wantNoSecret(t, w)
			wantCounted(t, d.registry, countOf(test.counted[0], test.counted[1]))
			wantLastDelivery(t, d, w.Code == http.StatusOK)
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, strings.Repeat(" ", len(p))), nil
}

func decodeStrictly(t *testing.T, body []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Errorf("the answer %q cannot be read: %v", body, err)
	}
}

// wantNoSecret checks that an answer holds neither a token, nor its hash, nor a path of this machine.
func wantNoSecret(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	whole := fmt.Sprint(w.Header(), w.Body)
	for _, secret := range []string{demoToken, otherToken, noToken, demo().Hashes[0], "/secret/path"} {
		if strings.Contains(strings.ToLower(whole), secret) {
			t.Errorf("the answer holds %s: %s", secret, whole)
		}
	}
}

func countOf(kind, result string) string {
	namespace, name := "", ""
	if kind != "" {
		namespace, name = "sims", "demo"
	}
	return fmt.Sprintf(`sim_operator_deliveries_total{kind=%q,namespace=%q,receiver=%q,result=%q} 1`, kind, namespace, name, result)
}

func wantCounted(t *testing.T, registry *prometheus.Registry, lines ...string) {
	t.Helper()
	want := "# HELP sim_operator_deliveries_total Deliveries by receiver, kind (orders or alerts) and what became of them at the door.\n" +
		"# TYPE sim_operator_deliveries_total counter\n" + strings.Join(lines, "\n") + "\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "sim_operator_deliveries_total"); err != nil {
		t.Error(err)
	}
}

func wantLastDelivery(t *testing.T, d *door, accepted bool) {
	t.Helper()
	want := time.Time{}
	if accepted {
		want = noon().Add(time.Microsecond)
	}
	if r, ok := d.directory.Get("sims/demo"); ok && !r.LastDelivery().Equal(want) {
		t.Errorf("last delivery = %s, want %s", r.LastDelivery(), want)
	}
}

func TestEveryOtherMethodIsRefused(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "BREW"} {
		for _, token := range []string{demoToken, noToken} {
			d := newDoor(demo())
			w := d.serve(method, "/hooks/"+token+"/orders", strings.NewReader(string(orderBody())))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" || len(d.spool.kept) > 0 {
				t.Errorf("%s: %d, Allow %q, kept %d", method, w.Code, w.Header().Get("Allow"), len(d.spool.kept))
			}
		}
	}
}

// TestStrangersLearnNothing compares whole answers: what an unknown token gets is what a known one gets until it has
// matched, and every kind of not found is the same.
func TestStrangersLearnNothing(t *testing.T) {
	answer := func(d *door, method, path string) string {
		w := d.serve(method, path, strings.NewReader(string(orderBody())))
		return fmt.Sprint(w.Code, w.Header(), w.Body)
	}
	notFound := answer(newDoor(demo()), http.MethodPost, "/hooks/"+noToken+"/orders")
	for _, path := range []string{
		"/", "/hooks", "/hooks/", "/hooks//orders", "/hooks/" + demoToken, "/hooks/" + demoToken + "/sims", "/hooks/" + noToken + "/sims", "/healthz",
	} {
		if got := answer(newDoor(demo()), http.MethodPost, path); got != notFound {
			t.Errorf("%s: %s, want %s", path, got, notFound)
		}
	}
	suspended := demo()
	suspended.Suspended = true
	if got := answer(newDoor(suspended), http.MethodPost, "/hooks/"+noToken+"/orders"); got != notFound {
		t.Errorf("beside a suspended receiver: %s, want %s", got, notFound)
	}
	for method, d := range map[string]*door{http.MethodGet: newDoor(demo()), http.MethodPost: newDoor()} {
		known, unknown := answer(d, method, "/hooks/"+demoToken+"/orders"), answer(d, method, "/hooks/"+noToken+"/orders")
		if known != unknown {
			t.Errorf("%s: %s for a known token, %s for another", method, known, unknown)
		}
	}
}

func TestRateLimit(t *testing.T) {
	d := newDoor(demo(), receiver("other", otherToken))
	post := func(token string, body []byte, want int, retryAfter string) {
		t.Helper()
		w := d.post(token, KindOrders, body)
		if w.Code != want || w.Header().Get("Retry-After") != retryAfter {
			t.Fatalf("answer = %d with Retry-After %q, want %d with %q", w.Code, w.Header().Get("Retry-After"), want, retryAfter)
		}
		wantNoSecret(t, w)
		if want == http.StatusTooManyRequests {
			var got problem
			decodeStrictly(t, w.Body.Bytes(), &got)
			want := problem{Title: "Too Many Requests", Status: 429, Detail: "the receiver's rate limit is used up"}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(problem{})); diff != "" {
				t.Fatalf("unexpected answer (-want +got):\n%s", diff)
			}
		}
	}
	post(demoToken, orderBody(), 200, "")
	post(demoToken, []byte(`{`), 400, "")
	for range 3 {
		post(demoToken, orderBody(), 429, "1")
	}
	if len(d.spool.kept) != 2 {
		t.Errorf("the spool was given %d deliveries, want 2", len(d.spool.kept))
	}
	post(otherToken, orderBody(), 200, "")
	post(noToken, orderBody(), 404, "")

	d.clock.SetTime(noon().Add(999 * time.Millisecond))
	post(demoToken, orderBody(), 429, "1")
	d.clock.SetTime(noon().Add(time.Second))
	post(demoToken, orderBody(), 200, "")
	post(demoToken, orderBody(), 429, "1")

	line := func(kind, receiver, result string, count int) string {
		namespace := ""
		if receiver != "" {
			namespace = "sims"
		}
		return fmt.Sprintf(`sim_operator_deliveries_total{kind=%q,namespace=%q,receiver=%q,result=%q} %d`, kind, namespace, receiver, result, count)
	}
	wantCounted(t, d.registry,
		line("", "", "not_found", 1), line("orders", "demo", "accepted", 2), line("orders", "demo", "malformed", 1),
		line("orders", "demo", "rate_limited", 5), line("orders", "other", "accepted", 1))
}

func TestWhatIsRefusedBeforeTheLimitTakesNothingFromIt(t *testing.T) {
	d := newDoor(demo())
	for range 10 {
		d.serve(http.MethodGet, "/hooks/"+demoToken+"/orders", http.NoBody)
		d.post(demoToken, KindOrders, padded(maxBodyBytes+1))
		d.post(noToken, KindOrders, orderBody())
	}
	if w := d.post(demoToken, KindOrders, orderBody()); w.Code != http.StatusOK {
		t.Errorf("answer = %d, want 200", w.Code)
	}
}

// TestStrangersMakeNoLabels: whoever knows no token cannot make the metrics grow.
func TestStrangersMakeNoLabels(t *testing.T) {
	d := newDoor(demo())
	for i := range 100 {
		d.post(fmt.Sprintf("%s%d", noToken, i), KindOrders, orderBody())
		d.serve(fmt.Sprintf("M%d", i), "/hooks/"+demoToken+"/orders", http.NoBody)
	}
	got, err := testutil.GatherAndCount(d.registry, "sim_operator_deliveries_total")
	if err != nil || got != 3 {
		t.Errorf("there are %d series (%v), want 3", got, err)
	}
}

// TestReceiversMakeSoManyLabels: those after the first share series.
func TestReceiversMakeSoManyLabels(t *testing.T) {
	const many = 3 * maxReceivers
	registry := prometheus.NewRegistry()
	metrics := NewMetrics(registry)
	for range 2 {
		for i := range many {
			metrics.observe(call{kind: KindOrders, receiver: &receivers.Receiver{Namespace: "sims", Name: fmt.Sprintf("r%d", i)}}, resultAccepted, time.Millisecond)
		}
	}
	got, err := testutil.GatherAndCount(registry, "sim_operator_deliveries_total")
	if err != nil || got != maxReceivers+1 {
		t.Errorf("there are %d series (%v), want %d", got, err, maxReceivers+1)
	}
	if others := testutil.ToFloat64(metrics.deliveries.WithLabelValues("", receiverOther, KindOrders, resultAccepted)); others != 2*(many-maxReceivers) {
		t.Errorf("the others had %v deliveries", others)
	}
}

func TestDurationIsObserved(t *testing.T) {
	d := newDoor(demo())
	d.post(demoToken, KindOrders, orderBody())
	d.post(noToken, KindOrders, orderBody())
	families, err := d.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "sim_operator_delivery_seconds" {
			if got := family.GetMetric()[0].GetHistogram().GetSampleCount(); got != 2 {
				t.Errorf("%d answers are observed, want 2", got)
			}
			return
		}
	}
	t.Error("there is no such metric")
}

func TestTwoReceiversOfOneNamespaceShareAKey(t *testing.T) {
	elsewhere := receiver("elsewhere", noToken)
	elsewhere.Namespace = "more"
	d := newDoor(demo(), receiver("other", otherToken), elsewhere)
	for _, token := range []string{demoToken, otherToken, noToken} {
		d.post(token, KindOrders, orderBody("OrderId", `"`+strings.ToUpper(string(anID))+`"`))
	}
	var got [][2]string
	for _, k := range d.spool.kept {
		got = append(got, [2]string{k.Receiver, k.Key})
	}
	want := [][2]string{
		{"sims/demo", "sims/orders/" + string(anID)}, {"sims/other", "sims/orders/" + string(anID)}, {"more/elsewhere", "more/orders/" + string(anID)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected keys (-want +got):\n%s", diff)
	}
}

func TestDeliveriesAtOnce(t *testing.T) {
	r := demo()
	r.PerSecond = 0
	d := newDoor(r)
	var ids sync.Map
	var wait sync.WaitGroup
	for range 32 {
		wait.Go(func() {
			for range 20 {
				w := d.post(demoToken, KindAlerts, alertBody())
				if _, twice := ids.LoadOrStore(w.Body.String(), true); twice || w.Code != http.StatusOK {
					t.Errorf("answer = %d %s, given before: %t", w.Code, w.Body, twice)
				}
			}
		})
	}
	wait.Wait()
	if len(d.spool.kept) != 32*20 {
		t.Errorf("the spool was given %d deliveries, want %d", len(d.spool.kept), 32*20)
	}
}

// exchange sends bytes over a connection, says that there are no more, and reads the status and body of the answer.
func exchange(t *testing.T, d *door, request string) (int, string) {
	t.Helper()
	server := httptest.NewServer(d)
	defer server.Close()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestOverAConnection(t *testing.T) {
	const head = "POST /hooks/" + demoToken + "/orders HTTP/1.1\r\nHost: hooks\r\n"
	whole := string(orderBody())
	chunk := func(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }
	tests := map[string]struct {
		request string
		want    int
		kept    int
	}{
		"a whole body":                         {fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(whole), whole), 200, 1},
		"a whole body in chunks":               {head + "Transfer-Encoding: chunked\r\n\r\n" + chunk(whole[:9]) + chunk(whole[9:]) + chunk(""), 200, 1},
		"no body":                              {head + "\r\n", 400, 1},
		"a body that ends early":               {fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(whole)+1, whole), 408, 0},
		"a body that never starts":             {head + "Content-Length: 10\r\n\r\n", 408, 0},
		"chunks that end early":                {head + "Transfer-Encoding: chunked\r\n\r\n" + chunk(whole), 408, 0},
		"a chunk that ends early":              {head + "Transfer-Encoding: chunked\r\n\r\n" + chunk(whole)[:20], 408, 0},
		"chunks that are none":                 {head + "Transfer-Encoding: chunked\r\n\r\n" + whole, 408, 0},
		"chunks over 64 KiB":                   {head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk(strings.Repeat(" ", 4096)), 17) + chunk(""), 413, 0},
		"a length over 64 KiB":                 {head + "Content-Length: 65537\r\n\r\n", 413, 0},
		"an escaped path is the same path":     {strings.Replace(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(whole), whole), "/orders", "/%6frders", 1), 200, 1},
		"a body with more behind it is itself": {fmt.Sprintf("%sConnection: close\r\nContent-Length: %d\r\n\r\n%sjunk", head, len(whole), whole), 200, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDoor(demo())
			if status, body := exchange(t, d, test.request); status != test.want {
				t.Errorf("answer = %d %s, want %d", status, body, test.want)
			}
			if len(d.spool.kept) != test.kept {
				t.Errorf("the spool was given %d deliveries, want %d", len(d.spool.kept), test.kept)
			}
		})
	}
}
