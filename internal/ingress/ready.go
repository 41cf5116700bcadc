package ingress

import (
	"errors"
	"net/http"
	"sync"

	"github.com/go-logr/logr"

	"github.com/sim-operator/sim-operator/internal/receivers"
	"github.com/sim-operator/sim-operator/internal/spool"
)

var errUnknownReceivers = errors.New("the receivers are not known yet")

func readiness(directory *receivers.Directory, s *spool.Spool) error {
	if !directory.Known() {
		return errUnknownReceivers
	}
	return s.Check()
}

// announced is a check of readiness that logs when its outcome has changed since it was last asked: /readyz itself
// withholds the reason.
func announced(check func() error, log logr.Logger) func(*http.Request) error {
	var mu sync.Mutex
	last := ""
	return func(*http.Request) error {
		err := check()
		now := "ready"
		if err != nil {
			now = err.Error()
		}
		mu.Lock()
		defer mu.Unlock()
		if now != last {
			last = now
			if err != nil {
				log.Error(err, "The ingress takes no deliveries")
			} else {
				log.Info("The ingress takes deliveries")
			}
		}
		return err
	}
}
