package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// How often the yardstick is laid on, and how much work it is: some 20 ms, so that it takes little from what is measured.
const (
	yardstickEvery   = 2 * time.Second
	yardstickRepeats = 2000
)

// A yardstick is a fixed piece of work, done now and then while something else is measured. The processor time that it
// takes says how fast the machine is meanwhile. Sizes are compared that are measured a quarter of an hour apart, and a
// machine that others work on, too, may be a third slower by then.
type yardstick struct {
	stop context.CancelFunc
	done chan error
	took []time.Duration
}

// layYardstick begins to measure. The caller reads the yardstick, which ends it.
func layYardstick(ctx context.Context) *yardstick {
	ctx, stop := context.WithCancel(ctx)
	y := &yardstick{stop: stop, done: make(chan error, 1)}
	go func() { y.done <- y.measure(ctx) }()
	return y
}

// read returns the median of what the work took.
func (y *yardstick) read() (time.Duration, error) {
	y.stop()
	err := <-y.done
	return median(y.took), err
}

func (y *yardstick) measure(ctx context.Context) error {
	// The processor time is that of a thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ticker := time.NewTicker(yardstickEvery)
	defer ticker.Stop()
	for {
		before, err := threadTime()
		if err != nil {
			return err
		}
		if err := yardstickWork(); err != nil {
			return err
		}
		after, err := threadTime()
		if err != nil {
			return err
		}
		y.took = append(y.took, after-before)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// yardstickWork decodes and encodes a delivery again and again: what the programs do most, too.
func yardstickWork() error {
	body := alertBody("On", 85)(0)
	for range yardstickRepeats {
		var document map[string]any
		if err := json.Unmarshal(body, &document); err != nil {
			return fmt.Errorf("working for the yardstick: %w", err)
		}
		if _, err := json.Marshal(document); err != nil {
			return fmt.Errorf("working for the yardstick: %w", err)
		}
	}
	return nil
}

// threadTime is the processor time of the thread so far.
func threadTime() (time.Duration, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &used); err != nil {
		return 0, fmt.Errorf("reading the processor time of a thread: %w", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}
