package monitoring

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	testingclock "k8s.io/utils/clock/testing"
)

// script is a judge that says what it is told to.
type script struct {
	verdicts map[string]verdict
	err      error
	asked    int
}

func (s *script) judge(_ context.Context, token string) (verdict, error) {
	s.asked++
	if s.err != nil {
		return 0, s.err
	}
	if given, ok := s.verdicts[token]; ok {
		return given, nil
	}
	return unknown, nil
}

var errAway = errors.New("connection refused")

func TestGuard(t *testing.T) {
	// A step asks about a token, after some time, while the API server is there or not.
	type step struct {
		wait  time.Duration
		away  bool
		token string
		want  verdict
		asks  int
	}
	for name, steps := range map[string][]step{
		"who may is asked about once a minute": {
			{token: "may", want: allowed, asks: 1},
			{wait: 59 * time.Second, token: "may", want: allowed},
			{wait: 2 * time.Second, token: "may", want: allowed, asks: 1},
		},
		"who may not is asked about again after ten seconds": {
			{token: "mayNot", want: forbidden, asks: 1},
			{wait: 9 * time.Second, token: "mayNot", want: forbidden},
			{wait: 2 * time.Second, token: "mayNot", want: forbidden, asks: 1},
		},
		"who is not known is asked about again after ten seconds": {
			{token: "x", want: unknown, asks: 1},
			{wait: 9 * time.Second, token: "x", want: unknown},
			{wait: 2 * time.Second, token: "x", want: unknown, asks: 1},
		},
		"who may still may while the API server is away": {
			{token: "may", want: allowed, asks: 1},
			{wait: 2 * time.Minute, away: true, token: "may", want: allowed, asks: 1},
			{wait: 4 * time.Second, away: true, token: "may", want: allowed},
			{wait: 2 * time.Second, away: true, token: "may", want: allowed, asks: 1},
			{wait: 10 * time.Second, token: "may", want: allowed, asks: 1},
			{wait: 10 * time.Second, token: "may", want: allowed},
		},
		"but not for ever": {
			{token: "may", want: allowed, asks: 1},
			{wait: 59 * time.Minute, away: true, token: "may", want: allowed, asks: 1},
			{wait: time.Minute, away: true, token: "may", want: undetermined, asks: 1},
			{token: "may", want: allowed, asks: 1},
		},
		"nothing is said of others while the API server is away": {
			{away: true, token: "may", want: undetermined, asks: 1},
			{away: true, token: "x", want: undetermined, asks: 1},
			{token: "mayNot", want: forbidden, asks: 1},
			{wait: 11 * time.Second, away: true, token: "mayNot", want: undetermined, asks: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{verdicts: map[string]verdict{"may": allowed, "mayNot": forbidden}}
			c := testingclock.NewFakePassiveClock(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))
			g := guardWith(s, c)
			for i, step := range steps {
				c.SetTime(c.Now().Add(step.wait))
				s.err, s.asked = nil, 0
				if step.away {
					s.err = errAway
				}
				if got := g.admit(t.Context(), step.token, logr.Discard()); got != step.want || s.asked != step.asks {
					t.Errorf("step %d: %q is answered %d after %d questions, want %d after %d", i+1, step.token, got, s.asked, step.want, step.asks)
				}
			}
		})
	}
}

// A right that is taken away ends with the next question, whatever was remembered.
func TestGuardForgetsWhoMayNoLonger(t *testing.T) {
	s := &script{verdicts: map[string]verdict{"may": allowed}}
	c := testingclock.NewFakePassiveClock(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))
	g := guardWith(s, c)
	g.admit(t.Context(), "may", logr.Discard())
	s.verdicts["may"] = forbidden
	c.SetTime(c.Now().Add(allowedFor))
	if got := g.admit(t.Context(), "may", logr.Discard()); got != forbidden {
		t.Errorf("answered %d", got)
	}
	s.err = errAway
	c.SetTime(c.Now().Add(deniedFor))
	if got := g.admit(t.Context(), "may", logr.Discard()); got != undetermined {
		t.Errorf("answered %d while the API server is away", got)
	}
}

func TestGuardAnswers(t *testing.T) {
	g := guardWith(&script{verdicts: map[string]verdict{"may": allowed, "mayNot": forbidden}}, testingclock.NewFakePassiveClock(time.Time{}))
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) })
	handler := g.handler(metrics, logr.Discard())
	for name, test := range map[string]struct {
		method, authorization string
		want                  int
	}{
		"who may":                         {"GET", "Bearer may", 200},
		"a scheme in lower case":          {"GET", "bearer may", 200},
		"who may not":                     {"GET", "Bearer mayNot", 403},
		"a token that is not known":       {"GET", "Bearer x", 401},
		"no token":                        {"GET", "", 401},
		"an empty token":                  {"GET", "Bearer ", 401},
		"another scheme":                  {"GET", "Basic bWF5", 401},
		"a token longer than any":         {"GET", "Bearer " + strings.Repeat("x", maxToken+1), 401},
		"who may, to write":               {"POST", "Bearer may", 405},
		"who may, to see whether it's up": {"HEAD", "Bearer may", 200},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(test.method, path, http.NoBody)
			if test.authorization != "" {
				request.Header.Set("Authorization", test.authorization)
			}
			response := httptest.NewRecorder()
			handler.ServeHTTP(response, request)
			if response.Code != test.want {
				t.Errorf("answered %d, want %d", response.Code, test.want)
			}
			if asks := response.Header().Get("WWW-Authenticate") != ""; asks != (test.want == http.StatusUnauthorized) {
				t.Errorf("WWW-Authenticate is %q", response.Header().Get("WWW-Authenticate"))
			}
			if strings.Contains(response.Body.String(), "metrics") != (test.want == http.StatusOK) {
				t.Errorf("the body is %q", response.Body)
			}
		})
	}
}

// slow counts how many questions it is asked at the same time.
type slow struct {
	busy, most atomic.Int64
	release    chan struct{}
}

func (s *slow) judge(ctx context.Context, token string) (verdict, error) {
	now := s.busy.Add(1)
	defer s.busy.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	if token == "may" {
		return allowed, nil
	}
	select {
	case <-s.release:
		return unknown, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Guesses neither fill the memory nor drive out who is allowed.
func TestGuardUnderAFlood(t *testing.T) {
	s := &script{verdicts: map[string]verdict{"may": allowed}}
	g := guardWith(s, testingclock.NewFakePassiveClock(time.Time{}))
	g.admit(t.Context(), "may", logr.Discard())
	for i := range 50_000 {
		if got := g.admit(t.Context(), fmt.Sprintf("guess %d", i), logr.Discard()); got != unknown {
			t.Fatalf("a guess is answered %d", got)
		}
	}
	if a, d := g.allowed.Len(), g.denied.Len(); a != 1 || d != maxDenied {
		t.Errorf("%d and %d are remembered", a, d)
	}
	s.asked = 0
	if got := g.admit(t.Context(), "may", logr.Discard()); got != allowed || s.asked != 0 {
		t.Errorf("who may is answered %d after %d questions", got, s.asked)
	}
}

// Few questions are asked at the same time, and who was allowed does not wait behind strangers.
func TestGuardUnderGuessesAtTheSameTime(t *testing.T) {
	s := &slow{release: make(chan struct{})}
	c := testingclock.NewFakePassiveClock(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))
	g := guardWith(s, c)
	g.admit(t.Context(), "may", logr.Discard())
	c.SetTime(c.Now().Add(allowedFor))
	var guesses sync.WaitGroup
	for i := range 50 {
		guesses.Go(func() { g.admit(t.Context(), fmt.Sprintf("guess %d", i), logr.Discard()) })
	}
	for s.busy.Load() < maxAsking {
		time.Sleep(time.Millisecond)
	}
	if got := g.admit(t.Context(), "may", logr.Discard()); got != allowed {
		t.Errorf("who may is answered %d", got)
	}
	close(s.release)
	guesses.Wait()
	if most := s.most.Load(); most > maxAsking+1 {
		t.Errorf("%d questions at the same time", most)
	}
}
