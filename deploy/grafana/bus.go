package grafana

// Bus shows events on their way: outboxes, streams, consumers, dead letters.
func Bus() Dashboard {
	groups := Var{Name: "group", Label: "Consumer", Query: "label_values(sluice_bus_lag, messaging_consumer_group_name)"}
	return Dashboard{
		UID: "sluice-bus", Title: "Bus",
		Description: "Events from the commit to their consumers: what waits, what fails, what was given up, and whether there is room.",
		Vars:        []Var{instances("sluice_bus_lag"), groups},
		Rows:        []Row{busRED(), busWaiting(), busRoom(), busConnections()},
	}
}

// consumed selects what the chosen consumers did.
func consumed(metric, more string) string {
	s := `messaging_consumer_group_name=~"$group"`
	if more != "" {
		s += "," + more
	}
	return at(metric, s)
}

const byGroup = "messaging_consumer_group_name"

func busRED() Row {
	return Row{Title: "Rate, errors, duration", Panels: []Panel{
		{
			Title: "Published", Kind: Lines, Unit: PerSecond, Stacked: true, Queries: one(sum("messaging_destination_name", rate(at("messaging_client_sent_messages_total", ""))), "{{messaging_destination_name}}"),
			Description: "Messages given to the streams, by type of event or kind of subject.",
		},
		{
			Title: "Handled", Kind: Lines, Unit: PerSecond, Stacked: true, Queries: one(sum(byGroup, rate(consumed("messaging_process_duration_seconds_count", ""))), "{{messaging_consumer_group_name}}"),
			Description: "Deliveries that a consumer's handler came to an end with.",
		},
		{
			Title: "Failed", Kind: Lines, Unit: PerSecond, Stacked: true,
			Queries:     one(sum(byGroup+", error_type", rate(consumed("messaging_process_duration_seconds_count", `error_type!=""`))), "{{messaging_consumer_group_name}} {{error_type}}"),
			Description: "Deliveries that the handler failed at. They are repeated after a while, and in the end given up.",
		},
		{
			Title: "Time in the handler", Kind: Lines, Unit: Seconds, Log: true,
			Queries:     []Query{{Expr: quantile(.95, byGroup, consumed("messaging_process_duration_seconds_bucket", "")), Legend: "{{messaging_consumer_group_name}}", Traced: true}},
			Description: "95 % of deliveries were handled within this time. A dot is one delivery: click it for its trace, which began with a request.",
		},
	}}
}

func busWaiting() Row {
	return Row{Title: "What waits", Panels: []Panel{
		{
			Title: "Not yet delivered", Kind: Lines, Unit: Count, Width: 8, Log: true, Limits: limits(1000, 10000), Queries: one(most(byGroup, consumed("sluice_bus_lag", "")), "{{messaging_consumer_group_name}}"),
			Description: "Messages that wait for a consumer. A line that only rises: it does not come after, or is gone.",
		},
		{
			Title: "In hand", Kind: Lines, Unit: Count, Width: 8, Queries: one(most(byGroup, consumed("sluice_bus_unacked", "")), "{{messaging_consumer_group_name}}"),
			Description: "Messages delivered and not yet answered. Flat at its bound while others wait: handlers hang.",
		},
		{
			Title: "Oldest event in an outbox", Kind: Lines, Unit: Seconds, Width: 8, Limits: limits(10, 60), Queries: one(most("sluice_relay", at("sluice_outbox_age_seconds", "")), "{{sluice_relay}}"),
			Description: "Age of the oldest event that is committed and not published.",
		},
		{
			Title: "Events in outboxes", Kind: Lines, Unit: Count, Width: 8, Limits: limits(1000, 50000), Queries: one(most("sluice_relay", at("sluice_outbox_depth", "")), "{{sluice_relay}}"),
			Description: "Events that wait to be published. Object refuses writes with 503 from object.max_backlog on.",
		},
		{
			Title: "Repeated and postponed", Kind: Lines, Unit: PerSecond, Width: 8,
			Queries: []Query{
				{Expr: sum(byGroup, rate(consumed("sluice_bus_retries_total", ""))), Legend: "{{messaging_consumer_group_name}} repeated"},
				{Expr: sum(byGroup, rate(consumed("sluice_bus_postponed_total", ""))), Legend: "{{messaging_consumer_group_name}} postponed"},
			},
			Description: "Repeated: it failed. Postponed: given back because the time was not right, which is no failure.",
		},
		{
			Title: "Dead letters", Kind: Lines, Unit: Count, Width: 8, Limits: limits(1, 100),
			Queries: []Query{
				{Expr: "max(" + at("sluice_bus_dead_letters_waiting", "") + ")", Legend: "waiting"},
				{Expr: sum(byGroup, rise(consumed("sluice_bus_dead_letters_total", ""))), Legend: "{{messaging_consumer_group_name}} given up in the time shown"},
			},
			Description: "What consumers gave up on. `sluice bus dead list` shows why; `sluice bus dead replay` gives it to its consumer again.",
		},
	}}
}

func busRoom() Row {
	return Row{Title: "Streams", Panels: []Panel{
		{
			Title: "Filled", Kind: Bars, Unit: Share, Max: 1, Limits: limits(.8, .95), Queries: one("sluice:stream_filled:ratio", "{{sluice_stream}}"),
			Description: "Bytes of a stream against its limit. A full one refuses, but CLICKS, which lets its oldest go. TIMERS has no limit.",
		},
		{
			Title: "Bytes", Kind: Lines, Unit: Bytes, Log: true, Queries: one(most("sluice_stream", at("sluice_bus_stream_bytes", "")), "{{sluice_stream}}"),
			Description: "Bytes of each stream. EVENTS rises when a consumer does not acknowledge.",
		},
		{
			Title: "Messages", Kind: Lines, Unit: Count, Log: true, Queries: one(most("sluice_stream", at("sluice_bus_stream_messages", "")), "{{sluice_stream}}"),
			Description: "Messages in each stream.",
		},
	}}
}

func busConnections() Row {
	return Row{Title: "Connections", Folded: true, Panels: []Panel{
		{
			Title: "Connections that stand", Kind: Lines, Unit: Count, Queries: one(sum("service_name, sluice_connection", at("sluice_nats_connected", "")), "{{service_name}} {{sluice_connection}}"),
			Description: "Connections to the nats-server: calls, events and bytes have their own.",
		},
		{
			Title: "Found again", Kind: Lines, Unit: PerSecond, Queries: one(sum("service_name, sluice_connection", rate(at("sluice_nats_reconnects_total", ""))), "{{service_name}} {{sluice_connection}}"),
			Description: "Connections that were lost and found again. All at once: a nats-server went. One alone, over and over: its network, or it was too slow to read.",
		},
	}}
}
