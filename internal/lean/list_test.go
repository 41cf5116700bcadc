package lean

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/testenv"
)

var errRefused = errors.New("refused")

// orders lists SimOrders as they are, but for those that are to be refused.
func orders() Kind {
	return Kind{
		Resource: "simorders",
		New:      func() runtime.Object { return &v1alpha1.SimOrder{} },
		Transform: func(object any) (any, error) {
			if object.(*v1alpha1.SimOrder).Name == "refused" { //nolint:forcetypeassert // New makes no other
				return nil, errRefused
			}
			return object, nil
		},
	}
}

func newLists(t *testing.T, namespace string) *Lists {
	t.Helper()
	lists, err := NewLists(shared.Config(t), v1alpha1.GroupVersion(), namespace, orders())
	if err != nil {
		t.Fatal(err)
	}
	return lists
}

// makeOrders makes n orders, and returns a namespace's orders as an ordinary client reads them.
func makeOrders(t *testing.T, namespace string, n int) []runtime.Object {
	t.Helper()
	for i := range n {
		o := order(namespace)
		o.Name = fmt.Sprintf("%s%d", o.Name[:len(o.Name)-1], i)
		o.Spec.OrderID = v1alpha1.UUID(o.Name)
		if err := shared.Client(t).Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	var usual v1alpha1.SimOrderList
	if err := shared.Client(t).List(t.Context(), &usual, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	items := make([]runtime.Object, len(usual.Items))
	for i := range usual.Items {
		usual.Items[i].TypeMeta = v1alpha1TypeMeta("SimOrder")
		items[i] = &usual.Items[i]
	}
	return items
}

func v1alpha1TypeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion().String(), Kind: kind}
}

func listed(t *testing.T, l *Lists, options metav1.ListOptions) (metav1.ListInterface, []runtime.Object) {
	t.Helper()
	got, err := l.list(t.Context(), orders(), options)
	if err != nil {
		t.Fatal(err)
	}
	items, err := meta.ExtractListWithAlloc(got)
	if err != nil {
		t.Fatal(err)
	}
	about, err := meta.ListAccessor(got)
	if err != nil {
		t.Fatal(err)
	}
	return about, items
}

func TestAListIsThatOfAnOrdinaryClient(t *testing.T) {
	namespace := shared.Namespace(t)
	want := makeOrders(t, namespace, 5)
	about, got := listed(t, newLists(t, namespace), metav1.ListOptions{})
	if about.GetResourceVersion() == "" {
		t.Error("the list has no version to watch from")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the list (-ordinary +ours):\n%s", diff)
	}
	_, all := listed(t, newLists(t, ""), metav1.ListOptions{})
	if len(all) < len(want) {
		t.Errorf("all namespaces have %d orders, and one of them %d", len(all), len(want))
	}
}

func TestAListComesInPagesIfAskedTo(t *testing.T) {
	namespace := shared.Namespace(t)
	want := makeOrders(t, namespace, 5)
	lists, options := newLists(t, namespace), metav1.ListOptions{Limit: 2}
	var got []runtime.Object
	for pages := 1; ; pages++ {
		about, items := listed(t, lists, options)
		got = append(got, items...)
		if options.Continue = about.GetContinue(); options.Continue == "" {
			if pages != 3 {
				t.Errorf("5 orders came in %d pages of 2", pages)
			}
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the pages (-ordinary +ours):\n%s", diff)
	}
}

// The first list of a reflector would come as a whole, and comes in pages.
func TestTheFirstListComesInPages(t *testing.T) {
	namespace := shared.Namespace(t)
	want := makeOrders(t, namespace, 5)
	for _, size := range []int64{1, 2, 5, 6} {
		lists := newLists(t, namespace)
		lists.pageSize = size
		about, got := listed(t, lists, metav1.ListOptions{ResourceVersion: anyVersion, Limit: 500})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-ordinary +ours):\n%s", size, diff)
		}
		if about.GetContinue() != "" || about.GetResourceVersion() == "" {
			t.Errorf("pages of %d: the list is to go on at %q, and is of version %q", size, about.GetContinue(), about.GetResourceVersion())
		}
	}
	lists := newLists(t, namespace)
	refusing := orders()
	refusing.Transform = func(any) (any, error) { return nil, errRefused }
	lists.pageSize = 1
	if _, err := lists.list(t.Context(), refusing, metav1.ListOptions{ResourceVersion: anyVersion}); !errors.Is(err, errRefused) {
		t.Errorf("an object that is not taken: %v", err)
	}
	if _, err := lists.list(t.Context(), Kind{Resource: "simthings"}, metav1.ListOptions{ResourceVersion: anyVersion}); !apierrors.IsNotFound(err) {
		t.Errorf("a resource that is not served: %v", err)
	}
}

func TestTheTokenOfTheNextPage(t *testing.T) {
	const item = `{"metadata":{"name":"a","continue":"c"},"spec":{"metadata":{"continue":"d"}}}`
	for body, want := range map[string]string{
		`{"items":[` + item + `],"metadata":{"continue":"next","resourceVersion":"7"}}`:        "next",
		`{"items":[` + item + `],"metadata":{"resourceVersion":"7"}}`:                          "",
		`{"metadata":{"continue":"next","resourceVersion":"7"},"items":[` + item + `]}`:        "next",
		`{"metadata":{"continue":"next"},"items":[]}`:                                          "next",
		`{"items":[],"metadata" : {"continue":"next"}}`:                                        "next",
		`{"items":[` + item + `],"metadata":{"continue":"next","resourceVersion":"7"}}` + "\n": "next",
	} {
		if got, err := continueOf([]byte(body)); err != nil || got != want {
			t.Errorf("%s: %q, %v", body, got, err)
		}
	}
	if token, err := continueOf([]byte(`{"items":[` + item)); err == nil {
		t.Errorf("half a list: %q", token)
	}
}

func TestARefusalOfAListIsTheServersOwn(t *testing.T) {
	lists := newLists(t, shared.Namespace(t))
	// The reflector of client-go goes by these.
	_, err := lists.list(t.Context(), orders(), metav1.ListOptions{Limit: 1, Continue: "nonsense"})
	if !apierrors.IsBadRequest(err) {
		t.Errorf("a continue token of nonsense: %v", err)
	}
	_, err = lists.list(t.Context(), Kind{Resource: "simthings"}, metav1.ListOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("a resource that is not served: %v", err)
	}
}

// whole is a list of two.
const whole = `{"apiVersion":"v","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}],"kind":"L","metadata":{"resourceVersion":"7"}}`

func TestAListIsWholeOrAnError(t *testing.T) {
	list, err := decodeList([]byte(whole), orders())
	if err != nil || list.ResourceVersion != "7" || len(list.Items) != 2 {
		t.Fatalf("a whole list: %+v, %v", list, err)
	}
	for cut := range len(whole) {
		if _, err := decodeList([]byte(whole[:cut]), orders()); err == nil {
			t.Errorf("a list that ends after %q was taken for whole", whole[:cut])
		}
	}
}

func TestWhatIsNoListIsAnError(t *testing.T) {
	if _, err := decodeList([]byte(strings.Replace(whole, `"b"`, `"refused"`, 1)), orders()); !errors.Is(err, errRefused) {
		t.Errorf("an object that is not taken: %v", err)
	}
	for _, other := range []string{
		`[]`, `"text"`, `{"items":{},"metadata":{"resourceVersion":"7"}}`, `{"items":[],"metadata":{}}`, `{"items":[]}`, `{"items":[7],"metadata":{"resourceVersion":"7"}}`,
	} {
		if list, err := decodeList([]byte(other), orders()); err == nil {
			t.Errorf("%s was taken for a list: %+v", other, list)
		}
	}
	empty, err := decodeList([]byte(`{"items":null,"metadata":{"resourceVersion":"7"},"more":[{"a":1}]}`), orders())
	if err != nil || len(empty.Items) != 0 {
		t.Errorf("an empty list: %+v, %v", empty, err)
	}
}

func TestAnInformerListsAndThenFollows(t *testing.T) {
	namespace := shared.Namespace(t)
	want := makeOrders(t, namespace, 3)
	lists := newLists(t, namespace)
	watching, err := client.NewWithWatch(shared.Config(t), client.Options{Scheme: shared.Client(t).Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	usual := &cache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			return nil, errors.New("this list is not to be asked for")
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return watching.Watch(ctx, &v1alpha1.SimOrderList{}, client.InNamespace(namespace), &client.ListOptions{Raw: &options})
		},
	}
	informer := lists.NewInformer(usual, &v1alpha1.SimOrder{}, 0, cache.Indexers{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); informer.RunWithContext(ctx) }()
	defer func() { cancel(); <-ended }()
	holds := func(n int) {
		t.Helper()
		testenv.Eventually(t, func() error {
			if got := len(informer.GetStore().ListKeys()); got != n {
				return fmt.Errorf("the informer holds %d orders, and not %d", got, n)
			}
			return nil
		})
	}
	holds(len(want))
	if err := shared.Client(t).Delete(t.Context(), want[0].(client.Object)); err != nil { //nolint:forcetypeassert // an order
		t.Fatal(err)
	}
	holds(len(want) - 1)
}

func TestOtherKindsAreListedAsUsual(t *testing.T) {
	asked := make(chan struct{})
	usual := &cache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			close(asked)
			return &corev1.ConfigMapList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}}, nil
		},
		WatchFuncWithContext: func(ctx context.Context, _ metav1.ListOptions) (watch.Interface, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		},
	}
	// A watch that lists is for clients that say so; this one would not be asked for a list otherwise.
	informer := newLists(t, "").NewInformer(withoutWatchList{usual}, &corev1.ConfigMap{}, 0, cache.Indexers{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); informer.RunWithContext(ctx) }()
	defer func() { cancel(); <-ended }()
	select {
	case <-asked:
	case <-time.After(time.Minute):
		t.Error("the usual list was not asked for")
	}
}

type withoutWatchList struct{ *cache.ListWatch }

func (withoutWatchList) IsWatchListSemanticsUnSupported() bool { return true }
