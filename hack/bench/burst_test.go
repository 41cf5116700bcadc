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
		page        string
		on, n, want int
	}{
		"what is still On has yet to go Off":                     {ready + some, 0, 10, 3},
		"what is not On yet has yet to go On":                    {ready + some, 10, 10, 7},
		"where none is On, all are Off":                          {ready, 0, 10, 0},
		"a manager that tells of no receiver tells of no alerts": {"", 0, 10, 10},
		"one of another namespace is another's":                  {strings.ReplaceAll(ready, "scale", "status"), 0, 10, 10},
		"those that do not turn stay On":                         {ready + some, 2, 8, 1},
		"all have turned":                                        {ready + some, 3, 7, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			page, err := parseMetrics(strings.NewReader(tt.page))
			if err != nil {
				t.Fatal(err)
			}
			if got := yetToTurn(page, tt.on, tt.n); got != tt.want {
				t.Errorf("%d have yet to turn, want %d", got, tt.want)
			}
		})
	}
}
