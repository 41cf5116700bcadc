package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit in which Linux tells of processor time, on all architectures that Go runs on.
const clockTick = 10 * time.Millisecond

// resident is the memory that a process has in RAM, in bytes, and of that what no file stands behind.
func resident(pid int) (all, anonymous float64, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	all, err = kilobytes(string(content), "VmRSS:")
	if err != nil {
		return 0, 0, err
	}
	anonymous, err = kilobytes(string(content), "RssAnon:")
	return all, anonymous, err
}

// kilobytes finds a line of /proc/<pid>/status, and returns its value in bytes.
func kilobytes(content, name string) (float64, error) {
	for line := range strings.Lines(content) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == name {
			n, err := strconv.ParseFloat(fields[1], 64)
			return n * 1024, err
		}
	}
	return 0, fmt.Errorf("there is no %s in the status of the process", name)
}

// heapInUse finds the bytes of live objects in a heap profile in text.
func heapInUse(profile string) (float64, error) {
	for line := range strings.Lines(profile) {
		if value, ok := strings.CutPrefix(line, "# HeapAlloc = "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, errors.New("there is no HeapAlloc in the heap profile")
}

// processorTime is what a process has used so far, in user space and in the kernel.
func processorTime(pid int) (time.Duration, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the processor time of process %d: %w", pid, err)
	}
	return parseProcessorTime(string(content))
}

// parseProcessorTime reads the 14th and the 15th field. The second is the program's name in parentheses, which may hold
// anything.
func parseProcessorTime(content string) (time.Duration, error) {
	fields := strings.Fields(content[strings.LastIndexByte(content, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("%d fields are too few for the stat of a process", len(fields))
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the stat of a process: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
