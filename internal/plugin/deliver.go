package plugin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer. The ingress's own are some hundred bytes.
	maxAnswer = 64 << 10
	// maxDuration bounds a delivery.
	maxDuration = 30 * time.Second
)

// answer is what an ingress says: a deliveryID, or a problem (RFC 9457).
type answer struct {
	DeliveryID string `json:"deliveryID"`
	Title      string `json:"title"`
	Detail     string `json:"detail"`

	code       int
	retryAfter string
}

// doorFlags say how to trust the ingress.
type doorFlags struct {
	caFile   string
	insecure bool
}

// newHTTPClient makes a client that follows no redirect: that would give the token to somebody else.
func newHTTPClient(f doorFlags) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: f.insecure} //nolint:gosec // a person asks for it, by a flag that says so
	if f.caFile != "" {
		pem, err := os.ReadFile(f.caFile)
		if err != nil {
			return nil, fmt.Errorf("read --hook-ca-file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("--hook-ca-file holds no certificate")
		}
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment},
		Timeout:       maxDuration,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// deliver posts a body to a URL of a receiver. No error holds that URL.
func deliver(ctx context.Context, poster *http.Client, hook string, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, bytes.NewReader(body))
	if err != nil {
		return answer{}, errors.New("the URL of the receiver is not one")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent())
	response, err := poster.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("deliver to %s: %w", request.URL.Host, withoutURL(err))
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer of %s: %w", request.URL.Host, withoutURL(err))
	}
	a := answer{code: response.StatusCode, retryAfter: response.Header.Get("Retry-After")}
	// What is no JSON is not from the ingress, but from something in front of it; its status says enough.
	_ = json.Unmarshal(text, &a)
	return a, a.problem(request.URL.Host)
}

// withoutURL takes the URL, which holds the token, out of an error of the HTTP client.
func withoutURL(err error) error {
	if failed := new(url.Error); errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// problem says why a delivery was not accepted, and what that may mean.
func (a answer) problem(host string) error {
	if a.code == http.StatusOK && a.DeliveryID != "" {
		return nil
	}
	text := fmt.Sprintf("%s answered %d %s", host, a.code, cmp.Or(a.Title, http.StatusText(a.code)))
	if a.Detail != "" {
		text += ": " + a.Detail
	}
	switch {
	case a.DeliveryID != "":
		text += "; it is in quarantine as delivery " + a.DeliveryID
	case a.code == http.StatusOK:
		text += ", but no delivery id: that is not the ingress of sim-operator"
	case a.code == http.StatusNotFound:
		text += ": the ingress does not know this token, or does not take it from your address (spec.allowedSources)"
	case a.retryAfter != "":
		text += "; try again after " + a.retryAfter + " s"
	}
	return errors.New(text)
}
