package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// shell runs steps one after the other, as in one terminal: what a step sets, later ones have.
type shell struct {
	place *place
	// state is a file of variables.
	state string
}

// newShell begins with the variables of another one; from may be nil.
func newShell(p *place, name string, from *shell) (*shell, error) {
	s := &shell{place: p, state: filepath.Join(p.scratch, strings.ReplaceAll(name, "/", "_")+".env")}
	var content []byte
	if from != nil {
		var err error
		if content, err = os.ReadFile(from.state); err != nil {
			return nil, err
		}
	}
	return s, os.WriteFile(s.state, content, 0o600) //nolint:gosec // below a directory of ours
}

// failure is a step that did not do what its document says.
type failure struct {
	step   step
	line   int
	why    string
	output string
}

func (f *failure) Error() string {
	return fmt.Sprintf("%s:%d: %s\n%s", f.step.file, f.line, f.why, indent(f.output))
}

// readsOnly are commands that may be given again until they show what the document shows: a reader, too, looks again.
var readsOnly = regexp.MustCompile(`^(bin/)?kubectl( -n \S+)? (get|describe|events|explain|sim status|sim timeline)\b|^bin/ingress quarantine (list|show)\b|^curl -sS? http`)

// run gives a step to bash, and compares what it says with what the document shows.
func (s *shell) run(ctx context.Context, st step, patience time.Duration) *failure {
	again := st.compared && readsOnly.MatchString(st.script[0])
	for deadline := time.Now().Add(patience); ; {
		out, failed := s.once(ctx, st)
		if failed == nil && (!st.compared || same(st.output, strings.Split(out, "\n"))) {
			return nil
		}
		if again && ctx.Err() == nil && time.Now().Before(deadline) {
			time.Sleep(time.Second)
			continue
		}
		if failed == nil {
			failed = &failure{step: st, line: st.line, why: different(st, out), output: out}
		}
		return failed
	}
}

func different(st step, out string) string {
	why := "the output is not what the document shows"
	if lines := unmet(st.output, strings.Split(out, "\n")); len(lines) > 0 {
		why += "; it lacks\n  < " + strings.Join(lines, "\n  < ")
	}
	return why
}

// script is a step with what keeps variables, at the line at which it stands in its document, so that bash's own
// messages name that line.
func (s *shell) script(st step, lineFile string) string {
	before := fmt.Sprintf(`. %q; set -a; trap 'echo $LINENO > %q' ERR`, s.state, lineFile)
	return before + strings.Repeat("\n", st.line-1) + strings.Join(st.script, "\n") +
		fmt.Sprintf("\nexport -p > %q\n", s.state)
}

// command is bash with a step.
func (s *shell) command(ctx context.Context, st step) (*exec.Cmd, string, error) {
	base := filepath.Join(s.place.scratch, fmt.Sprintf("%s:%d", strings.ReplaceAll(st.file, "/", "_"), st.line))
	if err := os.WriteFile(base, []byte(s.script(st, base+".line")), 0o600); err != nil {
		return nil, "", err
	}
	command := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", base) //nolint:gosec // that is what this is for
	command.Dir, command.Env = s.place.dir, s.place.env
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = 5 * time.Second
	return command, base + ".line", nil
}

func (s *shell) once(ctx context.Context, st step) (string, *failure) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	command, lineFile, err := s.command(ctx, st)
	if err != nil {
		return "", &failure{step: st, line: st.line, why: err.Error()}
	}
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err = command.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	if st.fails {
		err = inverted(err)
	}
	if err != nil {
		return out.String(), &failure{step: st, line: failedLine(lineFile, st.line), why: err.Error(), output: out.String()}
	}
	return out.String(), nil
}

// inverted is for a command that is to fail.
func inverted(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return errors.New("it ended with 0, and the document says that it fails")
	case errors.As(err, &exit) && exit.Exited():
		return nil
	default:
		return err
	}
}

// failedLine is the line that bash wrote down when a command failed.
func failedLine(file string, fallback int) int {
	content, err := os.ReadFile(file) //nolint:gosec // ours
	if err != nil {
		return fallback
	}
	line, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return fallback
	}
	return line
}

// check has bash read a step without running it.
func (s *shell) check(ctx context.Context, st step) *failure {
	command, _, err := s.command(ctx, st)
	if err == nil {
		command.Args = append([]string{"bash", "-n"}, command.Args[len(command.Args)-1])
		var out []byte
		if out, err = command.CombinedOutput(); err == nil {
			return nil
		}
		return &failure{step: st, line: st.line, why: "bash cannot read it", output: string(out)}
	}
	return &failure{step: st, line: st.line, why: err.Error()}
}

// A job is a step that goes on in the background, as in a terminal of its own.
type job struct {
	command *exec.Cmd
	ended   chan struct{}
	out     *transcript
}

// start runs a step in the background, and returns when it has printed that it is up.
func (s *shell) start(ctx context.Context, st step) (*job, *failure) {
	command, _, err := s.command(context.WithoutCancel(ctx), st) // it is stopped as a person does
	if err != nil {
		return nil, &failure{step: st, line: st.line, why: err.Error()}
	}
	j := &job{command: command, ended: make(chan struct{}), out: &transcript{wanted: st.background, seen: make(chan struct{})}}
	command.Stdout, command.Stderr = j.out, j.out
	if err := command.Start(); err != nil {
		return nil, &failure{step: st, line: st.line, why: err.Error()}
	}
	go func() {
		_ = command.Wait() // how it ends is looked at by nobody: it is ended by a signal
		close(j.ended)
	}()
	why := fmt.Sprintf("it did not print %q", st.background)
	select {
	case <-j.out.seen:
		return j, nil
	case <-j.ended:
		why = "it ended"
	case <-ctx.Done():
		why = ctx.Err().Error()
	case <-time.After(startTimeout):
	}
	j.stop()
	return nil, &failure{step: st, line: st.line, why: why, output: j.out.String()}
}

// stop is Ctrl-C, and kills what does not go by that.
func (j *job) stop() {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		_ = syscall.Kill(-j.command.Process.Pid, signal) // it may be gone
		select {
		case <-j.ended:
			return
		case <-time.After(stopTimeout):
		}
	}
}

// transcript is what a job has printed.
type transcript struct {
	wanted string
	seen   chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
	told bool
}

var _ io.Writer = &transcript{}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(p)
	if !t.told && strings.Contains(t.text.String(), t.wanted) {
		t.told = true
		close(t.seen)
	}
	return len(p), nil
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

func indent(text string) string {
	return "  | " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  | ")
}
