package config

import (
	"fmt"
	"net/http"
	"testing"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/internal/testenv"
)

// The API server really handles the manager's leader election by our FlowSchema, and nothing else.
func TestLeaderElectionFlows(t *testing.T) {
	for _, dir := range []string{"default", "overlays/other-namespace"} {
		t.Run(dir, func(t *testing.T) {
			namespace := namespaceOf(t, install(t, dir))
			ours := flowSchema(t, "sim-operator-leader-election")
			if got := ours.Spec.PriorityLevelConfiguration.Name; got != "leader-election" {
				t.Errorf("the priority level is %s", got)
			}
			lease := "/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases/" + manager
			testenv.Eventually(t, func() error {
				if got := flowOf(t, accountName(namespace, manager), lease); got != string(ours.UID) {
					return fmt.Errorf("the flow schema of the manager's Lease is %s; want %s", got, ours.UID)
				}
				return nil
			})
			for what, r := range map[string]struct{ who, path string }{
				"the ingress with a Lease":           {accountName(namespace, ingress), lease},
				"the manager with a Lease elsewhere": {accountName(namespace, manager), "/apis/coordination.k8s.io/v1/namespaces/default/leases/other"},
				"the manager with orders":            {accountName(namespace, manager), "/apis/sim-operator.io/v1alpha1/simorders"},
			} {
				if got, want := flowOf(t, r.who, r.path), string(flowSchema(t, "service-accounts").UID); got != want {
					t.Errorf("%s: the flow schema is %s; want service-accounts", what, got)
				}
			}
		})
	}
}

func flowSchema(t *testing.T, name string) *flowcontrolv1.FlowSchema {
	t.Helper()
	found := &flowcontrolv1.FlowSchema{ObjectMeta: metav1.ObjectMeta{Name: name}}
	testenv.Eventually(t, func() error { return plane.Client(t).Get(t.Context(), client.ObjectKey{Name: name}, found) })
	return found
}

// flowOf asks for something as somebody, and says by which FlowSchema the API server handled that, allowed or not.
func flowOf(t *testing.T, who, path string) string {
	t.Helper()
	config := plane.Config(t)
	config.Impersonate = rest.ImpersonationConfig{UserName: who, Groups: []string{"system:serviceaccounts", "system:authenticated"}}
	web, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, config.Host+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := web.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.Header.Get(flowcontrolv1.ResponseHeaderMatchedFlowSchemaUID)
}
