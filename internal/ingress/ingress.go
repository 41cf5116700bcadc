// Package ingress puts the parts of the ingress together: the door, the spool, the applier, and what the ingress knows
// of the receivers.
//
//	POST --> webhook.Handler --> spool.Spool (fsync) --> 200
//	                                  |
//	                             apply.Queue --> apply.Applier --> API server
//
// The spool starts first and ends last, so that whatever writes to it finds it there.
package ingress

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/apply"
	"github.com/sim-operator/sim-operator/internal/receivers"
	"github.com/sim-operator/sim-operator/internal/spool"
	"github.com/sim-operator/sim-operator/internal/tracing"
	"github.com/sim-operator/sim-operator/internal/version"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// The rights of the ingress. It reads no Secret.
//
// +kubebuilder:rbac:groups=sim-operator.io,resources=simreceivers,verbs=list;watch
// +kubebuilder:rbac:groups=sim-operator.io,resources=simreceivers/status,verbs=update
// +kubebuilder:rbac:groups=sim-operator.io,resources=simorders;simalerts,verbs=get;create;update
//
// To ask who scrapes its metrics, and whether they may:
//
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// Run is an ingress. It returns when ctx has ended and all that was under way is finished, or with the error that keeps
// it from working.
func Run(ctx context.Context, config *rest.Config, o Options, registry metrics.RegistererGatherer, log logr.Logger) error {
	if err := o.Door.Limits.Validate(); err != nil {
		return err
	}
	realClock := clock.RealClock{}
	queue := apply.NewQueue(realClock)
	kept, err := openSpool(o, queue)
	if err != nil {
		return err
	}
	spoolCtx, closeSpool := context.WithCancel(context.WithoutCancel(ctx))
	defer closeSpool()
	spoolEnd := make(chan error, 1)
	go func() { spoolEnd <- kept.Run(spoolCtx) }()
	log.Info("The spool is open", "dir", o.SpoolDir, "spool", kept.ID(), "waiting", kept.Stats().Waiting)

	err = runTraced(ctx, config, o, log, parts{clock: realClock, queue: queue, spool: kept, registry: registry})
	closeSpool()
	return errors.Join(err, <-spoolEnd)
}

func openSpool(o Options, queue *apply.Queue) (*spool.Spool, error) {
	if err := os.MkdirAll(o.SpoolDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the spool's directory: %w", err)
	}
	so := o.Spool
	so.Clock, so.Rand, so.Committed = clock.RealClock{}, rand.Reader, queue.Add
	kept, err := spool.Open(o.SpoolDir, so)
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	for entry, err := range kept.Waiting() {
		if err != nil {
			return nil, fmt.Errorf("read what waits in the spool: %w", err)
		}
		queue.Add([]spool.Entry{entry})
	}
	return kept, nil
}

// parts is what everything else is built around.
type parts struct {
	clock    clock.RealClock
	queue    *apply.Queue
	spool    *spool.Spool
	registry metrics.RegistererGatherer
	tracer   *tracing.Tracer
}

// runTraced puts the tracer, if there is one, around the parts that make spans.
func runTraced(ctx context.Context, config *rest.Config, o Options, log logr.Logger, p parts) error {
	tracer, err := tracing.Start(ctx, o.Traces, tracing.Process{
		Service: "sim-operator-ingress", Instance: o.Replica, Version: version.String(),
		Clock: p.clock, Random: mathrand.Uint64, Registry: p.registry, Log: log.WithName("traces"),
	})
	if err != nil {
		return err
	}
	defer tracer.Close(ctx)
	p.tracer = tracer
	return runParts(ctx, config, o, log, p)
}

func runParts(ctx context.Context, config *rest.Config, o Options, log logr.Logger, p parts) error {
	directory := &receivers.Directory{}
	loadReceivers(directory, o.SpoolDir, log)
	cluster, err := newCluster(config, o.Namespaces)
	if err != nil {
		return err
	}
	p.registry.MustRegister(newSpoolCollector(p.spool, o.Spool, p.clock))
	kept, err := quarantineFor(o, p)
	if err != nil {
		return err
	}
	o.Door.Log, o.Door.Tracer = log.WithName("hooks"), p.tracer
	handler := webhook.NewHandler(directory, kept, p.clock, webhook.NewMetrics(p.registry), o.Door)
	applier := apply.New(p.queue, kept, directory, cluster.client, apply.Options{
		Workers: o.Workers, Clock: p.clock, Jitter: mathrand.Float64, Log: log.WithName("apply"), Metrics: apply.NewMetrics(p.registry),
		Tracer: p.tracer,
	})
	watcher := receivers.NewWatcher(cluster.cache, directory, o.SpoolDir, log.WithName("receivers"))
	reporter := receivers.NewReporter(cluster.cache, cluster.client.Status(), p.clock, log.WithName("receivers"), func(r *v1alpha1.SimReceiver) v1alpha1.IngressStatus {
		return rowOf(o.Replica, r.Namespace+"/"+r.Name, directory, p.spool.Stats(), applier)
	})
	ready := announced(func() error { return readiness(directory, p.spool) }, log)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return cluster.cache.Start(ctx) })
	group.Go(func() error { return watcher.Run(ctx) })
	group.Go(func() error { return reporter.Run(ctx) })
	group.Go(func() error { return applier.Run(ctx) })
	group.Go(func() error { return serveHooks(ctx, o, handler, log) })
	group.Go(func() error { return serveAdmin(ctx, o, p.spool) })
	group.Go(func() error { return serveProbes(ctx, o, ready, log) })
	group.Go(func() error { return serveMetrics(ctx, o, config, p.registry, log) })
	group.Go(func() error { return servePprof(ctx, o, log) })
	return group.Wait()
}

// A bounded spool is one as the door and the applier use it.
type bounded interface {
	webhook.Spool
	apply.Spool
}

func quarantineFor(o Options, p parts) (bounded, error) {
	switch o.QuarantineWhenFull {
	case WhenFullRefuse:
		return p.spool, nil
	case WhenFullDropOldest:
		return newMakingRoom(p.spool, p.registry), nil
	}
	return nil, fmt.Errorf("--quarantine-when-full is %s or %s, not %q", WhenFullRefuse, WhenFullDropOldest, o.QuarantineWhenFull)
}

// loadReceivers takes what an ingress before this one knew. A file that cannot be read must not keep the door shut: it
// only serves until the API server has answered, and is written anew then.
func loadReceivers(directory *receivers.Directory, dir string, log logr.Logger) {
	known, ok, err := receivers.Load(dir)
	switch {
	case err != nil:
		log.Error(err, "The receivers that were known before cannot be read; deliveries wait outside until the API server tells")
	case ok:
		directory.Replace(known, false)
		log.Info("The receivers are known from before", "receivers", len(known))
	}
}

// rowOf is how this replica stands with a receiver.
func rowOf(replica, key string, directory *receivers.Directory, stats spool.Stats, applier *apply.Applier) v1alpha1.IngressStatus {
	share := stats.Receivers[key]
	row := v1alpha1.IngressStatus{
		Replica: replica, Waiting: int64(share.Waiting), Quarantined: int64(share.Quarantined), LastReason: applier.Reason(key),
	}
	if row.LastReason == "" && share.Quarantined > 0 {
		row.LastReason = share.LastReason.Code + ": " + share.LastReason.Message
	}
	row.LastReason = clip(row.LastReason, maxReason)
	if r, ok := directory.Get(key); ok && !r.LastDelivery().IsZero() {
		at := metav1.NewMicroTime(r.LastDelivery())
		row.LastDelivery = &at
	}
	return row
}

// maxReason is how many bytes of a reason stand in a row.
const maxReason = 512

// clip shortens a text and keeps it valid UTF-8.
func clip(text string, maxBytes int) string {
	if len(text) <= maxBytes {
		return text
	}
	end := maxBytes
	for end > 0 && text[end]&0xc0 == 0x80 {
		end--
	}
	return text[:end]
}
