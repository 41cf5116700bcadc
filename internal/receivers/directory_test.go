package receivers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// start is long past, so that a limiter that looks at the machine's clock is caught.
func start() time.Time {
	return time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
}

func sum(token string) [sha256.Size]byte {
	return sha256.Sum256([]byte(token))
}

func hashOf(token string) string {
	hash := sum(token)
	return hex.EncodeToString(hash[:])
}

// receiver makes sims/<name>, of the given age in minutes, with the hashes of tokens.
func receiver(name string, age int, tokens ...string) Receiver {
	r := Receiver{Namespace: "sims", Name: name, CreatedAt: start().Add(time.Duration(-age) * time.Minute), PerSecond: 1, Burst: 1}
	for _, token := range tokens {
		r.Hashes = append(r.Hashes, hashOf(token))
	}
	return r
}

func directoryOf(all ...Receiver) *Directory {
	d := &Directory{}
	d.Replace(all, true)
	return d
}

func TestLookup(t *testing.T) {
	elsewhere := receiver("a", 0, "token-a")
	elsewhere.Namespace = "other"
	shouting := receiver("a", 0)
	shouting.Hashes = []string{strings.ToUpper(hashOf("token-a"))}
	bad := receiver("a", 0)
	bad.Hashes = []string{"", "00", hashOf("token-a")[:62], hashOf("token-a") + "00", strings.Repeat("g", 64), "0x" + hashOf("token-a")[2:]}
	badAndOld := receiver("old", 60)
	badAndOld.Hashes = bad.Hashes
	badAndGood := receiver("a", 0)
	badAndGood.Hashes = []string{"not a hash", hashOf("token-a")}

	tests := map[string]struct {
		all  []Receiver
		want string
	}{
		"an empty directory knows nobody":                        {},
		"a receiver is found by the hash of its token":           {all: []Receiver{receiver("a", 0, "token-a")}, want: "sims/a"},
		"a receiver is found by the hash of its previous token":  {all: []Receiver{receiver("a", 0, "new", "token-a")}, want: "sims/a"},
		"a receiver is found in its own namespace":               {all: []Receiver{elsewhere}, want: "other/a"},
		"another token's receiver is not found":                  {all: []Receiver{receiver("a", 0, "token-b")}},
		"a receiver without hashes is not found":                 {all: []Receiver{receiver("a", 0)}},
		"of two with one hash the older has it":                  {all: []Receiver{receiver("a", 1, "token-a"), receiver("b", 2, "token-a")}, want: "sims/b"},
		"the order of the list does not matter":                  {all: []Receiver{receiver("b", 2, "token-a"), receiver("a", 1, "token-a")}, want: "sims/b"},
		"of two of one age the first by name has it":             {all: []Receiver{receiver("b", 1, "token-a"), receiver("a", 1, "token-a")}, want: "sims/a"},
		"of two of one age and name the first by namespace does": {all: []Receiver{receiver("a", 0, "token-a"), elsewhere}, want: "other/a"},
		"an older one's previous token counts as well":           {all: []Receiver{receiver("a", 1, "token-a"), receiver("b", 2, "new", "token-a")}, want: "sims/b"},
		"a hash in upper case is the same":                       {all: []Receiver{shouting}, want: "sims/a"},
		"what is no hash is left out":                            {all: []Receiver{bad}},
		"a bad hash does not hide a good one":                    {all: []Receiver{badAndGood}, want: "sims/a"},
		"a bad hash of an older one does not take a good one":    {all: []Receiver{badAndOld, receiver("a", 0, "token-a")}, want: "sims/a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found, ok := directoryOf(test.all...).Lookup(sum("token-a"))
			if ok != (test.want != "") {
				t.Fatalf("found = %t, want %q", ok, test.want)
			}
			if ok && found.Key() != test.want {
				t.Errorf("found %s, want %s", found.Key(), test.want)
			}
		})
	}
}

func TestLoserOfASharedHashKeepsItsOther(t *testing.T) {
	d := directoryOf(receiver("old", 2, "shared"), receiver("young", 1, "shared", "own"))
	for token, want := range map[string]string{"shared": "sims/old", "own": "sims/young"} {
		if found, ok := d.Lookup(sum(token)); !ok || found.Key() != want {
			t.Errorf("the token %q finds %v, want %s", token, found, want)
		}
	}
}

func TestKnownGetAndDeleted(t *testing.T) {
	type answers struct{ Known, Has, Deleted bool }
	a, b := []Receiver{receiver("a", 0, "token-a")}, []Receiver{receiver("b", 0, "token-b")}
	tests := map[string]struct {
		fill func(*Directory)
		want answers
	}{
		"before anything was read nothing is known":          {fill: func(*Directory) {}},
		"the API server has it":                              {fill: func(d *Directory) { d.Replace(a, true) }, want: answers{Known: true, Has: true}},
		"the API server does not have it":                    {fill: func(d *Directory) { d.Replace(b, true) }, want: answers{Known: true, Deleted: true}},
		"the API server has none at all":                     {fill: func(d *Directory) { d.Replace(nil, true) }, want: answers{Known: true, Deleted: true}},
		"the file has it":                                    {fill: func(d *Directory) { d.Replace(a, false) }, want: answers{Known: true, Has: true}},
		"what the file does not have may yet exist":          {fill: func(d *Directory) { d.Replace(b, false) }, want: answers{Known: true}},
		"the API server takes back what the file has":        {fill: func(d *Directory) { d.Replace(a, false); d.Replace(b, true) }, want: answers{Known: true, Deleted: true}},
		"the API server adds what the file does not have":    {fill: func(d *Directory) { d.Replace(b, false); d.Replace(a, true) }, want: answers{Known: true, Has: true}},
		"what was deleted and made again is deleted no more": {fill: func(d *Directory) { d.Replace(b, true); d.Replace(a, true) }, want: answers{Known: true, Has: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &Directory{}
			test.fill(d)
			_, has := d.Get("sims/a")
			if diff := cmp.Diff(test.want, answers{d.Known(), has, d.Deleted("sims/a")}); diff != "" {
				t.Errorf("unexpected answers (-want +got):\n%s", diff)
			}
			if _, found := d.Lookup(sum("token-a")); found != test.want.Has {
				t.Errorf("found by its token = %t, want %t", found, test.want.Has)
			}
		})
	}
}

func TestReplaceLeavesTheListAlone(t *testing.T) {
	all := []Receiver{receiver("b", 1, "token-b"), receiver("a", 2, "token-a")}
	directoryOf(all...)
	want := []Receiver{receiver("b", 1, "token-b"), receiver("a", 2, "token-a")}
	if diff := cmp.Diff(want, all, cmp.AllowUnexported(Receiver{})); diff != "" {
		t.Errorf("the caller's list has changed (-want +got):\n%s", diff)
	}
}

func TestATokenThatIsChangedFindsNobody(t *testing.T) {
	d := directoryOf(receiver("a", 0, "before"))
	d.Replace([]Receiver{receiver("a", 0, "after")}, true)
	if _, ok := d.Lookup(sum("before")); ok {
		t.Error("the token before is still accepted")
	}
	if _, ok := d.Lookup(sum("after")); !ok {
		t.Error("the token after is not accepted")
	}
}

// A step of a limiter's life: at so many milliseconds, with such settings, so many are let through of so many that come.
type step struct {
	at               int
	perSecond, burst int32
	come, pass       int
}

func TestReserve(t *testing.T) {
	tests := map[string][]step{
		"as many as the burst come at once": {
			{perSecond: 10, burst: 5, come: 9, pass: 5},
		},
		"the burst is refilled at the rate": {
			{perSecond: 10, burst: 5, come: 5, pass: 5},
			{at: 99, perSecond: 10, burst: 5, come: 1},
			{at: 300, perSecond: 10, burst: 5, come: 9, pass: 3},
		},
		"the burst is not refilled beyond itself": {
			{perSecond: 10, burst: 5, come: 5, pass: 5},
			{at: 3600_000, perSecond: 10, burst: 5, come: 9, pass: 5},
		},
		"what is refused takes nothing": {
			{perSecond: 1, burst: 1, come: 1000, pass: 1},
			{at: 1000, perSecond: 1, burst: 1, come: 1000, pass: 1},
		},
		"a list that changes nothing does not refill": {
			{perSecond: 1, burst: 5, come: 5, pass: 5},
			{perSecond: 1, burst: 5, come: 5},
		},
		"a higher rate does not refill, but fills faster from now on": {
			{perSecond: 1, burst: 5, come: 5, pass: 5},
			{perSecond: 2, burst: 5, come: 5},
			{at: 1000, perSecond: 2, burst: 5, come: 5, pass: 2},
		},
		"a lower rate does not refill, and fills slower from now on": {
			{perSecond: 4, burst: 5, come: 5, pass: 5},
			{perSecond: 1, burst: 5, come: 5},
			{at: 2000, perSecond: 1, burst: 5, come: 5, pass: 2},
		},
		"a larger burst does not refill, but has more room": {
			{perSecond: 1, burst: 2, come: 5, pass: 2},
			{perSecond: 1, burst: 4, come: 5},
			{at: 60_000, perSecond: 1, burst: 4, come: 5, pass: 4},
		},
		"a smaller burst holds at once": {
			{perSecond: 1, burst: 5, come: 1, pass: 1},
			{perSecond: 1, burst: 2, come: 5, pass: 2},
		},
		"no rate is no limit": {
			{come: 1000, pass: 1000},
		},
		"no burst lets nothing through": {
			{perSecond: 1, come: 3},
			{at: 60_000, perSecond: 1, come: 3},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			d := &Directory{}
			for i, s := range steps {
				r := receiver("a", 0, "token-a")
				r.PerSecond, r.Burst = s.perSecond, s.burst
				d.Replace([]Receiver{r}, i%2 == 1)
				found, _ := d.Lookup(sum("token-a"))
				passed, now := 0, start().Add(time.Duration(s.at)*time.Millisecond)
				for range s.come {
					if found.Reserve(now) == 0 {
						passed++
					}
				}
				if passed != s.pass {
					t.Errorf("step %d: %d of %d passed, want %d", i, passed, s.come, s.pass)
				}
			}
		})
	}
}

func TestReserveSaysHowLongToWait(t *testing.T) {
	tests := map[string]struct {
		perSecond, burst int32
		after            time.Duration
		want             time.Duration
	}{
		"a whole token is missing":  {perSecond: 4, burst: 1, want: 250 * time.Millisecond},
		"half a token is missing":   {perSecond: 4, burst: 1, after: 125 * time.Millisecond, want: 125 * time.Millisecond},
		"no burst will ever be had": {perSecond: 1, want: time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := receiver("a", 0, "token-a")
			r.PerSecond, r.Burst = test.perSecond, test.burst
			found, _ := directoryOf(r).Lookup(sum("token-a"))
			found.Reserve(start())
			for range 3 {
				if got := found.Reserve(start().Add(test.after)); got != test.want {
					t.Fatalf("wait = %s, want %s", got, test.want)
				}
			}
			if test.burst > 0 {
				if got := found.Reserve(start().Add(test.after + test.want)); got != 0 {
					t.Errorf("after that wait there is another: %s", got)
				}
			}
		})
	}
}

func TestRefusalsOfManyAtOnceTakeNothing(t *testing.T) {
	r := receiver("a", 0, "token-a")
	found, _ := directoryOf(r).Lookup(sum("token-a"))
	for second := range 20 {
		now := start().Add(time.Duration(second) * time.Second)
		var passed atomic.Int32
		var wait sync.WaitGroup
		for range 64 {
			wait.Go(func() {
				for range 20 {
					if found.Reserve(now) == 0 {
						passed.Add(1)
					}
				}
			})
		}
		wait.Wait()
		if passed.Load() != 1 {
			t.Fatalf("in second %d, %d passed, want 1", second, passed.Load())
		}
	}
}

func TestReceiversHaveLimitsOfTheirOwn(t *testing.T) {
	d := directoryOf(receiver("a", 0, "token-a"), receiver("b", 0, "token-b"))
	a, _ := d.Lookup(sum("token-a"))
	b, _ := d.Lookup(sum("token-b"))
	if a.Reserve(start()) != 0 || a.Reserve(start()) == 0 {
		t.Fatal("the limit of the one does not hold")
	}
	if b.Reserve(start()) != 0 {
		t.Error("the other has to wait for the one")
	}
}

func TestLastDelivery(t *testing.T) {
	d := directoryOf(receiver("a", 0, "token-a"), receiver("b", 0, "token-b"))
	a, _ := d.Get("sims/a")
	if got := a.LastDelivery(); !got.IsZero() {
		t.Fatalf("before any delivery there is one, at %s", got)
	}
	a.Accepted(start())

	changed := receiver("a", 0, "token-c")
	changed.Suspended, changed.PerSecond = true, 7
	d.Replace([]Receiver{changed, receiver("b", 0, "token-b")}, true)
	b, _ := d.Get("sims/b")
	if after, _ := d.Get("sims/a"); !after.LastDelivery().Equal(start()) || !after.Suspended {
		t.Errorf("after a change of settings: last delivery %s, suspended %t", after.LastDelivery(), after.Suspended)
	}
	if got := b.LastDelivery(); !got.IsZero() {
		t.Errorf("the other receiver has a delivery too, at %s", got)
	}

	// A delivery that was under way during the change is noted all the same.
	a.Accepted(start().Add(time.Minute))
	if after, _ := d.Get("sims/a"); !after.LastDelivery().Equal(start().Add(time.Minute)) {
		t.Errorf("last delivery = %s", after.LastDelivery())
	}
}

func TestFromResource(t *testing.T) {
	resource := &v1alpha1.SimReceiver{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "sims", Name: "demo", CreationTimestamp: metav1.NewTime(start().In(time.FixedZone("east", 3600))),
		},
		Spec:   v1alpha1.SimReceiverSpec{Suspend: true, RateLimit: v1alpha1.RateLimit{DeliveriesPerSecond: 500, Burst: 200000}},
		Status: v1alpha1.SimReceiverStatus{TokenHashes: []string{"aa", "bb"}},
	}
	got := FromResource(resource)
	resource.Status.TokenHashes[0] = "changed"
	want := Receiver{
		Namespace: "sims", Name: "demo", CreatedAt: start(), Hashes: []string{"aa", "bb"}, Suspended: true, PerSecond: 500, Burst: 200000,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Receiver{})); diff != "" {
		t.Errorf("unexpected receiver (-want +got):\n%s", diff)
	}
	if got.CreatedAt.Location() != time.UTC {
		t.Errorf("the time is in %s", got.CreatedAt.Location())
	}
}

// TestConcurrentUse is for the race detector; what it asserts is that no caller sees half of a change.
func TestConcurrentUse(t *testing.T) {
	d := directoryOf(receiver("a", 0, "token-0"))
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 200 {
				token := fmt.Sprintf("token-%d", i%3)
				if found, ok := d.Lookup(sum(token)); ok {
					found.Reserve(start().Add(time.Duration(i) * time.Second))
					found.Accepted(start())
					if found.Hashes[0] != hashOf(token) {
						t.Errorf("worker %d found a receiver by a hash that it does not have", worker)
					}
				}
				if d.Deleted("sims/a") || !d.Known() {
					t.Errorf("worker %d: the receiver is gone", worker)
				}
				if found, ok := d.Get("sims/a"); !ok || found.LastDelivery().After(start()) {
					t.Errorf("worker %d: get = %v, %t", worker, found, ok)
				}
			}
		})
	}
	for i := range 200 {
		r := receiver("a", 0, fmt.Sprintf("token-%d", i%3))
		r.PerSecond, r.Burst = int32(i%5), int32(i%7)
		d.Replace([]Receiver{r}, i%2 == 0)
	}
	wait.Wait()
}

func TestSources(t *testing.T) {
	tests := map[string]struct {
		allowed []v1alpha1.CIDR
		yes, no []string
	}{
		"none allows everybody":                {yes: []string{"192.0.2.1", "2001:db8::1"}},
		"a network":                            {allowed: []v1alpha1.CIDR{"192.0.2.0/24"}, yes: []string{"192.0.2.0", "192.0.2.255"}, no: []string{"192.0.3.0", "2001:db8::1"}},
		"two":                                  {allowed: []v1alpha1.CIDR{"192.0.2.0/24", "2001:db8::/32"}, yes: []string{"192.0.2.1", "2001:db8::1"}, no: []string{"2001:db9::1"}},
		"a single address":                     {allowed: []v1alpha1.CIDR{"192.0.2.1/32"}, yes: []string{"192.0.2.1"}, no: []string{"192.0.2.2"}},
		"an address within its network":        {allowed: []v1alpha1.CIDR{"192.0.2.7/24"}, yes: []string{"192.0.2.1"}, no: []string{"192.0.3.7"}},
		"all of IPv4":                          {allowed: []v1alpha1.CIDR{"0.0.0.0/0"}, yes: []string{"192.0.2.1"}, no: []string{"2001:db8::1"}},
		"what cannot be read allows nobody":    {allowed: []v1alpha1.CIDR{"nonsense"}, no: []string{"192.0.2.1", "0.0.0.0"}},
		"and does not matter beside a network": {allowed: []v1alpha1.CIDR{"nonsense", "192.0.2.0/24"}, yes: []string{"192.0.2.1"}, no: []string{"192.0.3.1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			fresh := FromResource(&v1alpha1.SimReceiver{Spec: v1alpha1.SimReceiverSpec{AllowedSources: test.allowed}})
			dir := t.TempDir()
			save(t, dir, []Receiver{fresh})
			saved, _, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			for from, r := range map[string]Receiver{"the resource": fresh, "the file": saved[0]} {
				for _, address := range test.yes {
					if !r.Allows(netip.MustParseAddr(address)) {
						t.Errorf("from %s, %s is refused", from, address)
					}
				}
				for _, address := range append(test.no, "") {
					parsed, _ := netip.ParseAddr(address)
					if len(test.allowed) > 0 && r.Allows(parsed) {
						t.Errorf("from %s, %s is allowed", from, address)
					}
				}
			}
		})
	}
}
