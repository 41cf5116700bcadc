package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		text     string
		blocks   []block
		problems []string
	}{
		"commands, output, and what is neither": {
			text: "# Title\n\n```sh\nmake run\n```\n\n```text\nup\n```\n",
			blocks: []block{
				{file: "d.md", line: 4, language: "sh", lines: []string{"make run"}},
				{file: "d.md", line: 8, language: "text", lines: []string{"up"}},
			},
		},
		"a fence in a list": {
			text:   "1. Do:\n\n   ```sh\n   a <<END\n     b\n   END\n   ```\n",
			blocks: []block{{file: "d.md", line: 4, language: "sh", lines: []string{"a <<END", "  b", "END"}}},
		},
		"what is not run says why": {
			text:   "```sh not-run: needs a cluster\nhelm test x\n```\n",
			blocks: []block{{file: "d.md", line: 2, language: "sh", notRun: "needs a cluster", lines: []string{"helm test x"}}},
		},
		"what does not end says when it is up": {
			text:   "```sh background: is up\nmake run\n```\n",
			blocks: []block{{file: "d.md", line: 2, language: "sh", background: "is up", lines: []string{"make run"}}},
		},
		"what fails": {
			text:   "```console fails\n$ false\n```\n",
			blocks: []block{{file: "d.md", line: 2, language: "console", fails: true, lines: []string{"$ false"}}},
		},
		"what is not run and does not say why": {
			text:     "```sh not-run:\nx\n```\n",
			blocks:   []block{{file: "d.md", line: 2, language: "sh", lines: []string{"x"}}},
			problems: []string{"d.md:1: not-run says nothing behind its colon"},
		},
		"no language": {
			text:     "```\nx\n```\n",
			blocks:   []block{{file: "d.md", line: 2, lines: []string{"x"}}},
			problems: []string{"d.md:1: a fence without a language"},
		},
		"an unknown language": {
			text:     "```shell\nx\n```\n",
			blocks:   []block{{file: "d.md", line: 2, language: "shell", lines: []string{"x"}}},
			problems: []string{`d.md:1: a fence of an unknown language, "shell"`},
		},
		"an unknown word behind the language": {
			text:     "```sh skip\nx\n```\n",
			blocks:   []block{{file: "d.md", line: 2, language: "sh", lines: []string{"x"}}},
			problems: []string{`d.md:1: "skip" has no meaning behind sh`},
		},
		"text cannot be told not to run": {
			text:     "```text not-run: x\nx\n```\n",
			blocks:   []block{{file: "d.md", line: 2, language: "text", lines: []string{"x"}}},
			problems: []string{`d.md:1: "not-run: x" has no meaning behind text`},
		},
		"a fence that is not closed": {
			text:     "words\n\n```sh\nx\n",
			problems: []string{"d.md:3: the fence is not closed"},
		},
		"an indented block":                 {text: "words:\n\n    make run\n", problems: []string{"d.md:3: an indented block: put it into a fence that says what it is"}},
		"an indented block behind a tab":    {text: "words:\n\n\tmake run\n", problems: []string{"d.md:3: an indented block: put it into a fence that says what it is"}},
		"a long item of a list is no block": {text: "- words\n  go on\n    and on\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse("d.md", tc.text)
			if diff := cmp.Diff(tc.blocks, d.blocks, cmp.AllowUnexported(block{})); diff != "" {
				t.Error(diff)
			}
			var problems []string
			for _, p := range d.problems {
				problems = append(problems, p.String())
			}
			if diff := cmp.Diff(tc.problems, problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSteps(t *testing.T) {
	for name, tc := range map[string]struct {
		block block
		steps []step
		wrong bool
	}{
		"a block of sh is one step": {
			block: block{file: "d.md", line: 7, language: "sh", lines: []string{"a", "b"}},
			steps: []step{{file: "d.md", line: 7, script: []string{"a", "b"}}},
		},
		"each command of a console is one": {
			block: block{file: "d.md", line: 7, language: "console", lines: []string{"$ a", "out", "", "$ b"}},
			steps: []step{
				{file: "d.md", line: 7, script: []string{"a"}, compared: true, output: []string{"out", ""}},
				{file: "d.md", line: 10, script: []string{"b"}, compared: true},
			},
		},
		"a command of two lines": {
			block: block{file: "d.md", line: 7, language: "console", lines: []string{`$ a \`, "> --b", "> out"}},
			steps: []step{{file: "d.md", line: 7, script: []string{`a \`, "--b"}, compared: true, output: []string{"> out"}}},
		},
		"output before any command": {block: block{language: "console", lines: []string{"out"}}, wrong: true},
	} {
		t.Run(name, func(t *testing.T) {
			steps, err := tc.block.steps()
			if (err != nil) != tc.wrong {
				t.Errorf("the error is %v", err)
			}
			if diff := cmp.Diff(tc.steps, steps, cmp.AllowUnexported(step{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCalls(t *testing.T) {
	script := []string{
		"kubectl -n system logs -l a=b --prefix --tail=-1 | grep --color x",
		"helm install name charts/x \\", "  --set a=b --create-namespace",
		"make docker-build --silent",
		"kubectl -n system exec pod-0 -- ingress replay --since 26h",
	}
	want := []call{
		{words: []string{"kubectl", "logs"}, flags: []string{"--prefix", "--tail"}},
		{words: []string{"helm", "install", "name", "charts/x", "a=b"}, flags: []string{"--set", "--create-namespace"}},
		{words: []string{"kubectl", "exec", "pod-0"}},
	}
	if diff := cmp.Diff(want, calls(script), cmp.AllowUnexported(call{})); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownTargets(t *testing.T) {
	targets := map[string]bool{"run": true, "docs-test": true}
	for name, tc := range map[string]struct {
		text string
		want int
	}{
		"known ones":                  {text: "`make run`, `make docs-test X=1`\n\n```sh\nmake run\n```\n"},
		"an unknown one in a text":    {text: "`make it`\n", want: 1},
		"an unknown one in a fence":   {text: "```sh\nmake it   # so\n```\n", want: 1},
		"an unknown one in a console": {text: "```console\n$ make it\n```\n", want: 1},
		"the English word":            {text: "we\nmake sure\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := unknownTargets("d.md", tc.text, targets); len(got) != tc.want {
				t.Errorf("found %v", got)
			}
		})
	}
}

// The documents as they stand have the form that they are to have.
func TestTheDocuments(t *testing.T) {
	documents, problems, err := read("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	for _, d := range documents {
		for _, b := range d.blocks {
			if b.language != languageConsole {
				continue
			}
			if _, err := b.steps(); err != nil {
				t.Error(err)
			}
		}
	}
	if len(documents) < 3 || !strings.HasPrefix(documents[1].file, "docs/") {
		t.Errorf("there are %d documents", len(documents))
	}
}
