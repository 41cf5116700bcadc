package main

import (
	"io"
	"net/http"
	"os"

	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// bareCommand has this program be the handler that the door is compared to: in a process of its own, as the door is.
const bareCommand = "bare-handler"

// bareProcess is a process that serves the bare handler at an address.
func bareProcess(at string) (localcluster.Process, error) {
	program, err := os.Executable()
	return localcluster.Process{Name: bareCommand, Path: program, Args: []string{bareCommand, at}}, err
}

// serveBare reads the body and answers 200 with as many bytes as the door does, and does no more.
func serveBare(at string) error {
	answer := []byte(`{"deliveryID":"abcdefgh-100000"}` + "\n")
	server := &http.Server{Addr: at, ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // who is gone needs no answer
	})}
	return server.ListenAndServe()
}
