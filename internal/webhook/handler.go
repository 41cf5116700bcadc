// Package webhook is the door: it reads what the sender delivers, and answers once that is on disk.
package webhook

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/sim-operator/sim-operator/internal/receivers"
	"github.com/sim-operator/sim-operator/internal/spool"
	"github.com/sim-operator/sim-operator/internal/tracing"
)

// Kinds of delivery: the last segment of the webhook's path.
const (
	KindOrders = "orders"
	KindAlerts = "alerts"
)

// Reasons for which a delivery goes straight to quarantine.
const (
	// ReasonMalformed is a body that is not one well-formed JSON object.
	ReasonMalformed = "Malformed"
	// ReasonUnprocessable is a JSON object that says too little, or what we cannot read.
	ReasonUnprocessable = "Unprocessable"
)

// A Spool keeps deliveries; each method returns once they are on disk.
type Spool interface {
	Append(ctx context.Context, d spool.Delivery) (spool.Delivery, error)
	Quarantine(ctx context.Context, d spool.Delivery, reason spool.Reason) (spool.Delivery, error)
	ID() string
}

// A Directory knows the receivers.
type Directory interface {
	// Lookup finds the receiver that accepts the token with this SHA-256 hash.
	Lookup(hash [sha256.Size]byte) (*receivers.Receiver, bool)
	// Known is false until the receivers have been read for the first time, from the API server or from disk.
	Known() bool
}

// Handler is the door: POST /hooks/{token}/orders and POST /hooks/{token}/alerts. It answers 200 only for what is on
// disk. Its paths hold tokens, so it logs nothing of a request but what is on disk of it.
type Handler struct {
	directory Directory
	spool     Spool
	clock     clock.PassiveClock
	metrics   *Metrics
	options   Options
	misses    *misses
	gate      *gate
}

// Options are the settings of the door.
type Options struct {
	Limits Limits
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies Networks
	Log            logr.Logger
	// Tracer is nil for no traces.
	Tracer *tracing.Tracer
}

// NewHandler makes the door in front of a spool.
func NewHandler(directory Directory, s Spool, c clock.PassiveClock, m *Metrics, o Options) *Handler {
	return &Handler{
		directory: directory, spool: s, clock: c, metrics: m,
		options: o, misses: newMisses(o.Limits), gate: newGate(o.Limits),
	}
}

// ServeHTTP answers one delivery.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := h.clock.Now()
	call := call{receivedAt: started}
	id, failure := h.accept(&call, w, r)
	if failure != nil {
		h.metrics.observe(call, failure.result, h.clock.Since(started))
		writeProblem(w, *failure)
		h.tell(r.Context(), &call, failure.DeliveryID, failure.result, failure.Detail)
		return
	}
	h.metrics.observe(call, resultAccepted, h.clock.Since(started))
	writeAccepted(w, id)
	h.tell(r.Context(), &call, id, resultAccepted, "")
}

// A call is one request on its way through the door.
type call struct {
	receivedAt time.Time
	kind       string
	receiver   *receivers.Receiver
	bytes      int
	// spooling and spooled are when the delivery went to disk and was there; zero where there are no traces.
	spooling, spooled time.Time
}

// accept keeps the delivery and returns its id, or says why not.
func (h *Handler) accept(c *call, w http.ResponseWriter, r *http.Request) (string, *problem) {
	if failure := h.admit(c, w, r); failure != nil {
		return "", failure
	}
	leave := h.gate.enter(r.Context(), c.receiver.Key())
	if leave == nil {
		return "", &problem{
			Status: http.StatusServiceUnavailable, Detail: "too many deliveries are under way", retryAfter: RetryAfter, result: resultBusy,
		}
	}
	defer leave()
	body, failure := h.readBody(w, r)
	if failure != nil {
		return "", failure
	}
	c.bytes = len(body)
	d := spool.Delivery{ReceivedAt: c.receivedAt, Receiver: c.receiver.Key(), Kind: c.kind, Body: body}
	name, err := nameOf(c.kind, body)
	c.spooling = h.traceTime()
	if err != nil {
		failure := h.quarantine(r.Context(), d, err)
		c.spooled = h.traceTime()
		return "", failure
	}
	d.Key = resourceKey(c.receiver.Namespace, c.kind, name)
	kept, err := h.spool.Append(r.Context(), d)
	c.spooled = h.traceTime()
	if err != nil {
		return "", unavailable(err)
	}
	c.receiver.Accepted(kept.ReceivedAt)
	return h.deliveryID(kept), nil
}

// admit decides, before the body is read, whether this caller may deliver now.
func (h *Handler) admit(c *call, w http.ResponseWriter, r *http.Request) *problem {
	token, kind, ok := splitPath(r.URL.Path)
	if !ok {
		return h.notFound(c, w, r)
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return &problem{Status: http.StatusMethodNotAllowed, Detail: "deliveries come by POST", result: resultMethod}
	}
	if !h.directory.Known() {
		return &problem{
			Status: http.StatusServiceUnavailable, Detail: "the receivers are not known yet", retryAfter: RetryAfter, result: resultUnavailable,
		}
	}
	receiver, ok := h.directory.Lookup(sha256.Sum256([]byte(token)))
	if !ok {
		return h.notFound(c, w, r)
	}
	c.kind, c.receiver = kind, receiver
	if receiver.Restricted() && !receiver.Allows(clientAddress(r, h.options.TrustedProxies)) {
		// As if the token were unknown, in everything, so that whoever found a token does not learn that it is one.
		failure := h.notFound(c, w, r)
		failure.result = resultForbiddenSource
		return failure
	}
	return h.admitReceiver(c, r)
}

// admitReceiver decides whether a receiver takes a delivery now.
func (h *Handler) admitReceiver(c *call, r *http.Request) *problem {
	if c.receiver.Suspended {
		return &problem{
			Status: http.StatusServiceUnavailable, Detail: "the receiver is suspended", retryAfter: time.Minute, result: resultSuspended,
		}
	}
	if r.ContentLength > h.options.Limits.BodyBytes {
		return h.tooLarge()
	}
	if wait := c.receiver.Reserve(c.receivedAt); wait > 0 {
		return &problem{
			Status: http.StatusTooManyRequests, Detail: "the receiver's rate limit is used up", retryAfter: wait, result: resultRateLimited,
		}
	}
	return nil
}

// notFound answers a stranger. The connection is closed, or else net/http would wait for the body before it answers.
func (h *Handler) notFound(c *call, w http.ResponseWriter, r *http.Request) *problem {
	w.Header().Set("Connection", "close")
	if wait := h.misses.add(clientAddress(r, h.options.TrustedProxies), c.receivedAt); wait > 0 {
		return &problem{Status: http.StatusTooManyRequests, Detail: "too many requests for what is not there", retryAfter: wait, result: resultTooManyMisses}
	}
	return &problem{Status: http.StatusNotFound, result: resultNotFound}
}

func (h *Handler) quarantine(ctx context.Context, d spool.Delivery, cause error) *problem {
	failure := problem{Status: http.StatusBadRequest, Detail: cause.Error(), result: resultMalformed}
	reason := spool.Reason{Code: ReasonMalformed, Message: cause.Error()}
	var field *FieldError
	if errors.As(cause, &field) {
		failure = problem{Status: http.StatusUnprocessableEntity, Detail: cause.Error(), Field: field.Field, result: resultUnprocessable}
		reason.Code = ReasonUnprocessable
	}
	kept, err := h.spool.Quarantine(ctx, d, reason)
	if err != nil {
		return unavailable(err)
	}
	failure.DeliveryID = h.deliveryID(kept)
	return &failure
}

func (h *Handler) deliveryID(d spool.Delivery) string {
	return DeliveryID(h.spool.ID(), d.Number)
}

// DeliveryID is how the outside knows a delivery: the id of its spool and its number there.
func DeliveryID(spoolID string, number uint64) string {
	return spoolID + "-" + strconv.FormatUint(number, 10)
}

// KeyOf is the spool key of a delivery that could not be read when it came. The error says why it still cannot.
func KeyOf(d spool.Delivery) (string, error) {
	name, err := nameOf(d.Kind, d.Body)
	if err != nil {
		return "", err
	}
	namespace, _, _ := strings.Cut(d.Receiver, "/")
	return resourceKey(namespace, d.Kind, name), nil
}

// resourceKey names the resource that a delivery is about, whichever of the receivers of its namespace it came to.
func resourceKey(namespace, kind, name string) string {
	return namespace + "/" + kind + "/" + name
}

// splitPath takes /hooks/{token}/{kind} apart.
func splitPath(path string) (token, kind string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/hooks/")
	if !ok {
		return "", "", false
	}
	token, kind, ok = strings.Cut(rest, "/")
	return token, kind, ok && token != "" && (kind == KindOrders || kind == KindAlerts)
}

func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	from := r.Body
	if r.ContentLength < 0 { // a length that was announced has been looked at, and net/http reads no more than that
		from = http.MaxBytesReader(w, r.Body, h.options.Limits.BodyBytes)
	}
	body, err := readAll(from, r.ContentLength)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, h.tooLarge()
	case err != nil:
		return nil, &problem{Status: http.StatusRequestTimeout, Detail: "the body did not arrive whole", result: resultIncomplete}
	}
	return body, nil
}

// usualBytes is longer than what the sender sends. Who announces more gets the memory for it as it arrives.
const usualBytes = 4 << 10

// readAll is io.ReadAll, with one allocation where the length is known and usual.
func readAll(from io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > usualBytes {
		return io.ReadAll(from)
	}
	body := make([]byte, length)
	_, err := io.ReadFull(from, body)
	return body, err
}

func nameOf(kind string, body []byte) (string, error) {
	if kind == KindOrders {
		order, err := ParseOrder(body)
		return order.Name(), err
	}
	alert, err := ParseAlert(body)
	return alert.Name(), err
}

func (h *Handler) tooLarge() *problem {
	return &problem{
		Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("a delivery has at most %d bytes", h.options.Limits.BodyBytes), result: resultTooLarge,
	}
}

// unavailable answers for a spool that cannot keep the delivery now: it is full, its disk fails, or it is closing.
// Whatever the reason, nothing may be called accepted, and the caller may try again.
func unavailable(err error) *problem {
	failure := &problem{Status: http.StatusServiceUnavailable, Detail: "the delivery cannot be kept now", retryAfter: RetryAfter, result: resultUnavailable}
	var full *spool.FullError
	if errors.As(err, &full) {
		failure.Detail, failure.result = err.Error(), resultFull
	}
	return failure
}
