package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A target is where deliveries go, and how they are made. The n-th delivery of a run is always the same one.
type target struct {
	// urls are taken in turns.
	urls []string
	body func(n int) []byte
}

// A flow is what came of a flood.
type flow struct {
	accepted int
	took     time.Duration
	answers  []time.Duration // how long each answer took
}

func (f flow) perSecond() float64 { return perSecond(f.accepted, f.took) }

// newPoster makes a client that keeps as many connections as there are callers.
func newPoster(callers int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConns: callers, MaxIdleConnsPerHost: callers, DisableCompression: true}}
}

// floodFor delivers for a time, with a number of callers each of whom waits for its answer. first is the number of the
// first delivery.
func floodFor(ctx context.Context, poster *http.Client, callers int, to target, first int, length time.Duration) (flow, error) {
	deadline := time.Now().Add(length)
	return flood(ctx, poster, callers, to, first, func(int) bool { return time.Now().Before(deadline) })
}

// floodN delivers a number of times, with the usual number of callers.
func floodN(ctx context.Context, poster *http.Client, to target, first, n int) (flow, error) {
	return flood(ctx, poster, callers, to, first, func(number int) bool { return number < first+n })
}

func flood(ctx context.Context, poster *http.Client, callers int, to target, first int, more func(number int) bool) (flow, error) {
	var next atomic.Int64
	next.Store(int64(first))
	answers := make([][]time.Duration, callers)
	failures := make([]error, callers)
	var all sync.WaitGroup
	began := time.Now()
	for caller := range callers {
		all.Go(func() {
			for failures[caller] == nil {
				number := int(next.Add(1) - 1)
				if !more(number) {
					return
				}
				asked := time.Now()
				failures[caller] = post(ctx, poster, to.urls[number%len(to.urls)], to.body(number))
				answers[caller] = append(answers[caller], time.Since(asked))
			}
		})
	}
	all.Wait()
	f := flow{took: time.Since(began), answers: slices.Concat(answers...)}
	f.accepted = len(f.answers)
	for _, err := range failures {
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// post makes one delivery.
func post(ctx context.Context, poster *http.Client, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := poster.Do(request)
	if err != nil {
		return fmt.Errorf("delivering: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("a delivery was answered %s: %s", response.Status, strings.TrimSpace(string(answer)))
	}
	return nil
}

// download writes what a URL answers to a file.
func download(ctx context.Context, client *http.Client, url, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("downloading: the answer is %s", response.Status)
	}
	file, err := os.Create(path) //nolint:gosec // the user's choice
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, response.Body); err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	return file.Close()
}
