package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/oklog/ulid/v2"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// MaxData bounds the encoded data of an event, bytes. It keeps an event and its
// dead letter below the payload limit of the server (1 MiB by default).
const MaxData = 512 << 10

// Headers of an event in CloudEvents binary mode. NATS headers are case-sensitive.
const (
	headerSpec        = "ce-specversion"
	headerID          = "ce-id"
	headerType        = "ce-type"
	headerSource      = "ce-source"
	headerSubject     = "ce-subject"
	headerTime        = "ce-time"
	headerRevision    = "ce-revision" // an extension: the revision of the document
	headerContentType = "content-type"

	contentTypeJSON = "application/json"
)

// extRevision is the CloudEvents name of the revision.
const extRevision = "revision"

// NewID returns a fresh event id: a ULID.
func NewID() string { return ulid.Make().String() }

// NewEnvelope wraps data as an event that happened at at. An id that a retry can
// compute again makes publishing idempotent; an empty one is replaced by a
// ULID. Subject is what the event is about, revision that of its document. The
// trace and request id of ctx ride along. Errors are fault.Invalid
// (bus.invalid_event) and fault.TooLarge (bus.event_too_large).
func NewEnvelope[T any](
	ctx context.Context, t EventType[T], id, subject string, revision int64, at time.Time, data T,
) (Envelope, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Envelope{}, ErrInvalidEvent.Because(fmt.Errorf("encoding the data of %s: %w", t.Type, err))
	}
	if id == "" {
		id = NewID()
	}
	e := Envelope{
		ID: id, Type: t.Type, Source: t.Source, Subject: subject, Time: at.UTC(), Revision: revision,
		Data: raw, Trace: map[string]string{},
	}
	telemetry.Inject(ctx, e.Trace)
	if err := e.Validate(); err != nil {
		return Envelope{}, err
	}
	return e, nil
}

// Validate checks e against CloudEvents 1.0 and our own bounds. Codes:
// bus.invalid_event, bus.event_too_large.
func (e Envelope) Validate() error {
	if len(e.Data) > MaxData {
		return ErrEventTooLarge
	}
	if err := checkSubject(e.Type); err != nil {
		return ErrInvalidEvent.Because(fmt.Errorf("event type: %w", err))
	}
	ce := event.New(event.CloudEventsVersionV1)
	ce.SetID(e.ID)
	ce.SetType(e.Type)
	ce.SetSource(e.Source)
	if e.Subject != "" {
		ce.SetSubject(e.Subject)
	}
	ce.SetTime(e.Time)
	ce.SetExtension(extRevision, strconv.FormatInt(e.Revision, 10))
	if err := ce.Validate(); err != nil {
		return ErrInvalidEvent.Because(err)
	}
	if !json.Valid(e.Data) {
		return ErrInvalidEvent.Because(fmt.Errorf("the data of %s is not JSON", e.Type))
	}
	return nil
}

// Message is e in the form that waits in a document's outbox.
func (e Envelope) Message() docstore.Message {
	return docstore.Message{ID: e.ID, Subject: e.Type, Header: e.header(), Data: e.Data, Time: e.Time}
}

// header gives the CloudEvents attributes and the trace, encoded for NATS.
func (e Envelope) header() map[string]string {
	h := map[string]string{
		headerSpec: event.CloudEventsVersionV1, headerID: encodeValue(e.ID), headerType: encodeValue(e.Type),
		headerSource: encodeValue(e.Source), headerTime: e.Time.UTC().Format(time.RFC3339Nano),
		headerRevision: strconv.FormatInt(e.Revision, 10), headerContentType: contentTypeJSON,
	}
	if e.Subject != "" {
		h[headerSubject] = encodeValue(e.Subject)
	}
	for k, v := range e.Trace {
		if legalHeader(k, v) {
			h[k] = v
		}
	}
	return h
}

// traceHeaders is what telemetry.Inject writes.
func traceHeaders() []string {
	return []string{"traceparent", "tracestate", "baggage", telemetry.HeaderRequestID}
}

// parseEnvelope reads the event back out of single-valued headers and the
// payload. Everything about it came from outside; every error is ErrInvalidEvent.
func parseEnvelope(h map[string]string, data []byte) (Envelope, error) {
	bad := func(format string, args ...any) (Envelope, error) {
		return Envelope{}, ErrInvalidEvent.Because(fmt.Errorf(format, args...))
	}
	if v := h[headerSpec]; v != event.CloudEventsVersionV1 {
		return bad("specversion %.16q", v)
	}
	e := Envelope{Data: data, Trace: map[string]string{}}
	for _, f := range []struct {
		name string
		to   *string
	}{{headerID, &e.ID}, {headerType, &e.Type}, {headerSource, &e.Source}, {headerSubject, &e.Subject}} {
		v, err := decodeValue(h[f.name])
		if err != nil {
			return bad("%s: %w", f.name, err)
		}
		*f.to = v
	}
	at, err := time.Parse(time.RFC3339Nano, h[headerTime])
	if err != nil {
		return bad("%s: %w", headerTime, err)
	}
	e.Time = at.UTC()
	if v := h[headerRevision]; v != "" {
		if e.Revision, err = strconv.ParseInt(v, 10, 64); err != nil {
			return bad("%s: %w", headerRevision, err)
		}
	}
	for _, k := range traceHeaders() {
		if v, ok := h[k]; ok {
			e.Trace[k] = v
		}
	}
	if err := e.Validate(); err != nil {
		return Envelope{}, ErrInvalidEvent.Because(err)
	}
	return e, nil
}

// Errors of the bus.
var (
	ErrInvalidEvent  = fault.New(fault.Invalid, "bus.invalid_event", "the event is malformed")
	ErrEventTooLarge = fault.New(fault.TooLarge, "bus.event_too_large", "the event's data is larger than the bus carries")
	ErrFull          = fault.New(fault.Unavailable, "bus.full", "the event stream is full; repeat later")
	ErrUnavailable   = fault.New(fault.Unavailable, "bus.unavailable", "the event bus is away; repeat shortly")
	ErrNoDeadLetter  = fault.New(fault.NotFound, "bus.dead_letter_not_found", "there is no such dead letter")
	ErrNoReplay      = fault.New(fault.Precondition, "bus.replay_refused", "the dead letter cannot be replayed")
	ErrImpossible    = fault.New(fault.Conflict, "bus.impossible_change", "a stream or consumer cannot be changed into what is declared")
)
