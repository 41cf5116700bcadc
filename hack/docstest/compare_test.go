package main

import (
	"strings"
	"testing"
)

func TestNormal(t *testing.T) {
	for name, tc := range map[string]struct{ line, want string }{
		"ages and widths":             {"demo   True    2m24s   1.5s ", "demo True <age> <age>"},
		"a date":                      {"Since: 2026-11-23T14:40:45.829291Z", "Since: <time>"},
		"the id of a delivery":        {`{"deliveryID":"ebynfkmo-4"}`, `{"deliveryID":"<delivery>"}`},
		"the id of a SIM stays":       {"sim 3f0c2b9a-1111-4222-8333-444455556666", "sim 3f0c2b9a-1111-4222-8333-444455556666"},
		"a token and a port":          {"http://127.0.0.1:8080/hooks/-m9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm-/orders", "http://<port>/hooks/<token>/orders"},
		"a hash":                      {strings.Repeat("0a", 32), "<hash>"},
		"the uid in an Event's name":  {"x.0011aabb.17", "x<event>"},
		"a number and a word stay":    {"75 SIM.%USED 1d3f", "75 SIM.%USED 1d3f"},
		"a spool":                     {"    Spool:     b4d2ce3y", "Spool: <spool>"},
		"what already stands for all": {"hooks/<token>/orders <hash>", "hooks/<token>/orders <hash>"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := normal(tc.line); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
}

func TestSame(t *testing.T) {
	for name, tc := range map[string]struct {
		shown, got string
		want       bool
	}{
		"the same":                            {"a\nb", "a\nb\n", true},
		"other ages":                          {"NAME   AGE\nx      22s", "NAME   AGE\nx      4m1s\n", true},
		"another word":                        {"x True", "x False", false},
		"a line too many":                     {"a", "a\nb", false},
		"a line too few":                      {"a\nb", "a", false},
		"nothing, as shown":                   {"", "\n", true},
		"something, and nothing is shown":     {"", "a", false},
		"dots for lines":                      {"...\nb\n...", "x\ny\nb\nz", true},
		"dots for none":                       {"...\nb\n...", "b", true},
		"dots, and what is shown is not here": {"...\nb\n...", "x\ny", false},
		"dots that have to look further":      {"...\na\nb", "a\nc\na\nb", true},
		"dots in a line":                      {"again: ... deliveries", "again: 15 deliveries", true},
		"dots in a line, and not the rest":    {"again: ... deliveries", "again: 15 reports", false},
		"a pattern is no expression":          {"a.c ...", "abc d", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := same(strings.Split(tc.shown, "\n"), strings.Split(tc.got, "\n")); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestUnmet(t *testing.T) {
	got := unmet([]string{"a 5s", "b", "..."}, []string{"a 7s", "c"})
	if strings.Join(got, ",") != "b" {
		t.Errorf("got %v", got)
	}
}
