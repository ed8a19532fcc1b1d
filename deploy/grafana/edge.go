package grafana

// Edge shows the public listener, dialect by dialect and route by route.
func Edge() Dashboard {
	dialects := Var{Name: "dialect", Label: "Dialect", Query: "label_values(http_server_request_duration_seconds_count, sluice_dialect)"}
	return Dashboard{
		UID: "sluice-edge", Title: "Edge by dialect",
		Description: "Requests, errors and times of the public APIs: choose a dialect above, then find the route.",
		Vars:        []Var{instances("http_server_active_requests"), dialects},
		Rows:        []Row{edgeRED(), edgeRoutes(), edgeBytes(), edgeRest()},
	}
}

// asked selects requests of the dialects chosen at the top.
func asked(series, more string) string {
	s := `sluice_dialect=~"$dialect"`
	if more != "" {
		s += "," + more
	}
	return at("http_server_request_duration_seconds_"+series, s)
}

func edgeRED() Row {
	return Row{Title: "Rate, errors, duration", Panels: []Panel{
		{
			Title: "Requests by class", Kind: Lines, Unit: Requests, Stacked: true, Queries: one(sum("sluice_status_class", rate(asked("count", ""))), "{{sluice_status_class}}"),
			Description: "Requests a second by class of status; aborted ones are those that the client or we cut off.",
		},
		{
			Title: "Server errors", Kind: Lines, Unit: Share, Limits: limits(.001, .01),
			Queries:     one(share(sum("sluice_dialect", rate(asked("count", `sluice_status_class="5xx"`))), sum("sluice_dialect", rate(asked("count", "")))), "{{sluice_dialect}}"),
			Description: "Share of requests that ended in any 5xx. The objective is the first dashed line.",
		},
		{
			Title: "Time to answer", Kind: Lines, Unit: Seconds, Log: true, Queries: quantiles(asked("bucket", "")),
			Description: "Bodies included. A dot is one request: click it for its trace.",
		},
		{
			Title: "Budget burnt in 3 days", Kind: Bars, Unit: Share, Width: 8, Limits: limits(.5, 1),
			Queries:     one(`sluice:http_errors:ratio_rate3d{sluice_dialect=~"$dialect"} / 0.001`, "{{sluice_dialect}}"),
			Description: "5xx of three days (but 501, 502 and 507, which are answers to what a client wants), against what the objective of 99.9 % allows in them. Above 100 %: leave risky changes for later.",
		},
		{
			Title: "All times", Kind: Heat, Unit: Seconds, Width: 16, Queries: []Query{{Expr: sum("le", rate(asked("bucket", ""))), Legend: "{{le}}"}},
			Description: "How many requests took how long. Two bands are two kinds of requests; a band that moves up is one that got slow.",
		},
	}}
}

func edgeRoutes() Row {
	return Row{Title: "Routes", Panels: []Panel{
		{
			Title: "Routes with server errors", Kind: Lines, Unit: PerSecond, Stacked: true,
			Queries:     one("topk(10, "+sum("sluice_dialect, sluice_route, http_response_status_code", rate(asked("count", `sluice_status_class="5xx"`)))+")", "{{sluice_dialect}} {{sluice_route}} {{http_response_status_code}}"),
			Description: "The ten routes with most 5xx. The names are those of `sluice` routes tables (services/edge/ROUTES.md), and of the log's key route.",
		},
		{
			Title: "Slowest routes", Kind: Lines, Unit: Seconds, Log: true,
			Queries:     one("topk(10, "+quantile(.95, "sluice_dialect, sluice_route", asked("bucket", ""))+")", "{{sluice_dialect}} {{sluice_route}}"),
			Description: "The ten routes of which 5 % took longer than this. Those that carry files are as slow as their clients.",
		},
		{
			Title: "Busiest routes", Kind: Lines, Unit: Requests, Queries: one("topk(10, "+sum("sluice_dialect, sluice_route", rate(asked("count", "")))+")", "{{sluice_dialect}} {{sluice_route}}"),
			Description: "The ten routes with most requests.",
		},
		{
			Title: "What was refused", Kind: Lines, Unit: PerSecond, Width: 12,
			Queries:     one(sum("sluice_dialect, http_response_status_code", rate(asked("count", `sluice_status_class="4xx"`))), "{{sluice_dialect}} {{http_response_status_code}}"),
			Description: "4xx by status. A jump of 401 or 403: a client's key ended, or somebody tries doors. A jump of 429: see throttled.",
		},
		{
			Title: "Requests by route", Kind: Table, Unit: Count, Width: 12,
			Queries:     one("sort_desc("+sum("sluice_dialect, sluice_route, http_request_method, sluice_status_class", rise(asked("count", "")))+")", ""),
			Description: "All routes that were asked in the time shown, by class of status.",
		},
	}}
}

func edgeBytes() Row {
	return Row{Title: "Bytes", Panels: []Panel{
		{
			Title: "Bytes in and out", Kind: Lines, Unit: BytesRate,
			Queries:     one(sum("sluice_dialect, network_io_direction", rate(at("sluice_edge_transfer_bytes_total", `sluice_dialect=~"$dialect"`))), "{{sluice_dialect}} {{network_io_direction}}"),
			Description: "Bodies of requests and answers.",
		},
		{
			Title: "Transfers under way", Kind: Lines, Unit: Count, Queries: one(sum("network_io_direction", at("sluice_edge_transfers_active", "")), "{{network_io_direction}}"),
			Description: "Contents that come in or go out now, of all dialects. Each holds a few segments in memory.",
		},
		{
			Title: "Requests under way", Kind: Lines, Unit: Count, Queries: one(sum("instance, http_request_method", at("http_server_active_requests", "")), "{{instance}} {{http_request_method}}"),
			Description: "Requests being answered, of all dialects. A line that only rises: something behind hangs.",
		},
	}}
}

func edgeRest() Row {
	return Row{Title: "Limits and audit", Panels: []Panel{
		{
			Title: "Throttled", Kind: Lines, Unit: PerSecond, Queries: one(sum("sluice_dialect", rate(at("sluice_edge_throttled_total", `sluice_dialect=~"$dialect"`))), "{{sluice_dialect}}"),
			Description: "Requests refused with 429 because an account, key or address asks too often.",
		},
		{
			Title: "Audit records lost", Kind: Lines, Unit: PerSecond, Limits: zero(), Queries: one(sum("instance", rate(at("sluice_edge_audit_lost_total", ""))), "{{instance}}"),
			Description: "Records of requests that the stream AUDIT did not take. Must stay at nothing; changes answer 503 while it is full.",
		},
		{
			Title: "Calls from the edge", Kind: Lines, Unit: Seconds, Log: true,
			Queries:     []Query{{Expr: "topk(10, " + quantile(.95, "rpc_method", at("rpc_client_call_duration_seconds_bucket", `service_name="edge"`)) + ")", Legend: "{{rpc_method}}", Traced: true}},
			Description: "Time until another service answered the edge, repetitions included; the ten slowest methods.",
		},
	}}
}
