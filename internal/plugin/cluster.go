package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/version"
)

// cluster is the cluster of the kubeconfig and of the flags that kubectl has, too.
//
// The flags come from client-go, and not from k8s.io/cli-runtime, which would bring kustomize into this module.
type cluster struct {
	rules     *clientcmd.ClientConfigLoadingRules
	overrides *clientcmd.ConfigOverrides
}

func newCluster() *cluster {
	return &cluster{rules: clientcmd.NewDefaultClientConfigLoadingRules(), overrides: &clientcmd.ConfigOverrides{}}
}

func (c *cluster) bindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&c.rules.ExplicitPath, clientcmd.RecommendedConfigPathFlag, "", "Path to the kubeconfig file to use")
	clientcmd.BindOverrideFlags(c.overrides, flags, clientcmd.RecommendedConfigOverrideFlags(""))
}

// connect returns a client and the namespace that is meant.
func (c *cluster) connect() (client.Client, string, error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(c.rules, c.overrides)
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1 // the server's own fairness is the limit
	config.UserAgent = userAgent()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, "", err
	}
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, "", err
	}
	connected, err := client.New(config, client.Options{Scheme: scheme, Mapper: kinds()})
	if err != nil {
		return nil, "", fmt.Errorf("make a client: %w", err)
	}
	return connected, namespace, nil
}

func userAgent() string {
	return "kubectl-sim/" + version.String()
}

// kinds knows the resources of the kinds that are asked for, so that no time is spent on discovery.
func kinds() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{v1alpha1.KindSimReceiver, v1alpha1.KindSimOrder, v1alpha1.KindSimAlert} {
		mapper.Add(v1alpha1.GroupVersion().WithKind(kind), meta.RESTScopeNamespace)
	}
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Secret"), meta.RESTScopeNamespace)
	return mapper
}

// pageSize is how many resources are held at a time. One has some kilobytes.
const pageSize = 500

// listOf is a list of resources, as a pointer to L.
type listOf[L any] interface {
	*L
	client.ObjectList
}

// eachPage lists page by page, so that memory does not grow with the cluster. A listing that took so long that the API
// server has forgotten its beginning goes on with what is there now. Each page is a new list: decoding into an old one
// would leave in it what the new one does not say.
func eachPage[L any, P listOf[L]](ctx context.Context, reader client.Reader, visit func(P), options ...client.ListOption) error {
	next := ""
	for {
		list := P(new(L))
		asked := append([]client.ListOption{client.Limit(pageSize), client.Continue(next)}, options...)
		err := reader.List(ctx, list, asked...)
		if resume := resumption(err); resume != "" && resume != next {
			next = resume
			continue
		}
		if err != nil {
			return listError(list, err)
		}
		visit(list)
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

// resumption is the token that an API server gives along with the error that the old one has expired.
func resumption(err error) string {
	var status apierrors.APIStatus
	if apierrors.IsResourceExpired(err) && errors.As(err, &status) {
		return status.Status().Continue
	}
	return ""
}

func listError(list client.ObjectList, err error) error {
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("this cluster does not know the resources of %s: is sim-operator installed?", v1alpha1.GroupName)
	}
	return fmt.Errorf("list %s: %w", kindOfList(list), err)
}

func kindOfList(list client.ObjectList) string {
	switch list.(type) {
	case *v1alpha1.SimReceiverList:
		return "SimReceivers"
	case *v1alpha1.SimOrderList:
		return "SimOrders"
	case *v1alpha1.SimAlertList:
		return "SimAlerts"
	default:
		return "resources"
	}
}

// getReceiver reads the receiver that a person named.
func getReceiver(ctx context.Context, reader client.Reader, key client.ObjectKey) (*v1alpha1.SimReceiver, error) {
	receiver := &v1alpha1.SimReceiver{}
	err := reader.Get(ctx, key, receiver)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no SimReceiver %s in namespace %s", key.Name, key.Namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("read SimReceiver %s: %w", key, err)
	}
	return receiver, nil
}

// completeReceivers offers the names of receivers for the first argument.
func (c *cluster) completeReceivers(ctx context.Context) ([]cobra.Completion, cobra.ShellCompDirective) {
	reader, namespace, err := c.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []cobra.Completion
	err = eachPage(ctx, reader, func(list *v1alpha1.SimReceiverList) {
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
	}, client.InNamespace(namespace))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
