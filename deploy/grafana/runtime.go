package grafana

// Runtime shows services as programs: calls, versions, memory, processors, files.
func Runtime() Dashboard {
	return Dashboard{
		UID: "sluice-runtime", Title: "Runtime",
		Description: "Services as programs: which run, what they answer each other, and what they take of the machine.",
		Vars:        []Var{services(), instances(`sluice_build_info{service_name=~"$service"}`)},
		Rows:        []Row{runtimeProcesses(), runtimeCalls(), runtimeGo(), runtimeMachine()},
	}
}

// process selects a metric of whole processes, which has no name of a service, by
// the services that run in them.
func process(metric string) string {
	return "(" + at(metric, "") + " and on (instance) " + of("sluice_build_info", "") + ")"
}

func runtimeProcesses() Row {
	return Row{Title: "Processes", Panels: []Panel{
		{
			Title: "Scraped", Kind: Stat, Unit: Count, Width: 6, Falling: true, Limits: []Limit{{1, Fine}}, Queries: one(`min by (instance) (up{job="sluice",instance=~"$instance"})`, "{{instance}}"),
			Description: "1 where the last scrape came through.",
		},
		{
			Title: "Started", Kind: Stat, Unit: Since, Width: 6, Queries: one(most("instance", process("process_start_time_seconds")+" * 1000"), "{{instance}}"),
			Description: "When each process started.",
		},
		{
			Title: "Copies", Kind: Stat, Unit: Count, Width: 6, Queries: one("count by (service_name) ("+of("sluice_build_info", "")+")", "{{service_name}}"),
			Description: "How many copies of each service run.",
		},
		{
			Title: "What runs", Kind: Table, Unit: Count, Width: 6, Queries: one("count by (service_version, process_runtime_version) ("+of("sluice_build_info", "")+")", ""),
			Description: "Versions, and of how many services. Two versions for long: a roll-out stopped halfway.",
		},
	}}
}

func runtimeCalls() Row {
	served := func(series, more string) string { return of("rpc_server_call_duration_seconds_"+series, more) }
	return Row{Title: "Calls: rate, errors, duration", Panels: []Panel{
		{
			Title: "Calls", Kind: Lines, Unit: PerSecond, Width: 8, Stacked: true, Queries: one(sum("service_name", rate(served("count", ""))), "{{service_name}}"),
			Description: "Calls that each service answered.",
		},
		{
			Title: "Failed calls", Kind: Lines, Unit: PerSecond, Width: 8, Stacked: true, Queries: one(sum("service_name, rpc_method, error_type", rate(served("count", `error_type!=""`))), "{{rpc_method}} {{error_type}}"),
			Description: "By method and kind of fault. internal is ours; not_found, conflict, forbidden are answers to users.",
		},
		{
			Title: "Slowest methods", Kind: Lines, Unit: Seconds, Width: 8, Log: true, Limits: limits(.5, 2),
			Queries:     []Query{{Expr: "topk(10, " + quantile(.99, "rpc_method", served("bucket", "")) + ")", Legend: "{{rpc_method}}", Traced: true}},
			Description: "99 % of calls of a method were answered within this time; the ten slowest.",
		},
		{
			Title: "Calls under way", Kind: Lines, Unit: Count, Width: 8, Queries: one(sum("service_name", of("sluice_rpc_server_active", "")), "{{service_name}}"),
			Description: "Calls being answered. Near the bound of a service, it begins to refuse.",
		},
		{
			Title: "Calls refused", Kind: Lines, Unit: PerSecond, Width: 8, Limits: zero(), Queries: one(sum("rpc_method", rate(of("sluice_rpc_refused_total", ""))), "{{rpc_method}}"),
			Description: "Calls turned away because the service has no room. The caller answers 503.",
		},
		{
			Title: "Calls that wait for others", Kind: Lines, Unit: Count, Width: 8, Queries: one(sum("service_name", of("sluice_rpc_client_active", "")), "{{service_name}}"),
			Description: "Calls that each service made and that are not answered yet.",
		},
	}}
}

func runtimeGo() Row {
	return Row{Title: "Go", Panels: []Panel{
		{
			Title: "Memory of the runtime", Kind: Lines, Unit: Bytes, Width: 8, Stacked: true, Queries: one(sum("instance, go_memory_type", at("go_memory_used_bytes", "")), "{{instance}} {{go_memory_type}}"),
			Description: "Memory that the Go runtime uses.",
		},
		{
			Title: "Of the limit", Kind: Lines, Unit: Share, Width: 8, Max: 1.2, Limits: limits(.8, .95), Queries: one("sluice:memory_used:ratio", "{{instance}}"),
			Description: "Memory of the runtime against GOMEMLIMIT, where one is set. Near 1 the collector takes ever more of the processors.",
		},
		{
			Title: "Goroutines", Kind: Lines, Unit: Count, Width: 8, Queries: one(sum("instance", at("go_goroutine_count", "")), "{{instance}}"),
			Description: "A line that only rises, for hours and without more load, is a leak: take /-/pprof/goroutine.",
		},
		{
			Title: "Allocated", Kind: Lines, Unit: BytesRate, Width: 8, Queries: one(sum("instance", rate(at("go_memory_allocated_bytes_total", ""))), "{{instance}}"),
			Description: "Bytes allocated a second.",
		},
		{
			Title: "Waiting for a processor", Kind: Lines, Unit: Seconds, Width: 8, Log: true, Limits: limits(.01, .1), Queries: one(quantile(.99, "instance", at("go_schedule_duration_seconds_bucket", "")), "{{instance}}"),
			Description: "99 % of goroutines that could run waited less for a thread. It rises when the processors are not enough.",
		},
		{
			Title: "Heap's goal", Kind: Lines, Unit: Bytes, Width: 8, Queries: one(sum("instance", at("go_memory_gc_goal_bytes", "")), "{{instance}}"),
			Description: "Size of the heap at which the next collection ends.",
		},
	}}
}

func runtimeMachine() Row {
	return Row{Title: "Machine", Panels: []Panel{
		{
			Title: "Processors", Kind: Lines, Unit: Processors, Width: 8,
			Queries: []Query{
				{Expr: sum("instance", "rate(process_cpu_seconds_total{instance=~\"$instance\"}[$__rate_interval])"), Legend: "{{instance}} used"},
				{Expr: most("instance", at("go_processor_limit", "")), Legend: "{{instance}} may use"},
			},
			Description: "Processors that each process uses, and how many it may.",
		},
		{
			Title: "Resident memory", Kind: Lines, Unit: Bytes, Width: 8, Queries: one(most("instance", process("process_resident_memory_bytes")), "{{instance}}"),
			Description: "Memory of each process as the kernel sees it; pages of files that it maps count too.",
		},
		{
			Title: "Files open", Kind: Lines, Unit: Share, Width: 8, Max: 1, Limits: limits(.6, .8), Queries: one(at("process_open_fds", "")+" / "+at("process_max_fds", ""), "{{instance}}"),
			Description: "File descriptors in use, of those allowed.",
		},
		{
			Title: "Network", Kind: Lines, Unit: BytesRate, Width: 8,
			Queries: []Query{
				{Expr: sum("instance", rate(at("process_network_receive_bytes_total", ""))), Legend: "{{instance}} in"}, {Expr: sum("instance", rate(at("process_network_transmit_bytes_total", ""))), Legend: "{{instance}} out"},
			},
			Description: "Bytes over the network, of the network namespace of the process.",
		},
		{
			Title: "Disk free", Kind: Lines, Unit: Share, Width: 8, Max: 1, Falling: true, Limits: low(.05, .15), Queries: one("min by (instance) ("+at("sluice_data_free_bytes", "")+" / "+at("sluice_data_size_bytes", "")+")", "{{instance}}"),
			Description: "What is free where the data directory lies.",
		},
		{
			Title: "Collector's settings", Kind: Lines, Unit: Count, Width: 8, Queries: one(most("instance", at("go_config_gogc_percent", "")), "{{instance}} GOGC"),
			Description: "GOGC as the process has it.",
		},
	}}
}
