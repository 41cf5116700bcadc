package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A row of the table: a value that can be set.
type row struct {
	key, initial, description string
}

// keyLine is a key of values.yaml: indentation, name, and a value if that stands on the same line.
var keyLine = regexp.MustCompile(`^( *)([A-Za-z]+):(?: (.+))?$`)

// rowsOf reads values.yaml, line by line: what has a comment above it can be set as a whole; what has none must be made
// of what has.
func rowsOf(values string) ([]row, error) {
	var (
		rows []row
		at   position
	)
	for line := range strings.Lines(values) {
		line = strings.TrimRight(line, "\n")
		if comment, ok := strings.CutPrefix(strings.TrimSpace(line), "#"); ok {
			at.comment = append(at.comment, strings.TrimSpace(comment))
			continue
		}
		comment := strings.Join(at.comment, " ")
		at.comment = nil
		found := keyLine.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		inside := at.enter(len(found[1])/2, found[2], comment != "")
		switch {
		case inside: // part of the value above
		case comment != "":
			rows = append(rows, row{at.key(), found[3], comment})
		case found[3] != "":
			return nil, fmt.Errorf("%s has no comment", at.key())
		}
	}
	return rows, nil
}

// position is where the reading is.
type position struct {
	comment []string
	names   []string
	// described is how deep the value is that is being read, if any: 1 for a key at the top.
	described int
}

// enter goes to a key, and says whether that is part of a value that has been described as a whole.
func (p *position) enter(depth int, name string, described bool) bool {
	if p.described > depth {
		p.described = 0
	}
	p.names = append(p.names[:min(depth, len(p.names))], name)
	if p.described > 0 {
		return true
	}
	if described {
		p.described = depth + 1
	}
	return false
}

func (p *position) key() string {
	return strings.Join(p.names, ".")
}

const (
	tableStart = "<!-- make manifests writes this table from values.yaml -->\n"
	tableEnd   = "<!-- the end of the table -->\n"
)

// replaceTable puts the rows between the marks of a text.
func replaceTable(text string, rows []row) (string, error) {
	before, rest, found := strings.Cut(text, tableStart)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		return "", errors.New("the marks of the table are missing")
	}
	var table strings.Builder
	table.WriteString("| value | default | |\n|---|---|---|\n")
	for _, r := range rows {
		initial := "see values.yaml"
		if r.initial != "" {
			initial = "`" + r.initial + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", r.key, initial, strings.ReplaceAll(r.description, "|", `\|`))
	}
	return before + tableStart + table.String() + tableEnd + after, nil
}
