package admin

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/sim-operator/sim-operator/internal/spool"
)

// quarantine is a spool with one delivery in quarantine.
type quarantine struct {
	dropped []uint64
	since   time.Time
}

func (q *quarantine) ID() string { return "abcdefgh" }

func (q *quarantine) Quarantined(f spool.Filter) ([]spool.Quarantined, error) {
	if f.After >= 7 || (len(f.Numbers) > 0 && f.Numbers[0] != 7) {
		return nil, nil
	}
	kept := spool.Quarantined{Reason: spool.Reason{Code: "Malformed", Message: "the body is\nempty"}}
	kept.Number, kept.Receiver, kept.Kind, kept.ReceivedAt, kept.Body = 7, "sims/demo", "orders", noon().Add(-time.Minute), []byte("\x1b[31m")
	return []spool.Quarantined{kept}, nil
}

func (q *quarantine) Drop(_ context.Context, numbers ...uint64) (int, error) {
	q.dropped = numbers
	return len(numbers), nil
}

func (q *quarantine) Replay(context.Context, func(spool.Delivery) (string, error), ...uint64) (int, error) {
	return 0, errors.New("OrderId must be a UUID")
}

func (q *quarantine) ReplayApplied(_ context.Context, since time.Time) (int, error) {
	q.since = since
	return 3, nil
}

func noon() time.Time {
	return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
}

func TestCommands(t *testing.T) {
	// So long a path is none that a socket may have.
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 100))
	q := &quarantine{}
	listener, err := Listen(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: NewHandler(q), ReadHeaderTimeout: time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()

	tests := map[string]struct {
		words     string
		want      string
		wantError string
	}{
		"list is a table of one line each":        {words: "quarantine list", want: `abcdefgh-7   sims/demo   orders   Malformed   1m0s   5       the body is\nempty`},
		"list in JSON":                            {words: "quarantine list -o json", want: `"id": "abcdefgh-7"`},
		"show does not steer a terminal":          {words: "quarantine show abcdefgh-7", want: `"\x1b[31m"`},
		"drop by id":                              {words: "quarantine drop abcdefgh-7", want: "1 delivery dropped"},
		"flags may come after ids":                {words: "quarantine show abcdefgh-7 -o json", want: `"body"`},
		"drop of what is not there":               {words: "quarantine drop abcdefgh-8", wantError: "not in quarantine"},
		"an id of another spool":                  {words: "quarantine drop zzzzzzzz-7", wantError: "begin with abcdefgh-"},
		"replay says what still cannot be read":   {words: "quarantine replay --all", want: "0 deliveries", wantError: "must be a UUID"},
		"drop of nothing in particular":           {words: "quarantine drop", wantError: "name deliveries"},
		"drop of all and of one":                  {words: "quarantine drop --all abcdefgh-7", wantError: "name deliveries"},
		"replay since a while":                    {words: "replay --since 2h", want: "3 deliveries since 2026-11-23T10:00:00Z"},
		"replay since a time":                     {words: "replay --since 2026-11-23T01:02:03Z", want: "since 2026-11-23T01:02:03Z"},
		"replay since nothing":                    {words: "replay", wantError: "--since is"},
		"an output that there is not":             {words: "quarantine list -o yaml", wantError: "table or json"},
		"a flag that there is not":                {words: "quarantine list --colour", wantError: "commands"},
		"a command that there is not":             {words: "quarantine burn", wantError: "commands"},
		"half a command":                          {words: "quarantine", wantError: "commands"},
		"a directory in which no ingress answers": {words: "quarantine list --spool-dir /nowhere", wantError: "no ingress answers"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			cli := CLI{Out: &out, Clock: clocktesting.NewFakePassiveClock(noon()), SpoolDir: dir}
			err := cli.Run(t.Context(), strings.Fields(test.words))
			if !strings.Contains(out.String(), test.want) {
				t.Errorf("printed %q; want %q", out.String(), test.want)
			}
			if (err == nil) != (test.wantError == "") || (err != nil && !strings.Contains(err.Error(), test.wantError)) {
				t.Errorf("error %v; want %q", err, test.wantError)
			}
		})
	}
}
