package main

import (
	"regexp"
	"slices"
	"strings"
)

// varying are the parts of an output that are different each time, and what stands for them. What comes first wins,
// and a pattern without a name keeps what it matches: the ids of SIMs and orders look like ids of deliveries.
var varying = []struct{ name, pattern string }{
	{"", `\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`},
	{"<time>", `\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`},
	{"<delivery>", `\b[a-z0-9]{8}-\d+\b`},
	{"Spool: <spool>", `\bSpool:\s+[a-z0-9]{8}\b`},
	{"hooks/<token>", `\bhooks/(?:<token>|[A-Za-z0-9_-]{43})`},
	{"<port>", `\b127\.0\.0\.1:\d+\b`},
	{"<age>", `<age>|\b(?:\d+(?:\.\d+)?(?:d|h|ms|m|µs|s|y))+\b`},
	{"<event>", `\.[0-9a-f]{8}\.(?:\d+|overdue)\b`},
	{"<hash>", `<hash>|\b[0-9a-f]{64}\b`},
}

var variable = func() *regexp.Regexp {
	patterns := make([]string, 0, len(varying))
	for _, v := range varying {
		patterns = append(patterns, "("+v.pattern+")")
	}
	return regexp.MustCompile(strings.Join(patterns, "|"))
}()

var blanks = regexp.MustCompile(`[ \t]+`)

// normal is a line without what is different each time. Widths of columns follow from ages, so blanks count as one.
func normal(line string) string {
	var out strings.Builder
	at := 0
	for _, match := range variable.FindAllStringSubmatchIndex(line, -1) {
		out.WriteString(line[at:match[0]])
		out.WriteString(name(line, match))
		at = match[1]
	}
	out.WriteString(line[at:])
	return strings.TrimSpace(blanks.ReplaceAllString(out.String(), " "))
}

func name(line string, match []int) string {
	for i, v := range varying {
		if match[2*i+2] >= 0 && v.name != "" {
			return v.name
		}
	}
	return line[match[0]:match[1]]
}

const ellipsis = "..."

// same is whether an output is what a document shows. A line of "..." there stands for any lines, also for none, and
// one in a line for any text.
func same(shown, got []string) bool {
	shown, got = normalLines(shown), normalLines(got)
	// reach[j] is whether the lines shown so far can stand for the first j lines.
	reach := make([]bool, len(got)+1)
	reach[0] = true
	for _, line := range shown {
		next := make([]bool, len(got)+1)
		for j := range next {
			switch {
			case line == ellipsis:
				next[j] = reach[j] || j > 0 && next[j-1]
			case j > 0:
				next[j] = reach[j-1] && sameLine(line, got[j-1])
			}
		}
		reach = next
	}
	return reach[len(got)]
}

func sameLine(shown, got string) bool {
	if !strings.Contains(shown, ellipsis) {
		return shown == got
	}
	parts := strings.Split(shown, ellipsis)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(got)
}

// unmet are the lines that a document shows and an output does not have anywhere.
func unmet(shown, got []string) []string {
	var lines []string
	for _, line := range normalLines(shown) {
		found := slices.ContainsFunc(normalLines(got), func(g string) bool { return sameLine(line, g) })
		if !found && line != ellipsis {
			lines = append(lines, line)
		}
	}
	return lines
}

// normalLines are lines in their normal form, without blank ones at either end.
func normalLines(lines []string) []string {
	out := make([]string, 0, len(lines))
	for _, line := range strings.Split(strings.Trim(strings.Join(lines, "\n"), "\n "), "\n") {
		out = append(out, normal(line))
	}
	if len(out) == 1 && out[0] == "" {
		return nil
	}
	return out
}
