package controllers

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

// judged is a decision about a resource of either kind.
type judged struct {
	status  any
	events  int
	wait    time.Duration
	expired bool
}

// What is decided holds until the wait is over, and then something changes: nobody looks in vain, nobody looks too late,
// and nobody looks again and again. Looking twice at the same time changes nothing.
func TestTimeAloneChangesWhatTheWaitSays(t *testing.T) {
	kinds := map[string]func(random *rand.Rand) (look func(now time.Time) judged){
		"order": func(random *rand.Rand) func(time.Time) judged {
			order, lim := orderWith(logOf(randomOrderReports(random))...), randomLimits(random)
			if random.IntN(8) == 0 {
				order.Spec.Reports, order.Spec.Type = nil, ""
			}
			return func(now time.Time) judged {
				d := foldOrder(order, lim, now)
				order.Status = d.status
				return judged{d.status, len(d.events), d.wait, d.expired}
			}
		},
		"alert": func(random *rand.Rand) func(time.Time) judged {
			alert, lim := alertWith(randomAlertReports(random)...), randomLimits(random)
			return func(now time.Time) judged {
				d := foldAlert(alert, lim, now)
				alert.Status = d.status
				return judged{d.status, len(d.events), d.wait, d.expired}
			}
		},
	}
	for kind, start := range kinds {
		t.Run(kind, func(t *testing.T) {
			for seed := range uint64(3000) {
				random := rand.New(rand.NewPCG(seed, 3))
				if fault := liveThrough(random, start(random)); fault != "" {
					t.Fatalf("seed %d: %s", seed, fault)
				}
			}
		})
	}
}

// changesByTime is more often than time alone can change a resource: Overdue or Stale, the end of Flapping, expiry.
const changesByTime = 4

func liveThrough(random *rand.Rand, look func(now time.Time) judged) (fault string) {
	now := at(random.IntN(60)).Time
	d := look(now)
	for range changesByTime {
		if fault := waitThrough(random, look, now, d); fault != "" || d.wait == 0 {
			return fault
		}
		now = now.Add(d.wait)
		next := look(now)
		if !differ(d, next) {
			return fmt.Sprintf("after the wait of %s nothing has changed: %+v", d.wait, next)
		}
		d = next
	}
	return fmt.Sprintf("still waits: %+v", d)
}

// waitThrough looks again at what was decided, at once and before the wait is over, or where nothing is waited for, in
// a hundred years. None of that may change anything.
func waitThrough(random *rand.Rand, look func(now time.Time) judged, now time.Time, d judged) (fault string) {
	if again := look(now); again.events > 0 || differ(d, again) || again.wait != d.wait {
		return fmt.Sprintf("at the same time twice: %+v, then %+v", d, again)
	}
	switch {
	case d.wait < 0:
		return fmt.Sprintf("waits %s", d.wait)
	case d.wait == 0:
		if later := look(now.Add(100 * 365 * 24 * time.Hour)); later.events > 0 || differ(d, later) {
			return fmt.Sprintf("waits for nothing, and yet: %+v, then %+v", d, later)
		}
		return ""
	}
	between := now.Add(time.Duration(random.Int64N(int64(d.wait))))
	if early := look(between); early.events > 0 || differ(d, early) || !between.Add(early.wait).Equal(now.Add(d.wait)) {
		return fmt.Sprintf("before the wait of %s is over: %+v, then %+v", d.wait, d, early)
	}
	return ""
}

func differ(a, b judged) bool {
	return a.expired != b.expired || !apiequality.Semantic.DeepEqual(a.status, b.status)
}

// randomLimits are lengths of the order of a random history, some of which are never.
func randomLimits(random *rand.Rand) limits {
	some := func() time.Duration {
		return time.Duration(max(0, random.IntN(40)-5)) * 700 * time.Millisecond
	}
	return limits{
		overdueAfter: some(), staleAfter: some(), finishedOrders: some(), inactiveAlerts: some(),
		flapTransitions: random.IntN(4), flapWithin: some(), orphaned: random.IntN(8) == 0,
	}
}

func randomAlertReports(random *rand.Rand) []v1alpha1.AlertReport {
	reports := make([]v1alpha1.AlertReport, random.IntN(9))
	for i := range reports {
		reports[i] = alertReport(int64(i+1), random.IntN(20), []v1alpha1.AlertTrigger{on, off}[random.IntN(2)], "1")
		reports[i].LastReceivedAt = metav1.NewMicroTime(reports[i].ReceivedAt.Add(time.Duration(random.IntN(5)) * time.Second))
	}
	return inTime(reports)
}

// A long wait is cut, so that a clock that was set is noticed, and differently for each, so that not all look at once.
func TestNextLook(t *testing.T) {
	for name, wait := range map[string]time.Duration{"nothing is due": 0, "soon": time.Nanosecond, "within the shortest cut": longestWait / 2} {
		if got := nextLook(wait, testUID); got != wait {
			t.Errorf("%s: %s became %s", name, wait, got)
		}
	}
	var early, late int
	for i := range 1000 {
		uid := types.UID(fmt.Sprintf("0a1b2c3d-0000-4000-8000-%012d", i))
		got := nextLook(2160*time.Hour, uid)
		switch {
		case got < longestWait/2 || got > longestWait:
			t.Fatalf("2160h became %s", got)
		case got < longestWait*3/4:
			early++
		default:
			late++
		}
		if got != nextLook(2160*time.Hour, uid) {
			t.Fatal("the same resource waits differently")
		}
	}
	if early < 400 || late < 400 {
		t.Errorf("%d look in the first half of the time, and %d in the second", early, late)
	}
}

// What is looked at because of time, or because a limit has changed, comes after what is fresh.
func TestWhatIsFreshComesFirst(t *testing.T) {
	queue := priorityqueue.New[reconcile.Request]("")
	t.Cleanup(queue.ShutDown)
	request := func(name string) reconcile.Request {
		return reconcile.Request{NamespacedName: types.NamespacedName{Name: name}}
	}
	var late []reconcile.Request
	for i := range 1000 {
		late = append(late, request(fmt.Sprint("late ", i)))
	}
	addLate(queue, late)
	result := whenDue(time.Nanosecond, testUID)
	queue.AddWithOpts(priorityqueue.AddOpts{Priority: result.Priority}, request("due"))
	queue.Add(request("fresh"))
	queue.Add(late[999])
	for _, want := range []string{"fresh", "late 999", "late 0"} {
		got, _ := queue.Get()
		if got.Name != want {
			t.Errorf("%s comes before %s", got.Name, want)
		}
		queue.Done(got)
	}
}
