// Package lean writes and lists custom resources at the least cost to the API server and to the program. The server
// answers a write with the whole resource, which the writer has just sent: here it is asked for the metadata alone, in
// protobuf. It checks fields against the schema twice, once for mistakes of whoever typed them: a program that encodes
// types needs that no more than once. Everything but writes and first lists of the resources that it is told of goes to
// an ordinary client.
package lean

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// metadataOnly is what a write wants to be answered with; JSON is for a server that has no such protobuf.
const metadataOnly = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1," +
	"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// Client is a client whose writes of the resources of one group and version are lean: after Create, Update and an Update
// of the status, the object has the metadata that the server gave it, without managed fields. The rest of it is as it
// was sent, even where a default of the schema or an admission webhook has changed it.
type Client struct {
	client.Client
	group   schema.GroupVersion
	encoder runtime.Encoder
	rest    rest.Interface
	// resources are the plurals that have been asked for, by kind; the mapper finds them anew each time, at some cost.
	resources sync.Map
}

// New wraps a client. The configuration and the HTTP client are those that it was made with.
func New(wrapped client.Client, config *rest.Config, httpClient *http.Client, group schema.GroupVersion) (*Client, error) {
	asking, err := newREST(config, httpClient, group, metadataOnly)
	if err != nil {
		return nil, err
	}
	return &Client{
		Client:  wrapped,
		group:   group,
		encoder: serializer.NewCodecFactory(wrapped.Scheme()).LegacyCodec(group),
		rest:    asking,
	}, nil
}

// newREST makes a client of one group whose answers, but for refusals, are read by nobody or as metadata alone.
func newREST(config *rest.Config, httpClient *http.Client, group schema.GroupVersion, accept string) (rest.Interface, error) {
	answers := runtime.NewScheme()
	metav1.AddToGroupVersion(answers, schema.GroupVersion{Version: "v1"})
	if err := metav1.AddMetaToScheme(answers); err != nil {
		return nil, fmt.Errorf("build the scheme of answers: %w", err)
	}
	plain := rest.CopyConfig(config)
	plain.GroupVersion = &group
	plain.APIPath = "/apis"
	plain.ContentType = runtime.ContentTypeJSON
	plain.AcceptContentTypes = accept
	plain.NegotiatedSerializer = serializer.NewCodecFactory(answers).WithoutConversion()
	asking, err := rest.RESTClientForConfigAndClient(plain, httpClient)
	if err != nil {
		return nil, fmt.Errorf("build a client of %s: %w", group.Group, err)
	}
	return asking, nil
}

// Create implements client.Client.
func (c *Client) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	resource, ours, err := c.resourceOf(obj)
	if err != nil {
		return err
	}
	if !ours {
		return c.Client.Create(ctx, obj, opts...)
	}
	options := (&client.CreateOptions{}).ApplyOptions(opts)
	body, err := runtime.Encode(c.encoder, obj)
	if err != nil {
		return fmt.Errorf("encode %s: %w", obj.GetName(), err)
	}
	request := c.rest.Post().Namespace(obj.GetNamespace()).Resource(resource)
	return answered(ctx, parameters(request, options.FieldManager, options.DryRun).Body(body), obj)
}

// Update implements client.Client.
func (c *Client) Update(ctx context.Context, obj client.Object, opts ...client.UpdateOption) error {
	resource, ours, err := c.resourceOf(obj)
	if err != nil {
		return err
	}
	if !ours {
		return c.Client.Update(ctx, obj, opts...)
	}
	options := (&client.UpdateOptions{}).ApplyOptions(opts)
	body, err := runtime.Encode(c.encoder, obj)
	if err != nil {
		return fmt.Errorf("encode %s: %w", obj.GetName(), err)
	}
	request := c.rest.Put().Namespace(obj.GetNamespace()).Resource(resource).Name(obj.GetName())
	return answered(ctx, parameters(request, options.FieldManager, options.DryRun).Body(body), obj)
}

// Status implements client.Client.
func (c *Client) Status() client.SubResourceWriter {
	return &statusWriter{SubResourceWriter: c.Client.Status(), client: c}
}

type statusWriter struct {
	client.SubResourceWriter
	client *Client
}

// Update implements client.SubResourceWriter.
func (w *statusWriter) Update(ctx context.Context, obj client.Object, opts ...client.SubResourceUpdateOption) error {
	resource, ours, err := w.client.resourceOf(obj)
	if err != nil {
		return err
	}
	options := (&client.SubResourceUpdateOptions{}).ApplyOptions(opts)
	if !ours || options.SubResourceBody != nil {
		return w.SubResourceWriter.Update(ctx, obj, opts...)
	}
	body, err := runtime.Encode(w.client.encoder, obj)
	if err != nil {
		return fmt.Errorf("encode %s: %w", obj.GetName(), err)
	}
	request := w.client.rest.Put().Namespace(obj.GetNamespace()).Resource(resource).Name(obj.GetName()).SubResource("status")
	return answered(ctx, parameters(request, options.FieldManager, options.DryRun).Body(body), obj)
}

// resourceOf is the plural under which an object is served; ours is false for what the ordinary client is to write.
func (c *Client) resourceOf(obj client.Object) (resource string, ours bool, err error) {
	kind, err := c.GroupVersionKindFor(obj)
	if err != nil {
		return "", false, fmt.Errorf("find out what %T is: %w", obj, err)
	}
	if kind.GroupVersion() != c.group {
		return "", false, nil
	}
	if known, ok := c.resources.Load(kind.Kind); ok {
		return known.(string), true, nil //nolint:forcetypeassert // only strings are stored
	}
	mapping, err := c.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return "", false, fmt.Errorf("find out how %s is served: %w", kind.Kind, err)
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return "", false, nil
	}
	c.resources.Store(kind.Kind, mapping.Resource.Resource)
	return mapping.Resource.Resource, true, nil
}

func parameters(request *rest.Request, fieldManager string, dryRun []string) *rest.Request {
	// The schema still holds: this is about fields that it does not have, and about fields that stand there twice.
	request.Param("fieldValidation", metav1.FieldValidationIgnore)
	if fieldManager != "" {
		request.Param("fieldManager", fieldManager)
	}
	for _, stage := range dryRun {
		request.Param("dryRun", stage)
	}
	return request
}

// answered sends a write and takes over the metadata.
func answered(ctx context.Context, request *rest.Request, obj client.Object) error {
	var answer metav1.PartialObjectMetadata
	if err := request.Do(ctx).Into(&answer); err != nil {
		return err
	}
	answer.ManagedFields = nil
	held, ok := obj.(metav1.ObjectMetaAccessor)
	if !ok {
		return fmt.Errorf("%T has no metadata", obj)
	}
	own, ok := held.GetObjectMeta().(*metav1.ObjectMeta)
	if !ok {
		return fmt.Errorf("%T has metadata of its own kind", obj)
	}
	*own = answer.ObjectMeta
	return nil
}
