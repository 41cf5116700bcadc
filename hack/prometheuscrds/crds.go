// Package prometheuscrds pins the release of the Prometheus operator whose CRDs the manifests in config/prometheus are
// tested with. They stand in example/prometheus-operator-crd of the module; the import is there to keep it in go.mod.
package prometheuscrds

import _ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
