package apply

import (
	"testing"

	"github.com/sim-operator/sim-operator/api/v1alpha1"
	"github.com/sim-operator/sim-operator/internal/webhook"
)

// FuzzMerge takes each byte for a delivery: which of two spools it comes from, how late it is, what it says, and whether
// the ingress is killed after it, so that it comes again. What holds of a log must hold however they come.
func FuzzMerge(f *testing.F) {
	f.Add([]byte{0x00, 0x01, 0x82, 0x13, 0x24, 0xff})
	f.Add([]byte{0x10, 0x10, 0x10, 0x33, 0x34, 0x75})
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), v1alpha1.MaxReports/2)] // which surely find room
		states := []v1alpha1.OrderState{"Open", "Pending", "Complete", "Code9"}
		order := &v1alpha1.SimOrder{}
		numbers := map[string]int64{}
		var newest int
		var last v1alpha1.OrderState
		for i, b := range script {
			spool := []string{"spool-a", "spool-b"}[b>>7]
			second := 10*i - 7*int(b>>4&7)
			numbers[spool]++
			d := said(numbers[spool], second, states[b>>2&3])
			if i == 0 || second > newest {
				newest, last = second, d.payload.State
			}
			order = mergeOrder(order, spool, []delivery[webhook.Order]{d}).object
			if again := mergeOrder(order, spool, []delivery[webhook.Order]{d}); b&1 == 1 && (again.changed || again.taken != 1) {
				t.Fatal("the same delivery was put in twice")
			}
		}
		if len(script) > 0 {
			checkLog(t, 0, order.Spec.Reports, int64(len(script)), last)
		}
	})
}
