package webhook

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// misses remembers who sent unknown tokens or paths. Its memory is bounded: when it is full, the address that has been
// quiet longest is forgotten. So a stranger with more addresses than it holds is answered 404 where it would be 429, and
// gains nothing by it.
//
// Only those who miss are looked up here, so that it can never stand in the way of a valid token, nor slow it down.
type misses struct {
	limits Limits

	mu        sync.Mutex
	addresses map[netip.Addr]*list.Element
	// recent has the addresses as missing, the latest first.
	recent *list.List
}

type missing struct {
	address netip.Addr
	limiter *rate.Limiter
}

func newMisses(limits Limits) *misses {
	return &misses{limits: limits, addresses: map[netip.Addr]*list.Element{}, recent: list.New()}
}

// add notes a miss. It returns how long the address is to wait before the next, or 0 while it need not.
func (m *misses) add(address netip.Addr, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	limiter := m.limiterOf(networkOf(address))
	if limiter.AllowN(now, 1) {
		return 0
	}
	short := 1 - limiter.TokensAt(now)
	return max(time.Duration(short*float64(m.limits.MissEvery)), time.Nanosecond)
}

func (m *misses) limiterOf(address netip.Addr) *rate.Limiter {
	if found, ok := m.addresses[address]; ok {
		m.recent.MoveToFront(found)
		return found.Value.(*missing).limiter
	}
	if m.recent.Len() >= m.limits.MissAddresses {
		oldest := m.recent.Back()
		delete(m.addresses, oldest.Value.(*missing).address)
		m.recent.Remove(oldest)
	}
	fresh := &missing{address: address, limiter: rate.NewLimiter(rate.Every(m.limits.MissEvery), m.limits.MissBurst)}
	m.addresses[address] = m.recent.PushFront(fresh)
	return fresh.limiter
}

// networkOf stands for all addresses that one caller surely has: of IPv6, a host has a whole /64.
func networkOf(address netip.Addr) netip.Addr {
	if !address.Is6() {
		return address
	}
	return netip.PrefixFrom(address, 64).Masked().Addr()
}
