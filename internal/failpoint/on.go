//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// armed counts down how often each place may still be passed.
type armed struct {
	mu   sync.Mutex
	left map[string]int
}

// read reads the environment once, at the first place that is passed.
var read = sync.OnceValue(func() *armed { return parse(os.Getenv(Variable)) })

func parse(setting string) *armed {
	a := &armed{left: map[string]int{}}
	for item := range strings.SplitSeq(setting, ",") {
		name, count, _ := strings.Cut(item, "=")
		if n, err := strconv.Atoi(count); err == nil && n > 0 {
			a.left[name] = n
		}
	}
	return a
}

// due says whether this is the time.
func (a *armed) due(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left[name] == 0 {
		return false
	}
	a.left[name]--
	return a.left[name] == 0
}

// Hit ends the process if it is here for the Nth time.
func Hit(name string) {
	if read().due(name) {
		die(name)
	}
}

// Torn calls write, which changes the file at path. If it is here for the Nth time it then puts some of its bytes back as
// they were, from the one at on, and ends the process. So the file is as a process leaves it that is killed before it has
// written these: bbolt has no place between its data and its meta pages where one could end it, and a write has none at all.
func Torn(name, path string, at int64, length int, write func() error) error {
	if !read().due(name) {
		return write()
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("failpoint %s: %w", name, err)
	}
	before := make([]byte, length)
	if _, err := file.ReadAt(before, at); err != nil {
		return fmt.Errorf("failpoint %s: %w", name, err)
	}
	if err := write(); err != nil {
		return err
	}
	if _, err := file.WriteAt(before, at); err != nil {
		return fmt.Errorf("failpoint %s: %w", name, err)
	}
	die(name)
	return nil
}

// die does not return: nothing may happen after it.
func die(name string) {
	fmt.Fprintf(os.Stderr, "\nfailpoint: %s\n", name)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
