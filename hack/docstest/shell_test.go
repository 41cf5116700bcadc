package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func newTestShell(t *testing.T) *shell {
	t.Helper()
	s, err := newShell(&place{dir: t.TempDir(), scratch: t.TempDir(), env: os.Environ()}, "d.md", nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRun(t *testing.T) {
	for name, tc := range map[string]struct {
		steps []step
		// want is a part of the message of the failure; empty where there is none.
		want string
	}{
		"what a step sets, the next one has": {steps: []step{
			{line: 4, script: []string{"a='b c'", "cd /"}},
			{line: 9, script: []string{`echo "$a"; pwd | grep -c /`}, compared: true, output: []string{"b c", "1"}},
		}},
		"the line at which it failed": {
			steps: []step{{line: 4, script: []string{"true", "false", "true"}}},
			want:  "d.md:5: exit status 1",
		},
		"a pipe that failed in its middle": {
			steps: []step{{line: 4, script: []string{"false | cat"}}},
			want:  "d.md:4: exit status 1",
		},
		"a variable that there is not": {
			steps: []step{{line: 4, script: []string{`echo "$there_is_no_such"`}}},
			want:  "unbound variable",
		},
		"another output": {
			steps: []step{{line: 4, script: []string{"echo a; echo b >&2"}, compared: true, output: []string{"a"}}},
			want:  "not what the document shows",
		},
		"what is to fail, and does": {
			steps: []step{{line: 4, script: []string{"echo no; false"}, fails: true, compared: true, output: []string{"no"}}},
		},
		"what is to fail, and does not": {
			steps: []step{{line: 4, script: []string{"true"}, fails: true, compared: true}},
			want:  "says that it fails",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestShell(t)
			message := ""
			for _, st := range tc.steps {
				st.file = "d.md"
				if failed := s.run(t.Context(), st, 0); failed != nil {
					message = failed.Error()
				}
			}
			if tc.want == "" && message != "" || !strings.Contains(message, tc.want) {
				t.Errorf("the failure is %q", message)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	s := newTestShell(t)
	for script, fine := range map[string]bool{"helm install x --set a=b": true, "if true; then": false} {
		if failed := s.check(t.Context(), step{file: "d.md", line: 4, script: []string{script}}); (failed == nil) != fine {
			t.Errorf("%s: %v", script, failed)
		}
	}
}

// A job is up when it says so, and gets Ctrl-C at the end.
func TestJobs(t *testing.T) {
	s := newTestShell(t)
	j, failed := s.start(t.Context(), step{file: "d.md", line: 4, script: []string{"trap 'echo bye; exit' INT", "echo it is up", "while :; do sleep 0.1; done"}, background: "is up"})
	if failed != nil {
		t.Fatal(failed)
	}
	begun := time.Now()
	j.stop()
	if !strings.Contains(j.out.String(), "bye") || time.Since(begun) > stopTimeout {
		t.Errorf("after %s it had said %q", time.Since(begun), j.out)
	}
	if _, failed := s.start(t.Context(), step{file: "d.md", line: 4, script: []string{"echo no"}, background: "is up"}); failed == nil || failed.why != "it ended" {
		t.Errorf("the failure is %v", failed)
	}
}
