package simulator

import (
	"testing"

	"github.com/sim-operator/sim-operator/internal/webhook"
)

// What the estate says must be what the ledger believes that it says, and what is garbled must not be readable.
func TestEstateSaysWhatItMeans(t *testing.T) {
	const seed = 7
	e := newEstate(seed, 2, 1)
	readable, garbled := 0, 0
	for range 20_000 {
		m := e.next()
		if m == nil {
			t.Fatal("the estate has nothing to say")
		}
		if m.line == nil {
			garbled++
			if err := parse(m); err == nil {
				t.Errorf("garbled, and can be read: %q", m.body)
			}
			continue
		}
		readable++
		m.line.busy--
		if m.kind == Orders {
			checkOrder(t, m)
		} else {
			checkAlert(t, m)
		}
	}
	if readable == 0 || garbled == 0 {
		t.Errorf("%d readable, %d garbled", readable, garbled)
	}
}

func parse(m *message) (err error) {
	if m.kind == Orders {
		_, err = webhook.ParseOrder(m.body)
	} else {
		_, err = webhook.ParseAlert(m.body)
	}
	return err
}

func checkOrder(t *testing.T, m *message) {
	t.Helper()
	o, err := webhook.ParseOrder(m.body)
	f := m.line.facts
	same := o.Name() == m.resource.Name && string(o.State) == m.step.says
	if m.full {
		same = same && string(o.Type) == f["type"] && string(o.SimID) == f["simID"] && string(o.PoolID) == f["poolID"] && string(o.APNID) == f["apnID"]
	}
	if err != nil || !same {
		t.Errorf("%q is read as %+v, %v; it is meant to say %+v of %v", m.body, o, err, m.step, f)
	}
}

func checkAlert(t *testing.T, m *message) {
	t.Helper()
	a, err := webhook.ParseAlert(m.body)
	f := m.line.facts
	same := a.Name() == m.resource.Name && string(a.Trigger) == m.step.says && a.TriggerValue == m.step.value
	if m.full {
		same = same && a.AlertName == f["alertName"] && string(a.TargetType) == f["targetType"] && a.StatName == f["statName"] &&
			a.Condition == f["condition"] && a.ConditionalValue == f["conditionalValue"]
	}
	if err != nil || !same {
		t.Errorf("%q is read as %+v, %v; it is meant to say %+v of %v", m.body, a, err, m.step, f)
	}
}

func TestMonthEndTurnsOffWhatIsOn(t *testing.T) {
	e := newEstate(7, 1, 1)
	on := map[string]bool{}
	for range 2000 {
		if m := e.next(); m != nil && m.line != nil {
			m.line.busy--
			on[m.resource.Name] = m.step.says == "On"
		}
	}
	e.monthEnd()
	for m := e.nextOff(); m != nil; m = e.nextOff() {
		if m.step.says != "Off" || !on[m.resource.Name] {
			t.Errorf("%s goes %s, and was on: %t", m.resource, m.step.says, on[m.resource.Name])
		}
		delete(on, m.resource.Name)
	}
	for name, still := range on {
		if still {
			t.Errorf("%s stays on", name)
		}
	}
}

func TestASeedSaysTheSame(t *testing.T) {
	first, second := newEstate(3, 2, 4), newEstate(3, 2, 4)
	for range 500 {
		a, b := first.next(), second.next()
		if (a == nil) != (b == nil) || a != nil && (string(a.body) != string(b.body) || a.replica != b.replica) {
			t.Fatalf("%+v is not %+v", a, b)
		}
	}
}
