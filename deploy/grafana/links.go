package grafana

// Links shows containers: checks of their links, badges, views and clicks.
func Links() Dashboard {
	hosts := Var{Name: "host", Label: "Host rule", Query: "label_values(sluice_linkchecker_checks_total, sluice_host)"}
	return Dashboard{
		UID: "sluice-links", Title: "Links and badges",
		Description: "Checks of links by host and outcome, badges and the memory before them, views and clicks.",
		Vars:        []Var{instances("sluice_build_info"), hosts},
		Rows:        []Row{linksRED(), linksWaiting(), linksBadges(), linksClicks()},
	}
}

func linksRED() Row {
	checks := func(more string) string {
		return at("sluice_linkchecker_checks_total", `sluice_host=~"$host"`+more)
	}
	return Row{Title: "Checks: rate, errors, duration", Panels: []Panel{
		{
			Title: "Links checked", Kind: Lines, Unit: PerSecond, Stacked: true, Queries: one(sum("sluice_outcome", rate(checks(""))), "{{sluice_outcome}}"),
			Description: "Links checked a second, by what was found.",
		},
		{
			Title: "Not to be told", Kind: Lines, Unit: Share, Max: 1, Limits: limits(.5, .8),
			Queries:     one(share(sum("sluice_host", rate(checks(`,sluice_outcome="unknown"`))), sum("sluice_host", rate(checks("")))), "{{sluice_host}}"),
			Description: "Share of checks that could not tell, by host rule. One host near 1: it keeps us out, or changed its pages and its rule must follow.",
		},
		{
			Title: "Why not", Kind: Lines, Unit: PerSecond, Stacked: true, Queries: one(sum("sluice_reason", rate(checks(`,sluice_outcome!="online"`))), "{{sluice_reason}}"),
			Description: "Reasons of what is offline or unknown.",
		},
		{
			Title: "Time to ask", Kind: Lines, Unit: Seconds, Log: true,
			Queries:     []Query{{Expr: quantile(.95, "sluice_host", at("sluice_linkchecker_check_duration_seconds_bucket", `sluice_host=~"$host"`)), Legend: "{{sluice_host}}", Traced: true}},
			Description: "95 % of checks took less, waits for politeness included.",
		},
	}}
}

func linksWaiting() Row {
	return Row{Title: "Checks: what waits", Panels: []Panel{
		{
			Title: "Waiting for their turn", Kind: Lines, Unit: Count, Queries: one(sum("instance", at("sluice_linkchecker_checks_waiting", "")), "{{instance}}"),
			Description: "Checks in a checker's hands that wait for politeness towards their host.",
		},
		{
			Title: "Not yet delivered", Kind: Lines, Unit: Count, Queries: one("max("+at("sluice_bus_lag", `messaging_consumer_group_name="links-checks"`)+")", "links to check"),
			Description: "Links in stream CHECKS that no checker has in hand.", Link: &Link{Title: "Bus", UID: "sluice-bus"},
		},
		{
			Title: "Hosts being asked", Kind: Lines, Unit: Count, Queries: one(sum("instance", at("sluice_linkchecker_checks_active", "")), "{{instance}}"),
			Description: "Requests to hosts under way.",
		},
		{
			Title: "Requests that went out", Kind: Lines, Unit: PerSecond, Stacked: true,
			Queries:     one(sum("http_response_status_code, error_type", rate(at("http_client_request_duration_seconds_count", `sluice_purpose="check"`))), "{{http_response_status_code}} {{error_type}}"),
			Description: "What hosts answered to checks.",
		},
	}}
}

func linksBadges() Row {
	badges := func(more string) string { return at("sluice_edge_badge_requests_total", more) }
	return Row{Title: "Badges", Panels: []Panel{
		{
			Title: "Badges shown", Kind: Lines, Unit: Requests, Stacked: true, Queries: one(sum("sluice_format", rate(badges(""))), "{{sluice_format}}"),
			Description: "Badges by format.",
		},
		{
			Title: "From memory", Kind: Lines, Unit: Share, Max: 1, Queries: one(share("sum("+rate(badges(`sluice_outcome=~"hit|old"`))+")", "sum("+rate(badges(""))+")"), "found"),
			Description: "Share of badges whose state was in memory.",
		},
		{
			Title: "What their state came from", Kind: Lines, Unit: PerSecond, Stacked: true, Queries: one(sum("sluice_outcome", rate(badges(""))), "{{sluice_outcome}}"),
			Description: "hit: in memory. miss: asked. old: linkchecker did not answer, the last known state was shown. invalid: no such container.",
		},
		{
			Title: "Containers in memory", Kind: Lines, Unit: Count, Queries: one(sum("instance", at("sluice_edge_badge_entries", "")), "{{instance}}"),
			Description: "Containers whose badge an edge holds.",
		},
	}}
}

func linksClicks() Row {
	return Row{Title: "Views and clicks", Panels: []Panel{
		{
			Title: "Views", Kind: Lines, Unit: PerSecond, Stacked: true, Queries: one(sum("sluice_outcome", rate(at("sluice_edge_views_total", ""))), "{{sluice_outcome}}"),
			Description: "Views of containers and files. lost: the stream did not take them.",
		},
		{
			Title: "Clicks", Kind: Lines, Unit: PerSecond, Stacked: true, Queries: one(sum("sluice_outcome", rate(at("sluice_stats_clicks_total", ""))), "{{sluice_outcome}}"),
			Description: "Clicks that stats took. late: of a day that is closed. gone: of a container that is deleted.",
		},
	}}
}
