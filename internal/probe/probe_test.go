package probe

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func answering(status int, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
	}
}

var door = answering(http.StatusNotFound, "application/problem+json")

func TestAsk(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		tls     bool
		flag    bool // insecure
		want    string
	}{
		"a door":                                   {handler: door},
		"somebody else who has nothing there":      {handler: answering(http.StatusNotFound, "text/plain"), want: "no door's answer"},
		"somebody else who is glad":                {handler: answering(http.StatusOK, "application/problem+json"), want: "200 OK"},
		"a door whose certificate is for another":  {handler: door, tls: true, flag: true},
		"a certificate that is not to be accepted": {handler: door, tls: true, want: "certificate"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(test.handler)
			if test.tls {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			err := ask(t.Context(), newClient(test.flag), server.URL)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error: %v; want %q in it", err, test.want)
			}
		})
	}
}

func TestADoorThatOpensLate(t *testing.T) {
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			http.Error(w, "", http.StatusBadGateway)
			return
		}
		door(w, r)
	}))
	defer server.Close()
	var out bytes.Buffer
	if err := Run(t.Context(), &out, []string{"--timeout=1m", server.URL}); err != nil || !strings.Contains(out.String(), server.URL) {
		t.Errorf("error %v, output %q", err, &out)
	}
}

func TestADoorThatNeverOpens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if err := Run(t.Context(), &bytes.Buffer{}, []string{"--timeout=10ms", server.URL}); err == nil || !strings.Contains(err.Error(), "no door answers within 10ms") {
		t.Errorf("error: %v", err)
	}
}

func TestACommandLineThatIsNotUnderstood(t *testing.T) {
	for name, args := range map[string][]string{"no URL": nil, "two URLs": {"a", "b"}, "a flag that there is not": {"--what", "a"}} {
		if err := Run(t.Context(), &bytes.Buffer{}, args); err == nil || !strings.Contains(err.Error(), "ingress probe") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
