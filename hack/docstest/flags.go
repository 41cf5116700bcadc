package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// call is one command with the flags that it is given.
type call struct {
	// words are the program, its subcommands, and arguments, which do no harm to --help.
	words []string
	flags []string
}

// helpful are programs that say by --help which flags they have.
var helpful = []string{"kubectl", "helm"}

// calls are the commands of a script of which it can be said whether their flags exist.
func calls(script []string) []call {
	var found []call
	for _, line := range strings.Split(strings.ReplaceAll(strings.Join(script, "\n"), "\\\n", " "), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || !slices.Contains(helpful, fields[0]) {
			continue
		}
		found = append(found, newCall(fields))
	}
	return found
}

func newCall(fields []string) call {
	var c call
	for i := 0; i < len(fields); i++ {
		field := fields[i]
		switch {
		case slices.Contains([]string{"--", "|", "&&", ";", ">", "#"}, field):
			return c
		case field == "-n" || field == "-l" || field == "-f":
			i++ // their value is no subcommand
		case strings.HasPrefix(field, "--"):
			name, _, _ := strings.Cut(field, "=")
			c.flags = append(c.flags, name)
		case !strings.HasPrefix(field, "-"):
			c.words = append(c.words, field)
		}
	}
	return c
}

// checkFlags asks a program whether it has the flags that a document gives it. A plugin that is not there is not asked.
func (p *place) checkFlags(ctx context.Context, st step) *failure {
	for _, c := range calls(st.script) {
		help, err := p.help(ctx, append(c.words[1:], "--help"), c.words[0])
		if err != nil && strings.Contains(help, "unknown command") {
			continue
		}
		if c.words[0] == "kubectl" {
			options, _ := p.help(ctx, []string{"options"}, "kubectl") // what is not in it is missed below
			help += options
		}
		for _, flag := range c.flags {
			if !strings.Contains(help, flag+"=") && !strings.Contains(help, flag+" ") {
				return &failure{step: st, line: st.line, why: fmt.Sprintf("%s has no flag %s", strings.Join(c.words, " "), flag)}
			}
		}
	}
	return nil
}

func (p *place) help(ctx context.Context, args []string, program string) (string, error) {
	command := exec.CommandContext(ctx, "bash", append([]string{"-c", `"$0" "$@"`, program}, args...)...) //nolint:gosec // words of the documents
	command.Dir, command.Env = p.dir, p.env
	out, err := command.CombinedOutput()
	return string(out), err
}
