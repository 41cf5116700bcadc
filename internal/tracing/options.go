package tracing

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"time"
)

// Every size and time.
const (
	// queueSpans is how many spans wait for the collector. What comes when so many wait is dropped.
	queueSpans = 4096
	// batchSpans is how many spans go to the collector at once.
	batchSpans = 512
	// batchDelay is how long a span waits for others to go with it.
	batchDelay = time.Second
	// exportTimeout bounds how long the collector may take for a batch, tries again included.
	exportTimeout = 10 * time.Second
	// closeTimeout bounds how long the end of a program waits until the last spans are out.
	closeTimeout = 3 * time.Second
	// firstRetry and maxRetry are the waits between tries of one batch.
	firstRetry = 250 * time.Millisecond
	maxRetry   = 2 * time.Second
)

// MaxBatch is how many of the deliveries that one write brought in have a span of their own.
const MaxBatch = 64

// Options are the settings of a program's traces; the flags explain each.
type Options struct {
	// Endpoint is empty for no traces.
	Endpoint    string
	SampleRatio float64
}

// DefaultOptions are the settings where no flag says otherwise: no traces.
func DefaultOptions() Options {
	return Options{SampleRatio: 1}
}

// BindFlags makes flags of the options.
func (o *Options) BindFlags(flags *flag.FlagSet) {
	flags.StringVar(&o.Endpoint, "traces-endpoint", o.Endpoint, "The OpenTelemetry collector that takes traces by OTLP over gRPC, as http://host:4317 or, with TLS, https://host:4317. By default there are no traces.")
	flags.Float64Var(&o.SampleRatio, "traces-sample-ratio", o.SampleRatio, "The part of all deliveries that is traced, from 0 to 1. It follows from the delivery's id which are, so that all programs choose the same ones.")
}

func (o *Options) validate() error {
	if !(o.SampleRatio >= 0 && o.SampleRatio <= 1) {
		return fmt.Errorf("--traces-sample-ratio is from 0 to 1, not %v", o.SampleRatio)
	}
	endpoint, err := url.Parse(o.Endpoint)
	if err != nil {
		return errors.New("--traces-endpoint is no URL") // the error would repeat the URL, and what may stand before its @
	}
	if endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Host == "" {
		return errors.New("--traces-endpoint is http://host:port or https://host:port")
	}
	return nil
}
