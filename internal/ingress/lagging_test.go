package ingress

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// A laggingCache is an API server whose cache is behind: reads that any version will do for are answered with the order that
// it is told of, or with none, all others by the server itself. It counts both.
type laggingCache struct {
	next http.RoundTripper

	mutex      sync.Mutex
	behind     map[string]*v1alpha1.SimOrder
	glances    int
	otherReads int
}

func (l *laggingCache) RoundTrip(request *http.Request) (*http.Response, error) {
	isOrder := request.Method == http.MethodGet && path.Base(path.Dir(request.URL.Path)) == "simorders"
	if !isOrder {
		return l.next.RoundTrip(request)
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if request.URL.Query().Get("resourceVersion") != "0" {
		l.otherReads++
		return l.next.RoundTrip(request)
	}
	l.glances++
	order, lags := l.behind[path.Base(request.URL.Path)]
	if !lags {
		return l.next.RoundTrip(request)
	}
	return answerWith(request, order)
}

// answerWith answers with an order, or that there is none.
func answerWith(request *http.Request, order *v1alpha1.SimOrder) (*http.Response, error) {
	code := http.StatusOK
	var object any = metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound,
	}
	if order == nil {
		code = http.StatusNotFound
	} else {
		order = order.DeepCopy()
		order.SetGroupVersionKind(v1alpha1.GroupVersion().WithKind(v1alpha1.KindSimOrder))
		object = order
	}
	body, err := json.Marshal(object)
	return &http.Response{
		StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: request,
	}, err
}

// lag has the cache stay as it is: an order is as it was at the version given, or not there yet.
func (l *laggingCache) lag(id string, order *v1alpha1.SimOrder) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.behind[id] = order
}

// reads says how often orders were read from the cache and past it.
func (l *laggingCache) reads() (glances, others int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.glances, l.otherReads
}

// newDoorWithCache is a door that has forgotten what it wrote whenever it is started anew.
func newDoorWithCache(t *testing.T) (*door, *laggingCache) {
	t.Helper()
	d, cache := newDoor(t), &laggingCache{behind: map[string]*v1alpha1.SimOrder{}}
	d.between = func(next http.RoundTripper) http.RoundTripper {
		cache.next = next
		return cache
	}
	return d, cache
}

func (d *door) restart(t *testing.T) {
	t.Helper()
	d.stop()
	d.start(t)
}

func TestWhatIsNotRememberedIsReadFromTheCacheOfTheServer(t *testing.T) {
	d, cache := newDoorWithCache(t)
	id := uuid.NewString()
	d.acceptOrder(t, id, 0)
	d.reports(t, id, "Open 1")
	d.restart(t)
	d.acceptOrder(t, id, 1)
	d.reports(t, id, "Open 1, Complete 1")
	if glances, others := cache.reads(); glances != 1 || others != 0 {
		t.Errorf("%d reads from the cache and %d past it; want 1 and 0", glances, others)
	}
}

func TestACacheThatIsBehindIsNotBelieved(t *testing.T) {
	for name, known := range map[string]bool{"it knows an older version": true, "it does not know it yet": false} {
		t.Run(name, func(t *testing.T) {
			d, cache := newDoorWithCache(t)
			id := uuid.NewString()
			d.acceptOrder(t, id, 0)
			first := d.reports(t, id, "Open 1")
			d.acceptOrder(t, id, 3)
			d.reports(t, id, "Open 1, Stalled 1")
			if !known {
				first = nil
			}
			cache.lag(id, first)
			d.restart(t)
			d.acceptOrder(t, id, 3)
			d.reports(t, id, "Open 1, Stalled 2")
		})
	}
}

// The cluster was put back to an older copy: that a delivery is in already is believed of no cache.
func TestACacheThatIsAheadIsNotBelieved(t *testing.T) {
	d, cache := newDoorWithCache(t)
	id := uuid.NewString()
	d.acceptOrder(t, id, 0)
	order := d.reports(t, id, "Open 1")
	ahead := order.DeepCopy()
	ahead.Spec.Applied[0].Last += 100
	ahead.Spec.Reports[0].LastReceivedAt = metav1.NewMicroTime(time.Now().Add(time.Hour))
	cache.lag(id, ahead)
	d.restart(t)
	d.acceptOrder(t, id, 3)
	d.reports(t, id, "Open 1, Stalled 1")
	if glances, others := cache.reads(); glances != 1 || others != 1 {
		t.Errorf("%d reads from the cache and %d past it; want one of each", glances, others)
	}
}
