package main

// What Grafana reads, as far as this dashboard uses it.
type (
	dashboard struct {
		UID           string     `json:"uid"`
		Title         string     `json:"title"`
		Description   string     `json:"description"`
		Tags          []string   `json:"tags"`
		SchemaVersion int        `json:"schemaVersion"`
		Editable      bool       `json:"editable"`
		Refresh       string     `json:"refresh"`
		Time          timeRange  `json:"time"`
		Templating    templating `json:"templating"`
		Panels        []panel    `json:"panels"`
	}

	timeRange struct {
		From string `json:"from"`
		To   string `json:"to"`
	}

	templating struct {
		List []variable `json:"list"`
	}

	variable struct {
		Name       string      `json:"name"`
		Label      string      `json:"label"`
		Type       string      `json:"type"`
		Query      string      `json:"query"`
		Datasource *datasource `json:"datasource,omitempty"`
		Refresh    int         `json:"refresh"`
		Multi      bool        `json:"multi"`
		IncludeAll bool        `json:"includeAll"`
		AllValue   string      `json:"allValue,omitempty"`
	}

	datasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}

	panel struct {
		ID          int          `json:"id"`
		Type        string       `json:"type"`
		Title       string       `json:"title"`
		Description string       `json:"description,omitempty"`
		GridPos     gridPos      `json:"gridPos"`
		Datasource  *datasource  `json:"datasource,omitempty"`
		FieldConfig *fieldConfig `json:"fieldConfig,omitempty"`
		Options     *options     `json:"options,omitempty"`
		Targets     []target     `json:"targets,omitempty"`
	}

	gridPos struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}

	fieldConfig struct {
		Defaults  defaults `json:"defaults"`
		Overrides []any    `json:"overrides"`
	}

	defaults struct {
		Unit string  `json:"unit"`
		Min  float64 `json:"min"`
	}

	options struct {
		Legend  *legend  `json:"legend,omitempty"`
		Tooltip *tooltip `json:"tooltip,omitempty"`
	}

	legend struct {
		DisplayMode string `json:"displayMode"`
		Placement   string `json:"placement"`
		ShowLegend  bool   `json:"showLegend"`
	}

	tooltip struct {
		Mode string `json:"mode"`
	}

	target struct {
		RefID        string      `json:"refId"`
		Datasource   *datasource `json:"datasource"`
		Expr         string      `json:"expr"`
		LegendFormat string      `json:"legendFormat"`
	}
)

const (
	gridWidth   = 24
	panelHeight = 8
	// refreshOnTime has a variable read again when the time range changes: receivers come and go.
	refreshOnTime = 2
	// schemaVersion is that of Grafana 10.
	schemaVersion = 39
)

func prometheus() *datasource {
	return &datasource{Type: "prometheus", UID: "${datasource}"}
}

// layOut puts the panels of each row side by side, in lines of the grid's width.
func layOut(rows []row) dashboard {
	d := dashboard{
		UID: "sim-operator", Title: "sim-operator", Tags: []string{"sim-operator"},
		Description:   "Deliveries of Mobile Manager from the door to the cluster, and the SIM estate that comes of them.",
		SchemaVersion: schemaVersion, Editable: true, Refresh: "30s", Time: timeRange{From: "now-6h", To: "now"},
		Templating: templating{List: variables()},
	}
	y := 0
	add := func(p panel) {
		p.ID = len(d.Panels) + 1
		d.Panels = append(d.Panels, p)
	}
	for _, r := range rows {
		add(panel{Type: "row", Title: r.title, GridPos: gridPos{H: 1, W: gridWidth, Y: y}})
		y++
		x := 0
		for _, c := range r.charts {
			if x+c.width > gridWidth {
				x, y = 0, y+panelHeight
			}
			add(c.panel(gridPos{H: panelHeight, W: c.width, X: x, Y: y}))
			x += c.width
		}
		y += panelHeight
	}
	return d
}

func variables() []variable {
	list := []variable{{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1}}
	for _, v := range []struct{ name, label, query string }{
		{"namespace", "Namespace", "label_values(sim_operator_receiver_ready, namespace)"},
		{"receiver", "Receiver", `label_values(sim_operator_receiver_ready{namespace=~"$namespace"}, receiver)`},
	} {
		list = append(list, variable{
			Name: v.name, Label: v.label, Type: "query", Query: v.query, Datasource: prometheus(),
			Refresh: refreshOnTime, Multi: true, IncludeAll: true, AllValue: ".*",
		})
	}
	return list
}

func (c *chart) panel(at gridPos) panel {
	p := panel{
		Type: "timeseries", Title: c.title, Description: c.description, GridPos: at, Datasource: prometheus(),
		FieldConfig: &fieldConfig{Defaults: defaults{Unit: c.unit}, Overrides: []any{}},
		Options: &options{
			Legend:  &legend{DisplayMode: "list", Placement: "bottom", ShowLegend: true},
			Tooltip: &tooltip{Mode: "multi"},
		},
	}
	if c.number {
		p.Type, p.Options = "stat", &options{}
	}
	for i, q := range c.queries {
		p.Targets = append(p.Targets, target{
			RefID: string(rune('A' + i)), Datasource: prometheus(), Expr: q.expr, LegendFormat: q.legend,
		})
	}
	return p
}
