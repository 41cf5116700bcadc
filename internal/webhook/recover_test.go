package webhook

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
)

func TestAPanicIsAnsweredAndStaysInItsRequest(t *testing.T) {
	tests := map[string]struct {
		cause any
		want  string
	}{
		"a bug":      {cause: nil, want: "nil pointer dereference"},
		"a text":     {cause: "s3cret", want: `"cause"="string"`},
		"an error":   {cause: http.ErrAbortHandler, want: "errorString"},
		"any object": {cause: struct{ token string }{"s3cret"}, want: "struct"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var logged strings.Builder
			log := funcr.New(func(prefix, args string) { logged.WriteString(prefix + args) }, funcr.Options{})
			server := httptest.NewServer(Recover(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				if test.cause == nil {
					var nothing *problem
					nothing.Status = 1
				}
				panic(test.cause)
			}), log))
			defer server.Close()
			response, err := http.Post(server.URL+"/hooks/s3cret/orders", "", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusInternalServerError {
				t.Errorf("answered %s", response.Status)
			}
			if got := logged.String(); !strings.Contains(got, test.want) || strings.Contains(got, "s3cret") {
				t.Errorf("logged %s", got)
			}
		})
	}
}
