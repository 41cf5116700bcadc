package namespaces

import (
	"flag"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlag(t *testing.T) {
	tests := map[string]struct {
		args  []string
		want  []string
		fails bool
	}{
		"none is all":                   {},
		"empty is all":                  {args: []string{"--namespaces="}},
		"one":                           {args: []string{"--namespaces=sims"}, want: []string{"sims"}},
		"several, in any order":         {args: []string{"--namespaces=team-b,team-a"}, want: []string{"team-a", "team-b"}},
		"spaces around a name":          {args: []string{"--namespaces= team-a , team-b "}, want: []string{"team-a", "team-b"}},
		"one twice is one":              {args: []string{"--namespaces=sims,sims"}, want: []string{"sims"}},
		"the last flag counts":          {args: []string{"--namespaces=sims", "--namespaces=other"}, want: []string{"other"}},
		"an empty name is not all":      {args: []string{"--namespaces=sims,"}, fails: true},
		"a blank is not all":            {args: []string{"--namespaces= "}, fails: true},
		"what is no name of one":        {args: []string{"--namespaces=Sims"}, fails: true},
		"a pattern is no name of one":   {args: []string{"--namespaces=team-*"}, fails: true},
		"a name longer than 63 letters": {args: []string{"--namespaces=a123456789b123456789c123456789d123456789e123456789f123456789g123"}, fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var s Set
			flags := flag.NewFlagSet("test", flag.ContinueOnError)
			flags.SetOutput(io.Discard)
			flags.Var(&s, "namespaces", "")
			err := flags.Parse(test.args)
			if (err != nil) != test.fails {
				t.Fatalf("error %v", err)
			}
			if test.fails {
				return
			}
			if diff := cmp.Diff(test.want, slices.Sorted(maps.Keys(s.Cache()))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
