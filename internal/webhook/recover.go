package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/go-logr/logr"
)

// Recover answers 500 where a handler panics, and keeps the panic to that request. What is logged holds nothing of the
// request: its path is a secret, and its body is a stranger's.
func Recover(next http.Handler, log logr.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			log.Error(nil, "A request panicked", "cause", harmless(cause), "stack", string(debug.Stack()))
			writeProblem(w, problem{Status: http.StatusInternalServerError, Detail: "the delivery was not kept"})
		}()
		next.ServeHTTP(w, r)
	})
}

// harmless describes a panic without what it may hold of a request.
func harmless(cause any) string {
	var bug runtime.Error
	if err, ok := cause.(error); ok && errors.As(err, &bug) {
		return bug.Error()
	}
	return fmt.Sprintf("%T", cause)
}
