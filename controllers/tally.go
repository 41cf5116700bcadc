package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// tally counts the resources of one kind that the cache holds, by key. It is told of each that comes, changes or goes,
// and so costs the same however many there are: neither a scrape nor a count walks over the resources.
type tally[K comparable] struct {
	key    func(obj any) (K, bool)
	synced func() bool

	mu     sync.Mutex
	counts map[K]int64
}

// informer is the part of a cache's informer that a tally needs.
type informer interface {
	AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error)
}

func newTally[K comparable](source informer, key func(obj any) (K, bool)) (*tally[K], error) {
	t := &tally[K]{key: key, counts: map[K]int64{}}
	registration, err := source.AddEventHandler(t)
	if err != nil {
		return nil, err
	}
	t.synced = registration.HasSynced
	return t, nil
}

// OnAdd is called by the informer.
func (t *tally[K]) OnAdd(obj any, _ bool) {
	if key, ok := t.key(obj); ok {
		t.add(key, 1)
	}
}

// OnUpdate is called by the informer.
func (t *tally[K]) OnUpdate(before, after any) {
	from, wasCounted := t.key(before)
	to, isCounted := t.key(after)
	if wasCounted && isCounted && from == to {
		return
	}
	if wasCounted {
		t.add(from, -1)
	}
	if isCounted {
		t.add(to, 1)
	}
}

// OnDelete is called by the informer.
func (t *tally[K]) OnDelete(obj any) {
	if gone, missed := obj.(toolscache.DeletedFinalStateUnknown); missed {
		obj = gone.Obj
	}
	if key, ok := t.key(obj); ok {
		t.add(key, -1)
	}
}

func (t *tally[K]) add(key K, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[key] += n
	if t.counts[key] == 0 {
		delete(t.counts, key)
	}
}

// sum adds up the counts of the keys that match.
func (t *tally[K]) sum(matches func(K) bool) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var total int64
	for key, n := range t.counts {
		if matches(key) {
			total += n
		}
	}
	return total
}

// snapshot copies the counts.
func (t *tally[K]) snapshot() map[K]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := make(map[K]int64, len(t.counts))
	for key, n := range t.counts {
		counts[key] = n
	}
	return counts
}

// owner is the receiver of a resource.
type owner struct {
	namespace, receiver string
}

// orderKey is what SimOrders are counted by.
type orderKey struct {
	owner
	orderType, state string
	overdue          bool
}

func orderKeyOf(obj any) (orderKey, bool) {
	order, ok := obj.(*v1alpha1.SimOrder)
	if !ok {
		return orderKey{}, false
	}
	key := orderKey{
		owner:     owner{order.Namespace, order.Spec.Receiver},
		orderType: codeLabel(string(order.Spec.Type)),
		state:     codeLabel(string(order.Status.State)),
		overdue:   meta.IsStatusConditionTrue(order.Status.Conditions, v1alpha1.ConditionOverdue),
	}
	if key.state == "" {
		key.state = v1alpha1.ReasonAwaitingReport
	}
	return key, true
}

// alertKey is what SimAlerts are counted by. Those that are not active have no name.
type alertKey struct {
	owner
	name                    string
	active, stale, flapping bool
}

func alertKeyOf(obj any) (alertKey, bool) {
	alert, ok := obj.(*v1alpha1.SimAlert)
	if !ok {
		return alertKey{}, false
	}
	key := alertKey{
		owner:    owner{alert.Namespace, alert.Spec.Receiver},
		stale:    meta.IsStatusConditionTrue(alert.Status.Conditions, v1alpha1.ConditionStale),
		flapping: meta.IsStatusConditionTrue(alert.Status.Conditions, v1alpha1.ConditionFlapping),
	}
	if alert.Status.Trigger == v1alpha1.AlertTriggerOn {
		key.active, key.name = true, nameLabel(alert.Spec.AlertName)
	}
	return key, true
}

// receiverKey is what SimReceivers are counted by: each has one of its own.
type receiverKey struct {
	owner
	ready  bool
	reason string
}

func receiverKeyOf(obj any) (receiverKey, bool) {
	receiver, ok := obj.(*v1alpha1.SimReceiver)
	if !ok {
		return receiverKey{}, false
	}
	key := receiverKey{owner: owner{receiver.Namespace, receiver.Name}}
	if ready := meta.FindStatusCondition(receiver.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		key.ready, key.reason = ready.Status == metav1.ConditionTrue, ready.Reason
	}
	return key, true
}

// counts says how many resources of each kind name a receiver.
type counts struct {
	orders, alerts int64
}

// tallies are the counts of the three kinds.
type tallies struct {
	orders    *tally[orderKey]
	alerts    *tally[alertKey]
	receivers *tally[receiverKey]
}

// of counts the resources of a receiver. Until the cache is complete there is no count.
func (t *tallies) of(namespace, receiver string) (counts, bool) {
	if !t.synced() {
		return counts{}, false
	}
	of := owner{namespace, receiver}
	return counts{
		orders: t.orders.sum(func(k orderKey) bool { return k.owner == of }),
		alerts: t.alerts.sum(func(k alertKey) bool { return k.owner == of }),
	}, true
}

func (t *tallies) synced() bool {
	return t.orders.synced() && t.alerts.synced() && t.receivers.synced()
}
