// Package receivers is what the ingress knows of SimReceivers: whose token hash is whose, and how each is set. What it
// last knew is kept in a file beside the spool, so that an ingress that starts while the API server is down answers as
// before.
package receivers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// A Receiver is one SimReceiver as the door needs it. Once it is in a Directory it is not changed, but for what is live.
type Receiver struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
	Hashes    []string  `json:"hashes"`
	Suspended bool      `json:"suspended,omitempty"`
	PerSecond int32     `json:"perSecond,omitempty"`
	Burst     int32     `json:"burst,omitempty"`
	// Sources are the networks that deliveries may come from; none is all of them.
	Sources []netip.Prefix `json:"sources,omitempty"`

	live *live
}

// live is the state of a receiver that survives a change of its settings. It is safe for concurrent use.
type live struct {
	limiter      *rate.Limiter
	lastDelivery atomic.Pointer[time.Time]
}

// Key names the receiver within the cluster: namespace/name.
func (r *Receiver) Key() string {
	return r.Namespace + "/" + r.Name
}

// Restricted says that the receiver does not take deliveries from everywhere.
func (r *Receiver) Restricted() bool {
	return len(r.Sources) > 0
}

// Allows says that a delivery may come from this address.
func (r *Receiver) Allows(source netip.Addr) bool {
	return !r.Restricted() || slices.ContainsFunc(r.Sources, func(network netip.Prefix) bool { return network.Contains(source) })
}

// Reserve takes one delivery from the receiver's rate limit and returns 0, or takes none and returns how long to wait.
func (r *Receiver) Reserve(now time.Time) time.Duration {
	limiter := r.live.limiter
	r.setRate(limiter, now)
	// A reservation that is cancelled would not do: where several callers are refused at once, it does not give back all
	// that it took.
	if limiter.AllowN(now, 1) {
		return 0
	}
	missing := 1 - limiter.TokensAt(now)
	return max(time.Duration(missing/float64(r.limit())*float64(time.Second)), time.Nanosecond)
}

// setRate brings the limiter up to the receiver's settings. It is done here, and not when the settings change, since the
// limiter then needs to know the time.
func (r *Receiver) setRate(limiter *rate.Limiter, now time.Time) {
	if limit := r.limit(); limiter.Limit() != limit {
		limiter.SetLimitAt(now, limit)
	}
	if burst := int(r.Burst); limiter.Burst() != burst {
		limiter.SetBurstAt(now, burst)
	}
}

// limit is the sustained rate; a receiver without one is not limited.
func (r *Receiver) limit() rate.Limit {
	if r.PerSecond <= 0 {
		return rate.Inf
	}
	return rate.Limit(r.PerSecond)
}

// Accepted notes that a delivery was accepted.
func (r *Receiver) Accepted(at time.Time) {
	r.live.lastDelivery.Store(&at)
}

// LastDelivery is when this process last accepted a delivery; zero if it has not.
func (r *Receiver) LastDelivery() time.Time {
	if at := r.live.lastDelivery.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// FromResource takes from a SimReceiver what the door needs.
func FromResource(r *v1alpha1.SimReceiver) Receiver {
	return Receiver{
		Namespace: r.Namespace,
		Name:      r.Name,
		CreatedAt: r.CreationTimestamp.UTC(),
		Hashes:    slices.Clone(r.Status.TokenHashes),
		Suspended: r.Spec.Suspend,
		PerSecond: r.Spec.RateLimit.DeliveriesPerSecond,
		Burst:     r.Spec.RateLimit.Burst,
		Sources:   sourcesOf(r.Spec.AllowedSources),
	}
}

// sourcesOf reads networks. One that cannot be read allows nobody: were it left out, a list of nothing else would allow
// everybody.
func sourcesOf(texts []v1alpha1.CIDR) []netip.Prefix {
	var sources []netip.Prefix
	for _, text := range texts {
		network, err := netip.ParsePrefix(string(text))
		if err != nil {
			network = netip.Prefix{}
		}
		sources = append(sources, network)
	}
	return sources
}

// Directory finds receivers by the hash of a token. It is safe for concurrent use; a look-up takes no lock.
type Directory struct {
	current atomic.Pointer[listing]
}

type listing struct {
	byHash map[[sha256.Size]byte]*Receiver
	byKey  map[string]*Receiver
	// fresh is false for what was read from disk: enough to recognise a caller, not to call a receiver deleted.
	fresh bool
}

// Lookup finds the receiver that accepts the token with this hash. Comparing hashes tells nothing of the token, so the
// map's timing does not matter.
func (d *Directory) Lookup(hash [sha256.Size]byte) (*Receiver, bool) {
	l := d.current.Load()
	if l == nil {
		return nil, false
	}
	r, ok := l.byHash[hash]
	return r, ok
}

// Known is false until Replace was called.
func (d *Directory) Known() bool {
	return d.current.Load() != nil
}

// Deleted is true only if the API server has said that there is no such receiver.
func (d *Directory) Deleted(key string) bool {
	l := d.current.Load()
	if l == nil || !l.fresh {
		return false
	}
	_, exists := l.byKey[key]
	return !exists
}

// Get finds a receiver by its key.
func (d *Directory) Get(key string) (*Receiver, bool) {
	l := d.current.Load()
	if l == nil {
		return nil, false
	}
	r, ok := l.byKey[key]
	return r, ok
}

// Replace takes the whole list of receivers; fresh says that it comes from the API server. Where two receivers share a
// hash the older one has it, as the manager judges too.
func (d *Directory) Replace(all []Receiver, fresh bool) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Receiver) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Key(), b.Key()))
	})
	previous := d.current.Load()
	next := &listing{
		byHash: make(map[[sha256.Size]byte]*Receiver, 2*len(all)),
		byKey:  make(map[string]*Receiver, len(all)),
		fresh:  fresh,
	}
	for i := range all {
		r := &all[i]
		r.live = previous.liveOf(r)
		next.byKey[r.Key()] = r
		for _, text := range r.Hashes {
			if hash, ok := decodeHash(text); ok && next.byHash[hash] == nil {
				next.byHash[hash] = r
			}
		}
	}
	d.current.Store(next)
}

// liveOf carries over what is live, so that no change of the receivers refills a limiter or forgets a delivery.
func (l *listing) liveOf(r *Receiver) *live {
	if l != nil {
		if old := l.byKey[r.Key()]; old != nil {
			return old.live
		}
	}
	return &live{limiter: rate.NewLimiter(r.limit(), int(r.Burst))}
}

func decodeHash(text string) (hash [sha256.Size]byte, ok bool) {
	if len(text) != 2*len(hash) {
		return hash, false
	}
	_, err := hex.Decode(hash[:], []byte(text))
	return hash, err == nil
}
