package localcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Process is a program that a Supervisor keeps running.
type Process struct {
	// Name is unique within the supervisor; <name>.pid and <name>.log are named after it.
	Name string
	// Path is the executable file.
	Path string
	// Args are its arguments, without its own name.
	Args []string
	// Env is added to the supervisor's own environment.
	Env []string
}

// Notice tells what happened to a process.
type Notice struct {
	// Name is the name of the process.
	Name string
	// Pid is set when it was started, and 0 when it ended.
	Pid int
	// Restarts is how often it has been started again.
	Restarts int
	// Err says how it ended.
	Err error
	// Delay is how long the supervisor waits until it starts it again.
	Delay time.Duration
}

// SupervisorOptions are what may be left out.
type SupervisorOptions struct {
	// Notify is called whenever a process was started or ended by itself, by one goroutine a process.
	Notify func(Notice)
	// Waiting is called now and then while a process is waited for that is not ready; err says what is wrong with it.
	Waiting func(name string, err error)
	// Backoff is how long to wait before a process is started again.
	Backoff Backoff
	// Grace is how long a process may take to end after SIGTERM; then it gets SIGKILL. The default is 15 seconds.
	Grace time.Duration
	// MaxLogBytes is the size over which <name>.log becomes <name>.log.1 at the next start. The default is 20 MiB.
	MaxLogBytes int64
}

// Defaults of SupervisorOptions.
const (
	defaultGrace       = 15 * time.Second
	defaultMaxLogBytes = 20 << 20
)

// Supervisor keeps processes running, as a kubelet does containers: what dies is started again, at once the first time
// and ever later while it keeps dying. Of each it writes <dir>/<name>.pid and <dir>/<name>.log.
//
// On Linux the processes die with the supervisor's own process, however that ends.
type Supervisor struct {
	dir     string
	options SupervisorOptions
	done    chan struct{}

	mu        sync.Mutex
	processes []*process
	changed   chan struct{}
	closed    bool
}

// NewSupervisor makes a supervisor that writes into dir and stops its processes, the last started first, when ctx ends.
func NewSupervisor(ctx context.Context, dir string, options SupervisorOptions) (*Supervisor, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil { //nolint:gosec // the caller's choice
		return nil, fmt.Errorf("making the supervisor's directory: %w", err)
	}
	if options.Notify == nil {
		options.Notify = func(Notice) {}
	}
	if options.Waiting == nil {
		options.Waiting = func(string, error) {}
	}
	if options.Grace == 0 {
		options.Grace = defaultGrace
	}
	if options.MaxLogBytes == 0 {
		options.MaxLogBytes = defaultMaxLogBytes
	}
	options.Backoff = options.Backoff.withDefaults()
	s := &Supervisor{dir: dir, options: options, done: make(chan struct{}), changed: make(chan struct{})}
	context.AfterFunc(ctx, s.shutdown)
	return s, nil
}

// Start starts a process and keeps it running. The error is that of the first start alone.
func (s *Supervisor) Start(spec Process) error {
	p := newProcess(s, spec)
	if err := s.add(p); err != nil {
		return err
	}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		s.remove(p)
		return err
	}
	return nil
}

// Stop ends a process for good: SIGTERM, and SIGKILL after a grace period. It returns when the process is gone.
func (s *Supervisor) Stop(name string) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	p.stop()
	s.remove(p)
	return nil
}

// Signal sends a signal to a process. One that dies of it is started again.
func (s *Supervisor) Signal(name string, signal os.Signal) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	return p.signal(signal)
}

// Add gives a process arguments and an environment beside its own, from its next start on. They replace what an earlier
// Add gave it.
func (s *Supervisor) Add(name string, args, env []string) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	p.add(args, env)
	return nil
}

// Pid is the process id of a process, 0 while it does not run.
func (s *Supervisor) Pid(name string) int {
	pid, _ := s.state(name)
	return pid
}

// Restarts is how often a process has been started again.
func (s *Supervisor) Restarts(name string) int {
	_, restarts := s.state(name)
	return restarts
}

// WaitRestarted waits until a process runs that has been started again at least so many times, and returns its pid.
func (s *Supervisor) WaitRestarted(ctx context.Context, name string, restarts int) (int, error) {
	for {
		changed := s.watch()
		if pid, n := s.state(name); pid != 0 && n >= restarts {
			return pid, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for restart %d of %s: %w", restarts, name, ctx.Err())
		case <-s.done:
			return 0, fmt.Errorf("waiting for restart %d of %s: %w", restarts, name, errStopped)
		case <-changed:
		}
	}
}

// Names are the names of the processes, in the order in which they were started.
func (s *Supervisor) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.processes))
	for _, p := range s.processes {
		names = append(names, p.spec.Name)
	}
	return names
}

// LogFile is where the output of a process goes.
func (s *Supervisor) LogFile(name string) string {
	return filepath.Join(s.dir, name+".log")
}

// Shutdown stops all processes, the last started first, and returns when all of them are gone.
func (s *Supervisor) Shutdown() {
	s.shutdown()
	<-s.done
}

var errStopped = errors.New("the supervisor has stopped")

func (s *Supervisor) shutdown() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if !first {
		return
	}
	for _, name := range slices.Backward(s.Names()) {
		_ = s.Stop(name) // gone already, if it is unknown by now
	}
	close(s.done)
}

func (s *Supervisor) add(p *process) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("starting %s: %w", p.spec.Name, errStopped)
	}
	for _, other := range s.processes {
		if other.spec.Name == p.spec.Name {
			return fmt.Errorf("starting %s: there is one of that name already", p.spec.Name)
		}
	}
	s.processes = append(s.processes, p)
	return nil
}

func (s *Supervisor) remove(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes = slices.DeleteFunc(s.processes, func(other *process) bool { return other == p })
}

func (s *Supervisor) find(name string) (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.processes {
		if p.spec.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("there is no process %q", name)
}

func (s *Supervisor) state(name string) (pid, restarts int) {
	p, err := s.find(name)
	if err != nil {
		return 0, 0
	}
	return p.state()
}

// watch returns a channel that is closed at the next change of any process.
func (s *Supervisor) watch() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Supervisor) announce(n Notice) {
	s.mu.Lock()
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	s.options.Notify(n)
}
