package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

const (
	diskBytes = 64 << 20
	chunk     = 1 << 20
	// minQuota is more than an empty spool needs.
	minQuota = 1 << 20
)

// A disk is where one ingress has its spool: a small one of its own where the machine lets us mount one, or else a
// directory, and then a quota stands in for a disk that is full.
type disk struct {
	dir string
	why error
}

func newDisk(dir string) *disk {
	d := &disk{dir: dir}
	d.why = os.MkdirAll(dir, 0o700)
	if d.why == nil {
		d.why = mount(dir, diskBytes)
	}
	return d
}

func (d *disk) String() string {
	if d.why != nil {
		return fmt.Sprintf("no disk of its own for the second ingress (%v): a quota of its spool stands in", d.why)
	}
	return fmt.Sprintf("the second ingress has a disk of its own, of %d MiB", diskBytes>>20)
}

// remove unmounts it. The files go to the directory below, for a look.
func (d *disk) remove() {
	if d.why != nil {
		return
	}
	kept := d.dir + ".kept"
	err := os.CopyFS(kept, os.DirFS(d.dir))
	unmount(d.dir)
	if err == nil {
		_ = os.Remove(d.dir)
		_ = os.Rename(kept, d.dir) // else they stay under the other name
	}
}

// fill leaves the target no room for a while.
func (d *disk) fill(ctx context.Context, supervisor *localcluster.Supervisor, s step) error {
	if d.why != nil {
		return d.impose(ctx, supervisor, s)
	}
	filler := filepath.Join(d.dir, "filler")
	file, err := os.Create(filler) //nolint:gosec // in a directory of our own
	if err != nil {
		return err
	}
	// The ingress may give room back meanwhile, so all of it is taken again and again.
	until := time.Now().Add(s.length)
	for err == nil && time.Now().Before(until) && ctx.Err() == nil {
		if err = takeAll(file); err == nil {
			wait(ctx, 10*time.Millisecond)
		}
	}
	return errors.Join(err, file.Close(), os.Remove(filler))
}

// takeAll writes until there is no room.
func takeAll(file *os.File) error {
	content := make([]byte, chunk)
	for len(content) > 0 {
		_, err := file.Write(content)
		switch {
		case errors.Is(err, syscall.ENOSPC):
			content = content[:len(content)/2]
		case err != nil:
			return err
		}
	}
	return nil
}

// impose starts the target with a quota that its spool has used up, and then again without.
func (d *disk) impose(ctx context.Context, supervisor *localcluster.Supervisor, s step) error {
	info, err := os.Stat(filepath.Join(d.dir, "spool.db"))
	if err != nil {
		return err
	}
	quota := fmt.Sprintf("--spool-max-file-bytes=%d", max(info.Size(), minQuota))
	err = restart(ctx, supervisor, s.target, quota)
	wait(ctx, s.length)
	return errors.Join(err, restart(ctx, supervisor, s.target))
}

func restart(ctx context.Context, supervisor *localcluster.Supervisor, target string, args ...string) error {
	before := supervisor.Restarts(target)
	if err := supervisor.Add(target, args, nil); err != nil {
		return err
	}
	if err := supervisor.Signal(target, syscall.SIGKILL); err != nil {
		return err
	}
	_, err := supervisor.WaitRestarted(ctx, target, before+1)
	return err
}
