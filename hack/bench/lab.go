package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

const (
	receiverName = "bench"
	// baselineNamespace is where the loops write that the programs are compared to.
	baselineNamespace = "baseline"
	callers           = 64
)

// A lab is a control plane, and the programs on it as a measurement needs them.
type lab struct {
	options
	table   *table
	cluster *localcluster.Cluster
	config  *rest.Config
	client  client.Client
	counter metadata.Interface
	http    *http.Client
	hooks   map[string]localcluster.Webhook
	pprof   map[string]string
	// profiling are the profiles that are being taken.
	profiling sync.WaitGroup
}

// newLab starts a control plane with a receiver in the namespace of each measurement, and no program.
func newLab(ctx context.Context, o options, t *table, dir string) (*lab, error) {
	assets, err := localcluster.FindAssets(".")
	if err != nil {
		return nil, err
	}
	cluster, err := localcluster.Start(ctx, localcluster.Options{
		Dir: dir, Root: ".", Assets: assets, Programs: o.programs(), Ingresses: 2,
		Progress: func(what string) { step("%s", what) },
		Supervisor: localcluster.SupervisorOptions{Notify: func(n localcluster.Notice) {
			if n.Pid == 0 {
				step("%s ended: %v", n.Name, n.Err)
			}
		}},
	})
	if err != nil {
		return nil, err
	}
	l := &lab{options: o, table: t, cluster: cluster, config: cluster.Config(), hooks: map[string]localcluster.Webhook{}, pprof: map[string]string{}}
	l.config.QPS = -1
	if err := l.prepare(ctx); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) prepare(ctx context.Context) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return fmt.Errorf("making a scheme: %w", err)
		}
	}
	var err error
	if l.client, err = client.New(l.config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	if l.counter, err = metadata.NewForConfig(l.config); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	if l.http, err = rest.HTTPClientFor(l.config); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	for _, namespace := range append(measurements(), baselineNamespace) {
		if l.hooks[namespace], err = l.cluster.Receiver(ctx, namespace, receiverName); err != nil {
			return err
		}
		if err := l.unlimit(ctx, namespace); err != nil {
			return err
		}
	}
	l.stopPrograms()
	return nil
}

// unlimit sets the receiver's limits so high that nothing measured here is refused, and no alert Flapping, for them.
func (l *lab) unlimit(ctx context.Context, namespace string) error {
	receiver := &v1alpha1.SimReceiver{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: receiverName}}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{
		"rateLimit":{"deliveriesPerSecond":1000000,"burst":10000000},
		"flapping":{"transitions":60}
	}}`))
	if err := l.client.Patch(ctx, receiver, patch); err != nil {
		return fmt.Errorf("raising the limits of the receiver: %w", err)
	}
	return nil
}

// close waits for the profiles that are being taken, and stops everything.
func (l *lab) close() {
	l.profiling.Wait()
	l.cluster.Stop()
}

// startIngress starts the first replica of the ingress with an empty spool.
func (l *lab) startIngress(ctx context.Context) (name string, err error) {
	name = localcluster.IngressName(0)
	if err := os.RemoveAll(l.cluster.SpoolDir(name)); err != nil {
		return "", fmt.Errorf("emptying the spool: %w", err)
	}
	return name, l.start(ctx, name)
}

// startManager starts the manager for one namespace, so that it does not work on what the loops write.
func (l *lab) startManager(ctx context.Context, namespace string) error {
	// A machine that is busy with what is measured must not cost the manager its lease.
	return l.start(ctx, localcluster.Manager, "--namespaces="+namespace,
		"--leader-election-lease-duration=60s", "--leader-election-renew-deadline=50s")
}

func (l *lab) start(ctx context.Context, name string, args ...string) error {
	at, err := freeAddress()
	if err != nil {
		return err
	}
	l.pprof[name] = at
	return l.cluster.StartProgram(ctx, name, append(args, "--pprof-bind-address="+at)...)
}

// stopPrograms stops the manager and the ingresses that run.
func (l *lab) stopPrograms() {
	for _, name := range []string{localcluster.IngressName(1), localcluster.IngressName(0), localcluster.Manager} {
		_ = l.cluster.Supervisor().Stop(name) // one that does not run is as it should be
	}
}

// metrics reads the metrics of a program.
func (l *lab) metrics(ctx context.Context, name string) ([]series, error) {
	return scrape(ctx, l.http, l.cluster.MetricsURL(name))
}

// countIn is how many resources there are of a kind in a namespace. The API server counts without reading them.
func (l *lab) countIn(ctx context.Context, resource schema.GroupVersionResource, namespace string) (int, error) {
	list, err := l.counter.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return 0, fmt.Errorf("counting %s: %w", resource.Resource, err)
	}
	n := len(list.Items)
	if list.RemainingItemCount != nil {
		n += int(*list.RemainingItemCount)
	}
	return n, nil
}

func ordersResource() schema.GroupVersionResource {
	return v1alpha1.GroupVersion().WithResource("simorders")
}

func eventsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}
}

// Waiting for what must come.
const (
	pollEvery = 20 * time.Millisecond
	patience  = 40 * time.Minute
)

var errPatience = errors.New("it did not come")

// until waits until done is true, and looks every so often.
func until(ctx context.Context, what string, every time.Duration, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		is, err := done(ctx)
		if is || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// untilCount waits until there are so many of a kind.
func (l *lab) untilCount(ctx context.Context, resource schema.GroupVersionResource, namespace string, n int) error {
	return untilNoneLeft(ctx, fmt.Sprintf("%d %s", n, resource.Resource), 0, func(ctx context.Context) (int, error) {
		found, err := l.countIn(ctx, resource, namespace)
		return n - found, err
	})
}

// untilNoneLeft waits until nothing is left. To count it is work for what is measured which no baseline has to do, so it is
// looked at only as often as the end needs it to be known, and never sooner than after so long.
func untilNoneLeft(ctx context.Context, what string, soonest time.Duration, count func(context.Context) (int, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	first, began := -1, time.Now()
	for {
		left, err := count(ctx)
		if err != nil || left <= 0 {
			return err
		}
		if first < 0 {
			first = left
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		case <-time.After(max(pause(first-left, left, time.Since(began)), soonest)):
		}
	}
}

// pause is half the time that the rest will take if it goes on as so far.
func pause(done, left int, took time.Duration) time.Duration {
	const shortest, longest = 5 * time.Millisecond, time.Second
	if done <= 0 {
		return pollEvery
	}
	rest := time.Duration(float64(took) * float64(left) / float64(done))
	return min(max(rest/2, shortest), longest)
}

// untilMetric waits until a metric of a program has a value.
func (l *lab) untilMetric(ctx context.Context, program, metric string, matches func(labels map[string]string) bool, is func(value float64) bool, every time.Duration) error {
	return until(ctx, metric, every, func(ctx context.Context) (bool, error) {
		page, err := l.metrics(ctx, program)
		return err == nil && is(sum(page, metric, matches)), err
	})
}

// untilDrained waits until nothing waits in the spool of an ingress.
func (l *lab) untilDrained(ctx context.Context, ingress string) error {
	return l.untilMetric(ctx, ingress, "sim_operator_spool_deliveries", nil, func(n float64) bool { return n == 0 }, 5*pollEvery)
}

// freeAddress is an address on the loopback that is free, below the ports that the kernel gives to outgoing connections.
func freeAddress() (string, error) {
	const first, last = 30000, 32000
	for range last - first {
		// What was found before may not be in use yet, so a different one each time.
		at := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(last-first))) //nolint:gosec // nothing secret
		listener, err := net.Listen("tcp", at)                                         //nolint:noctx // nothing that could take long
		if err != nil {
			continue
		}
		return at, listener.Close()
	}
	return "", errors.New("there is no free port")
}

// pprofURL is where a program, or the API server, serves its profiles.
func (l *lab) pprofURL(program string) string {
	if program == localcluster.APIServer {
		return l.config.Host + "/debug/pprof/"
	}
	return "http://" + l.pprof[program] + "/debug/pprof/"
}

// profile writes a CPU profile of a program while something is measured, if one is wanted.
func (l *lab) profile(ctx context.Context, program, of string, length time.Duration) {
	if l.profiles == "" {
		return
	}
	l.profiling.Go(func() {
		url := fmt.Sprintf("%sprofile?seconds=%d", l.pprofURL(program), max(int(length/time.Second), 1))
		path := filepath.Join(l.profiles, of+"-"+program+".pprof")
		if err := download(ctx, l.http, url, path); err != nil {
			step("no profile of %s for %s: %v", program, of, err)
		}
	})
}

// liveHeap collects the garbage of a program, or of the API server, and returns how many bytes of its heap are in use
// after that.
func (l *lab) liveHeap(ctx context.Context, program string) (float64, error) {
	path := filepath.Join(l.dir, "heap")
	// Asking for a heap profile with gc=1 is what makes the program collect; debug=1 adds its memory statistics.
	if err := download(ctx, l.http, l.pprofURL(program)+"heap?gc=1&debug=1", path); err != nil {
		return 0, err
	}
	content, err := os.ReadFile(path) //nolint:gosec // a file of this program's own
	if err != nil {
		return 0, fmt.Errorf("reading a heap profile: %w", err)
	}
	return heapInUse(string(content))
}
