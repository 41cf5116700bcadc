package webhook

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// A problem is an answer that is not 200, as RFC 9457 has it.
type problem struct {
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail,omitempty"`
	Field      string `json:"field,omitempty"`
	DeliveryID string `json:"deliveryID,omitempty"`

	retryAfter time.Duration
	result     string
}

func writeProblem(w http.ResponseWriter, p problem) {
	p.Title = http.StatusText(p.Status)
	if p.retryAfter > 0 {
		seconds := int64((p.retryAfter + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	writeJSON(w, "application/problem+json", p.Status, p)
}

// writeAccepted is the answer to all that goes well. An id needs no escaping.
func writeAccepted(w http.ResponseWriter, id string) {
	writeHead(w, "application/json", http.StatusOK)
	_, _ = io.WriteString(w, `{"deliveryID":"`+id+"\"}\n") //nolint:gosec // no XSS: the id is the spool's own, and JSON is declared
}

func writeJSON(w http.ResponseWriter, contentType string, status int, body any) {
	writeHead(w, contentType, status)
	// An error here is the caller hanging up; what it sent is safe either way.
	_ = json.NewEncoder(w).Encode(body)
}

func writeHead(w http.ResponseWriter, contentType string, status int) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
}
