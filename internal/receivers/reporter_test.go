package receivers

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
)

func TestSetRow(t *testing.T) {
	type row = v1alpha1.IngressStatus
	at := func(second int) *metav1.MicroTime {
		at := metav1.NewMicroTime(start().Add(time.Duration(second) * time.Second))
		return &at
	}
	longAgo := func(more time.Duration) *metav1.MicroTime {
		at := metav1.NewMicroTime(start().Add(-v1alpha1.IdleIngressKept/2 - more))
		return &at
	}
	inZone := func(at *metav1.MicroTime) *metav1.MicroTime {
		moved := metav1.NewMicroTime(at.In(time.FixedZone("east", 3600)))
		return &moved
	}
	other := row{Replica: "b", LastDelivery: at(9), Waiting: 9}

	tests := map[string]struct {
		before  []row
		row     row
		want    []row
		changed bool
	}{
		"a row with nothing to say is not added": {
			row: row{Replica: "a"},
		},
		"nor beside another": {
			before: []row{other}, row: row{Replica: "a"}, want: []row{other},
		},
		"a first delivery adds the row": {
			row: row{Replica: "a", LastDelivery: at(1)}, want: []row{{Replica: "a", LastDelivery: at(1)}}, changed: true,
		},
		"something that waits adds the row": {
			row: row{Replica: "a", Waiting: 1}, want: []row{{Replica: "a", Waiting: 1}}, changed: true,
		},
		"something in quarantine adds the row": {
			row: row{Replica: "a", Quarantined: 1}, want: []row{{Replica: "a", Quarantined: 1}}, changed: true,
		},
		"a reason alone does not": {
			row: row{Replica: "a", LastReason: "Malformed"},
		},
		"nor does a delivery of half the time for which idle rows are kept": {
			row: row{Replica: "a", LastDelivery: longAgo(time.Microsecond)},
		},
		"one of just less does": {
			row: row{Replica: "a", LastDelivery: longAgo(0)}, want: []row{{Replica: "a", LastDelivery: longAgo(0)}}, changed: true,
		},
		"and so does what waits since then": {
			row: row{Replica: "a", LastDelivery: longAgo(time.Hour), Waiting: 1}, want: []row{{Replica: "a", LastDelivery: longAgo(time.Hour), Waiting: 1}}, changed: true,
		},
		"an idle row that is there stays until the manager drops it": {
			before: []row{{Replica: "a", LastDelivery: longAgo(time.Hour)}}, row: row{Replica: "a"}, want: []row{{Replica: "a", LastDelivery: longAgo(time.Hour)}},
		},
		"a row is added behind the others": {
			before: []row{other}, row: row{Replica: "a", Waiting: 1}, want: []row{other, {Replica: "a", Waiting: 1}}, changed: true,
		},
		"a row is replaced where it stands": {
			before: []row{{Replica: "a", Waiting: 1}, other}, row: row{Replica: "a", Waiting: 2}, want: []row{{Replica: "a", Waiting: 2}, other}, changed: true,
		},
		"the same row changes nothing": {
			before: []row{other, {Replica: "a", LastDelivery: at(1), Waiting: 2, Quarantined: 3, LastReason: "x"}},
			row:    row{Replica: "a", LastDelivery: at(1), Waiting: 2, Quarantined: 3, LastReason: "x"},
			want:   []row{other, {Replica: "a", LastDelivery: at(1), Waiting: 2, Quarantined: 3, LastReason: "x"}},
		},
		"the same time in another zone changes nothing": {
			before: []row{{Replica: "a", LastDelivery: at(1)}}, row: row{Replica: "a", LastDelivery: inZone(at(1))},
			want: []row{{Replica: "a", LastDelivery: at(1)}},
		},
		"a later delivery changes it": {
			before: []row{{Replica: "a", LastDelivery: at(1)}}, row: row{Replica: "a", LastDelivery: at(2)},
			want: []row{{Replica: "a", LastDelivery: at(2)}}, changed: true,
		},
		"a restart does not take back the last delivery": {
			before: []row{{Replica: "a", LastDelivery: at(1)}}, row: row{Replica: "a"}, want: []row{{Replica: "a", LastDelivery: at(1)}},
		},
		"nor where something else changes": {
			before: []row{{Replica: "a", LastDelivery: at(1), Waiting: 5}}, row: row{Replica: "a", Waiting: 4},
			want: []row{{Replica: "a", LastDelivery: at(1), Waiting: 4}}, changed: true,
		},
		"a row that no longer has anything to say is emptied and stays": {
			before: []row{{Replica: "a", Waiting: 1, Quarantined: 1, LastReason: "x"}}, row: row{Replica: "a"}, want: []row{{Replica: "a"}}, changed: true,
		},
		"an empty row that stays changes nothing": {
			before: []row{{Replica: "a"}}, row: row{Replica: "a"}, want: []row{{Replica: "a"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status := v1alpha1.SimReceiverStatus{Ingresses: test.before, Orders: 7}
			if changed := setRow(&status, test.row, start()); changed != test.changed {
				t.Errorf("changed = %t, want %t", changed, test.changed)
			}
			if diff := cmp.Diff(v1alpha1.SimReceiverStatus{Ingresses: test.want, Orders: 7}, status); diff != "" {
				t.Errorf("unexpected status (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARowMoreThanThereIsRoomForIsLeftOut(t *testing.T) {
	status := &v1alpha1.SimReceiverStatus{}
	for i := range v1alpha1.MaxIngresses + 1 {
		if setRow(status, v1alpha1.IngressStatus{Replica: fmt.Sprint(i), Waiting: 1}, start()) != (i < v1alpha1.MaxIngresses) {
			t.Errorf("row %d: there are %d", i, len(status.Ingresses))
		}
	}
}
