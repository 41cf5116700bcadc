package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOfRestartsTheMiddleCountsAndAllThatTheyWrote(t *testing.T) {
	made := &table{}
	noteRestarts(made, 1000, 70, []comeback{
		{ready: 18 * time.Second, settled: 30 * time.Second, writes: map[string]float64{"events/": 1}},
		{ready: 11 * time.Second, settled: 21 * time.Second},
		{ready: 12 * time.Second, settled: 22 * time.Second, writes: map[string]float64{"events/": 1, "simalerts/status": 2}},
	})
	type noted struct {
		value   float64
		verdict string
	}
	got := map[string]noted{}
	for _, row := range made.Rows {
		got[row.Name] = noted{row.Value, row.Verdict()}
	}
	const over = "restart over 1070 settled resources: "
	want := map[string]noted{
		over + "writes (but for the lease and its Event)": {4, "SHORT"},
		over + "ready after":                              {12, "PASS"},
		over + "ready after, slowest of 3":                {18, ""},
		over + "all looked at after":                      {22, ""},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(noted{})); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestGrown(t *testing.T) {
	got := grown(map[string]float64{"events/": 3, "simalerts/": 5}, map[string]float64{"events/": 4, "simalerts/": 5, "simorders/": 2})
	if diff := cmp.Diff(map[string]float64{"events/": 1, "simorders/": 2}, got); diff != "" {
		t.Errorf("more than before (-want +got):\n%s", diff)
	}
}
