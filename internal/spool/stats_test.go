package spool

import "testing"

func TestFullness(t *testing.T) {
	bounds := Options{
		MaxDeliveries: 100, MaxBytes: 1000, MaxDeliveriesPerReceiver: 50, MaxFileBytes: 10_000,
		MaxQuarantined: 20, MaxQuarantinedBytes: 200, MaxQuarantinedPerReceiver: 5,
	}
	for name, test := range map[string]struct {
		bounds              Options
		stats               Stats
		waiting, quarantine float64
	}{
		"nothing is in it":                       {bounds: bounds},
		"the number is nearest":                  {bounds, Stats{Waiting: 50, WaitingBytes: 100}, 0.5, 0},
		"the bytes are nearest":                  {bounds, Stats{Waiting: 50, WaitingBytes: 900}, 0.9, 0},
		"the file is nearest, at three quarters": {bounds, Stats{Waiting: 50, UsedBytes: 7500}, 1, 0},
		"one receiver has its share":             {bounds, Stats{Waiting: 50, Receivers: map[string]ReceiverStats{"a": {Waiting: 50}, "b": {}}}, 1, 0},
		"the quarantine by number":               {bounds, Stats{Quarantined: 10, QuarantinedBytes: 1}, 0, 0.5},
		"the quarantine by bytes":                {bounds, Stats{Quarantined: 10, QuarantinedBytes: 150}, 0, 0.75},
		"the quarantine by one receiver's":       {bounds, Stats{Quarantined: 5, Receivers: map[string]ReceiverStats{"a": {Quarantined: 5}}}, 0, 1},
		"no bound is ever near":                  {Options{}, Stats{Waiting: 1 << 30, UsedBytes: 1 << 40, Quarantined: 1 << 30}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			waiting, quarantine := test.bounds.Fullness(test.stats)
			if waiting != test.waiting || quarantine != test.quarantine {
				t.Errorf("%v and %v, want %v and %v", waiting, quarantine, test.waiting, test.quarantine)
			}
		})
	}
}
