package main

// A row is a part of the dashboard.
type row struct {
	title  string
	charts []chart
}

// A chart is one panel: a number if it says so, else lines over time.
type chart struct {
	title, description, unit string
	width                    int
	number                   bool
	queries                  []query
}

type query struct{ expr, legend string }

// Widths of charts in a grid of 24.
const (
	third   = 8
	quarter = 6
	half    = 12
)

// Units as Grafana calls them.
const (
	perSecond = "cps"
	seconds   = "s"
	number    = "short"
	ratio     = "percentunit"
	bytes     = "bytes"
)

// of are the labels that the variables choose by.
const of = `namespace=~"$namespace",receiver=~"$receiver"`

func rows() []row {
	return []row{
		{"Door", door()},
		{"Spool and quarantine", spool()},
		{"Apply", apply()},
		{"Estate", estate()},
		{"Programs", programs()},
	}
}

func door() []chart {
	return []chart{
		{
			title: "Deliveries by result", unit: perSecond, width: half,
			description: "What the door answers, over all replicas. Only accepted, malformed and unprocessable are kept.",
			queries:     []query{{`sum by (result) (rate(sim_operator_deliveries_total{` + of + `}[$__rate_interval]))`, "{{result}}"}},
		},
		{
			title: "Answer time", unit: seconds, width: half,
			description: "From a delivery's headers to its answer, with the write to disk.",
			queries: []query{
				{`histogram_quantile(0.5, sum by (le) (rate(sim_operator_delivery_seconds_bucket[$__rate_interval])))`, "p50"},
				{`histogram_quantile(0.99, sum by (le) (rate(sim_operator_delivery_seconds_bucket[$__rate_interval])))`, "p99"},
			},
		},
		{
			title: "Refused", unit: perSecond, width: third,
			description: "Deliveries that were not kept although the token was right. Mobile Manager may not send them again.",
			queries: []query{{
				`sum by (namespace, receiver, result) (rate(sim_operator_deliveries_total{` + of + `,result=~"spool_full|unavailable|busy|rate_limited|suspended"}[$__rate_interval]))`,
				"{{namespace}}/{{receiver}} {{result}}",
			}},
		},
		{
			title: "In quarantine at the door", unit: perSecond, width: third,
			description: "Deliveries that could not be read. They are kept for somebody to look at.",
			queries: []query{{
				`sum by (namespace, receiver, result) (rate(sim_operator_deliveries_total{` + of + `,result=~"malformed|unprocessable"}[$__rate_interval]))`,
				"{{namespace}}/{{receiver}} {{result}}",
			}},
		},
		{
			title: "Strangers", unit: perSecond, width: third,
			description: "Requests with no token that is known, or from where the receiver does not allow it.",
			queries: []query{{
				`sum by (result) (rate(sim_operator_deliveries_total{result=~"not_found|too_many_misses|forbidden_source"}[$__rate_interval]))`, "{{result}}",
			}},
		},
	}
}

func spool() []chart {
	return []chart{
		{
			title: "Waiting", unit: number, width: third,
			description: "Accepted deliveries that wait to be applied.",
			queries:     []query{{`sum by (instance) (sim_operator_spool_deliveries)`, "{{instance}}"}},
		},
		{
			title: "Oldest that waits", unit: seconds, width: third,
			description: "How long the delivery has waited that has waited longest.",
			queries:     []query{{`max by (instance) (sim_operator_spool_oldest_seconds)`, "{{instance}}"}},
		},
		{
			title: "Bytes that wait", unit: bytes, width: third,
			description: "Bytes of the deliveries that wait.",
			queries:     []query{{`sum by (instance) (sim_operator_spool_bytes)`, "{{instance}}"}},
		},
		{
			title: "How full", unit: ratio, width: half,
			description: "How far the spool and the quarantine are filled, by the bound that is nearest. A full spool refuses deliveries.",
			queries: []query{
				{`max by (instance) (sim_operator_spool_full_ratio)`, "spool of {{instance}}"},
				{`max by (instance) (sim_operator_quarantine_full_ratio)`, "quarantine of {{instance}}"},
			},
		},
		{
			title: "Quarantine", unit: number, width: half,
			description: "Deliveries that wait in quarantine for somebody to look at them.",
			queries:     []query{{`sum by (instance) (sim_operator_quarantine_deliveries)`, "{{instance}}"}},
		},
	}
}

func apply() []chart {
	return []chart{
		{
			title: "Applied", unit: perSecond, width: third,
			description: "Deliveries that a resource holds.",
			queries:     []query{{`sum by (instance) (rate(sim_operator_applied_deliveries_total[$__rate_interval]))`, "{{instance}}"}},
		},
		{
			title: "Errors", unit: perSecond, width: third,
			description: "Turns that left deliveries waiting, by the API server's reason.",
			queries:     []query{{`sum by (reason) (rate(sim_operator_apply_errors_total[$__rate_interval]))`, "{{reason}}"}},
		},
		{
			title: "Time to apply", unit: seconds, width: third,
			description: "To bring what waits for one resource to the API server, in one turn.",
			queries: []query{
				{`histogram_quantile(0.5, sum by (le) (rate(sim_operator_apply_seconds_bucket[$__rate_interval])))`, "p50"},
				{`histogram_quantile(0.99, sum by (le) (rate(sim_operator_apply_seconds_bucket[$__rate_interval])))`, "p99"},
			},
		},
	}
}

func estate() []chart {
	return []chart{
		{
			title: "Orders", unit: number, width: quarter, number: true,
			description: "SimOrders by state, finished ones for as long as they are kept.",
			queries: []query{{
				`sum by (state) (max by (namespace, receiver, type, state) (sim_operator_orders{` + of + `}))`, "{{state}}",
			}},
		},
		{
			title: "Orders overdue", unit: number, width: quarter, number: true,
			description: "SimOrders that have not finished in the time that their receiver gives them.",
			queries: []query{{
				`sum by (namespace, receiver) (max by (namespace, receiver) (sim_operator_orders_overdue{` + of + `}))`, "{{namespace}}/{{receiver}}",
			}},
		},
		{
			title: "Alerts active", unit: number, width: quarter, number: true,
			description: "SimAlerts that are On.",
			queries: []query{{
				`sum by (namespace, receiver) (max by (namespace, receiver, alert) (sim_operator_alerts_active{` + of + `}))`, "{{namespace}}/{{receiver}}",
			}},
		},
		{
			title: "Receivers", unit: number, width: quarter, number: true,
			description: "1 for a receiver that takes deliveries; else 0, with the reason.",
			queries: []query{{
				`max by (namespace, receiver, reason) (sim_operator_receiver_ready{` + of + `})`, "{{namespace}}/{{receiver}} {{reason}}",
			}},
		},
		{
			title: "Orders by state", unit: number, width: half,
			description: "SimOrders by state over time.",
			queries: []query{{
				`sum by (state) (max by (namespace, receiver, type, state) (sim_operator_orders{` + of + `}))`, "{{state}}",
			}},
		},
		{
			title: "Alerts active by name", unit: number, width: half,
			description: "SimAlerts that are On, and those that flap or have been On for long with no word since.",
			queries: []query{
				{`sum by (alert) (max by (namespace, receiver, alert) (sim_operator_alerts_active{` + of + `}))`, "{{alert}}"},
				{`sum(max by (namespace, receiver) (sim_operator_alerts_flapping{` + of + `}))`, "flapping"},
				{`sum(max by (namespace, receiver) (sim_operator_alerts_stale{` + of + `}))`, "stale"},
			},
		},
		{
			title: "Events", unit: perSecond, width: half,
			description: "Events created, one for each report.",
			queries:     []query{{`sum by (reason) (rate(sim_operator_events_created_total[$__rate_interval]))`, "{{reason}}"}},
		},
		{
			title: "How long orders take", unit: seconds, width: half,
			description: "From the first report of an order to the one that finished it, of the orders that finished in the time shown.",
			queries: []query{
				{`histogram_quantile(0.5, sum by (le, type) (increase(sim_operator_order_duration_seconds_bucket[$__range])))`, "{{type}} p50"},
				{`histogram_quantile(0.95, sum by (le, type) (increase(sim_operator_order_duration_seconds_bucket[$__range])))`, "{{type}} p95"},
			},
		},
	}
}

func programs() []chart {
	const job = `job=~"sim-operator-.*"`
	return []chart{
		{
			title: "Replicas up", unit: number, width: third, number: true,
			description: "Replicas that Prometheus reaches.",
			queries:     []query{{`sum by (job) (up{` + job + `})`, "{{job}}"}},
		},
		{
			title: "Leader", unit: number, width: third, number: true,
			description: "1 for the replica of the manager that leads.",
			queries:     []query{{`max by (instance) (leader_election_master_status{` + job + `})`, "{{instance}}"}},
		},
		{
			title: "Builds", unit: number, width: third, number: true,
			description: "Replicas by program and version.",
			queries:     []query{{`count by (program, version, commit) (sim_operator_build_info)`, "{{program}} {{version}} {{commit}}"}},
		},
		{
			title: "CPU", unit: seconds, width: third,
			description: "Seconds of CPU time a second.",
			queries:     []query{{`sum by (job, instance) (rate(process_cpu_seconds_total{` + job + `}[$__rate_interval]))`, "{{job}} {{instance}}"}},
		},
		{
			title: "Memory", unit: bytes, width: third,
			description: "Resident memory. That of the ingress includes the part of its spool that the kernel has in memory.",
			queries:     []query{{`max by (job, instance) (process_resident_memory_bytes{` + job + `})`, "{{job}} {{instance}}"}},
		},
		{
			title: "Goroutines", unit: number, width: third,
			description: "Goroutines of each program.",
			queries:     []query{{`max by (job, instance) (go_goroutines{` + job + `})`, "{{job}} {{instance}}"}},
		},
		{
			title: "Queues of the manager", unit: number, width: half,
			description: "Resources that wait for the manager.",
			queries:     []query{{`sum by (name) (workqueue_depth{` + job + `})`, "{{name}}"}},
		},
		{
			title: "Reconciles", unit: perSecond, width: half,
			description: "What the manager does, by controller and result.",
			queries:     []query{{`sum by (controller, result) (rate(controller_runtime_reconcile_total{` + job + `}[$__rate_interval]))`, "{{controller}} {{result}}"}},
		},
	}
}
