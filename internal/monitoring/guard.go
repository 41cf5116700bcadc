package monitoring

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
)

// How long a verdict of the API server holds, and how much is kept and asked at once.
const (
	// allowedFor and deniedFor are how long a verdict holds before it is asked for again.
	allowedFor = time.Minute
	deniedFor  = 10 * time.Second
	// allowedWithout is how long who was allowed stays so while the API server gives no answer: that is when somebody
	// wants to see metrics. It is about as long as the token of a pod lives without being renewed.
	allowedWithout = time.Hour
	// askAgainAfter is how long it is not asked again about somebody who stays allowed without it.
	askAgainAfter = 5 * time.Second
	// askPatience is how long it is waited for an answer; a scrape takes 10 seconds at most by default.
	askPatience = 3 * time.Second

	// maxAllowed and maxDenied are how many verdicts are remembered. They are apart so that guesses, however many, drive
	// out nobody who is allowed.
	maxAllowed = 64
	maxDenied  = 1024
	// maxAsking is how many strangers are asked about at the same time, and as many of those who were allowed.
	maxAsking = 4
	// maxToken is longer than any token of the API server.
	maxToken = 16 << 10
)

// A verdict is the HTTP status that somebody is answered with.
type verdict int

const (
	allowed      verdict = http.StatusOK
	unknown      verdict = http.StatusUnauthorized
	forbidden    verdict = http.StatusForbidden
	undetermined verdict = http.StatusServiceUnavailable
)

// A judge says whether the bearer of a token may read metrics; an error is no verdict.
type judge interface {
	judge(ctx context.Context, token string) (verdict, error)
}

// standing is what is known of a token.
type standing struct {
	verdict verdict
	// since is when the API server said so, and until how long it is not asked again.
	since, until time.Time
}

// guard lets at the metrics whom the API server allows it.
type guard struct {
	judge judge
	clock clock.PassiveClock
	// allowed and denied hold the standing of tokens by their digest.
	allowed, denied *lru.Cache
	// renewals and strangers are the places of those who wait for a verdict.
	renewals, strangers chan struct{}
	silent              atomic.Bool
}

func newGuard(config *rest.Config) (*guard, error) {
	reviews, err := newReviews(config)
	if err != nil {
		return nil, err
	}
	return guardWith(reviews, clock.RealClock{}), nil
}

func guardWith(j judge, c clock.PassiveClock) *guard {
	return &guard{
		judge: j, clock: c,
		allowed: lru.New(maxAllowed), denied: lru.New(maxDenied),
		renewals: make(chan struct{}, maxAsking), strangers: make(chan struct{}, maxAsking),
	}
}

// handler guards next.
func (g *guard) handler(next http.Handler, log logr.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		given := unknown
		if token, ok := bearerToken(r); ok {
			given = g.admit(r.Context(), token, log)
		}
		if given == allowed {
			next.ServeHTTP(w, r)
			return
		}
		if given == unknown {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		http.Error(w, http.StatusText(int(given)), int(given))
	})
}

func bearerToken(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= maxToken
}

// admit says what the bearer of a token is answered.
func (g *guard) admit(ctx context.Context, token string, log logr.Logger) verdict {
	digest := sha256.Sum256([]byte(token))
	known := g.recall(digest)
	if g.clock.Now().Before(known.until) {
		return known.verdict
	}
	given, err := g.ask(ctx, token, known)
	now := g.clock.Now()
	if err == nil {
		g.remember(digest, standingOf(given, now))
		if g.silent.Swap(false) {
			log.Info("The API server says again who may read metrics")
		}
		return given
	}
	if ctx.Err() == nil && !g.silent.Swap(true) {
		log.Error(err, "The API server does not say who may read metrics; those whom it allowed before still may")
	}
	known = withoutAnswer(known, now)
	if known.verdict == allowed {
		g.remember(digest, known)
	}
	return known.verdict
}

// standingOf is what a verdict that was given now means for the time to come.
func standingOf(given verdict, now time.Time) standing {
	if given == allowed {
		return standing{verdict: given, since: now, until: now.Add(allowedFor)}
	}
	return standing{verdict: given, since: now, until: now.Add(deniedFor)}
}

// withoutAnswer is the standing of a token while the API server gives no verdict.
func withoutAnswer(known standing, now time.Time) standing {
	if known.verdict != allowed || now.Sub(known.since) >= allowedWithout {
		return standing{verdict: undetermined}
	}
	known.until = now.Add(askAgainAfter)
	return known
}

func (g *guard) recall(digest [sha256.Size]byte) standing {
	for _, cache := range []*lru.Cache{g.allowed, g.denied} {
		if found, ok := cache.Get(digest); ok {
			return found.(standing) //nolint:forcetypeassert // nothing else is stored
		}
	}
	return standing{}
}

func (g *guard) remember(digest [sha256.Size]byte, s standing) {
	into, outOf := g.denied, g.allowed
	if s.verdict == allowed {
		into, outOf = g.allowed, g.denied
	}
	outOf.Remove(digest)
	into.Add(digest, s)
}

// ask asks the API server when there is a place to wait. Who was allowed does not wait among strangers.
func (g *guard) ask(ctx context.Context, token string, known standing) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	places := g.strangers
	if known.verdict == allowed {
		places = g.renewals
	}
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
		return g.judge.judge(ctx, token)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
