package localcluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certificateLife is how long certificates are valid. They are made once and never leave this machine.
const certificateLife = 10 * 365 * 24 * time.Hour

// pki names the files of keys and certificates in one directory.
type pki struct{ dir string }

func (p pki) ca() string       { return filepath.Join(p.dir, "ca.crt") }
func (p pki) saKey() string    { return filepath.Join(p.dir, "service-accounts.key") }
func (p pki) saPublic() string { return filepath.Join(p.dir, "service-accounts.pub") }
func (p pki) complete() string { return filepath.Join(p.dir, "complete") }
func (p pki) server() pair     { return p.pair("server") }
func (p pki) etcdClient() pair { return p.pair("etcd-client") }
func (p pki) admin() pair      { return p.pair("admin") }
func (p pki) pair(n string) pair {
	return pair{cert: filepath.Join(p.dir, n+".crt"), key: filepath.Join(p.dir, n+".key")}
}

// pair is a certificate and its key.
type pair struct{ cert, key string }

// makePKI makes the certificate authority, the certificates and the keys that sign ServiceAccount tokens, unless they
// are there: what was handed out in an earlier run has to stay valid.
func makePKI(dir string, now time.Time) (pki, error) {
	p := pki{dir: dir}
	_, err := os.Stat(p.complete())
	if err == nil {
		return p, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return pki{}, fmt.Errorf("looking for the certificates: %w", err)
	}
	if err := p.fill(now); err != nil {
		return pki{}, fmt.Errorf("making certificates: %w", err)
	}
	return p, nil
}

func (p pki) fill(now time.Time) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	authority, err := newAuthority(now)
	if err != nil {
		return err
	}
	// What etcd and kube-apiserver serve with; etcd is its own peer, and so a client too.
	server := authority.template("sim-operator-local", "", x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	server.DNSNames = []string{"localhost"}
	server.IPAddresses = []net.IP{net.ParseIP(loopback)}
	client := authority.template("kube-apiserver-etcd-client", "", x509.ExtKeyUsageClientAuth)
	admin := authority.template("admin", "system:masters", x509.ExtKeyUsageClientAuth)
	err = errors.Join(
		authority.issue(p.server(), server),
		authority.issue(p.etcdClient(), client),
		authority.issue(p.admin(), admin),
		writePEM(p.ca(), "CERTIFICATE", authority.certificate.Raw, 0o644),
		p.writeSigningKeys(),
	)
	if err != nil {
		return err
	}
	return writeFile(p.complete(), nil, 0o644)
}

func (p pki) writeSigningKeys() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return errors.Join(writeKey(p.saKey(), key), writePEM(p.saPublic(), "PUBLIC KEY", public, 0o644))
}

// authority signs certificates. Its key is in no file: nothing is signed later.
type authority struct {
	key         crypto.Signer
	certificate *x509.Certificate
	now         time.Time
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key, now: now}
	template := a.template("sim-operator-local-ca", "")
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	a.certificate, err = x509.ParseCertificate(raw)
	return a, err
}

func (a *authority) template(name, group string, usage ...x509.ExtKeyUsage) *x509.Certificate {
	subject := pkix.Name{CommonName: name}
	if group != "" {
		subject.Organization = []string{group}
	}
	serial := new(big.Int).SetBytes([]byte(name)) // unique, for so is the name
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    a.now.Add(-time.Hour), // a clock may be set back a little
		NotAfter:     a.now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  usage,
	}
}

func (a *authority) issue(to pair, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return err
	}
	return errors.Join(writeKey(to.key, key), writePEM(to.cert, "CERTIFICATE", raw, 0o644))
}

func writeKey(path string, key crypto.PrivateKey) error {
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "PRIVATE KEY", raw, 0o600)
}

func writePEM(path, kind string, raw []byte, mode os.FileMode) error {
	return writeFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), mode)
}
