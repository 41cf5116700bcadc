// Command simulate is make simulate: it plays Mobile Manager against what make run has started, and then checks that
// every delivery is accounted for. It exits with 1 if one is not.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/sim-operator/sim-operator/hack/simulator"
)

// options are what the command line says.
type options struct {
	dir, kubeconfig, namespace string
	metrics                    list
	duration                   time.Duration
	simulator                  simulator.Options
}

// list is a flag that may be given more than once.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", ".local", "Where make run keeps webhook.env, kubeconfig and its ports.")
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "The kubeconfig to check the cluster with; by default the one in -dir.")
	flag.StringVar(&o.namespace, "namespace", "sims", "The namespace of the receiver.")
	flag.Var(&o.metrics, "metrics-url", "The metrics of an ingress, to be given once for each; by default those of make run.")
	flag.DurationVar(&o.duration, "duration", 30*time.Second, "How long to deliver before the month's end.")
	flag.Float64Var(&o.simulator.Rate, "rate", 200, "New deliveries a second; 0 is as many as are answered.")
	flag.IntVar(&o.simulator.Callers, "callers", 64, "How many deliveries are made at a time.")
	flag.IntVar(&o.simulator.Deliveries, "deliveries", 0, "How many new deliveries at most; 0 is no bound.")
	flag.Uint64Var(&o.simulator.Seed, "seed", uint64(time.Now().UnixNano()), "What is said, and of what; by default the time. A seed makes resources of the same names each time.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	flawless, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
	}
	if err != nil || !flawless {
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (flawless bool, err error) {
	if err := o.complete(); err != nil {
		return false, err
	}
	fmt.Printf("seed %d: make simulate SEED=%[1]d says the same again; Ctrl-C ends it early and checks what there is\n", o.simulator.Seed)
	// Ctrl-C ends the talking, and not the check.
	lasting := context.WithoutCancel(ctx)
	s, err := simulator.New(lasting, o.simulator)
	if err != nil {
		return false, err
	}
	talking, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	s.Load(talking)
	result, err := s.Check(lasting)
	if err != nil {
		return false, err
	}
	result.Print(os.Stdout)
	return len(result.Differences) == 0, nil
}

// complete finds out what the command line leaves open.
func (o *options) complete() error {
	if o.kubeconfig == "" {
		o.kubeconfig = filepath.Join(o.dir, "kubeconfig")
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return fmt.Errorf("reading the kubeconfig (is make run up?): %w", err)
	}
	webhooks, err := readWebhooks(filepath.Join(o.dir, "webhook.env"))
	if err != nil {
		return fmt.Errorf("reading the webhook URLs (is make run up?): %w", err)
	}
	if len(o.metrics) == 0 {
		if o.metrics, err = readMetrics(filepath.Join(o.dir, "programs.ports.json"), len(webhooks)); err != nil {
			return fmt.Errorf("finding the metrics of the ingresses; name them by -metrics-url: %w", err)
		}
	}
	o.simulator.Webhooks, o.simulator.MetricsURLs = webhooks, o.metrics
	o.simulator.Config, o.simulator.Namespace = config, o.namespace
	o.simulator.Progress = func(line string) { fmt.Println(line) }
	return nil
}

// readWebhooks reads ORDERS_URL and ALERTS_URL, ORDERS_URL_2 and ALERTS_URL_2 and so on.
func readWebhooks(path string) ([]simulator.Webhook, error) {
	file, err := os.Open(path) //nolint:gosec // the user's choice
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	values := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "=")
		values[name] = strings.Trim(value, `'"`)
	}
	var webhooks []simulator.Webhook
	for suffix := ""; values["ORDERS_URL"+suffix] != ""; suffix = fmt.Sprintf("_%d", len(webhooks)+1) {
		webhooks = append(webhooks, simulator.Webhook{OrdersURL: values["ORDERS_URL"+suffix], AlertsURL: values["ALERTS_URL"+suffix]})
	}
	if len(webhooks) == 0 {
		return nil, errors.New("there is no ORDERS_URL in it")
	}
	return webhooks, nil
}

// readMetrics finds the ports of as many ingresses as there are webhooks.
func readMetrics(path string, ingresses int) ([]string, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the user's choice
	if err != nil {
		return nil, err
	}
	ports := map[string]int{}
	if err := json.Unmarshal(content, &ports); err != nil {
		return nil, err
	}
	var urls []string
	for i := range ingresses {
		name := "ingress"
		if i > 0 {
			name = fmt.Sprintf("ingress-%d", i+1)
		}
		port, known := ports[name+"/metrics"]
		if !known {
			return nil, fmt.Errorf("there is no port of %s in it", name)
		}
		urls = append(urls, fmt.Sprintf("http://127.0.0.1:%d/metrics", port))
	}
	return urls, nil
}
