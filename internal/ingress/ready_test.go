package ingress

import (
	"errors"
	"slices"
	"testing"

	"github.com/go-logr/logr/funcr"
)

func TestReadinessIsLoggedWhenItChanges(t *testing.T) {
	var lines []string
	log := funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{})
	var state error
	check := announced(func() error { return state }, log)
	for _, state = range []error{errUnknownReceivers, errUnknownReceivers, nil, nil, errors.New("disk full"), errors.New("disk full"), nil} {
		if err := check(nil); !errors.Is(err, state) {
			t.Errorf("%v, want %v", err, state)
		}
	}
	want := []string{
		`"msg"="The ingress takes no deliveries" "error"="the receivers are not known yet"`,
		`"level"=0 "msg"="The ingress takes deliveries"`,
		`"msg"="The ingress takes no deliveries" "error"="disk full"`,
		`"level"=0 "msg"="The ingress takes deliveries"`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("logged %q", lines)
	}
}
