package webhook

import (
	"flag"
	"strings"
	"testing"
)

func TestTheDefaultsAreValid(t *testing.T) {
	limits := DefaultLimits()
	if err := limits.Validate(); err != nil {
		t.Error(err)
	}
}

// TestEveryLimitHasAFlag sets each flag to 0, which no limit but the wait may be.
func TestEveryLimitHasAFlag(t *testing.T) {
	var names []string
	all := flag.NewFlagSet("test", flag.ContinueOnError)
	limits := DefaultLimits()
	limits.BindFlags(all)
	all.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	if len(names) != 12 {
		t.Errorf("there are %d flags", len(names))
	}
	for _, name := range names {
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		limits := DefaultLimits()
		limits.BindFlags(flags)
		if err := flags.Set(name, "0"); err != nil {
			t.Fatal(err)
		}
		err := limits.Validate()
		if name == "max-request-wait" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "--"+name+" must be more than 0") {
			t.Errorf("--%s=0 gives %v", name, err)
		}
	}
}

func TestABodyMayNotBeHuge(t *testing.T) {
	limits := DefaultLimits()
	limits.BodyBytes = largestBodyBytes + 1
	if err := limits.Validate(); err == nil {
		t.Error("it is valid")
	}
}
