package localcluster

import (
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// defaultNamespace is where kubectl looks with the admin's kubeconfig if it is not told.
const defaultNamespace = "sims"

// writeKubeconfig writes the kubeconfig of one user, readable by the owner alone.
func writeKubeconfig(path, server string, authority []byte, name string, user *clientcmdapi.AuthInfo) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["local"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos[name] = user
	config.Contexts["local"] = &clientcmdapi.Context{Cluster: "local", AuthInfo: name, Namespace: defaultNamespace}
	config.CurrentContext = "local"
	content, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", name, err)
	}
	return writeFile(path, content, 0o600)
}

// certificateUser is a user with a client certificate.
func certificateUser(p pair) (*clientcmdapi.AuthInfo, error) {
	cert, err := os.ReadFile(p.cert)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	key, err := os.ReadFile(p.key)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	return &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}, nil
}

// loadKubeconfig reads a kubeconfig for a client without client-side rate limit, as ctrl.GetConfig makes it.
func loadKubeconfig(path string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("reading a kubeconfig: %w", err)
	}
	config.QPS = -1
	return config, nil
}
