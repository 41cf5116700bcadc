package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockPoll is how often a lock that another run holds is tried again.
const lockPoll = 500 * time.Millisecond

// lock takes the lock file at path, waiting for another run that holds it. The kernel frees it when the process ends,
// however it ends.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644) //nolint:gosec // a lock file with nothing in it
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	for told := false; ; told = true {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
		}
		if !told {
			say("another run is getting them; waiting for it")
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(errors.New("interrupted"), file.Close())
		case <-time.After(lockPoll):
		}
	}
}
