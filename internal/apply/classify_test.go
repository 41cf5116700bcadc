package apply

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/sim-operator/sim-operator/internal/spool"
)

func TestClassify(t *testing.T) {
	resource := schema.GroupResource{Group: "sim-operator.io", Resource: "simorders"}
	tests := map[string]struct {
		err    error
		want   verdict
		reason string
	}{
		"invalid":           {apierrors.NewInvalid(schema.GroupKind{}, "x", nil), refused, "Invalid"},
		"bad request":       {apierrors.NewBadRequest("no"), refused, "BadRequest"},
		"too large":         {apierrors.NewRequestEntityTooLargeError("no"), refused, "RequestEntityTooLarge"},
		"quota":             {apierrors.NewForbidden(resource, "x", errors.New("exceeded quota")), notNow, "Forbidden"},
		"namespace missing": {apierrors.NewNotFound(resource, "x"), notNow, "NotFound"},
		"conflict":          {apierrors.NewConflict(resource, "x", errors.New("changed")), notNow, "Conflict"},
		"a webhook fails":   {apierrors.NewInternalError(errors.New("failed calling webhook")), notNow, "InternalError"},
		"server time-out":   {apierrors.NewServerTimeout(resource, "create", 1), notNow, "ServerTimeout"},
		"too many requests": {apierrors.NewTooManyRequests("later", 1), nobody, "TooManyRequests"},
		"unavailable":       {apierrors.NewServiceUnavailable("no"), nobody, "ServiceUnavailable"},
		"an admission webhook's own reason": {
			&apierrors.StatusError{ErrStatus: metav1.Status{Reason: "SIM 8944500000000000001 is not ours"}}, notNow, "Unknown",
		},
		"not authenticated":  {apierrors.NewUnauthorized("who"), nobody, "Unauthorized"},
		"refused connection": {&net.OpError{Op: "dial", Err: errors.New("refused")}, nobody, "Unreachable"},
		"our time-out":       {context.DeadlineExceeded, notNow, "Timeout"},
		"contended":          {errContended, notNow, "Contended"},
		"the spool fails":    {spool.ErrUnavailable, nobody, "SpoolUnavailable"},
		"quarantine is full": {&spool.FullError{}, notNow, "QuarantineFull"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, reason := classify(fmt.Errorf("update: %w", test.err))
			if got != test.want || reason != test.reason {
				t.Errorf("got %d %s; want %d %s", got, reason, test.want, test.reason)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	tests := map[string]struct {
		failures int
		jitter   float64
		want     time.Duration
	}{
		"the first":              {1, 0, 100 * time.Millisecond},
		"doubles":                {4, 0, 800 * time.Millisecond},
		"is bounded":             {20, 0, time.Minute},
		"does not overflow":      {1 << 20, 0, time.Minute},
		"at most half taken off": {20, 0.999999999, 30 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := backoff(test.failures, time.Minute, test.jitter).Round(time.Millisecond); got != test.want {
				t.Errorf("got %s; want %s", got, test.want)
			}
		})
	}
}

func TestGate(t *testing.T) {
	clock := clocktesting.NewFakeClock(epoch)
	g := &gate{clock: clock, jitter: func() float64 { return 0 }}
	if !g.wait(t.Context()) {
		t.Fatal("a new gate is shut")
	}
	if !g.shut() {
		t.Error("the first failure was not the first")
	}
	if g.shut() || g.failures != 1 {
		t.Error("a failure while the gate is shut counts")
	}
	passed := make(chan bool)
	go func() { passed <- g.wait(t.Context()) }()
	for !clock.HasWaiters() {
		runtime.Gosched()
	}
	clock.Step(firstDelay)
	if !<-passed {
		t.Error("the gate did not open in time")
	}
	if !g.open() || g.open() {
		t.Error("open tells whether the gate was shut")
	}
}
