package monitoring

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sim-operator/sim-operator/internal/version"
)

// RegisterBuild registers which program this is, and which build of it.
func RegisterBuild(registry prometheus.Registerer, program string) error {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "sim_operator_build_info",
		Help:        "1, with the program and its build as labels.",
		ConstLabels: prometheus.Labels{"program": program, "version": version.Version(), "commit": version.Commit(), "goversion": runtime.Version()},
	})
	build.Set(1)
	if err := registry.Register(build); err != nil {
		return fmt.Errorf("register the build: %w", err)
	}
	return nil
}

// RegisterRuntime registers the metrics of Go and of the process. A program with a controller of controller-runtime has
// these from there.
func RegisterRuntime(registry prometheus.Registerer) error {
	err := errors.Join(
		registry.Register(collectors.NewGoCollector()),
		registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
	if err != nil {
		return fmt.Errorf("register the metrics of the runtime: %w", err)
	}
	return nil
}
