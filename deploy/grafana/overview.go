package grafana

// Overview answers in its first row whether anything is wrong, and in the ones below
// which part it is; each of those leads to the dashboard of that part.
func Overview() Dashboard {
	return Dashboard{
		UID: "sluice-overview", Title: "Overview",
		Description: "Start here: is anything wrong, since when, and where. Each panel leads to the dashboard that says more.",
		Vars:        []Var{instances("sluice_build_info")},
		Rows:        []Row{nowRow(), requestsRow(), insideRow(), roomRow()},
	}
}

// dialectsOnly leaves out what operators and machines ask themselves.
const dialectsOnly = `sluice_dialect!~"system|none"`

func nowRow() Row {
	return Row{Title: "Now", Panels: []Panel{
		{
			Title: "Alerts that wake", Kind: Stat, Unit: Count, Width: 4, Limits: zero(), Queries: one(orNone(`count(ALERTS{alertstate="firing",severity="page"})`), "firing"),
			Description: "Alerts of severity page that fire now. Each names the section of the runbook that it is about.",
		},
		{
			Title: "Services missing", Kind: Stat, Unit: Count, Width: 4, Limits: zero(), Link: &Link{Title: "Runtime", UID: "sluice-runtime"},
			Queries:     one(orNone("count(count by (service_name) (sluice_build_info offset 1h) unless count by (service_name) (sluice_build_info))"), "missing"),
			Description: "Services that ran an hour ago and of which no copy is left.",
		},
		{
			Title: "Requests answered", Kind: Stat, Unit: Share, Width: 4, Falling: true, Limits: low(.99, .999), Max: 1, Link: &Link{Title: "Edge", UID: "sluice-edge"},
			Queries:     one("1 - max(sluice:http_errors:ratio_rate5m)", "worst dialect"),
			Description: "Share of requests of the last 5 minutes that did not end in a 5xx (501, 502 and 507 apart), of the dialect that does worst. The objective is 99.9 %.",
		},
		{
			Title: "Calls in time", Kind: Stat, Unit: Share, Width: 4, Falling: true, Limits: low(.95, .99), Max: 1, Link: &Link{Title: "Runtime", UID: "sluice-runtime"},
			Queries:     one("1 - max(sluice:rpc_slow:ratio_rate5m)", "worst service"),
			Description: "Share of the calls between services that were answered within half a second, of the service that does worst. The objective is 99 %. It does not depend on how fast clients are.",
		},
		{
			Title: "Oldest event waiting", Kind: Stat, Unit: Seconds, Width: 4, Limits: limits(10, 60), Link: &Link{Title: "Bus", UID: "sluice-bus"},
			Queries:     one("max(sluice_outbox_age_seconds)", "outbox"),
			Description: "Age of the oldest event that is committed and not yet published. More than a minute: the bus is away or full.",
		},
		{
			Title: "Dead letters waiting", Kind: Stat, Unit: Count, Width: 4, Limits: limits(1, 100), Link: &Link{Title: "Bus", UID: "sluice-bus"},
			Queries:     one("max(sluice_bus_dead_letters_waiting)", "dead letters"),
			Description: "Events that a consumer gave up on. Nothing is lost: look with `sluice bus dead list`, then replay or drop them.",
		},
	}}
}

func requestsRow() Row {
	requests := at("http_server_request_duration_seconds_count", dialectsOnly)
	return Row{Title: "Requests", Panels: []Panel{
		{
			Title: "Requests by dialect", Kind: Lines, Unit: Requests, Stacked: true, Queries: one(sum("sluice_dialect", rate(requests)), "{{sluice_dialect}}"),
			Description: "How many requests a second each of the public APIs gets. A step down without one in the world outside is a fault before us.",
			Link:        &Link{Title: "Edge of this dialect", UID: "sluice-edge", Var: "dialect", Label: "sluice_dialect"},
		},
		{
			Title: "Server errors by dialect", Kind: Lines, Unit: Share, Limits: limits(.001, .01), Queries: one("sluice:http_errors:ratio_rate5m", "{{sluice_dialect}}"),
			Description: "Share of requests that ended in a 5xx (501, 502 and 507 apart). The dashed lines are the objective and ten times as much.",
			Link:        &Link{Title: "Edge of this dialect", UID: "sluice-edge", Var: "dialect", Label: "sluice_dialect"},
		},
		{
			Title: "Time to answer by dialect", Kind: Lines, Unit: Seconds, Log: true,
			Queries:     []Query{{Expr: quantile(.95, "sluice_dialect", at("http_server_request_duration_seconds_bucket", dialectsOnly)), Legend: "{{sluice_dialect}}", Traced: true}},
			Description: "95 % of requests were answered within this time, bodies included, so slow lines and large files count. A dot is one request: click it for its trace.",
			Link:        &Link{Title: "Edge of this dialect", UID: "sluice-edge", Var: "dialect", Label: "sluice_dialect"},
		},
	}}
}

func insideRow() Row {
	return Row{Title: "Inside", Panels: []Panel{
		{
			Title: "Failed calls by service", Kind: Lines, Unit: PerSecond, Stacked: true, Link: &Link{Title: "Runtime", UID: "sluice-runtime", Var: "service", Label: "service_name"},
			Queries:     one(sum("service_name", rate(at("rpc_server_call_duration_seconds_count", `error_type=~"internal|unavailable|timeout"`))), "{{service_name}}"),
			Description: "Calls that a service could not answer: internal, unavailable, timeout. What users ask wrongly does not count.",
		},
		{
			Title: "Slowest service", Kind: Lines, Unit: Seconds, Log: true, Limits: limits(.5, 2), Link: &Link{Title: "Runtime", UID: "sluice-runtime", Var: "service", Label: "service_name"},
			Queries:     []Query{{Expr: quantile(.99, "service_name", at("rpc_server_call_duration_seconds_bucket", "")), Legend: "{{service_name}}", Traced: true}},
			Description: "99 % of a service's calls were answered within this time. If all rise together, look at disks and the nats-server.",
		},
		{
			Title: "Messages not yet delivered", Kind: Lines, Unit: Count, Log: true, Limits: limits(1000, 10000), Link: &Link{Title: "Bus", UID: "sluice-bus", Var: "group", Label: "messaging_consumer_group_name"},
			Queries:     one(most("messaging_consumer_group_name", at("sluice_bus_lag", "")), "{{messaging_consumer_group_name}}"),
			Description: "What waits for each consumer. A line that only rises is a consumer that does not come after, or is gone.",
		},
		{
			Title: "Deliveries and checks", Kind: Lines, Unit: PerSecond,
			Queries: []Query{
				{Expr: sum("sluice_outcome", rate(at("sluice_webhook_deliveries_total", ""))), Legend: "webhook {{sluice_outcome}}"},
				{Expr: sum("sluice_outcome", rate(at("sluice_linkchecker_checks_total", ""))), Legend: "link {{sluice_outcome}}"},
			},
			Description: "What the system does by itself: webhooks that ended, links that were checked.", Link: &Link{Title: "Webhooks", UID: "sluice-webhooks"},
		},
	}}
}

func roomRow() Row {
	return Row{Title: "Room", Panels: []Panel{
		{
			Title: "Streams filled", Kind: Bars, Unit: Share, Max: 1, Limits: limits(.8, .95), Queries: one("sluice:stream_filled:ratio", "{{sluice_stream}}"),
			Description: "How full each stream is. A full one refuses: EVENTS makes writes answer 503, AUDIT too.", Link: &Link{Title: "Bus", UID: "sluice-bus"},
		},
		{
			Title: "Regions filled", Kind: Bars, Unit: Share, Max: 1, Limits: limits(.85, .95), Queries: one("sluice:region_filled:ratio", "{{sluice_region}}"),
			Description: "How full the object stores of a region are. Full means 507 for uploads.", Link: &Link{Title: "Objects", UID: "sluice-objects"},
		},
		{
			Title: "Disk free", Kind: Bars, Unit: Share, Max: 1, Falling: true, Limits: low(.05, .15),
			Queries:     one("min by (instance) ("+at("sluice_data_free_bytes", "")+" / "+at("sluice_data_size_bytes", "")+")", "{{instance}}"),
			Description: "What is free where the data directory of each process lies.", Link: &Link{Title: "Runtime", UID: "sluice-runtime", Var: "instance", Label: "instance"},
		},
		{
			Title: "Bytes in and out", Kind: Lines, Unit: BytesRate, Link: &Link{Title: "Objects", UID: "sluice-objects"},
			Queries:     one(sum("network_io_direction", rate(at("sluice_edge_transfer_bytes_total", ""))), "{{network_io_direction}}"),
			Description: "Bodies of requests and answers through all edges.",
		},
	}}
}
