package webhook

import (
	"encoding/json"
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

func writeJSON(w http.ResponseWriter, contentType string, status int, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// An error here is the caller hanging up; what it sent is safe either way.
	_ = json.NewEncoder(w).Encode(body)
}
