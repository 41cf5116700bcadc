package simulator

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// A Webhook is where one replica of the ingress takes deliveries.
type Webhook struct{ OrdersURL, AlertsURL string }

// Options say whom to deliver to, and how.
type Options struct {
	// Webhooks are those of all replicas. Required.
	Webhooks []Webhook
	// MetricsURLs are those of all ingresses, to see what waits and what is in quarantine. Required.
	MetricsURLs []string
	// Config is for reading the cluster. Required.
	Config *rest.Config
	// Namespace is that of the receiver.
	Namespace string
	// Seed makes the estate.
	Seed uint64
	// Rate is how many new deliveries to make a second; 0 is as many as are answered.
	Rate float64
	// Callers is how many deliveries are made at a time. The default is 64.
	Callers int
	// Deliveries is how many new ones to make at most; 0 is no bound.
	Deliveries int
	// MonthEnd is how often all alerts go Off at once, besides at the end. The default is one minute.
	MonthEnd time.Duration
	// Progress is told every few seconds how it goes.
	Progress func(line string)
}

const (
	defaultCallers  = 64
	defaultMonthEnd = time.Minute
	requestTimeout  = 10 * time.Second
	progressEvery   = 5 * time.Second
	// drainPatience is how long deliveries that were not accepted are tried again after the end.
	drainPatience = 2 * time.Minute
)

// A Simulator delivers, and checks what became of it.
type Simulator struct {
	options Options
	client  *http.Client
	ledger  *Ledger
	cluster *reader
	watch   *eventWatch
	// before is what the cluster held at the start.
	before baseline

	mu      sync.Mutex
	estate  *estate
	retries []*message
	pending int
	fresh   int
	slot    time.Time
	phase   phase
}

// A phase is what is being said.
type phase int

const (
	talking phase = iota
	// hushing: the month's end, as fast as it goes.
	hushing
	// draining: nothing new.
	draining
)

// New makes a simulator, looks at the cluster, and starts to watch its Events. They are watched until ctx ends.
func New(ctx context.Context, o Options) (*Simulator, error) {
	if o.Callers == 0 {
		o.Callers = defaultCallers
	}
	if o.MonthEnd == 0 {
		o.MonthEnd = defaultMonthEnd
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	cluster, err := newReader(o.Config, o.Namespace)
	if err != nil {
		return nil, err
	}
	s := &Simulator{
		options: o,
		client: &http.Client{
			Timeout:   requestTimeout,
			Transport: &http.Transport{MaxIdleConnsPerHost: o.Callers, MaxConnsPerHost: o.Callers},
		},
		ledger: NewLedger(), cluster: cluster, estate: newEstate(o.Seed, len(o.Webhooks), o.Callers),
	}
	if s.before, err = s.readBaseline(ctx); err != nil {
		return nil, fmt.Errorf("looking at the cluster before the start: %w", err)
	}
	s.watch, err = watchEvents(ctx, cluster)
	return s, err
}

// Load delivers until ctx ends or all has been said, then lets all alerts go Off at once, and then delivers again
// what was not accepted until it is.
func (s *Simulator) Load(ctx context.Context) {
	defer s.client.CloseIdleConnections()
	// What was begun is finished: the cluster must get the chance to take it.
	lasting := context.WithoutCancel(ctx)
	reports, stop := context.WithCancel(lasting)
	var reporter sync.WaitGroup
	reporter.Go(func() { s.report(reports) })
	s.run(lasting, talking, ctx.Done())
	s.run(lasting, hushing, nil)
	draining1, cancel := context.WithTimeout(lasting, drainPatience)
	defer cancel()
	s.run(lasting, draining, draining1.Done())
	stop()
	reporter.Wait()
}

// run lets the callers work through one phase, until it is over or done is closed.
func (s *Simulator) run(ctx context.Context, p phase, done <-chan struct{}) {
	s.mu.Lock()
	s.phase = p
	if p == hushing {
		s.estate.monthEnd()
	}
	s.mu.Unlock()
	if p == talking {
		stop := s.everyMonth()
		defer stop()
	}
	var callers sync.WaitGroup
	for range s.options.Callers {
		callers.Go(func() { s.call(ctx, done) })
	}
	callers.Wait()
}

// everyMonth has a month end every so often.
func (s *Simulator) everyMonth() (stop func()) {
	ticker, ended := time.NewTicker(s.options.MonthEnd), make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				s.mu.Lock()
				s.estate.monthEnd()
				s.mu.Unlock()
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(ended)
	}
}

// report tells how it goes.
func (s *Simulator) report(ctx context.Context) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	began, before := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		t := s.ledger.tally()
		s.mu.Lock()
		underWay, what := s.pending, []string{"talking", "month's end", "delivering again"}[s.phase]
		s.mu.Unlock()
		s.options.Progress(fmt.Sprintf("%4.0fs %s: %d attempts, %d accepted (%.0f/s), %d refused, %d perhaps kept, %d under way, %d Events seen",
			time.Since(began).Seconds(), what, t.sent(), t.accepted, float64(t.accepted-before)/progressEvery.Seconds(), t.refused, t.maybe, underWay, s.watch.count()))
		before = t.accepted
	}
}
