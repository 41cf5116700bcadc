package ingress

import (
	"flag"
	"os"
	"time"

	"github.com/sim-operator/sim-operator/internal/apply"
	"github.com/sim-operator/sim-operator/internal/monitoring"
	"github.com/sim-operator/sim-operator/internal/namespaces"
	"github.com/sim-operator/sim-operator/internal/spool"
	"github.com/sim-operator/sim-operator/internal/tracing"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// Options are the settings of an ingress; the flags explain each.
type Options struct {
	HooksAddress string
	ProbeAddress string
	// PprofAddress is "0" for none.
	PprofAddress string
	Metrics      monitoring.Options
	Door         webhook.Options
	TLSCertFile  string
	TLSKeyFile   string
	SpoolDir     string
	Replica      string
	Namespaces   namespaces.Set
	Workers      int
	GracePeriod  time.Duration
	// QuarantineWhenFull is WhenFullRefuse or WhenFullDropOldest.
	QuarantineWhenFull string
	Spool              spool.Options
	Traces             tracing.Options
}

// DefaultOptions are the settings where no flag says otherwise.
func DefaultOptions() Options {
	return Options{
		HooksAddress:       ":8080",
		Metrics:            monitoring.DefaultOptions(),
		Door:               webhook.Options{Limits: webhook.DefaultLimits()},
		ProbeAddress:       ":8082",
		PprofAddress:       "0",
		SpoolDir:           "/var/lib/sim-operator",
		Replica:            replicaName(),
		Workers:            apply.DefaultWorkers,
		GracePeriod:        20 * time.Second,
		QuarantineWhenFull: WhenFullRefuse,
		Spool:              spool.DefaultOptions(),
		Traces:             tracing.DefaultOptions(),
	}
}

func replicaName() string {
	if name := os.Getenv("POD_NAME"); name != "" {
		return name
	}
	name, err := os.Hostname()
	if err != nil {
		return "ingress"
	}
	return name
}

// BindFlags makes flags of the options.
func (o *Options) BindFlags(flags *flag.FlagSet) {
	flags.StringVar(&o.HooksAddress, "hooks-bind-address", o.HooksAddress, "The address on which deliveries are taken.")
	flags.StringVar(&o.ProbeAddress, "health-probe-bind-address", o.ProbeAddress, "The address on which /healthz and /readyz are served.")
	flags.StringVar(&o.PprofAddress, "pprof-bind-address", o.PprofAddress, "The address on which CPU and memory profiles are served, to anybody who reaches it; 0 serves none.")
	flags.StringVar(&o.TLSCertFile, "tls-cert-file", o.TLSCertFile, "The certificate for the hooks, read again when it changes. Without it they are served in the clear.")
	flags.StringVar(&o.TLSKeyFile, "tls-key-file", o.TLSKeyFile, "The key of --tls-cert-file.")
	flags.StringVar(&o.SpoolDir, "spool-dir", o.SpoolDir, "The directory that holds the spool. One process has it at a time.")
	flags.StringVar(&o.Replica, "replica-name", o.Replica, "The name of this replica in SimReceiver.status.ingresses.")
	flags.Var(&o.Namespaces, "namespaces", "The namespaces whose SimReceivers are served, with commas between them; by default all. What still waits for another namespace goes to quarantine.")
	flags.IntVar(&o.Workers, "workers", o.Workers, "How many resources are written at the same time.")
	flags.DurationVar(&o.GracePeriod, "grace-period", o.GracePeriod, "How long requests that are under way may take to finish after SIGTERM.")
	flags.StringVar(&o.QuarantineWhenFull, "quarantine-when-full", o.QuarantineWhenFull, "What to do when the quarantine is full: refuse (push back), or drop-oldest (counted in sim_operator_quarantine_dropped_total).")
	flags.Var(&o.Door.TrustedProxies, "trusted-proxies", "The networks of the load balancers in front, as CIDRs with commas between them. In what comes from them, the last address in X-Forwarded-For that is not theirs is the caller's.")
	o.Door.Limits.BindFlags(flags)
	o.Metrics.BindFlags(flags)
	o.Traces.BindFlags(flags)
	bindSpoolFlags(flags, &o.Spool)
}

func bindSpoolFlags(flags *flag.FlagSet, o *spool.Options) {
	flags.Int64Var(&o.MaxBytes, "spool-max-bytes", o.MaxBytes, "How many bytes of deliveries may wait.")
	flags.IntVar(&o.MaxDeliveries, "spool-max-deliveries", o.MaxDeliveries, "How many deliveries may wait.")
	flags.Int64Var(&o.MaxBytesPerReceiver, "spool-max-bytes-per-receiver", o.MaxBytesPerReceiver, "How many bytes of deliveries of one receiver may wait.")
	flags.IntVar(&o.MaxDeliveriesPerReceiver, "spool-max-deliveries-per-receiver", o.MaxDeliveriesPerReceiver, "How many deliveries of one receiver may wait.")
	flags.Int64Var(&o.MaxFileBytes, "spool-max-file-bytes", o.MaxFileBytes, "How large the spool's file may grow. New deliveries are refused when three quarters of it are in use.")
	flags.IntVar(&o.MaxQuarantined, "quarantine-max-deliveries", o.MaxQuarantined, "How many deliveries may be in quarantine.")
	flags.IntVar(&o.MaxQuarantinedPerReceiver, "quarantine-max-deliveries-per-receiver", o.MaxQuarantinedPerReceiver, "How many deliveries of one receiver may be in quarantine.")
	flags.DurationVar(&o.KeepApplied, "keep-applied", o.KeepApplied, "How long deliveries that were applied are kept for a replay.")
	flags.Int64Var(&o.MaxAppliedBytes, "keep-applied-max-bytes", o.MaxAppliedBytes, "How many bytes of deliveries that were applied are kept for a replay.")
}
