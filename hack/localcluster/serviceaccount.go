package localcluster

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenLife is how long a ServiceAccount's token is valid; each start makes a new one.
const tokenLife = 365 * 24 * time.Hour

// WriteServiceAccountKubeconfig writes a kubeconfig with the rights of a ServiceAccount to path.
func (c *ControlPlane) WriteServiceAccountKubeconfig(ctx context.Context, namespace, name, path string) error {
	clientset, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	seconds := int64(tokenLife / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	answer, err := clientset.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("asking for a token of ServiceAccount %s/%s: %w", namespace, name, err)
	}
	return writeKubeconfig(path, c.config.Host, c.authority, name, &clientcmdapi.AuthInfo{Token: answer.Status.Token})
}
