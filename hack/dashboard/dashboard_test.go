package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// checkedIn is the dashboard that is installed.
func checkedIn(t *testing.T) dashboard {
	t.Helper()
	content, err := os.ReadFile("../../config/grafana/sim-operator.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPanelsAreComplete(t *testing.T) {
	ids := map[int]bool{}
	titles := map[string]bool{}
	for _, p := range checkedIn(t).Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%q: id %d is not its own", p.Title, p.ID)
		}
		if titles[p.Title] {
			t.Errorf("two panels are called %q", p.Title)
		}
		ids[p.ID], titles[p.Title] = true, true
		if p.Type != "row" {
			checkContents(t, p)
		}
	}
}

// checkContents checks that a panel says what it shows, and whence it has that.
func checkContents(t *testing.T, p panel) {
	t.Helper()
	if p.Description == "" || p.FieldConfig == nil || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
		t.Errorf("%q lacks a description, a unit or a query", p.Title)
	}
	for _, query := range p.Targets {
		if query.LegendFormat == "" || query.Datasource == nil || query.Datasource.UID != "${datasource}" {
			t.Errorf("%q: query %s lacks a legend or the variable's data source", p.Title, query.RefID)
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	taken := map[[2]int]string{}
	for _, p := range checkedIn(t).Panels {
		at := p.GridPos
		if at.W < 1 || at.H < 1 || at.X < 0 || at.X+at.W > gridWidth {
			t.Errorf("%q is outside of the grid: %+v", p.Title, at)
		}
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%q lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// Every variable is used, and none that there is not.
func TestVariables(t *testing.T) {
	d := checkedIn(t)
	var text strings.Builder
	for _, p := range d.Panels {
		for _, query := range p.Targets {
			text.WriteString(query.Expr + " " + query.Datasource.UID + "\n")
		}
	}
	rest := strings.NewReplacer("$__rate_interval", "", "$__range", "").Replace(text.String())
	for _, v := range d.Templating.List {
		used := strings.NewReplacer("${"+v.Name+"}", "", "$"+v.Name, "").Replace(rest)
		if used == rest {
			t.Errorf("$%s is not used", v.Name)
		}
		rest = used
	}
	if strings.Contains(rest, "$") {
		t.Errorf("a variable is used that there is not: %s", rest)
	}
}
