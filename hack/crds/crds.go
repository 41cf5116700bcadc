// Package crds holds a package of each module whose CRDs the tests install, so that go.mod keeps them. It is of no use to
// import it: the CRDs are files in those modules, which go mod download finds.
package crds

import (
	_ "github.com/prometheus-operator/prometheus-operator/pkg/metrics/thanos_ruler" // example/prometheus-operator-crd
	_ "sigs.k8s.io/gateway-api/pkg/consts"                                          // config/crd/standard
)
