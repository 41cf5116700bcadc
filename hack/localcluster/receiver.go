package localcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// Webhook is where the deliveries for one receiver go.
type Webhook struct {
	// Token is the secret part of the URLs.
	Token string
	hooks []string
}

// OrdersURL is where a replica of the ingress takes orders for the receiver.
func (w Webhook) OrdersURL(replica int) string { return w.url(replica, "orders") }

// AlertsURL is where a replica of the ingress takes alerts for the receiver.
func (w Webhook) AlertsURL(replica int) string { return w.url(replica, "alerts") }

func (w Webhook) url(replica int, kind string) string {
	return w.hooks[replica] + "/hooks/" + w.Token + "/" + kind
}

// Receiver makes a SimReceiver, and its namespace, unless they are there, and waits until every ingress takes
// deliveries for it. A receiver that a user has suspended counts as ready.
func (c *Cluster) Receiver(ctx context.Context, namespace, name string) (Webhook, error) {
	admin, err := adminClient(c)
	if err != nil {
		return Webhook{}, err
	}
	for _, object := range []*unstructured.Unstructured{namespaceObject(namespace), c.receiverObject(namespace, name)} {
		if err := apply(ctx, admin, object); err != nil {
			return Webhook{}, err
		}
	}
	w := Webhook{}
	for i := range c.options.Ingresses {
		w.hooks = append(w.hooks, c.HooksURL(i))
	}
	err = waitUp(ctx, c.supervisor, []string{Manager}, func(ctx context.Context) error {
		w.Token, err = publishedToken(ctx, admin, client.ObjectKey{Namespace: namespace, Name: name})
		return err
	})
	if err != nil {
		return Webhook{}, err
	}
	for i := range c.options.Ingresses {
		if err := c.waitKnown(ctx, IngressName(i), w.OrdersURL(i)); err != nil {
			return Webhook{}, err
		}
	}
	return w, nil
}

// adminClient is a client that knows the built-in kinds and ours.
func adminClient(c *Cluster) (client.Client, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("making a scheme: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("making a scheme: %w", err)
	}
	admin, err := client.New(c.config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return admin, nil
}

func (c *Cluster) receiverObject(namespace, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"externalURL": c.HooksURL(0)}}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion().WithKind("SimReceiver"))
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

// publishedToken is the receiver's token, once the manager has published its hash.
func publishedToken(ctx context.Context, admin client.Client, key client.ObjectKey) (string, error) {
	var receiver v1alpha1.SimReceiver
	if err := admin.Get(ctx, key, &receiver); err != nil {
		return "", err
	}
	ready := meta.FindStatusCondition(receiver.Status.Conditions, "Ready")
	switch {
	case ready == nil || receiver.Status.ObservedGeneration != receiver.Generation:
		return "", fmt.Errorf("the manager has not seen SimReceiver %s", key)
	case len(receiver.Status.TokenHashes) == 0:
		return "", fmt.Errorf("SimReceiver %s is not ready: %s: %s", key, ready.Reason, ready.Message)
	}
	var secret corev1.Secret
	if err := admin.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: receiver.TokenSecretName()}, &secret); err != nil {
		return "", err
	}
	return string(secret.Data[v1alpha1.SecretKeyToken]), nil
}

// waitKnown waits until an ingress knows the receiver that ordersURL belongs to.
func (c *Cluster) waitKnown(ctx context.Context, name, ordersURL string) error {
	var poster http.Client
	defer poster.CloseIdleConnections()
	return waitUp(ctx, c.supervisor, []string{name}, func(ctx context.Context) error {
		return askWhetherKnown(ctx, &poster, ordersURL)
	})
}

// tooLarge is more than the ingress accepts, so that asking leaves nothing behind: it answers 413, or 503 for a
// receiver that is suspended, where it would answer 404 to a token that it does not know, and 429 to one that it was
// asked about again and again.
const tooLarge = 64<<10 + 1

func askWhetherKnown(ctx context.Context, poster *http.Client, ordersURL string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, ordersURL, bytes.NewReader(make([]byte, tooLarge)))
	if err != nil {
		return fmt.Errorf("asking the ingress: %w", err)
	}
	request.Header.Set("Expect", "100-continue")
	response, err := poster.Do(request)
	if err != nil {
		return fmt.Errorf("asking the ingress: %w", withoutURL(err))
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusTooManyRequests {
		return errors.New("the ingress does not know the receiver yet")
	}
	return nil
}

// withoutURL takes the URL, which holds the token, out of an error of the HTTP client.
func withoutURL(err error) error {
	if failed := new(url.Error); errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
