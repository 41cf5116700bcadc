package ingress

import (
	"context"
	"net/http"
	"net/http/pprof"

	"github.com/go-logr/logr"
)

// servePprof lets a developer profile the ingress. It is off unless an address is given.
func servePprof(ctx context.Context, o Options, log logr.Logger) error {
	if o.PprofAddress == "0" {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	return serveInternal(ctx, o, "profiles", o.PprofAddress, mux, log)
}
