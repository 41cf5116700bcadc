package monitoring

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/sim-operator/sim-operator/internal/testenv"
)

var plane testenv.Cluster

func TestMain(m *testing.M) { os.Exit(plane.Main(m)) }

// account makes a ServiceAccount, binds it to a ClusterRole if one is named, and returns a token of it.
func account(t *testing.T, namespace, name, role string) string {
	t.Helper()
	c := plane.Client(t)
	who := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := c.Create(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	if role != "" {
		if err := c.Create(t.Context(), bindingOf(namespace, name, role)); err != nil {
			t.Fatal(err)
		}
	}
	request := &authenticationv1.TokenRequest{}
	if err := c.SubResource("token").Create(t.Context(), who, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

func bindingOf(namespace, name, role string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace + "-" + name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: name}},
	}
}

// cable leads to the API server until it is cut.
type cable struct {
	to       string
	listener net.Listener

	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{to: to, listener: listener, open: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = listener.Close()
		c.set(true)
	})
	go c.serve()
	return c
}

func (c *cable) serve() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.to)
		if err != nil || !c.keep(near, far) {
			_ = near.Close()
			continue
		}
		for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
			go func() {
				_, _ = io.Copy(to, from)
				_, _ = from.Close(), to.Close()
			}()
		}
	}
}

func (c *cable) keep(near, far net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		_ = far.Close()
		return false
	}
	c.open[near], c.open[far] = true, true
	return true
}

// set cuts the cable, or mends it.
func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	if cut {
		for connection := range c.open {
			_ = connection.Close()
		}
		clear(c.open)
	}
}

// TestReviews asks a real API server with the rights of each program, and then cannot reach it any more.
func TestReviews(t *testing.T) {
	namespace := plane.Namespace(t)
	may := account(t, namespace, "prometheus", "sim-operator-metrics-reader")
	mayNot := account(t, namespace, "other", "")
	for _, program := range []string{"sim-operator-ingress", "sim-operator-manager"} {
		t.Run(program, func(t *testing.T) {
			config := plane.ConfigFor(t, program)
			line := newCable(t, strings.TrimSuffix(strings.TrimPrefix(config.Host, "https://"), "/"))
			config.Host = "https://" + line.listener.Addr().String()
			asking, err := newReviews(config)
			if err != nil {
				t.Fatal(err)
			}
			c := testingclock.NewFakePassiveClock(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))
			g := guardWith(asking, c)
			later := func(d time.Duration) { c.SetTime(c.Now().Add(d)) }
			answers := func(want map[string]verdict) {
				t.Helper()
				for token, want := range want {
					testenv.Eventually(t, func() error { // a new binding is not known at once
						later(deniedFor)
						if got := g.admit(t.Context(), token, logr.Discard()); got != want {
							return fmt.Errorf("%.20s is answered %d, want %d", token, got, want)
						}
						return nil
					})
				}
			}

			answers(map[string]verdict{may: allowed, mayNot: forbidden, "nonsense": unknown})
			line.set(true)
			later(2 * allowedFor)
			answers(map[string]verdict{may: allowed, mayNot: undetermined, "nonsense": undetermined})
			later(allowedWithout)
			answers(map[string]verdict{may: undetermined})
			line.set(false)
			answers(map[string]verdict{may: allowed, mayNot: forbidden, "nonsense": unknown})
		})
	}

	t.Run("after its right was taken away", func(t *testing.T) {
		asking, err := newReviews(plane.ConfigFor(t, "sim-operator-ingress"))
		if err != nil {
			t.Fatal(err)
		}
		if err := plane.Client(t).Delete(t.Context(), bindingOf(namespace, "prometheus", "")); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, func() error {
			if got, err := asking.judge(t.Context(), may); err != nil || got != forbidden {
				return fmt.Errorf("answered %d, %w", got, err)
			}
			return nil
		})
	})
}
