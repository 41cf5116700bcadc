package main

import (
	"strings"
	"testing"
)

func TestYetToTurn(t *testing.T) {
	const ready = `sim_operator_receiver_ready{namespace="scale",receiver="bench",reason="TokenPublished"} 1` + "\n"
	const some = `sim_operator_alerts_active{namespace="scale",receiver="bench",alert="one"} 2
sim_operator_alerts_active{namespace="scale",receiver="bench",alert="two"} 1
sim_operator_alerts_active{namespace="status",receiver="bench",alert="one"} 9
`
	tests := map[string]struct {
		page, trigger string
		n, want       int
	}{
		"what is still On has yet to go Off":                     {ready + some, "Off", 10, 3},
		"what is not On yet has yet to go On":                    {ready + some, "On", 10, 7},
		"where none is On, all are Off":                          {ready, "Off", 10, 0},
		"a manager that tells of no receiver tells of no alerts": {"", "Off", 10, 10},
		"one of another namespace is another's":                  {strings.ReplaceAll(ready, "scale", "status"), "Off", 10, 10},
		"those that do not turn stay On":                         {ready + some, "Off", 8, 1},
		"or are On already":                                      {ready + some, "On", 8, 7},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			page, err := parseMetrics(strings.NewReader(tt.page))
			if err != nil {
				t.Fatal(err)
			}
			if got := yetToTurn(page, tt.trigger, 10, tt.n); got != tt.want {
				t.Errorf("%d have yet to go %s, want %d", got, tt.trigger, tt.want)
			}
		})
	}
}
