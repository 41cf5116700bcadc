// Package logging is how the two programs log: structured, on standard error, and never so much that a secret is in it.
package logging

import (
	"flag"
	"fmt"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// maxVerbosity is the highest level that is written. From level 8 on, client-go writes the bodies of all requests and
// answers to the logger that it finds in the context, which in a reconcile is controller-runtime's own: the Secret that
// holds a token is among them. From level 6 on, it may write headers.
const maxVerbosity = 5

// Options are the settings of a program's log.
type Options struct {
	zap zap.Options
}

// BindFlags makes flags of the options: those of controller-runtime.
func (o *Options) BindFlags(flags *flag.FlagSet) {
	o.zap.TimeEncoder = zapcore.RFC3339NanoTimeEncoder
	o.zap.BindFlags(flags)
	flags.Lookup("zap-log-level").Usage += fmt.Sprintf(". A level over %d is taken as %d: beyond it, secrets would be written", maxVerbosity, maxVerbosity)
}

// New makes the program's logger, also for what client-go logs without being given one.
func New(o *Options) logr.Logger {
	log := zap.New(zap.UseFlagOptions(&o.zap), capVerbosity)
	// Not as a contextual logger: what klog itself writes then stays at its own verbosity, which is 0 and has no flag.
	klog.SetLogger(log.WithName("client-go"))
	return log
}

func capVerbosity(o *zap.Options) {
	if o.Level != nil {
		o.Level = capped{o.Level}
	}
}

// capped is a level that is not enabled beyond maxVerbosity.
type capped struct {
	zapcore.LevelEnabler
}

// Enabled implements zapcore.LevelEnabler.
func (c capped) Enabled(level zapcore.Level) bool {
	// Zap counts downwards.
	return level >= -maxVerbosity && c.LevelEnabler.Enabled(level)
}
