package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// read finds the documents, in the order in which docs/README.md lists them, which is that of a reader.
func read(root string) ([]document, []problem, error) {
	index, err := os.ReadFile(filepath.Join(root, "docs", "README.md")) //nolint:gosec // the repository's own
	if err != nil {
		return nil, nil, err
	}
	files := []string{"README.md", "docs/README.md"}
	for _, link := range regexp.MustCompile(`(?m)^\| \[[^]]+\]\(([a-z-]+\.md)\)`).FindAllStringSubmatch(string(index), -1) {
		files = append(files, "docs/"+link[1])
	}
	problems, err := missing(root, files)
	if err != nil {
		return nil, nil, err
	}
	targets, err := makeTargets(root)
	if err != nil {
		return nil, nil, err
	}
	var documents []document
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(root, file)) //nolint:gosec // the repository's own
		if err != nil {
			return nil, nil, err
		}
		d := parse(file, string(text))
		documents = append(documents, d)
		problems = append(problems, d.problems...)
		problems = append(problems, unknownTargets(file, string(text), targets)...)
	}
	return documents, problems, nil
}

// missing are the documents that the index does not have.
func missing(root string, files []string) ([]problem, error) {
	found, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	var problems []problem
	for _, path := range found {
		if file := "docs/" + filepath.Base(path); !slices.Contains(files, file) {
			problems = append(problems, problem{"docs/README.md", 1, "the index has no row for " + file})
		}
	}
	return problems, nil
}

// makeTargets are what make can be asked for.
func makeTargets(root string) (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile")) //nolint:gosec // the repository's own
	if err != nil {
		return nil, err
	}
	targets := map[string]bool{}
	for _, rule := range regexp.MustCompile(`(?m)^([a-z-]+):(?:[^=]|$)`).FindAllStringSubmatch(string(text), -1) {
		targets[rule[1]] = true
	}
	return targets, nil
}

// makeCall is make as a command: behind a backtick, or at the beginning of a line of a fence.
var makeCall = regexp.MustCompile("(?:`|^(?:\\$ )?)make ([a-z][a-z-]*)(?:[` #]|$)")

// unknownTargets are calls of make that it would refuse.
func unknownTargets(file, text string, targets map[string]bool) []problem {
	var problems []problem
	fenced := false
	for i, line := range strings.Split(text, "\n") {
		if fenceLine.MatchString(line) {
			fenced = !fenced
		}
		for _, call := range makeCall.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
			if !targets[call[1]] && (fenced || strings.HasPrefix(call[0], "`")) {
				problems = append(problems, problem{file, i + 1, fmt.Sprintf("make has no target %s", call[1])})
			}
		}
	}
	return problems
}
