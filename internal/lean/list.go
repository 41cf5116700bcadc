package lean

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	// anyVersion is the resourceVersion of a list that may be of any version.
	anyVersion = "0"
	// defaultPageSize is how many resources are in a page: some five megabytes, which the server copies before it encodes them,
	// and which are here in memory as a whole.
	defaultPageSize = 2000
)

// Lists makes informers whose first list costs the API server and the program less than those of client-go. These read
// it as a watch, each resource wrapped in an event: the server copies a resource, encodes it and compacts that, the
// client looks through it six times, and each does so in one goroutine. Here it is a list, which the server encodes once.
// It comes in pages: the server copies and encodes one, in one goroutine, while the one before it is decoded here, and neither
// has the whole list in memory. And it is not compressed, since that costs the server more than a network inside a cluster.
type Lists struct {
	rest      rest.Interface
	namespace string
	kinds     []Kind
	pageSize  int64
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
	plain := rest.CopyConfig(config)
	plain.DisableCompression = true
	httpClient, err := rest.HTTPClientFor(plain)
	if err != nil {
		return nil, fmt.Errorf("build the HTTP client of lists: %w", err)
	}
	asking, err := newREST(config, httpClient, group, runtime.ContentTypeJSON)
	if err != nil {
		return nil, err
	}
	return &Lists{rest: asking, namespace: namespace, kinds: kinds, pageSize: defaultPageSize}, nil
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

// list lists a kind. The first list of a reflector asks for any version that the server has in memory, of which a server
// makes one page, whatever the limit. Here it is all pages of the newest version.
func (l *Lists) list(ctx context.Context, kind Kind, options metav1.ListOptions) (runtime.Object, error) {
	if options.ResourceVersion == anyVersion {
		options.Limit, options.ResourceVersion = l.pageSize, ""
		return l.pages(ctx, kind, options)
	}
	body, err := l.fetch(ctx, kind, options)
	if err != nil {
		return nil, err
	}
	return decodeList(body, kind)
}

// pages reads a list in pages: while one is decoded the server makes the next.
func (l *Lists) pages(ctx context.Context, kind Kind, options metav1.ListOptions) (*metainternalversion.List, error) {
	group, ctx := errgroup.WithContext(ctx)
	bodies := make(chan []byte)
	group.Go(func() error {
		defer close(bodies)
		for {
			body, err := l.fetch(ctx, kind, options)
			if err != nil {
				return err
			}
			select {
			case bodies <- body:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if options.Continue, err = continueOf(body); err != nil || options.Continue == "" {
				return err
			}
		}
	})
	all := &metainternalversion.List{}
	group.Go(func() error {
		for body := range bodies {
			page, err := decodeList(body, kind)
			if err != nil {
				return err
			}
			all.ListMeta, all.Items = metav1.ListMeta{ResourceVersion: page.ResourceVersion}, append(all.Items, page.Items...)
		}
		return nil
	})
	return all, group.Wait()
}

func (l *Lists) fetch(ctx context.Context, kind Kind, options metav1.ListOptions) ([]byte, error) {
	return l.rest.Get().NamespaceIfScoped(l.namespace, l.namespace != "").Resource(kind.Resource).
		SpecificallyVersionedParams(&options, metav1.ParameterCodec, schema.GroupVersion{Version: "v1"}).Do(ctx).Raw()
}

// continueOf finds the token of the next page without a look at the items: kube-apiserver puts the metadata of a list
// last. Where it is not, the whole page is decoded for it.
func continueOf(body []byte) (string, error) {
	var about struct {
		Metadata metav1.ListMeta `json:"metadata"`
	}
	if at := bytes.LastIndex(body, []byte(`"metadata":`)); at > 0 && json.Unmarshal(append([]byte{'{'}, body[at:]...), &about) == nil {
		return about.Metadata.Continue, nil
	}
	err := json.Unmarshal(body, &about)
	return about.Metadata.Continue, err
}

// decodeList reads a list object by object, with the decoder that Go's own library has from Go 1.27 on, as encoding/json/v2.
// That of encoding/json takes longer: it looks for the end of an object before it decodes it.
func decodeList(body []byte, kind Kind) (*metainternalversion.List, error) {
	list, err := readList(jsontext.NewDecoder(bytes.NewBuffer(body)), kind)
	if err != nil {
		return nil, fmt.Errorf("read the list of %s: %w", kind.Resource, err)
	}
	return list, nil
}

func readList(decoder *jsontext.Decoder, kind Kind) (*metainternalversion.List, error) {
	if err := expect(decoder, jsontext.KindBeginObject); err != nil {
		return nil, err
	}
	list := &metainternalversion.List{}
	for decoder.PeekKind() != jsontext.KindEndObject {
		key, err := decoder.ReadToken()
		if err != nil {
			return nil, err
		}
		switch key.String() {
		case "metadata":
			err = json.UnmarshalDecode(decoder, &list.ListMeta)
		case "items":
			list.Items, err = decodeItems(decoder, kind)
		default:
			err = decoder.SkipValue()
		}
		if err != nil {
			return nil, err
		}
	}
	if list.ResourceVersion == "" {
		return nil, errors.New("it has no resourceVersion")
	}
	return list, expect(decoder, jsontext.KindEndObject)
}

func decodeItems(decoder *jsontext.Decoder, kind Kind) ([]runtime.Object, error) {
	if decoder.PeekKind() == jsontext.KindNull { // an empty list
		return nil, decoder.SkipValue()
	}
	if err := expect(decoder, jsontext.KindBeginArray); err != nil {
		return nil, err
	}
	var items []runtime.Object
	for decoder.PeekKind() != jsontext.KindEndArray {
		object := kind.New()
		if err := json.UnmarshalDecode(decoder, object); err != nil {
			return nil, err
		}
		if _, err := kind.Transform(object); err != nil {
			return nil, err
		}
		items = append(items, object)
	}
	return items, expect(decoder, jsontext.KindEndArray)
}

func expect(decoder *jsontext.Decoder, wanted jsontext.Kind) error {
	token, err := decoder.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != wanted {
		return fmt.Errorf("there is %v in the place of %v, after byte %d", token, wanted, decoder.InputOffset())
	}
	return nil
}
