package telemetry

// Keys of log attributes. Logs are searched by them, so there is one spelling.
const (
	KeyService   = "service"
	KeyVersion   = "version"
	KeyRequestID = "request_id"
	KeyTraceID   = "trace_id"
	KeySpanID    = "span_id"
	KeyParentID  = "parent_id"
	KeySpan      = "span"
	KeyDialect   = "dialect"
	KeyRoute     = "route"
	KeyMethod    = "method"
	KeyStatus    = "status"
	KeySubject   = "subject"
	KeyEventID   = "event_id"
	KeyEventType = "event_type"
	KeyConsumer  = "consumer"
	KeyAccountID = "account_id"
	KeyBucket    = "bucket"
	KeyBytes     = "bytes"
	KeyAddr      = "addr"
	KeyDuration  = "duration"
	KeyCode      = "code" // of a fault
	KeyErr       = "err"  // the last attribute of a line
)
