package logging

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func newLog(t *testing.T, args ...string) (logr.Logger, *bytes.Buffer) {
	t.Helper()
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	var o Options
	o.BindFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	out := &bytes.Buffer{}
	o.zap.DestWriter = out
	return New(&o), out
}

func TestVerbosity(t *testing.T) {
	for name, test := range map[string]struct {
		args    []string
		highest int
	}{
		"by default":            {nil, 0},
		"for development":       {[]string{"--zap-devel"}, 1},
		"errors":                {[]string{"--zap-log-level=error"}, -1},
		"debug":                 {[]string{"--zap-log-level=debug"}, 1},
		"a level under the cap": {[]string{"--zap-log-level=3"}, 3},
		"the cap":               {[]string{"--zap-log-level=5"}, 5},
		"one more":              {[]string{"--zap-log-level=6"}, 5},
		"where bodies begin":    {[]string{"--zap-log-level=8"}, 5},
		"the highest":           {[]string{"--zap-log-level=127", "--zap-devel=true"}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			log, _ := newLog(t, test.args...)
			highest := -1
			for level := range 200 {
				if log.V(level).Enabled() || log.V(level/2).V(level-level/2).Enabled() {
					highest = level
				}
			}
			if highest != test.highest {
				t.Errorf("the highest level that is written is %d, want %d", highest, test.highest)
			}
		})
	}
}

// TestClientGoWritesNoSecret reads a Secret with the logger in the context, as in a reconcile.
func TestClientGoWritesNoSecret(t *testing.T) {
	const token = "s3cret-s3cret-s3cret"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"stringData":{"token":"` + token + `"}}`))
	}))
	defer server.Close()
	log, out := newLog(t, "--zap-log-level=127", "--zap-devel=true")
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	log.V(maxVerbosity).Info("as talkative as it gets")
	for _, ctx := range []context.Context{t.Context(), logr.NewContext(t.Context(), log)} {
		if _, err := client.CoreV1().Secrets("sims").Get(ctx, "a", metav1.GetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if text := out.String(); strings.Contains(text, token) || !strings.Contains(text, "as talkative") {
		t.Errorf("logged:\n%s", text)
	}
}

func TestTheFlagSaysSo(t *testing.T) {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	(&Options{}).BindFlags(flags)
	if usage := flags.Lookup("zap-log-level").Usage; !strings.Contains(usage, "over 5 is taken as 5") {
		t.Errorf("the flag says %q", usage)
	}
}
