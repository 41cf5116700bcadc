package webhook

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
)

func TestWhatTheDoorLogs(t *testing.T) {
	const path = "/hooks/" + demoToken + "/orders"
	for name, test := range map[string]struct {
		verbosity    int
		method, path string
		body         string
		want         []string
	}{
		"a delivery, when debugging": {1, http.MethodPost, path, string(orderBody()), []string{`"delivery":"spool123-1"`, `"receiver":"sims/demo"`, `"kind":"orders"`, `"bytes":`, `"result":"accepted"`}},
		"one in quarantine":          {1, http.MethodPost, path, `{`, []string{`"delivery":"spool123-1"`, `"bytes":1`, `"result":"malformed"`}},
		"nothing else of a delivery": {0, http.MethodPost, path, string(orderBody()), nil},
		"no stranger":                {9, http.MethodPost, "/hooks/" + noToken + "/orders", "{}", nil},
		"nothing that is not kept":   {9, http.MethodGet, path, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			d := newDoor(demo())
			d.options.Log = funcr.NewJSON(func(line string) { lines = append(lines, line) }, funcr.Options{Verbosity: test.verbosity})
			d.serve(test.method, test.path, strings.NewReader(test.body))
			if len(lines) != min(1, len(test.want)) {
				t.Fatalf("logged: %q", lines)
			}
			for _, text := range test.want {
				if !strings.Contains(lines[0], text) {
					t.Errorf("%s lacks %s", lines[0], text)
				}
			}
			if strings.Contains(strings.Join(lines, ""), demoToken) {
				t.Error("the token is in the log")
			}
		})
	}
}

func TestTheDoorTellsForNothingWhenNobodyListens(t *testing.T) {
	d := newDoor(demo())
	r := demo()
	c := &call{kind: KindOrders, receiver: &r, receivedAt: noon()}
	if n := testing.AllocsPerRun(100, func() {
		c.spooling = d.traceTime()
		d.tell(t.Context(), c, "spool123-1", resultAccepted, "")
	}); n != 0 {
		t.Errorf("it costs %v allocations", n)
	}
}
