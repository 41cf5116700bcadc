package plugin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// hooks are the two URLs of a receiver. They hold its token: they are passwords.
type hooks struct {
	orders, alerts string
}

// readHooks reads the URLs of a receiver from its Secret. Where base is not empty they begin with it.
func readHooks(ctx context.Context, reader client.Reader, receiver *v1alpha1.SimReceiver, base string) (hooks, error) {
	key := client.ObjectKey{Namespace: receiver.Namespace, Name: receiver.TokenSecretName()}
	var secret corev1.Secret
	err := reader.Get(ctx, key, &secret)
	switch {
	case apierrors.IsNotFound(err):
		return hooks{}, fmt.Errorf("receiver %s has no Secret %s yet; the manager makes it: does it run?", receiver.Name, key)
	case apierrors.IsForbidden(err):
		return hooks{}, fmt.Errorf("you may not read Secret %s, which holds the URLs of receiver %s; ask somebody who has the right to get it", key, receiver.Name)
	case err != nil:
		return hooks{}, fmt.Errorf("read Secret %s: %w", key, err)
	}
	return hooksOf(receiver, secret.Data, base)
}

// hooksOf makes the URLs from what a Secret holds. One that is the user's own has a token, but no URLs.
func hooksOf(receiver *v1alpha1.SimReceiver, secret map[string][]byte, base string) (hooks, error) {
	if base == "" {
		made := hooks{orders: string(secret[v1alpha1.SecretKeyOrdersURL]), alerts: string(secret[v1alpha1.SecretKeyAlertsURL])}
		if made.orders != "" && made.alerts != "" {
			return made, nil
		}
		base = receiver.Spec.ExternalURL
	}
	if base == "" {
		return hooks{}, fmt.Errorf("receiver %s has no spec.externalURL, so it is not known where Mobile Manager reaches it; set it, or give --base-url", receiver.Name)
	}
	if parsed, err := url.Parse(base); err != nil || parsed.Host == "" || (parsed.Scheme != "https" && parsed.Scheme != "http") {
		return hooks{}, errors.New("the base of the URLs must be like https://hooks.example.com")
	}
	token := string(secret[v1alpha1.SecretKeyToken])
	if token == "" {
		return hooks{}, fmt.Errorf("the Secret of receiver %s has nothing under the key %s", receiver.Name, v1alpha1.SecretKeyToken)
	}
	stem := strings.TrimRight(base, "/") + "/hooks/" + token
	return hooks{orders: stem + "/orders", alerts: stem + "/alerts"}, nil
}
