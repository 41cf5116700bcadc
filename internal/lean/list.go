package lean

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Lists makes informers whose first list costs the API server and the program less than those of client-go. These read
// it as a watch, each resource wrapped in an event: the server copies a resource, encodes it and compacts that, the
// client looks through it six times, and each does so in one goroutine. Here it is a list, which the server encodes once,
// and which is decoded while it comes in, so that it is never in memory as a whole.
type Lists struct {
	rest      rest.Interface
	namespace string
	kinds     []Kind
}

// A Kind is a resource that is listed so.
type Kind struct {
	// Resource is the plural.
	Resource string
	// New makes an empty object.
	New func() runtime.Object
	// Transform changes each object, in place, as soon as it has been decoded.
	Transform cache.TransformFunc
}

// NewLists makes Lists of one namespace, or of all if it is empty.
func NewLists(config *rest.Config, group schema.GroupVersion, namespace string, kinds ...Kind) (*Lists, error) {
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("build the HTTP client of lists: %w", err)
	}
	asking, err := newREST(config, httpClient, group, runtime.ContentTypeJSON)
	if err != nil {
		return nil, err
	}
	return &Lists{rest: asking, namespace: namespace, kinds: kinds}, nil
}

// NewInformer is for the options of a cache of controller-runtime. Other kinds get the usual informer.
func (l *Lists) NewInformer(usual cache.ListerWatcher, example runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	for _, kind := range l.kinds {
		if reflect.TypeOf(kind.New()) == reflect.TypeOf(example) {
			usual = l.listWatch(kind, cache.ToListerWatcherWithContext(usual))
			break
		}
	}
	return cache.NewSharedIndexInformer(usual, example, resync, indexers)
}

// listWatch lists as Lists does, and watches as usual.
type listWatch struct{ *cache.ListWatch }

func (l *Lists) listWatch(kind Kind, usual cache.WatcherWithContext) listWatch {
	return listWatch{&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return l.list(ctx, kind, options)
		},
		WatchFuncWithContext: usual.WatchWithContext,
	}}
}

// IsWatchListSemanticsUnSupported tells the reflector of client-go to list before it watches.
func (listWatch) IsWatchListSemanticsUnSupported() bool { return true }

func (l *Lists) list(ctx context.Context, kind Kind, options metav1.ListOptions) (runtime.Object, error) {
	body, err := l.rest.Get().NamespaceIfScoped(l.namespace, l.namespace != "").Resource(kind.Resource).
		SpecificallyVersionedParams(&options, metav1.ParameterCodec, schema.GroupVersion{Version: "v1"}).Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // all of it has been read, or an error says that it was not
	list, err := decodeList(body, kind)
	if err != nil {
		return nil, fmt.Errorf("read the list of %s: %w", kind.Resource, err)
	}
	return list, nil
}

// decodeList reads a list object by object.
func decodeList(body io.Reader, kind Kind) (*metainternalversion.List, error) {
	decoder := json.NewDecoder(body)
	if err := expect(decoder, json.Delim('{')); err != nil {
		return nil, err
	}
	list := &metainternalversion.List{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		switch key {
		case "metadata":
			err = decoder.Decode(&list.ListMeta)
		case "items":
			list.Items, err = decodeItems(decoder, kind)
		default:
			var unused json.RawMessage
			err = decoder.Decode(&unused)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := expect(decoder, json.Delim('}')); err != nil {
		return nil, err
	}
	if list.ResourceVersion == "" {
		return nil, errors.New("it has no resourceVersion")
	}
	return list, nil
}

func decodeItems(decoder *json.Decoder, kind Kind) ([]runtime.Object, error) {
	opening, err := decoder.Token()
	if err != nil || opening == nil { // null is an empty list
		return nil, err
	}
	if opening != json.Delim('[') {
		return nil, fmt.Errorf("its items are %v, and no list", opening)
	}
	var items []runtime.Object
	for decoder.More() {
		object := kind.New()
		if err := decoder.Decode(object); err != nil {
			return nil, err
		}
		if _, err := kind.Transform(object); err != nil {
			return nil, err
		}
		items = append(items, object)
	}
	return items, expect(decoder, json.Delim(']'))
}

func expect(decoder *json.Decoder, wanted json.Delim) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	if token != wanted {
		return fmt.Errorf("there is %v in the place of %v", token, wanted)
	}
	return nil
}
