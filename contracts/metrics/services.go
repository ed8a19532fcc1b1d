package metrics

func edgeMetrics() []Metric {
	edge := []string{"edge"}
	return []Metric{
		{Name: "sluice.edge.transfer.bytes", Kind: Counter, Unit: "By", Help: "bytes of bodies that came in and went out", Services: edge, Attributes: []Attribute{direction(), dialects()}},
		{Name: "sluice.edge.transfers.active", Kind: UpDownCounter, Unit: "{transfer}", Help: "contents that come in or go out now", Services: edge, Attributes: []Attribute{direction()}},
		{Name: "sluice.edge.throttled", Kind: Counter, Unit: "{request}", Help: "requests refused because somebody asks too often", Services: edge, Attributes: []Attribute{dialects()}},
		{
			Name: "sluice.edge.badge.requests", Kind: Counter, Unit: "{request}", Help: "badges shown, by what their state came from", Services: edge,
			Attributes: []Attribute{{Key: "sluice.format", Values: []string{"svg", "webp", "png"}}, outcome("hit", "miss", "old", "invalid")},
		},
		{Name: "sluice.edge.badge.entries", Kind: Gauge, Unit: "{entry}", Help: "containers whose badge is in memory", Services: edge},
		{Name: "sluice.edge.views", Kind: Counter, Unit: "{view}", Help: "views of containers and files, by what became of them", Services: edge, Attributes: []Attribute{outcome("told", "left_out", "repeated", "lost")}},
		{Name: "sluice.edge.fetches", Kind: Counter, Unit: "{fetch}", Help: "attempts to fetch remote URLs, by how they ended", Services: edge, Attributes: []Attribute{outcome("done", "failed", "again", "returned", "lost")}},
		{Name: "sluice.edge.fetches.active", Kind: UpDownCounter, Unit: "{fetch}", Help: "remote URLs being fetched", Services: edge},
		{Name: "sluice.edge.audit.lost", Kind: Counter, Unit: "{record}", Help: "records of requests that the audit stream did not take", Services: edge},
	}
}

func uploadMetrics() []Metric {
	upload := []string{"upload"}
	ended := outcome("committed", "aborted", "abandoned")
	return []Metric{
		{Name: "sluice.upload.ingests.begun", Kind: Counter, Unit: "{ingest}", Help: "ingests opened", Services: upload},
		{Name: "sluice.upload.ingests.ended", Kind: Counter, Unit: "{ingest}", Help: "ingests ended", Services: upload, Attributes: []Attribute{ended}},
		{Name: "sluice.upload.ingests.open", Kind: Gauge, Unit: "{ingest}", Help: "ingests in flight, of all copies of the service", Services: upload},
		{Name: "sluice.upload.multiparts.begun", Kind: Counter, Unit: "{upload}", Help: "multipart uploads opened", Services: upload},
		{Name: "sluice.upload.multiparts.ended", Kind: Counter, Unit: "{upload}", Help: "multipart uploads ended", Services: upload, Attributes: []Attribute{ended}},
		{Name: "sluice.upload.multiparts.open", Kind: Gauge, Unit: "{upload}", Help: "multipart uploads not completed, of all copies of the service", Services: upload},
		{Name: "sluice.upload.sessions.begun", Kind: Counter, Unit: "{session}", Help: "resumable sessions opened", Services: upload},
		{Name: "sluice.upload.sessions.ended", Kind: Counter, Unit: "{session}", Help: "resumable sessions ended", Services: upload, Attributes: []Attribute{ended}},
		{Name: "sluice.upload.sessions.open", Kind: Gauge, Unit: "{session}", Help: "resumable sessions not finished, of all copies of the service", Services: upload},
		{Name: "sluice.upload.pliks.made", Kind: Counter, Unit: "{upload}", Help: "temporary uploads made", Services: upload},
		{
			Name: "sluice.upload.plik_files.ended", Kind: Counter, Unit: "{file}", Help: "files of temporary uploads that came in or did not", Services: upload,
			Attributes: []Attribute{outcome("uploaded", "streamed", "broken", "refused", "abandoned")},
		},
		{Name: "sluice.upload.plik_files.leased", Kind: Gauge, Unit: "{file}", Help: "files of temporary uploads that come in or are taken out, of all copies of the service", Services: upload},
		{
			Name: "sluice.upload.fetches.ended", Kind: Counter, Unit: "{fetch}", Help: "attempts to fetch remote URLs that ended", Services: upload,
			Attributes: []Attribute{outcome("done", "failed", "cancelled", "again", "returned", "abandoned")},
		},
		{Name: "sluice.upload.fetches.open", Kind: Gauge, Unit: "{fetch}", Help: "fetches of remote URLs that have not ended, of all copies of the service", Services: upload},
	}
}

func objectMetrics() []Metric {
	object := []string{"object"}
	return []Metric{
		{Name: "sluice.object.sweep.repaired", Kind: Counter, Unit: "{document}", Help: "documents that a sweep went on with: what was due, or what a crash left", Services: object},
		{Name: "sluice.object.sweep.duration", Kind: Histogram, Unit: "s", Help: "time of one sweep", Services: object, Attributes: []Attribute{
			{Key: "error.type", Bound: faultKinds, When: "it left something for the next one"},
		}},
	}
}

func linkMetrics() []Metric {
	links := []string{"linkchecker"}
	host := Attribute{Key: "sluice.host", Bound: "the host rules by name; other for hosts without one"}
	return []Metric{
		{
			Name: "sluice.linkchecker.checks", Kind: Counter, Unit: "{link}", Help: "links checked, by host and what was found", Services: links,
			Attributes: []Attribute{
				host, outcome("online", "offline", "unknown"),
				{Key: "sluice.reason", Values: []string{
					"found", "restricted", "gone", "removed", "legal", "forbidden", "rate_limited", "server_error", "challenge", "login",
					"elsewhere", "timeout", "name_unknown", "unreachable", "refused", "unclear",
				}},
			},
		},
		{
			Name: "sluice.linkchecker.check.duration", Kind: Histogram, Unit: "s", Services: links, Attributes: []Attribute{host},
			Help: "time to ask a host, waits for politeness between its requests included",
		},
		{Name: "sluice.linkchecker.checks.waiting", Kind: UpDownCounter, Unit: "{link}", Help: "checks in hand that wait for their turn", Services: links},
		{Name: "sluice.linkchecker.checks.active", Kind: UpDownCounter, Unit: "{request}", Help: "hosts being asked, once per request", Services: links},
	}
}

func statsMetrics() []Metric {
	return []Metric{
		{
			Name: "sluice.stats.clicks", Kind: Counter, Unit: "{click}", Help: "clicks that came, by what became of them", Services: []string{"stats"},
			Attributes: []Attribute{outcome("counted", "repeated", "late", "gone")},
		},
	}
}

func webhookMetrics() []Metric {
	webhook := []string{"webhook"}
	return []Metric{
		{
			Name: "sluice.webhook.deliveries", Kind: Counter, Unit: "{delivery}", Help: "deliveries that ended", Services: webhook,
			Attributes: []Attribute{outcome("delivered", "exhausted", "gone", "off", "removed")},
		},
		{
			Name: "sluice.webhook.attempt.duration", Kind: Histogram, Unit: "s", Help: "time of one attempt, by what the receiver answered", Services: webhook,
			Attributes: []Attribute{outcome("1xx", "2xx", "3xx", "4xx", "5xx", "error")},
		},
		{Name: "sluice.webhook.delivery.delay", Kind: Histogram, Unit: "s", Help: "time from the event's arrival until the receiver took it", Services: webhook},
		{Name: "sluice.webhook.attempts.active", Kind: Gauge, Unit: "{attempt}", Help: "attempts under way", Services: webhook},
		{Name: "sluice.webhook.endpoints.waiting", Kind: Gauge, Unit: "{endpoint}", Help: "endpoints whose due deliveries wait for room", Services: webhook},
	}
}

// processMetrics are of the process itself, by whichever service it is named after.
func processMetrics() []Metric {
	plain := func(name string, kind Kind, unit, help string) Metric {
		return Metric{Name: name, Plain: name, Kind: kind, Unit: unit, Help: help, When: "only on Linux"}
	}
	return []Metric{
		{
			Name: "sluice.build.info", Kind: Gauge, Help: "1; the attributes say what runs",
			Attributes: []Attribute{{Key: "service.version", Bound: "the build"}, {Key: "process.runtime.version", Bound: "the build"}},
		},
		{Name: "sluice.data.free", Kind: Gauge, Unit: "By", Help: "bytes free where the data directory is", When: "only on Linux"},
		{Name: "sluice.data.size", Kind: Gauge, Unit: "By", Help: "bytes in all where the data directory is", When: "only on Linux"},
		{
			Name: "go.memory.used", Kind: UpDownCounter, Unit: "By", Help: "Memory used by the Go runtime.",
			Attributes: []Attribute{{Key: "go.memory.type", Values: []string{"stack", "other"}}},
		},
		{Name: "go.memory.limit", Kind: UpDownCounter, Unit: "By", Help: "Go runtime memory limit configured by the user, if a limit exists.", When: "only when GOMEMLIMIT is set"},
		{Name: "go.memory.allocated", Kind: Counter, Unit: "By", Help: "Memory allocated to the heap by the application."},
		{Name: "go.memory.allocations", Kind: Counter, Unit: "{allocation}", Help: "Count of allocations to the heap by the application."},
		{Name: "go.memory.gc.goal", Kind: UpDownCounter, Unit: "By", Help: "Heap size target for the end of the GC cycle."},
		{Name: "go.goroutine.count", Kind: UpDownCounter, Unit: "{goroutine}", Help: "Count of live goroutines."},
		{Name: "go.processor.limit", Kind: UpDownCounter, Unit: "{thread}", Help: "The number of OS threads that can execute user-level Go code simultaneously."},
		{Name: "go.config.gogc", Kind: UpDownCounter, Unit: "%", Help: "Heap size target percentage configured by the user, otherwise 100."},
		{Name: "go.schedule.duration", Kind: Histogram, Unit: "s", Help: "The time goroutines have spent in the scheduler in a runnable state before actually running."},
		plain("process_cpu_seconds_total", Counter, "s", "Total user and system CPU time spent in seconds."),
		plain("process_open_fds", Gauge, "", "Number of open file descriptors."),
		plain("process_max_fds", Gauge, "", "Maximum number of open file descriptors."),
		plain("process_virtual_memory_bytes", Gauge, "By", "Virtual memory size in bytes."),
		plain("process_virtual_memory_max_bytes", Gauge, "By", "Maximum amount of virtual memory available in bytes."),
		plain("process_resident_memory_bytes", Gauge, "By", "Resident memory size in bytes."),
		plain("process_start_time_seconds", Gauge, "s", "Start time of the process since unix epoch in seconds."),
		plain("process_network_receive_bytes_total", Counter, "By", "Number of bytes received by the process over the network."),
		plain("process_network_transmit_bytes_total", Counter, "By", "Number of bytes sent by the process over the network."),
	}
}
