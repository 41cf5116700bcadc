package monitoring

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sim-operator/sim-operator/internal/version"
)

// RegisterProgram registers what every program has: which build it is, its Go runtime and its process. What is there
// already, as in a program with a controller of controller-runtime, stays.
func RegisterProgram(registry prometheus.Registerer, program string) error {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "sim_operator_build_info",
		Help:        "1, with the program and its build as labels.",
		ConstLabels: prometheus.Labels{"program": program, "version": version.Version(), "commit": version.Commit(), "goversion": runtime.Version()},
	})
	build.Set(1)
	for _, collector := range []prometheus.Collector{
		build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		var there prometheus.AlreadyRegisteredError
		if err := registry.Register(collector); err != nil && !errors.As(err, &there) {
			return fmt.Errorf("register the metrics of %s: %w", program, err)
		}
	}
	return nil
}
