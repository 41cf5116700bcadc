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

func TestRun(t *testing.T) {
	var calls atomic.Int64
	door := answering(http.StatusNotFound, "application/problem+json")
	tests := map[string]struct {
		handler http.HandlerFunc
		tls     bool
		flags   []string
		want    string // in the error
	}{
		"a door":                                   {handler: door},
		"somebody else who has nothing there":      {handler: answering(http.StatusNotFound, "text/plain"), want: "no door's answer"},
		"somebody else who is glad":                {handler: answering(http.StatusOK, "application/problem+json"), want: "200 OK"},
		"a door whose certificate is for another":  {handler: door, tls: true, flags: []string{"--insecure"}},
		"a certificate that is not to be accepted": {handler: door, tls: true, want: "certificate"},
		"a door that opens late": {handler: func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) == 1 {
				http.Error(w, "", http.StatusBadGateway)
				return
			}
			door(w, r)
		}, flags: []string{"--timeout=30s"}},
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
			var out bytes.Buffer
			timeout := "--timeout=30s"
			if test.want != "" {
				timeout = "--timeout=300ms"
			}
			err := Run(t.Context(), &out, append(append([]string{timeout}, test.flags...), server.URL))
			switch {
			case test.want == "" && (err != nil || !strings.Contains(out.String(), server.URL)):
				t.Errorf("error %v, output %q", err, &out)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error %v; want %q in it", err, test.want)
			}
		})
	}
}

func TestACommandLineThatIsNotUnderstood(t *testing.T) {
	for name, args := range map[string][]string{"no URL": nil, "two URLs": {"a", "b"}, "a flag that there is not": {"--what", "a"}} {
		if err := Run(t.Context(), &bytes.Buffer{}, args); err == nil || !strings.Contains(err.Error(), "ingress probe") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
