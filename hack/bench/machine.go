package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/sim-operator/sim-operator/hack/bench/record"
)

// newRun says when, where and of what the numbers are.
func newRun(ctx context.Context, dir string) record.Run {
	commit := "unknown"
	if out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
	}
	return record.Run{
		Arguments: strings.Join(os.Args[1:], " "), Began: time.Now().UTC().Truncate(time.Second), Commit: commit, LoadBefore: loadAverage(),
		Machine: fmt.Sprintf("%s/%s, %d cores (%s), %s; fsync of 4 KiB takes %s",
			runtime.GOOS, runtime.GOARCH, cores(), processor(), runtime.Version(), fsyncTime(dir)),
	}
}

func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer file.Close() //nolint:errcheck // only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "model name"); ok {
			return strings.TrimLeft(name, "\t :")
		}
	}
	return "unknown"
}

func loadAverage() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(content))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// fsyncTime is what the disk below a directory takes to keep one page, as the median of some.
func fsyncTime(dir string) time.Duration {
	file, err := os.Create(filepath.Join(dir, "fsync")) //nolint:gosec // a directory of this program's own
	if err != nil {
		return 0
	}
	defer file.Close() //nolint:errcheck // nothing of value
	var all []time.Duration
	for range 50 {
		began := time.Now()
		if _, err := file.WriteAt(make([]byte, 4096), 0); err != nil {
			return 0
		}
		if err := file.Sync(); err != nil {
			return 0
		}
		all = append(all, time.Since(began))
	}
	return percentile(all, 50).Round(time.Microsecond)
}
