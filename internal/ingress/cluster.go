package ingress

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/lean"
	"github.com/sim-operator/sim-operator/internal/namespaces"
)

// A cluster is the API server as the ingress sees it: a cache of SimReceivers, and a client that reads nothing from it.
type cluster struct {
	cache  cache.Cache
	client client.Client
}

// newCluster talks to nobody yet: the ingress must start while the API server is down. So the kinds are mapped to their
// resources here, not by discovery.
func newCluster(config *rest.Config, only namespaces.Set) (cluster, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return cluster{}, fmt.Errorf("build the scheme: %w", err)
	}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.GroupVersion()})
	for _, kind := range []string{v1alpha1.KindSimReceiver, v1alpha1.KindSimOrder, v1alpha1.KindSimAlert} {
		mapper.Add(v1alpha1.GroupVersion().WithKind(kind), meta.RESTScopeNamespace)
		// A cache of several namespaces asks by the name of the list.
		mapper.Add(v1alpha1.GroupVersion().WithKind(kind+"List"), meta.RESTScopeNamespace)
	}
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return cluster{}, fmt.Errorf("build the HTTP client: %w", err)
	}
	informers, err := cache.New(config, cache.Options{
		HTTPClient: httpClient, Scheme: scheme, Mapper: mapper, DefaultNamespaces: only.Cache(), DefaultTransform: cache.TransformStripManagedFields(),
	})
	if err != nil {
		return cluster{}, fmt.Errorf("build the cache: %w", err)
	}
	direct, err := client.New(config, client.Options{HTTPClient: httpClient, Scheme: scheme, Mapper: mapper})
	if err != nil {
		return cluster{}, fmt.Errorf("build the client: %w", err)
	}
	frugal, err := lean.New(direct, config, httpClient, v1alpha1.GroupVersion())
	if err != nil {
		return cluster{}, err
	}
	return cluster{cache: informers, client: frugal}, nil
}
