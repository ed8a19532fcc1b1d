package grafana

// Webhooks shows deliveries to receivers.
func Webhooks() Dashboard {
	return Dashboard{
		UID: "sluice-webhooks", Title: "Webhooks",
		Description: "Deliveries to receivers that users named: how many, how they ended, how long they took, and whether they wait for us or for the receiver.",
		Vars:        []Var{instances("sluice_webhook_attempts_active")},
		Rows: []Row{
			{Title: "Rate, errors, duration", Panels: webhooksRED()},
			{Title: "What waits", Panels: webhooksWaiting()},
		},
	}
}

func webhooksRED() []Panel {
	return []Panel{
		{
			Title: "Deliveries ended", Kind: Lines, Unit: PerSecond, Width: 8, Stacked: true, Queries: one(sum("sluice_outcome", rate(at("sluice_webhook_deliveries_total", ""))), "{{sluice_outcome}}"),
			Description: "delivered; exhausted: all tries failed; gone: the receiver said 410; off: switched off meanwhile; removed: deleted meanwhile.",
		},
		{
			Title: "Attempts", Kind: Lines, Unit: PerSecond, Width: 8, Stacked: true, Queries: one(sum("sluice_outcome", rate(at("sluice_webhook_attempt_duration_seconds_count", ""))), "{{sluice_outcome}}"),
			Description: "Single attempts by what the receiver answered; error: it did not.",
		},
		{
			Title: "Attempts that failed", Kind: Lines, Unit: Share, Width: 8, Max: 1, Limits: limits(.2, .5), Queries: one("sluice:webhook_failed:ratio_rate30m", "of half an hour"),
			Description: "Share of attempts that were not taken. Near 1 for all: nothing gets out of here. Some: a few receivers are away, which is theirs to repair.",
		},
		{
			Title: "Time of an attempt", Kind: Lines, Unit: Seconds, Width: 8, Log: true, Queries: quantiles(at("sluice_webhook_attempt_duration_seconds_bucket", "")),
			Description: "Time until the receiver answered. A dot is one attempt: click it for its trace, which began with a request.",
		},
		{
			Title: "From the event to the receiver", Kind: Lines, Unit: Seconds, Width: 8, Log: true, Queries: quantiles(at("sluice_webhook_delivery_delay_seconds_bucket", "")),
			Description: "Time from the event's arrival until the receiver took it, repetitions included.",
		},
		{
			Title: "Requests that went out", Kind: Lines, Unit: PerSecond, Width: 8, Stacked: true,
			Queries:     one(sum("http_response_status_code, error_type", rate(at("http_client_request_duration_seconds_count", `sluice_purpose="webhook"`))), "{{http_response_status_code}} {{error_type}}"),
			Description: "What receivers answered. forbidden: an address that outbound requests may not go to.",
		},
	}
}

func webhooksWaiting() []Panel {
	return []Panel{
		{
			Title: "Attempts under way", Kind: Lines, Unit: Count, Queries: one(sum("instance", at("sluice_webhook_attempts_active", "")), "{{instance}}"),
			Description: "Attempts under way. Flat at its bound: receivers are slow, see the time of an attempt.",
		},
		{
			Title: "Endpoints waiting for room", Kind: Lines, Unit: Count, Limits: limits(1, 100), Queries: one(sum("instance", at("sluice_webhook_endpoints_waiting", "")), "{{instance}}"),
			Description: "Endpoints with deliveries due and no room to try them. More copies of webhook help.",
		},
		{
			Title: "Events and retries not yet delivered", Kind: Lines, Unit: Count, Queries: one(most(byGroup, at("sluice_bus_lag", `messaging_consumer_group_name=~"webhook-.*"`)), "{{messaging_consumer_group_name}}"),
			Description: "What waits for webhook on the bus.", Link: &Link{Title: "Bus", UID: "sluice-bus", Var: "group", Label: "messaging_consumer_group_name"},
		},
	}
}
