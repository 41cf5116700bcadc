package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/hack/localcluster"
)

// A loop is what the programs are compared to: client-go alone, writing the same objects with as many callers. It has the
// rights of the programs, for the policies let nobody else write what they write.
type loop struct {
	specs, statuses rest.Interface
	events          eventsclient.EventInterface
	// order and event are what the programs themselves made of a delivery.
	order v1alpha1.SimOrder
	event eventsv1.Event
	next  int
}

// newLoop makes a loop that copies what the programs made of the delivery with a number.
func (l *lab) newLoop(ctx context.Context, namespace string, number int, withEvent bool) (*loop, error) {
	asIngress, err := l.configOf(localcluster.Ingress)
	if err != nil {
		return nil, err
	}
	asManager, err := l.configOf(localcluster.Manager)
	if err != nil {
		return nil, err
	}
	w := &loop{}
	if w.specs, err = ordersClient(asIngress); err != nil {
		return nil, err
	}
	if w.statuses, err = ordersClient(asManager); err != nil {
		return nil, err
	}
	asManager.ContentType = runtime.ContentTypeProtobuf // as the manager writes Events
	events, err := eventsclient.NewForConfig(asManager)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	w.events = events.Events(baselineNamespace)
	return w, w.copyFrom(ctx, l, namespace, number, withEvent)
}

// configOf is a configuration with the rights of a program.
func (l *lab) configOf(program string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", l.cluster.KubeconfigOf(program))
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of the %s: %w", program, err)
	}
	config.QPS = -1
	return config, nil
}

// ordersClient is what a generated client of our resources would use.
func ordersClient(config *rest.Config) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("making a scheme: %w", err)
	}
	gv := v1alpha1.GroupVersion()
	metav1.AddToGroupVersion(scheme, gv)
	config = rest.CopyConfig(config)
	config.GroupVersion, config.APIPath, config.NegotiatedSerializer = &gv, "/apis", serializer.NewCodecFactory(scheme).WithoutConversion()
	made, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return made, nil
}

// copyFrom takes over what the programs made of a delivery.
func (w *loop) copyFrom(ctx context.Context, l *lab, namespace string, number int, withEvent bool) error {
	if err := l.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: uuid(orderIDs, number)}, &w.order); err != nil {
		return fmt.Errorf("reading what the ingress made: %w", err)
	}
	if withEvent {
		name := fmt.Sprintf("%s.%s.1", w.order.Name, w.order.UID[:8])
		if err := l.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &w.event); err != nil {
			return fmt.Errorf("reading what the manager made: %w", err)
		}
	}
	w.order.ObjectMeta = metav1.ObjectMeta{Namespace: baselineNamespace, Labels: w.order.Labels}
	return nil
}

// run writes n objects and says how many a second.
func (w *loop) run(ctx context.Context, n int, write func(ctx context.Context, number int) error) (float64, error) {
	var next atomic.Int64
	next.Store(int64(w.next))
	w.next += n
	failures := make([]error, callers)
	var all sync.WaitGroup
	began := time.Now()
	for caller := range callers {
		all.Go(func() {
			for failures[caller] == nil {
				number := int(next.Add(1) - 1)
				if number >= w.next {
					return
				}
				failures[caller] = write(ctx, number)
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	for _, err := range failures {
		if err != nil {
			return 0, fmt.Errorf("writing the baseline: %w", err)
		}
	}
	return perSecond(n, took), nil
}

// create is the one write of the ingress.
func (w *loop) create(ctx context.Context, number int) error {
	_, err := w.made(ctx, number)
	return err
}

func (w *loop) made(ctx context.Context, number int) (*v1alpha1.SimOrder, error) {
	order := w.order.DeepCopy()
	order.Status = v1alpha1.SimOrderStatus{}
	order.Name = uuid(orderIDs, number)
	order.Spec.OrderID, order.Spec.SimID = v1alpha1.UUID(order.Name), v1alpha1.UUID(uuid(simIDs, number))
	order.Labels[v1alpha1.LabelSimID] = string(order.Spec.SimID)
	var made v1alpha1.SimOrder
	err := w.specs.Post().Namespace(baselineNamespace).Resource("simorders").
		VersionedParams(&metav1.CreateOptions{FieldManager: v1alpha1.FieldManagerIngress}, metav1.ParameterCodec).
		Body(order).Do(ctx).Into(&made)
	return &made, err
}

// createAll is that, and then the two writes of the manager.
func (w *loop) createAll(ctx context.Context, number int) error {
	made, err := w.made(ctx, number)
	if err != nil {
		return err
	}
	event := w.event.DeepCopy()
	event.ObjectMeta = metav1.ObjectMeta{Namespace: baselineNamespace, Name: fmt.Sprintf("%s.%s.1", made.Name, made.UID[:8])}
	event.Regarding.Namespace, event.Regarding.Name, event.Regarding.UID = made.Namespace, made.Name, made.UID
	if _, err := w.events.Create(ctx, event, metav1.CreateOptions{FieldManager: v1alpha1.FieldManagerManager}); err != nil {
		return err
	}
	made.Status = w.order.Status
	return w.statuses.Put().Namespace(baselineNamespace).Resource("simorders").Name(made.Name).SubResource("status").
		VersionedParams(&metav1.UpdateOptions{FieldManager: v1alpha1.FieldManagerManager}, metav1.ParameterCodec).
		Body(made).Do(ctx).Into(&v1alpha1.SimOrder{})
}
