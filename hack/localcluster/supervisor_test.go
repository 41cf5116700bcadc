package localcluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the program that the tests supervise: childEnv says what it does instead of testing.
const (
	childEnv = "LOCALCLUSTER_TEST_CHILD"

	childObeys    = "obeys"    // ends on SIGTERM
	childIgnores  = "ignores"  // does not
	childFails    = "fails"    // ends at once, with exit status 3
	childSupports = "supports" // is a supervisor itself, and prints the pid of its child
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childEnv); role != "" {
		os.Exit(runChild(role))
	}
	os.Exit(m.Run())
}

func runChild(role string) int {
	switch role {
	case childFails:
		return 3
	case childSupports:
		s, err := NewSupervisor(context.Background(), os.Getenv("DIR"), SupervisorOptions{})
		if err != nil {
			return 1
		}
		if err := s.Start(child("grandchild", childIgnores)); err != nil {
			return 1
		}
		fmt.Println(s.Pid("grandchild"))
		select {}
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	fmt.Println(strings.TrimSpace("up " + strings.Join(os.Args[1:], " ") + " " + os.Getenv("EXTRA"))) // a SIGTERM from now on is caught
	<-terminated
	if role == childObeys {
		return 0
	}
	select {}
}

// child is a process that runs this test binary in a role.
func child(name, role string) Process {
	return Process{Name: name, Path: os.Args[0], Env: []string{childEnv + "=" + role, "GORACE=atexit_sleep_ms=0"}}
}

// fast are options with which a test does not wait long.
func fast() SupervisorOptions {
	return SupervisorOptions{
		Backoff: Backoff{First: time.Millisecond, Max: 4 * time.Millisecond, Settled: time.Hour},
		Grace:   20 * time.Second, // as long as it takes on a busy machine; what ends in time does not wait for it
	}
}

func newTestSupervisor(t *testing.T, o SupervisorOptions) (s *Supervisor, dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := NewSupervisor(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s, dir
}

func mustStart(t *testing.T, s *Supervisor, p Process) {
	t.Helper()
	if err := s.Start(p); err != nil {
		t.Fatal(err)
	}
}

// waitFor polls until check is true: where processes meet there is nothing else to wait on.
func waitFor(t *testing.T, what string, check func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !check() {
		select {
		case <-deadline.C:
			t.Fatalf("still not: %s", what)
		case <-ticker.C:
		}
	}
}

// waitUpInLog waits until a child has said that it catches SIGTERM.
func waitUpInLog(t *testing.T, s *Supervisor, name string) {
	t.Helper()
	waitFor(t, name+" is up", func() bool { return strings.Contains(Tail(s.LogFile(name), 100), "up") })
}

// alive is false of a process that is gone, or dead and only not waited for.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(status), ") Z ")
}

func TestSupervisorStartsAgainWhatWasKilled(t *testing.T) {
	s, dir := newTestSupervisor(t, fast())
	mustStart(t, s, child("a", childObeys))
	for round := 1; round <= 5; round++ {
		before := s.Pid("a")
		if err := s.Signal("a", syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		pid, err := s.WaitRestarted(t.Context(), "a", round)
		if err != nil {
			t.Fatal(err)
		}
		if pid == before || !alive(pid) || alive(before) {
			t.Fatalf("round %d: pid %d (alive: %t) after %d (alive: %t)", round, pid, alive(pid), before, alive(before))
		}
		content, err := os.ReadFile(filepath.Join(dir, "a.pid"))
		if err != nil {
			t.Fatal(err)
		}
		if want := strconv.Itoa(pid) + "\n"; string(content) != want {
			t.Fatalf("a.pid holds %q, want %q", content, want)
		}
	}
	if got := s.Restarts("a"); got != 5 {
		t.Errorf("%d restarts, want 5", got)
	}
}

func TestSupervisorAddsArgumentsFromTheNextStartOn(t *testing.T) {
	s, _ := newTestSupervisor(t, fast())
	mustStart(t, s, child("a", childObeys))
	waitUpInLog(t, s, "a")
	for restarts, step := range []struct {
		args, env []string
		want      string
	}{
		{[]string{"-one"}, []string{"EXTRA=first"}, "up -one first"},
		{[]string{"-two"}, nil, "up -two"},
		{nil, nil, "up"},
	} {
		if err := s.Add("a", step.args, step.env); err != nil {
			t.Fatal(err)
		}
		if err := s.Signal("a", syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "it says "+step.want, func() bool {
			lines := strings.Split(strings.TrimLeft(Tail(s.LogFile("a"), 100), "\n"), "\n")
			return len(lines) == restarts+2 && lines[restarts+1] == step.want
		})
	}
	if err := s.Add("b", nil, nil); err == nil {
		t.Error("what is not there was added to")
	}
}

func TestSupervisorWaitsLongerForWhatKeepsDying(t *testing.T) {
	var mu sync.Mutex
	var delays []time.Duration
	enough := make(chan struct{})
	o := fast()
	o.Notify = func(n Notice) {
		mu.Lock()
		defer mu.Unlock()
		if n.Pid != 0 || len(delays) == 5 {
			return
		}
		delays = append(delays, n.Delay)
		if exit := new(exec.ExitError); !errors.As(n.Err, &exit) || exit.ExitCode() != 3 {
			t.Errorf("it ended with %v, want exit status 3", n.Err)
		}
		if len(delays) == 5 {
			close(enough)
		}
	}
	s, _ := newTestSupervisor(t, o)
	mustStart(t, s, child("a", childFails))
	<-enough
	s.Shutdown()
	want := []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond, 4 * time.Millisecond}
	if !slices.Equal(delays, want) {
		t.Errorf("delays %v, want %v", delays, want)
	}
}

func TestBackoffStartsAfreshAfterAWhile(t *testing.T) {
	b := Backoff{}.withDefaults()
	var got []time.Duration
	for _, ran := range []time.Duration{0, 0, 0, 0, 0, 0, 9 * time.Second, 10 * time.Second, 0} {
		got = append(got, b.next(ran)/time.Second)
	}
	if want := []time.Duration{0, 1, 2, 4, 8, 10, 10, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("delays %v s, want %v s", got, want)
	}
}

func TestSupervisorStopsTheLastStartedFirst(t *testing.T) {
	s, dir := newTestSupervisor(t, fast())
	var pids []int
	for _, name := range []string{"a", "b", "c"} {
		mustStart(t, s, child(name, childObeys))
		waitUpInLog(t, s, name)
		pids = append(pids, s.Pid(name))
	}
	ended := make(chan string, 3)
	for i, name := range []string{"a", "b", "c"} {
		p, err := s.find(name)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-p.done
			for later := i + 1; later < len(pids); later++ {
				if alive(pids[later]) {
					t.Errorf("%s ended before the one that was started after it", name)
				}
			}
			ended <- name
		}()
	}
	s.Shutdown()
	for range 3 {
		<-ended
	}
	for i, name := range []string{"a", "b", "c"} {
		if alive(pids[i]) {
			t.Errorf("%s still lives", name)
		}
		if _, err := os.Stat(filepath.Join(dir, name+".pid")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s.pid is still there: %v", name, err)
		}
	}
	if err := s.Start(child("d", childObeys)); !errors.Is(err, errStopped) {
		t.Errorf("starting another after the shutdown: %v, want %v", err, errStopped)
	}
}

func TestSupervisorStopsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := NewSupervisor(ctx, t.TempDir(), fast())
	if err != nil {
		t.Fatal(err)
	}
	mustStart(t, s, child("a", childObeys))
	pid := s.Pid("a")
	cancel()
	s.Shutdown() // waits for the one that the end of ctx began
	if alive(pid) {
		t.Error("it still lives")
	}
}

func TestSupervisorKillsWhatDoesNotEnd(t *testing.T) {
	o := fast()
	o.Grace = 50 * time.Millisecond
	s, _ := newTestSupervisor(t, o)
	mustStart(t, s, child("a", childIgnores))
	waitUpInLog(t, s, "a")
	pid := s.Pid("a")
	if err := s.Stop("a"); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Error("it still lives")
	}
	if got := s.Names(); len(got) != 0 {
		t.Errorf("there is still %v", got)
	}
}

func TestSupervisorStopsAProcessThatIsPaused(t *testing.T) {
	s, _ := newTestSupervisor(t, fast())
	mustStart(t, s, child("a", childObeys))
	waitUpInLog(t, s, "a")
	if err := s.Signal("a", syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Stop("a"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took >= fast().Grace {
		t.Errorf("it took %s: it was killed, not continued", took)
	}
}

func TestSupervisorRefuses(t *testing.T) {
	s, _ := newTestSupervisor(t, fast())
	mustStart(t, s, child("a", childObeys))
	for sentence, err := range map[string]error{
		"a second process of a name":      s.Start(child("a", childObeys)),
		"a program that does not exist":   s.Start(Process{Name: "b", Path: filepath.Join(t.TempDir(), "none")}),
		"a signal to a process not there": s.Signal("c", syscall.SIGTERM),
		"to stop a process not there":     s.Stop("c"),
	} {
		if err == nil {
			t.Errorf("%s: no error", sentence)
		}
	}
	if got, want := s.Names(), []string{"a"}; !slices.Equal(got, want) {
		t.Errorf("processes %v, want %v", got, want)
	}
}

func TestSupervisorAppendsToTheLogAndPutsALargeOneAside(t *testing.T) {
	o := fast()
	o.MaxLogBytes = 10
	s, dir := newTestSupervisor(t, o)
	path := filepath.Join(dir, "a.log")
	if err := os.WriteFile(path, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustStart(t, s, child("a", childObeys))
	waitUpInLog(t, s, "a")
	if got, want := Tail(path, 100), "short\nup"; got != want {
		t.Errorf("the log holds %q, want %q", got, want)
	}
	if err := os.WriteFile(path, []byte("far longer than ten bytes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Signal("a", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a new log", func() bool { return Tail(path, 100) == "up" })
	if got, want := Tail(path+".1", 100), "far longer than ten bytes"; got != want {
		t.Errorf("the log before holds %q, want %q", got, want)
	}
}

func TestChildrenDieWithTheSupervisor(t *testing.T) {
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), childEnv+"="+childSupports, "DIR="+t.TempDir())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	waitFor(t, "the child of the killed supervisor is gone", func() bool { return !alive(pid) })
}
