package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The languages that a fence may have. Those of commands are run, those of resources are shown to the API server, and
// the rest is only looked at by people.
const (
	languageShell   = "sh"
	languageConsole = "console"
	languageYAML    = "yaml"
)

var otherLanguages = []string{"text", "json", "mermaid", "go"}

// block is what stands in one fence.
type block struct {
	file string
	// line is that of the first line of the content.
	line     int
	language string
	// notRun is why the block is not run; empty if it is.
	notRun string
	// fails is whether each command of the block ends with something else than 0.
	fails bool
	// background is the text that a command which does not end by itself prints when it is up; empty if it does end.
	background string
	lines      []string
}

// problem is something that is wrong at a line of a document.
type problem struct {
	file string
	line int
	text string
}

func (p problem) String() string {
	return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.text)
}

// document is one file.
type document struct {
	file     string
	blocks   []block
	problems []problem
}

var fenceLine = regexp.MustCompile("^( *)(```+|~~~+)[ \t]*(.*?)[ \t]*$")

// parse finds the fences of a document, and what is wrong with them.
func parse(file, text string) document {
	d := document{file: file}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		fence := fenceLine.FindStringSubmatch(lines[i])
		if fence == nil {
			d.checkIndent(lines, i)
			continue
		}
		end := closing(lines, i+1, fence[2])
		if end < 0 {
			d.problem(i+1, "the fence is not closed")
			return d
		}
		b := block{file: file, line: i + 2, lines: unindent(lines[i+1:end], len(fence[1]))}
		if err := b.info(fence[3]); err != "" {
			d.problem(i+1, err)
		}
		d.blocks = append(d.blocks, b)
		i = end
	}
	return d
}

// checkIndent finds blocks that Markdown shows as code although they stand in no fence: what they say would be checked
// by nobody. In this project's lists what belongs to an item is indented by at most three.
func (d *document) checkIndent(lines []string, i int) {
	indented := strings.HasPrefix(lines[i], "    ") || strings.HasPrefix(lines[i], "\t")
	if indented && strings.TrimSpace(lines[i]) != "" && (i == 0 || strings.TrimSpace(lines[i-1]) == "") {
		d.problem(i+1, "an indented block: put it into a fence that says what it is")
	}
}

func (d *document) problem(line int, text string) {
	d.problems = append(d.problems, problem{d.file, line, text})
}

func closing(lines []string, from int, fence string) int {
	for i := from; i < len(lines); i++ {
		if line := strings.TrimSpace(lines[i]); strings.HasPrefix(line, fence) && strings.Trim(line, fence[:1]) == "" {
			return i
		}
	}
	return -1
}

func unindent(lines []string, by int) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.TrimPrefix(line, strings.Repeat(" ", min(by, len(line)-len(strings.TrimLeft(line, " ")))))
	}
	return out
}

// info reads what stands behind the fence: a language, and for commands "not-run: why" or "background: text".
func (b *block) info(text string) (wrong string) {
	language, rest, _ := strings.Cut(text, " ")
	b.language = language
	switch language {
	case "":
		return "a fence without a language"
	case languageShell, languageConsole:
	default:
		if language != languageYAML && !slices.Contains(otherLanguages, language) {
			return fmt.Sprintf("a fence of an unknown language, %q", language)
		}
		if rest != "" {
			return fmt.Sprintf("%q has no meaning behind %s", rest, language)
		}
		return ""
	}
	return b.mode(strings.TrimSpace(rest))
}

func (b *block) mode(text string) (wrong string) {
	if text == "" {
		return ""
	}
	key, value, _ := strings.Cut(text, ":")
	value = strings.TrimSpace(value)
	switch {
	case key == "not-run" && value != "":
		b.notRun = value
	case text == "fails" && b.language == languageConsole:
		b.fails = true
	case key == "background" && value != "" && b.language == languageShell:
		b.background = value
	case key == "not-run" || key == "background":
		return fmt.Sprintf("%s says nothing behind its colon", key)
	default:
		return fmt.Sprintf("%q has no meaning behind %s", text, b.language)
	}
	return ""
}

// step is what is given to bash at once.
type step struct {
	file       string
	line       int
	script     []string
	background string
	fails      bool
	// compared is whether output is what the document shows, rather than unknown.
	compared bool
	output   []string
}

// steps are what a block of commands consists of: all of an sh block, or each command of a console block.
func (b *block) steps() ([]step, error) {
	if b.language == languageShell {
		return []step{{file: b.file, line: b.line, script: b.lines, background: b.background}}, nil
	}
	var steps []step
	for i, line := range b.lines {
		command, is := strings.CutPrefix(line, "$ ")
		switch {
		case is:
			steps = append(steps, step{file: b.file, line: b.line + i, script: []string{command}, fails: b.fails, compared: true})
		case len(steps) == 0:
			return nil, fmt.Errorf("%s:%d: a console block begins with a command behind \"$ \"", b.file, b.line+i)
		default:
			last := &steps[len(steps)-1]
			if more, is := strings.CutPrefix(line, "> "); is && strings.HasSuffix(last.script[len(last.script)-1], `\`) {
				last.script = append(last.script, more)
				continue
			}
			last.output = append(last.output, line)
		}
	}
	return steps, nil
}
