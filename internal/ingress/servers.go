package ingress

import (
	"context"
	"crypto/tls"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"strings"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/sim-operator/sim-operator/internal/admin"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// serveHooks takes deliveries until ctx ends, and then finishes those that are under way.
func serveHooks(ctx context.Context, o Options, handler http.Handler, log logr.Logger) error {
	open, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.HooksAddress)
	if err != nil {
		return fmt.Errorf("listen for deliveries: %w", err)
	}
	limited := limitConnections(open, o.Door.Limits.Connections)
	group, ctx := errgroup.WithContext(ctx)
	var listener net.Listener = limited
	if o.TLSCertFile != "" || o.TLSKeyFile != "" {
		certificates, err := certwatcher.New(o.TLSCertFile, o.TLSKeyFile)
		if err != nil {
			_ = open.Close()
			return fmt.Errorf("read the certificate for the hooks: %w", err)
		}
		listener = tls.NewListener(limited, &tls.Config{
			MinVersion: tls.VersionTLS12, GetCertificate: certificates.GetCertificate, NextProtos: []string{"http/1.1"},
		})
		group.Go(func() error { return certificates.Start(ctx) })
	}
	log.Info("Deliveries are taken", "address", listener.Addr().String(), "tls", listener != net.Listener(limited))
	server := hooksServer(o.Door.Limits, webhook.Recover(handler, log), log)
	server.ConnState = limited.follow
	group.Go(func() error { return serve(ctx, o, listener, server) })
	return group.Wait()
}

// hooksServer is the server that strangers talk to. It speaks HTTP/1.1 alone: there a connection has one request under
// way, and to reset it is to lose the connection, so that the limits on connections and on requests hold. HTTP/2 would
// let one connection begin requests and reset them without end ("rapid reset"), and serve no sender that there is.
func hooksServer(limits webhook.Limits, handler http.Handler, log logr.Logger) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		MaxHeaderBytes:    limits.HeaderBytes,
		ReadHeaderTimeout: limits.ReadHeaderTimeout,
		ReadTimeout:       limits.ReadTimeout,
		WriteTimeout:      limits.WriteTimeout,
		IdleTimeout:       limits.IdleTimeout,
		ErrorLog:          quiet(log),
	}
}

// quiet is a log for what strangers can cause at will, such as handshakes that fail.
func quiet(log logr.Logger) *stdlog.Logger {
	return stdlog.New(quietWriter{log.V(1)}, "", 0)
}

type quietWriter struct{ log logr.Logger }

// Write logs one line.
func (w quietWriter) Write(line []byte) (int, error) {
	w.log.Info("The HTTP server says", "message", strings.TrimSpace(string(line)))
	return len(line), nil
}

// serveProbes answers /healthz while the process lives, and /readyz while it takes deliveries.
func serveProbes(ctx context.Context, o Options, ready healthz.Checker, log logr.Logger) error {
	mux := http.NewServeMux()
	for path, checks := range map[string]map[string]healthz.Checker{
		"/healthz": {"ping": healthz.Ping},
		"/readyz":  {"accepts": ready},
	} {
		handler := http.StripPrefix(path, &healthz.Handler{Checks: checks})
		mux.Handle(path, handler)
		mux.Handle(path+"/", handler)
	}
	return serveInternal(ctx, o, "probes", o.ProbeAddress, mux, log)
}

// serveMetrics answers scrapes.
func serveMetrics(ctx context.Context, o Options, config *rest.Config, registry prometheus.Gatherer, log logr.Logger) error {
	if o.Metrics.Disabled() {
		return nil
	}
	handler, err := o.Metrics.Handler(config, registry, log)
	if err != nil {
		return err
	}
	certificate, err := o.Metrics.Certificate()
	if err != nil {
		return err
	}
	listener, err := o.Metrics.Listen(ctx, certificate)
	if err != nil {
		return err
	}
	log.Info("Serving metrics", "address", listener.Addr().String(), "secure", o.Metrics.Secure)
	group, ctx := errgroup.WithContext(ctx)
	if certificate != nil && certificate.Watcher != nil {
		group.Go(func() error { return certificate.Watcher.Start(ctx) })
	}
	group.Go(func() error { return serve(ctx, o, listener, internalServer(o, handler, log)) })
	return group.Wait()
}

// serveAdmin answers a person on a socket beside the spool.
func serveAdmin(ctx context.Context, o Options, s admin.Spool) error {
	listener, err := admin.Listen(ctx, o.SpoolDir)
	if err != nil {
		return err
	}
	return serve(ctx, o, listener, &http.Server{Handler: admin.NewHandler(s), ReadHeaderTimeout: o.Door.Limits.ReadHeaderTimeout})
}

func serveInternal(ctx context.Context, o Options, name, address string, handler http.Handler, log logr.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", name, err)
	}
	log.Info("Serving "+name, "address", listener.Addr().String())
	return serve(ctx, o, listener, internalServer(o, handler, log))
}

// internalServer is a server that the cluster talks to.
func internalServer(o Options, handler http.Handler, log logr.Logger) *http.Server {
	limits := o.Door.Limits
	return &http.Server{
		Handler: handler, ErrorLog: quiet(log),
		ReadHeaderTimeout: limits.ReadHeaderTimeout, ReadTimeout: limits.ReadTimeout, IdleTimeout: limits.IdleTimeout,
	}
}

func serve(ctx context.Context, o Options, listener net.Listener, server *http.Server) error {
	return (&manager.Server{Server: server, Listener: listener, ShutdownTimeout: &o.GracePeriod}).Start(ctx)
}
