package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	firstRetry = 50 * time.Millisecond
	maxRetry   = time.Second
	// idle is how long a caller that has nothing to say waits before it looks again.
	idle = 5 * time.Millisecond
	// maxRetries is how many messages may wait to be delivered again before nothing new is said.
	maxRetries = 512
	maxAnswer  = 4 << 10
)

// call is one caller: it delivers one message after the other until there is nothing left to say or done is closed.
func (s *Simulator) call(ctx context.Context, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		m, wait, over := s.take(time.Now())
		if over {
			return
		}
		if wait > 0 && !sleep(wait, done) && m == nil {
			return
		}
		if m != nil {
			s.settle(m, s.deliver(ctx, m))
		}
	}
}

// sleep returns false if done was closed first.
func sleep(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return false
	case <-timer.C:
		return true
	}
}

// take gives a caller something to say, perhaps after a wait. over is true when the phase is.
func (s *Simulator) take(now time.Time) (m *message, wait time.Duration, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.takeRetry(now); m != nil {
		return m, 0, false
	}
	if m := s.estate.nextOff(); m != nil {
		s.pending++
		return m, 0, false
	}
	switch s.phase {
	case talking:
		return s.takeFresh(now)
	case hushing:
		return nil, idle, len(s.estate.hushed) == 0
	case draining:
	}
	return nil, idle, s.pending == 0
}

func (s *Simulator) takeRetry(now time.Time) *message {
	for i, m := range s.retries {
		if !now.Before(m.after) {
			s.retries[i] = s.retries[len(s.retries)-1]
			s.retries = s.retries[:len(s.retries)-1]
			return m
		}
	}
	return nil
}

// takeFresh takes something new, at the pace that is wanted.
func (s *Simulator) takeFresh(now time.Time) (m *message, wait time.Duration, over bool) {
	if s.options.Deliveries > 0 && s.fresh >= s.options.Deliveries {
		return nil, 0, true
	}
	if len(s.retries) >= maxRetries {
		return nil, idle, false
	}
	if m = s.estate.next(); m == nil {
		return nil, idle, false
	}
	s.fresh++
	s.pending++
	if s.options.Rate == 0 {
		return m, 0, false
	}
	if s.slot.Before(now.Add(-time.Second)) {
		s.slot = now // what could not be said in time is not made up for at once
	}
	s.slot = s.slot.Add(time.Duration(float64(time.Second) / s.options.Rate))
	return m, max(s.slot.Sub(now), 0), false
}

// settle takes a message back that was accepted, and keeps one that was not for another try.
func (s *Simulator) settle(m *message, accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if accepted {
		s.pending--
		if m.line != nil {
			m.line.busy--
		}
		return
	}
	m.after = time.Now().Add(min(firstRetry<<min(m.tries, 10), maxRetry))
	m.tries++
	if m.line == nil || !m.line.sequential {
		m.replica = s.estate.rng.IntN(len(s.options.Webhooks))
	}
	s.retries = append(s.retries, m)
}

// deliver makes one attempt and writes it down.
func (s *Simulator) deliver(ctx context.Context, m *message) (accepted bool) {
	a := Attempt{Says: m.step.says, Value: m.step.value, Full: m.full, Replica: m.replica, Sent: time.Now()}
	status, answer, err := s.post(ctx, m)
	a.Answered = time.Now()
	unexpected := ""
	if err != nil {
		a.Outcome = outcomeOf(err)
	} else {
		a.Spool, a.Number, a.Outcome, unexpected = judge(m, status, answer)
	}
	s.ledger.record(m, a, unexpected)
	return a.Outcome == Accepted
}

func (s *Simulator) post(ctx context.Context, m *message) (status int, answer []byte, err error) {
	url := s.options.Webhooks[m.replica].OrdersURL
	if m.kind == Alerts {
		url = s.options.Webhooks[m.replica].AlertsURL
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(m.body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, answer, err
}

// outcomeOf judges an attempt that was not answered.
func outcomeOf(err error) Outcome {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return Refused
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return MaybeLate
	}
	return Maybe
}

// judge judges an answer. unexpected is why this message should not have got it.
func judge(m *message, status int, answer []byte) (spool string, number uint64, outcome Outcome, unexpected string) {
	wanted := status == http.StatusOK
	if m.resource.Name == "" {
		wanted = status == http.StatusBadRequest || status == http.StatusUnprocessableEntity
	}
	if wanted {
		var body struct {
			DeliveryID string `json:"deliveryID"`
		}
		err := json.Unmarshal(answer, &body)
		spool, number, ok := splitID(body.DeliveryID)
		if err != nil || !ok {
			unexpected = fmt.Sprintf("%s: the answer %d has no delivery id: %s", m.resource, status, answer)
		}
		return spool, number, Accepted, unexpected
	}
	switch status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return "", 0, Refused, ""
	case http.StatusInternalServerError, http.StatusRequestTimeout:
		return "", 0, Maybe, fmt.Sprintf("%s: answer %d: %s", m.resource, status, answer)
	default:
		return "", 0, Refused, fmt.Sprintf("%s: answer %d to %q: %s", m.resource, status, m.body, answer)
	}
}
