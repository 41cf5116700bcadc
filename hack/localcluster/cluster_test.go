package localcluster

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

func TestCluster(t *testing.T) {
	programs := t.TempDir()
	if err := BuildPrograms(t.Context(), root, programs); err != nil {
		t.Fatal(err)
	}
	options := Options{Dir: t.TempDir(), Root: root, Assets: testAssets(t), Programs: programs, Ingresses: 2}

	c, webhook := startCluster(t, options)
	for replica := range options.Ingresses {
		deliver(t, c, webhook.OrdersURL(replica), replica)
	}
	for _, name := range []string{Manager, IngressName(0), IngressName(1)} {
		if err := c.Supervisor().Signal(name, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Supervisor().WaitRestarted(t.Context(), name, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.WaitProgramsReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	deliver(t, c, webhook.OrdersURL(0), 2)
	c.Stop()

	c, again := startCluster(t, options)
	if again.OrdersURL(1) != webhook.OrdersURL(1) {
		t.Error("the second start has other URLs than the first")
	}
	deliver(t, c, again.OrdersURL(1), 3)
	var orders v1alpha1.SimOrderList
	if err := testClient(t, c).List(t.Context(), &orders); err != nil {
		t.Fatal(err)
	}
	if got := len(orders.Items); got != 4 {
		t.Errorf("%d orders, want 4", got)
	}
}

func startCluster(t *testing.T, o Options) (*Cluster, Webhook) {
	t.Helper()
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	webhook, err := c.Receiver(t.Context(), "sims", "demo")
	if err != nil {
		t.Fatal(err)
	}
	return c, webhook
}

func testClient(t *testing.T, c *Cluster) client.Client {
	t.Helper()
	admin, err := adminClient(c)
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

// deliver sends a complete order and waits until its resource says so.
func deliver(t *testing.T, c *Cluster, url string, number int) {
	t.Helper()
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", number)
	body := fmt.Sprintf(`{"OrderId": %q, "State": 1, "Type": 0}`, id)
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if answer, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the answer is %s %s, %v", response.Status, answer, err)
	}
	admin := testClient(t, c)
	waitFor(t, "order "+id+" is complete", func() bool {
		var order v1alpha1.SimOrder
		err := admin.Get(t.Context(), client.ObjectKey{Namespace: "sims", Name: id}, &order)
		return err == nil && order.Status.State == "Complete"
	})
}
