package simulator

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// How the estate behaves.
const (
	repeatChance  = 0.2
	lateChance    = 0.1
	unknownChance = 0.05
	flapperChance = 0.03
	briefChance   = 0.15
)

// step is one thing that the sender will say of a resource.
type step struct{ says, value string }

// orderStates and orderTypes are the sender's, by their codes.
var (
	orderStates = []string{"Open", "Complete", "Failed", "Stalled", "Cancelled", "Pending"}
	orderTypes  = []string{
		"Activate", "Cease", "Bar", "BoltOn", "TariffChange", "SimSwap", "UnBar", "ConditionalBar", "CPE", "PoolRegrade",
		"PoolActivation", "PoolCease", "APNActivation", "APNChangeRequest", "FullBar",
	}
)

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// orderPlan is the life of one order.
func orderPlan(r *rand.Rand) []step {
	states := []string{"Open"}
	for range r.IntN(3) {
		states = append(states, "Pending")
		if chance(r, 0.2) {
			states = append(states, "Stalled")
		}
		if chance(r, unknownChance) {
			states = append(states, fmt.Sprintf("Code%d", 6+r.IntN(30)))
		}
	}
	states = append(states, pick(r, "Complete", "Complete", "Complete", "Complete", "Failed", "Cancelled", "Stalled"))
	if chance(r, lateChance) {
		states = append(states, pick(r, orderStates...))
	}
	var plan []step
	for _, state := range states {
		plan = repeated(r, plan, step{says: state})
	}
	return plan
}

// alertPlan is how one alert flaps. A few do so far more often than a resource keeps reports.
func alertPlan(r *rand.Rand) []step {
	turns := 1 + r.IntN(8)
	flapper := chance(r, flapperChance)
	if flapper {
		turns = 70 + r.IntN(60)
	}
	var plan []step
	for i := range turns {
		s := step{says: "On", value: strconv.Itoa(75 + r.IntN(50))}
		if i%2 == 1 {
			s = step{says: "Off", value: strconv.Itoa(r.IntN(75))}
		}
		if flapper {
			plan = append(plan, s)
			continue
		}
		plan = repeated(r, plan, s)
	}
	return plan
}

func repeated(r *rand.Rand, plan []step, s step) []step {
	plan = append(plan, s)
	for chance(r, repeatChance) {
		if s.value != "" {
			s.value = strconv.Itoa(r.IntN(150))
		}
		plan = append(plan, s)
	}
	return plan
}

// code is the number of a type or state, as the sender writes it.
func code(name string, known []string) int {
	for i, k := range known {
		if k == name {
			return i
		}
	}
	var n int
	_, _ = fmt.Sscanf(name, "Code%d", &n) // all other names are of this form
	return n
}
