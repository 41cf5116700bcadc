package ingress

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/sim-operator/sim-operator/internal/admin"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// serveHooks takes deliveries until ctx ends, and then finishes those that are under way.
func serveHooks(ctx context.Context, o Options, handler http.Handler, log logr.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.HooksAddress)
	if err != nil {
		return fmt.Errorf("listen for deliveries: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	if o.TLSCertFile != "" {
		certificates, err := certwatcher.New(o.TLSCertFile, o.TLSKeyFile)
		if err != nil {
			return fmt.Errorf("read the certificate for the hooks: %w", err)
		}
		listener = tls.NewListener(listener, &tls.Config{
			MinVersion: tls.VersionTLS12, GetCertificate: certificates.GetCertificate, NextProtos: []string{"http/1.1"},
		})
		group.Go(func() error { return certificates.Start(ctx) })
	}
	log.Info("Deliveries are taken", "address", listener.Addr().String(), "tls", o.TLSCertFile != "")
	group.Go(func() error {
		return serve(ctx, o, listener, &http.Server{
			Handler:           webhook.Recover(handler, log),
			MaxHeaderBytes:    webhook.MaxHeaderBytes,
			ReadHeaderTimeout: webhook.ReadHeaderTimeout,
			ReadTimeout:       webhook.ReadTimeout,
			WriteTimeout:      webhook.WriteTimeout,
			IdleTimeout:       webhook.IdleTimeout,
		})
	})
	return group.Wait()
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

func serveMetrics(ctx context.Context, o Options, registry prometheus.Gatherer, log logr.Logger) error {
	if o.MetricsAddress == "0" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return serveInternal(ctx, o, "metrics", o.MetricsAddress, mux, log)
}

// serveAdmin answers a person on a socket beside the spool.
func serveAdmin(ctx context.Context, o Options, s admin.Spool) error {
	listener, err := admin.Listen(ctx, o.SpoolDir)
	if err != nil {
		return err
	}
	return serve(ctx, o, listener, &http.Server{Handler: admin.NewHandler(s), ReadHeaderTimeout: webhook.ReadHeaderTimeout})
}

func serveInternal(ctx context.Context, o Options, name, address string, handler http.Handler, log logr.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", name, err)
	}
	log.Info("Serving "+name, "address", listener.Addr().String())
	return serve(ctx, o, listener, &http.Server{Handler: handler, ReadHeaderTimeout: webhook.ReadHeaderTimeout, IdleTimeout: webhook.IdleTimeout})
}

func serve(ctx context.Context, o Options, listener net.Listener, server *http.Server) error {
	return (&manager.Server{Server: server, Listener: listener, ShutdownTimeout: &o.GracePeriod}).Start(ctx)
}
