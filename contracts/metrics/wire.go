package metrics

// faultKinds is what error.type is for calls, events and documents.
const faultKinds = "the kind of the fault (pkg/fault)"

// methods are the HTTP methods that dialects know; any other one is _OTHER.
func methods() Attribute {
	return Attribute{Key: "http.request.method", Values: []string{
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
		"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "_OTHER",
	}}
}

func dialects() Attribute {
	return Attribute{Key: "sluice.dialect", Values: []string{
		"lockr", "locknex", "plik", "lockwell", "yetishare", "webdav", "pages", "system", "none",
	}}
}

func direction() Attribute {
	return Attribute{Key: "network.io.direction", Values: []string{"receive", "transmit"}}
}

func outcome(values ...string) Attribute { return Attribute{Key: "sluice.outcome", Values: values} }

// httpMetrics are of requests that come in and that go out.
func httpMetrics() []Metric {
	scheme := Attribute{Key: "url.scheme", Values: []string{"http", "https"}}
	status := Attribute{Key: "http.response.status_code", Bound: "the statuses that are answered", When: "there was an answer"}
	return []Metric{
		{
			Name: "http.server.request.duration", Kind: Histogram, Unit: "s", Services: []string{"edge"},
			Help: "time to answer a request, its body included",
			Attributes: []Attribute{
				methods(), scheme, status, dialects(),
				{Key: "http.route", Bound: "the paths of the tables of routes", When: "a route matched"},
				{Key: "sluice.route", Bound: "the names of the tables of routes; none where no route matched"},
				{Key: "sluice.status_class", Values: []string{"2xx", "3xx", "4xx", "5xx", "aborted"}},
				{Key: "error.type", Bound: "the status from 500 on, or aborted", When: "it failed"},
			},
		},
		{
			Name: "http.server.active_requests", Kind: UpDownCounter, Unit: "{request}", Services: []string{"edge"},
			Help: "requests being answered", Attributes: []Attribute{methods(), scheme},
		},
		{
			Name: "http.client.request.duration", Kind: Histogram, Unit: "s", Services: []string{"edge", "linkchecker", "webhook"},
			Help: "time until an address that a user gave answered, redirects included",
			When: "only when requests go out",
			Attributes: []Attribute{
				methods(), {Key: "http.response.status_code", Bound: "the statuses from 100 to 599; any other is 0", When: "there was an answer"},
				{Key: "sluice.purpose", Values: []string{"webhook", "check", "fetch"}},
				{Key: "error.type", Bound: "the status from 400 on, or the kind of the fault", When: "it failed"},
			},
		},
	}
}

// rpcMetrics are of calls between services.
func rpcMetrics() []Metric {
	system := Attribute{Key: "rpc.system.name", Values: []string{"nats"}}
	method := Attribute{Key: "rpc.method", Bound: "the subjects of the calls in contracts"}
	failed := Attribute{Key: "error.type", Bound: faultKinds, When: "it failed"}
	return []Metric{
		{
			Name: "rpc.server.call.duration", Kind: Histogram, Unit: "s", Help: "time to answer a call",
			Services:   []string{"auth", "linkchecker", "object", "stats", "upload", "webhook"},
			Attributes: []Attribute{system, method, failed},
		},
		{
			Name: "rpc.client.call.duration", Kind: Histogram, Unit: "s", Help: "time until a call was answered, repetitions included",
			Services:   []string{"edge", "upload", "webhook"},
			Attributes: []Attribute{system, method, failed},
		},
		{
			Name: "sluice.rpc.server.active", Kind: UpDownCounter, Unit: "{call}", Help: "calls being answered",
			Services: []string{"auth", "linkchecker", "object", "stats", "upload", "webhook"}, Attributes: []Attribute{method},
		},
		{
			Name: "sluice.rpc.client.active", Kind: UpDownCounter, Unit: "{call}", Help: "calls that wait for their answer",
			Services: []string{"edge", "upload", "webhook"}, Attributes: []Attribute{method},
		},
		{
			Name: "sluice.rpc.refused", Kind: Counter, Unit: "{call}", Help: "calls turned away for lack of room",
			Services: []string{"auth", "linkchecker", "object", "stats", "upload", "webhook"}, Attributes: []Attribute{method},
		},
	}
}

// busMetrics are of events, work queues and timers.
func busMetrics() []Metric {
	system := Attribute{Key: "messaging.system", Values: []string{"nats"}}
	op := func(values ...string) Attribute { return Attribute{Key: "messaging.operation.name", Values: values} }
	destination := Attribute{Key: "messaging.destination.name", Bound: "the type of an event, else the first token of the subject"}
	group := Attribute{Key: "messaging.consumer.group.name", Bound: "the declared durables (contracts/streams)"}
	failed := Attribute{Key: "error.type", Bound: faultKinds, When: "it failed"}
	stream := Attribute{Key: "sluice.stream", Bound: "the declared streams (contracts/streams)"}
	relay := Attribute{Key: "sluice.relay", Bound: "the services that have an outbox"}
	consuming := []string{"edge", "linkchecker", "stats", "upload", "webhook"}
	relaying := []string{"auth", "linkchecker", "object", "upload", "webhook"}
	return []Metric{
		{
			Name: "messaging.client.sent.messages", Kind: Counter, Unit: "{message}", Help: "messages given to a stream",
			Services: relaying, Attributes: []Attribute{system, op("publish"), destination, failed},
		},
		{
			Name: "messaging.client.consumed.messages", Kind: Counter, Unit: "{message}", Help: "deliveries to a consumer, repetitions included",
			Services: consuming, Attributes: []Attribute{system, op("fetch"), destination, group},
		},
		{
			Name: "messaging.process.duration", Kind: Histogram, Unit: "s", Help: "time in the handler of a delivery",
			Services: consuming, Attributes: []Attribute{system, op("process"), destination, group, failed},
		},
		{Name: "sluice.bus.lag", Kind: Gauge, Unit: "{message}", Help: "messages not yet delivered to the consumer", Services: consuming, Attributes: []Attribute{group}},
		{Name: "sluice.bus.unacked", Kind: Gauge, Unit: "{message}", Help: "messages delivered to the consumer and not yet answered", Services: consuming, Attributes: []Attribute{group}},
		{Name: "sluice.bus.retries", Kind: Counter, Unit: "{message}", Help: "deliveries that failed and are repeated", Services: consuming, Attributes: []Attribute{group}},
		{Name: "sluice.bus.postponed", Kind: Counter, Unit: "{message}", Help: "deliveries given back for later, which is no failure", Services: consuming, Attributes: []Attribute{group}},
		{Name: "sluice.bus.dead_letters", Kind: Counter, Unit: "{message}", Help: "messages given up", Services: consuming, Attributes: []Attribute{group}},
		{Name: "sluice.bus.dead_letters.waiting", Kind: Gauge, Unit: "{message}", Help: "dead letters that nobody replayed or dropped", Services: consuming},
		{Name: "sluice.bus.stream.messages", Kind: Gauge, Unit: "{message}", Help: "messages in a stream", Services: consuming, Attributes: []Attribute{stream}},
		{Name: "sluice.bus.stream.bytes", Kind: Gauge, Unit: "By", Help: "bytes of a stream", Services: consuming, Attributes: []Attribute{stream}},
		{Name: "sluice.bus.stream.limit", Kind: Gauge, Unit: "By", Help: "bytes that a stream may have; of one without a limit there is none", Services: consuming, Attributes: []Attribute{stream}},
		{Name: "sluice.outbox.depth", Kind: Gauge, Unit: "{event}", Help: "events that wait to be published", Services: relaying, Attributes: []Attribute{relay}},
		{Name: "sluice.outbox.age", Kind: Gauge, Unit: "s", Help: "age of the oldest event that waits, at the last sweep", Services: relaying, Attributes: []Attribute{relay}},
		{
			Name: "sluice.nats.connected", Kind: Gauge, Unit: "{connection}", Help: "connections to the nats-server that stand",
			Attributes: []Attribute{{Key: "sluice.connection", Values: []string{"rpc", "events", "bytes"}}},
		},
		{
			Name: "sluice.nats.reconnects", Kind: Counter, Unit: "{reconnect}", Help: "connections that were lost and found again",
			Attributes: []Attribute{{Key: "sluice.connection", Values: []string{"rpc", "events", "bytes"}}},
		},
	}
}

// storeMetrics are of documents.
func storeMetrics() []Metric {
	namespace := Attribute{Key: "db.namespace", Bound: "one database per service"}
	services := []string{"auth", "linkchecker", "object", "stats", "upload", "webhook"}
	return []Metric{
		{
			Name: "db.client.operation.duration", Kind: Histogram, Unit: "s", Services: services,
			Help: "time of an operation on documents, waiting for its commit included; of MongoDB: of one command",
			Attributes: []Attribute{
				{Key: "db.system.name", Values: []string{"sqlite", "mongodb"}}, namespace,
				{Key: "db.operation.name", Bound: "the operations of pkg/docstore, or MongoDB's commands"},
				{Key: "db.collection.name", Bound: "the collections that services declare", When: "the operation is of one"},
				{Key: "error.type", Bound: faultKinds, When: "it failed"},
			},
		},
		{
			Name: "sluice.docstore.batch.size", Kind: Histogram, Unit: "{write}", Help: "writes that shared one transaction",
			Services: services, Attributes: []Attribute{namespace}, When: "only with SQLite",
		},
		{
			Name: "sluice.docstore.commit.duration", Kind: Histogram, Unit: "s", Help: "time of one transaction, fsync included",
			Services: services, Attributes: []Attribute{namespace}, When: "only with SQLite",
		},
	}
}

// blobMetrics are of contents.
func blobMetrics() []Metric {
	storing := []string{"edge", "object"}
	region := Attribute{Key: "sluice.region", Bound: "the regions of the settings"}
	return []Metric{
		{Name: "sluice.blob.written", Kind: Counter, Unit: "By", Help: "plain bytes written", Services: storing},
		{Name: "sluice.blob.read", Kind: Counter, Unit: "By", Help: "plain bytes read", Services: storing},
		{Name: "sluice.blob.stored", Kind: Counter, Unit: "By", Help: "bytes stored after compression and sealing", Services: storing},
		{Name: "sluice.blob.deduped", Kind: Counter, Unit: "By", Help: "plain bytes that were there before", Services: storing},
		{Name: "sluice.blob.segments", Kind: Counter, Unit: "{segment}", Help: "segments written", Services: storing, Attributes: []Attribute{outcome("new", "known")}},
		{Name: "sluice.blob.cache.requests", Kind: Counter, Unit: "{request}", Help: "chunks and records looked for in memory", Services: storing, Attributes: []Attribute{outcome("hit", "miss")}},
		{Name: "sluice.blob.damaged", Kind: Counter, Unit: "{chunk}", Help: "chunks missing or altered", Services: storing},
		{Name: "sluice.blob.retries", Kind: Counter, Unit: "{segment}", Help: "segments written once more", Services: storing},
		{Name: "sluice.blob.condemned", Kind: Counter, Unit: "{segment}", Help: "segments condemned by the collector", Services: storing},
		{Name: "sluice.blob.freed", Kind: Counter, Unit: "By", Help: "stored bytes removed by the collector", Services: storing},
		{Name: "sluice.blob.store.bytes", Kind: Gauge, Unit: "By", Help: "bytes in the object stores of a region", Services: []string{"object"}, Attributes: []Attribute{region}},
		{Name: "sluice.blob.store.limit", Kind: Gauge, Unit: "By", Help: "bytes that the object stores of a region may have", Services: []string{"object"}, Attributes: []Attribute{region}},
	}
}
