package simulator

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

const (
	pageSize      = 2000
	scrapeTimeout = 10 * time.Second
)

// A reader looks at one namespace of the cluster.
type reader struct {
	client    client.Client
	events    eventsclient.EventInterface
	namespace string
}

func newReader(config *rest.Config, namespace string) (*reader, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("making a scheme: %w", err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	events, err := eventsclient.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &reader{client: c, events: events.Events(namespace), namespace: namespace}, nil
}

// resources reads all orders and alerts.
func (r *reader) resources(ctx context.Context) ([]Snapshot, error) {
	var all []Snapshot
	var orders v1alpha1.SimOrderList
	for more := true; more; more = orders.Continue != "" {
		if err := r.list(ctx, &orders, orders.Continue); err != nil {
			return nil, err
		}
		for i := range orders.Items {
			all = append(all, snapshotOfOrder(&orders.Items[i]))
		}
	}
	var alerts v1alpha1.SimAlertList
	for more := true; more; more = alerts.Continue != "" {
		if err := r.list(ctx, &alerts, alerts.Continue); err != nil {
			return nil, err
		}
		for i := range alerts.Items {
			all = append(all, snapshotOfAlert(&alerts.Items[i]))
		}
	}
	return all, nil
}

func (r *reader) list(ctx context.Context, list client.ObjectList, from string) error {
	if err := r.client.List(ctx, list, client.InNamespace(r.namespace), client.Limit(pageSize), client.Continue(from)); err != nil {
		return fmt.Errorf("listing resources: %w", err)
	}
	return nil
}

// sum adds up a metric over all ingresses.
func sum(ctx context.Context, urls []string, metric string) (int, error) {
	total := 0
	for _, url := range urls {
		n, err := scrape(ctx, url, metric)
		if err != nil {
			return 0, fmt.Errorf("reading %s from %s: %w", metric, url, err)
		}
		total += n
	}
	return total, nil
}

// scrape reads one metric without labels.
func scrape(ctx context.Context, url, metric string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), metric+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			return int(value), err
		}
	}
	return 0, fmt.Errorf("it is not there (%s): %w", response.Status, lines.Err())
}
