package localcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// process is one program under supervision, over all its restarts.
type process struct {
	spec       Process
	supervisor *Supervisor
	stopping   chan struct{}
	done       chan struct{}

	mu       sync.Mutex
	cmd      *exec.Cmd // nil while it does not run
	starts   int
	stopOnce sync.Once
	// extraArgs and extraEnv are added from the next start on.
	extraArgs, extraEnv []string
}

func newProcess(s *Supervisor, spec Process) *process {
	return &process{spec: spec, supervisor: s, stopping: make(chan struct{}), done: make(chan struct{})}
}

// run starts the program again and again until it is told to stop. It reports the first start on started.
func (p *process) run(started chan<- error) {
	// The kernel kills the child when the thread that started it ends, so this goroutine keeps its thread for itself.
	runtime.LockOSThread()
	defer close(p.done)
	err := p.start()
	started <- err
	if err != nil {
		return
	}
	backoff := p.supervisor.options.Backoff
	for {
		began := time.Now()
		if err == nil {
			err = p.wait()
		}
		if p.isStopping() {
			return
		}
		delay := backoff.next(time.Since(began))
		p.supervisor.announce(Notice{Name: p.spec.Name, Restarts: p.restarts(), Err: err, Delay: delay})
		select {
		case <-p.stopping:
			return
		case <-time.After(delay):
		}
		err = p.start()
	}
}

// start starts the program once.
func (p *process) start() error {
	log, err := openLog(p.supervisor.LogFile(p.spec.Name), p.supervisor.options.MaxLogBytes)
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.spec.Name, err)
	}
	defer log.Close() //nolint:errcheck // the child has its own descriptor
	args, env := p.settings()
	cmd := exec.Command(p.spec.Path, args...) //nolint:gosec,noctx // to run what it is told is its purpose; stop ends it
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	if err := p.launch(cmd); err != nil {
		return fmt.Errorf("starting %s: %w", p.spec.Name, err)
	}
	p.supervisor.announce(Notice{Name: p.spec.Name, Pid: cmd.Process.Pid, Restarts: p.restarts()})
	return nil
}

// launch starts cmd unless the process is to stop; after it, stop finds something to signal.
func (p *process) launch(cmd *exec.Cmd) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isStopping() {
		return errStopped
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := writePid(p.pidFile(), cmd.Process.Pid); err != nil {
		return errors.Join(err, cmd.Process.Kill(), ignoreExit(cmd.Wait()))
	}
	p.cmd = cmd
	p.starts++
	return nil
}

// wait waits for the program to end and says how it did.
func (p *process) wait() error {
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	err := cmd.Wait()
	p.mu.Lock()
	p.cmd = nil
	p.mu.Unlock()
	_ = os.Remove(p.pidFile()) //nolint:gosec // a path of the supervisor's own; a pid file that is left behind is replaced at the next start
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// stop ends the program for good.
func (p *process) stop() {
	p.stopOnce.Do(func() { close(p.stopping) })
	_ = p.signal(syscall.SIGTERM) // it may have ended just now, which is as well
	_ = p.signal(syscall.SIGCONT) // one that was stopped would not see the first
	select {
	case <-p.done:
	case <-time.After(p.supervisor.options.Grace):
		_ = p.signal(syscall.SIGKILL)
		<-p.done
	}
}

func (p *process) signal(signal os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return fmt.Errorf("signalling %s: it does not run", p.spec.Name)
	}
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("signalling %s: %w", p.spec.Name, err)
	}
	return nil
}

// settings are the arguments and the environment for the next start.
func (p *process) settings() (args, env []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Concat(p.spec.Args, p.extraArgs), slices.Concat(p.spec.Env, p.extraEnv)
}

func (p *process) add(args, env []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.extraArgs, p.extraEnv = args, env
}

func (p *process) state() (pid, restarts int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		pid = p.cmd.Process.Pid
	}
	return pid, max(p.starts-1, 0)
}

func (p *process) restarts() int {
	_, restarts := p.state()
	return restarts
}

func (p *process) isStopping() bool {
	select {
	case <-p.stopping:
		return true
	default:
		return false
	}
}

func (p *process) pidFile() string {
	return filepath.Join(p.supervisor.dir, p.spec.Name+".pid")
}

// ignoreExit drops the error of a process that was meant to end.
func ignoreExit(err error) error {
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return nil
	}
	return err
}

func writePid(path string, pid int) error {
	return writeFile(path, []byte(strconv.Itoa(pid)+"\n"), 0o644)
}
