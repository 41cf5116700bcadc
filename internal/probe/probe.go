// Package probe asks the door of an ingress whether it is open, from outside, as helm test does.
package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Usage is the command line.
const Usage = `  ingress probe [--timeout DURATION] [--insecure] URL    asks whether the door of an ingress answers there`

const (
	defaultTimeout = 10 * time.Second
	// askTimeout is how long one answer may take.
	askTimeout = 5 * time.Second
	// waitBetween is how long it waits before it asks again.
	waitBetween = time.Second
)

// Run carries out the command line that follows "probe": it asks until the door answers, or the timeout is over.
func Run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("ingress probe", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	timeout := flags.Duration("timeout", defaultTimeout, "")
	insecure := flags.Bool("insecure", false, "")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w\n%s", err, Usage)
	}
	if flags.NArg() != 1 {
		return errors.New(Usage)
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	client := newClient(*insecure)
	for {
		err := ask(ctx, client, flags.Arg(0))
		if err == nil {
			_, err = fmt.Fprintln(out, "the door answers at", flags.Arg(0))
			return err
		}
		if !wait(ctx, waitBetween) {
			return fmt.Errorf("no door answers within %s: %w", *timeout, err)
		}
	}
}

func newClient(insecure bool) *http.Client {
	transport := &http.Transport{
		// Each time anew, for another replica may be behind the address by then.
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}, //nolint:gosec // nothing is sent, and a person said so
	}
	return &http.Client{Transport: transport, Timeout: askTimeout}
}

// ask is nil if a door answers: nobody else says in RFC 9457's way that there is nothing at the root.
func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusNotFound || kind != "application/problem+json" {
		return fmt.Errorf("it answered %s of type %q, which is no door's answer", response.Status, kind)
	}
	return nil
}

// wait is false if the context ended before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
