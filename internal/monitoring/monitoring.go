// Package monitoring is how the two programs serve their metrics: over TLS, and only to those whom the API server knows and
// allows to get /metrics, as projects made with kubebuilder do.
package monitoring

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"net/http"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// path is where metrics are.
const path = "/metrics"

// Options are the settings of a program's metrics; the flags explain each.
type Options struct {
	Address  string
	Secure   bool
	CertFile string
	KeyFile  string
}

// DefaultOptions are the settings where no flag says otherwise.
func DefaultOptions() Options {
	return Options{Address: ":8081", Secure: true}
}

// BindFlags makes flags of the options.
func (o *Options) BindFlags(flags *flag.FlagSet) {
	flags.StringVar(&o.Address, "metrics-bind-address", o.Address, "The address on which metrics are served; 0 serves none.")
	flags.BoolVar(&o.Secure, "metrics-secure", o.Secure, "Serve metrics over TLS, and only to those whom the API server allows to get /metrics. Otherwise they are served in the clear to everybody.")
	flags.StringVar(&o.CertFile, "metrics-cert-file", o.CertFile, "The certificate for the metrics, read again when it changes. Without it a self-signed one is made.")
	flags.StringVar(&o.KeyFile, "metrics-key-file", o.KeyFile, "The key of --metrics-cert-file.")
}

// Disabled says that no metrics are served.
func (o *Options) Disabled() bool {
	return o.Address == "0"
}

// A Certificate is what metrics are served with over TLS.
type Certificate struct {
	// Watcher reads the files again when they change; nil where there are none.
	Watcher    *certwatcher.CertWatcher
	selfSigned tls.Certificate
}

// Certificate reads the certificate, or makes one. It is nil where metrics are served in the clear.
func (o *Options) Certificate() (*Certificate, error) {
	switch {
	case o.Disabled() || !o.Secure:
		return nil, nil //nolint:nilnil // none is wanted
	case o.CertFile != "" || o.KeyFile != "":
		watcher, err := certwatcher.New(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate for the metrics: %w", err)
		}
		return &Certificate{Watcher: watcher}, nil
	}
	certificate, key, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{{127, 0, 0, 1}}, nil)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for the metrics: %w", err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for the metrics: %w", err)
	}
	return &Certificate{selfSigned: pair}, nil
}

// configure sets what TLS needs. There is no HTTP/2: a scrape is one request at a time.
func (c *Certificate) configure(config *tls.Config) {
	config.MinVersion = tls.VersionTLS12
	config.NextProtos = []string{"http/1.1"}
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if c.Watcher != nil {
			return c.Watcher.GetCertificate(hello)
		}
		return &c.selfSigned, nil
	}
}

// ServerOptions are the options for the metrics of a controller-runtime manager.
func (o *Options) ServerOptions(c *Certificate) server.Options {
	options := server.Options{BindAddress: o.Address}
	if c != nil {
		options.SecureServing = true
		options.FilterProvider = func(config *rest.Config, _ *http.Client) (server.Filter, error) {
			guarded, err := newGuard(config)
			if err != nil {
				return nil, err
			}
			return func(log logr.Logger, next http.Handler) (http.Handler, error) { return guarded.handler(next, log), nil }, nil
		}
		options.TLSOpts = []func(*tls.Config){c.configure}
	}
	return options
}

// Listen listens for scrapes.
func (o *Options) Listen(ctx context.Context, c *Certificate) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	if c == nil {
		return listener, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	c.configure(config)
	return tls.NewListener(listener, config), nil
}

// Handler answers scrapes. It asks the API server who comes and whether they may, and so does not need it to start.
func (o *Options) Handler(config *rest.Config, registry prometheus.Gatherer, log logr.Logger) (http.Handler, error) {
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	if o.Secure {
		guarded, err := newGuard(config)
		if err != nil {
			return nil, err
		}
		metrics = guarded.handler(metrics, log)
	}
	mux := http.NewServeMux()
	mux.Handle(path, metrics)
	return mux, nil
}
