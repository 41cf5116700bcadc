package localcluster

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
)

// EtcdURL is where etcd serves its API as JSON, and its metrics.
func (c *ControlPlane) EtcdURL() string {
	return c.etcd
}

// EtcdClient makes an HTTP client that etcd lets do everything.
func (c *ControlPlane) EtcdClient() (*http.Client, error) {
	pair := c.keys.etcdClient()
	certificate, err := tls.LoadX509KeyPair(pair.cert, pair.key)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of a client of etcd: %w", err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(c.authority)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: authorities, Certificates: []tls.Certificate{certificate},
	}}}, nil
}
