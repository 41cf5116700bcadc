package ingress

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

// scraper makes a ServiceAccount, lets it get /metrics or not, and returns a token of it.
func scraper(t *testing.T, c client.Client, namespace, name string, allowed bool) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := c.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if allowed {
		full := namespace + "-" + name
		role := &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: full},
			Rules:      []rbacv1.PolicyRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics"}}},
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: full},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: full},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: name}},
		}
		for _, object := range []client.Object{role, binding} {
			if err := c.Create(t.Context(), object); err != nil && !apierrors.IsAlreadyExists(err) {
				t.Fatal(err)
			}
		}
	}
	request := &authenticationv1.TokenRequest{}
	if err := c.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// scrapeWith gets the metrics over TLS.
func scrapeWith(ctx context.Context, address, token string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metrics", http.NoBody)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	if response.ProtoMajor != 1 {
		return 0, "", fmt.Errorf("%s is spoken", response.Proto)
	}
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func TestMetricsAreGuarded(t *testing.T) {
	d := newDoor(t)
	d.stop()
	d.options.Metrics.Address = freeAddress(t)
	d.start(t)
	address := d.options.Metrics.Address
	allowed, other := scraper(t, d.client, d.namespace, "prometheus", true), scraper(t, d.client, d.namespace, "other", false)
	for name, test := range map[string]struct {
		token string
		want  int
	}{
		"nobody":                      {"", http.StatusUnauthorized},
		"somebody who is not known":   {"nonsense", http.StatusUnauthorized},
		"somebody who may not":        {other, http.StatusForbidden},
		"somebody who may":            {allowed, http.StatusOK},
		"a token of a receiver":       {d.token, http.StatusUnauthorized},
		"somebody who may, once more": {allowed, http.StatusOK},
	} {
		testenv.Eventually(t, func() error { // a new binding is not known at once
			status, body, err := scrapeWith(t.Context(), address, test.token)
			switch {
			case err != nil:
				return err
			case status != test.want:
				return fmt.Errorf("%s is answered %d, want %d: %s", name, status, test.want, body)
			case strings.Contains(body, "sim_operator_spool_deliveries") != (status == http.StatusOK):
				return fmt.Errorf("%s is answered %s", name, body)
			}
			return nil
		})
	}
	if response, err := http.Get("http://" + address + "/metrics"); err == nil {
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			t.Error("they are served in the clear, too")
		}
	}
}

func TestMetricsWithACertificateOfOnesOwn(t *testing.T) {
	d := newDoor(t)
	d.stop()
	dir := t.TempDir()
	c := newCertificate(t, dir, "first")
	d.options.Metrics.Address, d.options.Metrics.CertFile, d.options.Metrics.KeyFile = freeAddress(t), c.certFile, c.keyFile
	d.start(t)
	serves(t, d.options.Metrics.Address, "first")
	newCertificate(t, dir, "second")
	serves(t, d.options.Metrics.Address, "second")
}

// TestGuardedMetricsDoNotKeepTheDoorShut: without an API server the door opens, deliveries are accepted, and nobody is
// let at the metrics.
func TestGuardedMetricsDoNotKeepTheDoorShut(t *testing.T) {
	d := newDoor(t)
	d.acceptOrder(t, "0f8fad5b-d9cb-469f-a165-70867728950e", 0)
	d.stop()
	d.options.HooksAddress, d.options.ProbeAddress, d.options.Metrics.Address = freeAddress(t), freeAddress(t), freeAddress(t)
	d.address = "http://" + d.options.HooksAddress
	nowhere := plane.ConfigFor(t, v1alpha1.FieldManagerIngress)
	nowhere.Host = "https://" + freeAddress(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, nowhere, d.options, prometheus.NewRegistry(), logr.Discard()) }()
	testenv.Eventually(t, func() error {
		status, _, err := scrapeWith(t.Context(), d.options.Metrics.Address, "")
		if err == nil && status != http.StatusUnauthorized {
			err = fmt.Errorf("a scrape is answered %d", status)
		}
		return err
	})
	d.acceptOrder(t, "0f8fad5b-d9cb-469f-a165-70867728950e", 1)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestAllowedSourcesEndToEnd sets networks on the resource, those included that the API server refuses.
func TestAllowedSourcesEndToEnd(t *testing.T) {
	d := newDoor(t)
	set := func(networks ...v1alpha1.CIDR) error {
		receiver := &v1alpha1.SimReceiver{}
		d.must(t, d.client.Get(t.Context(), client.ObjectKey{Namespace: d.namespace, Name: "demo"}, receiver))
		before := receiver.DeepCopy()
		receiver.Spec.AllowedSources = networks
		return d.client.Patch(t.Context(), receiver, client.MergeFrom(before))
	}
	answers := func(want int) {
		t.Helper()
		testenv.Eventually(t, func() error {
			if got := d.post(t, "orders", orderBody("0f8fad5b-d9cb-469f-a165-70867728950e", 0)); got != want {
				return fmt.Errorf("answered %d, want %d", got, want)
			}
			return nil
		})
	}
	for _, bad := range []v1alpha1.CIDR{"", "192.0.2.1", "192.0.2.0/33", "hooks.example.com", "192.0.2.0/024", "::ffff:192.0.2.0/120", "192.0.2.0/24 "} {
		if err := set("192.0.2.0/24", bad); !apierrors.IsInvalid(err) {
			t.Errorf("%q is answered %v", bad, err)
		}
	}
	if err := set("192.0.2.0/24", "192.0.2.0/24"); !apierrors.IsInvalid(err) {
		t.Errorf("the same twice is answered %v", err)
	}
	answers(http.StatusOK)
	d.must(t, set("192.0.2.0/24", "2001:db8::/32"))
	answers(http.StatusNotFound)
	d.must(t, set("192.0.2.0/24", "127.0.0.1/8"))
	answers(http.StatusOK)
	d.stop()
	d.start(t)
	answers(http.StatusOK)
	d.must(t, set())
	answers(http.StatusOK)
}
