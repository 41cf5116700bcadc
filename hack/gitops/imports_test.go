package gitops
import (
	_ "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	_ "github.com/sim-operator/sim-operator/api/v1alpha1"
	_ "github.com/sim-operator/sim-operator/controllers"
	_ "github.com/sim-operator/sim-operator/internal/ingress"
	_ "github.com/sim-operator/sim-operator/internal/testenv"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/google/uuid"
	_ "github.com/go-logr/logr"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "k8s.io/api/core/v1"
	_ "k8s.io/client-go/rest"
	_ "k8s.io/utils/clock"
	_ "k8s.io/apimachinery/pkg/apis/meta/v1"
	_ "sigs.k8s.io/yaml"
	_ "sigs.k8s.io/controller-runtime"
)
