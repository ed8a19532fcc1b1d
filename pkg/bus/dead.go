package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/fault"
)

// DeadStream is the stream of dead letters; it takes "dead.<durable>".
const DeadStream = "DEAD"

// DeadSubjects is what DeadStream takes.
const DeadSubjects = "dead.>"

// DeadSubject is where a durable's dead letters go.
func DeadSubject(durable string) string { return "dead." + durable }

// OutboxDurable stands for a durable in the dead letters of a service's outboxes.
func OutboxDurable(service string) string { return "outbox-" + service }

// Headers that a dead letter adds to those of its message.
const (
	headerDeadStream     = "Sluice-Dead-Stream"
	headerDeadDurable    = "Sluice-Dead-Durable"
	headerDeadSubject    = "Sluice-Dead-Subject"
	headerDeadID         = "Sluice-Dead-Id"
	headerDeadCode       = "Sluice-Dead-Code"
	headerDeadReason     = "Sluice-Dead-Reason"
	headerDeadDeliveries = "Sluice-Dead-Deliveries"
	headerDeadSequence   = "Sluice-Dead-Sequence"
	headerDeadStored     = "Sluice-Dead-Stored"
	headerDeadFailed     = "Sluice-Dead-Failed"
	headerDeadCut        = "Sluice-Dead-Data-Cut" // the data did not fit and is gone
	headerDeadPrefix     = "Sluice-Dead-"
)

// maxReason bounds the reason of a dead letter, bytes.
const maxReason = 512

// DeadLetter is a message that a consumer gave up on.
type DeadLetter struct {
	Sequence   uint64              // its number in the dead-letter stream; names it for Show, Replay and Drop
	Stream     string              // where it came from; empty when an outbox could not publish it
	Durable    string              // who gave up
	Subject    string              // what it was published on
	ID         string              // the event's id
	Code       string              // of the last fault
	Reason     string              // the last error, cut, without stacks
	Deliveries int                 // how often it was tried
	Original   uint64              // its sequence in Stream
	Stored     time.Time           // when Stream took it
	Failed     time.Time           // when it was given up
	DataCut    bool                // the data was too large for a dead letter
	Header     map[string][]string // as it was published, without the server's Nats-*
	Data       []byte
}

// letterOf describes the end of a delivery.
func letterOf(c Consumer, d *delivery, reason error) DeadLetter {
	return DeadLetter{
		Stream: c.Stream, Durable: c.Durable, Subject: d.message.Subject, ID: d.message.ID, Code: fault.CodeOf(reason),
		Reason: cutReason(reason.Error()), Deliveries: d.message.Deliveries, Original: d.message.Sequence,
		Stored: d.message.Stored, Failed: time.Now().UTC(), Header: d.jm.Headers(), Data: d.message.Data,
	}
}

// cutReason makes one short line of an error text.
func cutReason(s string) string {
	s = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s), "?")
	if len(s) <= maxReason {
		return s
	}
	n := maxReason
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// deadWriter publishes dead letters.
type deadWriter struct{ js jetstream.JetStream }

// write stores l. The message id makes a repetition after a lost answer harmless.
func (w *deadWriter) write(ctx context.Context, l DeadLetter) error {
	m := &nats.Msg{Subject: DeadSubject(l.Durable), Header: nats.Header{}, Data: l.Data}
	for k, v := range l.Header {
		if !strings.HasPrefix(k, "Nats-") && !strings.HasPrefix(k, headerDeadPrefix) && k != headerReplayID && k != headerReplaySubject {
			m.Header[k] = v
		}
	}
	for k, v := range map[string]string{
		headerDeadStream: l.Stream, headerDeadDurable: l.Durable, headerDeadSubject: l.Subject, headerDeadID: encodeValue(l.ID),
		headerDeadCode: l.Code, headerDeadReason: encodeValue(l.Reason), headerDeadDeliveries: strconv.Itoa(l.Deliveries),
		headerDeadSequence: strconv.FormatUint(l.Original, 10), headerDeadStored: l.Stored.Format(time.RFC3339Nano),
		headerDeadFailed: l.Failed.Format(time.RFC3339Nano),
	} {
		m.Header[k] = []string{v}
	}
	m.Header[nats.MsgIdHdr] = []string{letterID(l)}
	err := publishOne(ctx, w.js, m)
	if fault.KindOf(err) == fault.TooLarge {
		m.Data = nil
		m.Header[headerDeadCut] = []string{"true"}
		maps.DeleteFunc(m.Header, func(k string, _ []string) bool {
			return !strings.HasPrefix(k, headerDeadPrefix) && !strings.HasPrefix(k, "ce-") && k != nats.MsgIdHdr
		})
		err = publishOne(ctx, w.js, m)
	}
	if err != nil {
		return fmt.Errorf("writing a dead letter of %s: %w", l.Durable, err)
	}
	return nil
}

// letterID is the same for every attempt to bury the same message.
func letterID(l DeadLetter) string {
	if l.Stream == "" {
		return l.Durable + "/" + encodeValue(l.ID)
	}
	return l.Stream + "/" + l.Durable + "/" + strconv.FormatUint(l.Original, 10)
}

// Dead reads and replays the dead letters of all services. It is safe for
// concurrent use.
type Dead struct{ js jetstream.JetStream }

// NewDead returns the dead letters behind js.
func NewDead(js jetstream.JetStream) *Dead { return &Dead{js: js} }

// MaxDeadPage is how many dead letters List gives at most.
const MaxDeadPage = 1000

// List gives up to limit dead letters with a sequence above after, oldest first;
// durable empty means all. A limit of 0, or above MaxDeadPage, means MaxDeadPage.
func (d *Dead) List(ctx context.Context, durable string, after uint64, limit int) ([]DeadLetter, error) {
	s, err := d.js.Stream(ctx, DeadStream)
	if err != nil {
		return nil, ErrUnavailable.Because(fmt.Errorf("looking up the dead letters: %w", err))
	}
	if limit <= 0 || limit > MaxDeadPage {
		limit = MaxDeadPage
	}
	filter := DeadSubjects
	if durable != "" {
		filter = DeadSubject(durable)
	}
	out := []DeadLetter{}
	for len(out) < limit {
		m, err := s.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(filter))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return out, nil
		}
		if err != nil {
			return nil, ErrUnavailable.Because(fmt.Errorf("reading dead letters: %w", err))
		}
		after = m.Sequence
		out = append(out, readLetter(m))
	}
	return out, nil
}

// Show gives one dead letter. Codes: bus.dead_letter_not_found.
func (d *Dead) Show(ctx context.Context, sequence uint64) (DeadLetter, error) {
	s, err := d.js.Stream(ctx, DeadStream)
	if err != nil {
		return DeadLetter{}, ErrUnavailable.Because(fmt.Errorf("looking up the dead letters: %w", err))
	}
	m, err := s.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return DeadLetter{}, ErrNoDeadLetter
	}
	if err != nil {
		return DeadLetter{}, ErrUnavailable.Because(fmt.Errorf("reading dead letter %d: %w", sequence, err))
	}
	return readLetter(m), nil
}

// Replay delivers a dead letter once more, to the durable that gave it up and to
// no other, and removes it from the dead letters. It goes to a subject of the
// original stream that only this durable filters; the handler sees the original
// subject and id, with deliveries counted anew. Codes: bus.dead_letter_not_found,
// bus.replay_refused (the durable is gone, or the data was cut), bus.full.
func (d *Dead) Replay(ctx context.Context, sequence uint64) error {
	l, err := d.Show(ctx, sequence)
	if err != nil {
		return err
	}
	m, err := d.replayMsg(ctx, l)
	if err != nil {
		return err
	}
	m.Header[nats.MsgIdHdr] = []string{"replay/" + strconv.FormatUint(sequence, 10)}
	if err := publishOne(ctx, d.js, m); err != nil {
		return fmt.Errorf("replaying dead letter %d: %w", sequence, err)
	}
	return d.Drop(ctx, sequence)
}

// replayMsg is l as it is to be published again. What an outbox could not
// publish goes where it should have gone.
func (d *Dead) replayMsg(ctx context.Context, l DeadLetter) (*nats.Msg, error) {
	if l.DataCut {
		return nil, ErrNoReplay.Msgf("the data of dead letter %d was too large to be kept", l.Sequence)
	}
	m := &nats.Msg{Subject: l.Subject, Header: nats.Header{}, Data: l.Data}
	maps.Copy(m.Header, l.Header)
	if l.Stream == "" {
		return m, nil
	}
	m.Subject = ReplaySubject(l.Stream, l.Durable)
	m.Header[headerReplaySubject] = []string{l.Subject}
	m.Header[headerReplayID] = []string{encodeValue(l.ID)}
	cons, err := d.js.Consumer(ctx, l.Stream, l.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, ErrNoReplay.Msgf("there is no consumer %s of stream %s any more", l.Durable, l.Stream)
	}
	if err != nil {
		return nil, ErrUnavailable.Because(fmt.Errorf("looking up consumer %s: %w", l.Durable, err))
	}
	cfg := cons.CachedInfo().Config
	for _, f := range append([]string{cfg.FilterSubject}, cfg.FilterSubjects...) {
		if f == m.Subject {
			return m, nil
		}
	}
	return nil, ErrNoReplay.Msgf("stream %s takes no replays: its subjects lack %s", l.Stream, ReplaySubjects(l.Stream))
}

// ReplayAll replays every dead letter of the durable that is there now and
// returns how many; it stops at the first that fails.
func (d *Dead) ReplayAll(ctx context.Context, durable string) (int, error) {
	s, err := d.js.Stream(ctx, DeadStream)
	if err != nil {
		return 0, ErrUnavailable.Because(fmt.Errorf("looking up the dead letters: %w", err))
	}
	last, n, after := s.CachedInfo().State.LastSeq, 0, uint64(0)
	for {
		page, err := d.List(ctx, durable, after, 100)
		if err != nil || len(page) == 0 {
			return n, err
		}
		for _, l := range page {
			if l.Sequence > last {
				return n, nil
			}
			if err := d.Replay(ctx, l.Sequence); err != nil {
				return n, err
			}
			after = l.Sequence
			n++
		}
	}
}

// Drop forgets a dead letter. Dropping one that is gone is no error.
func (d *Dead) Drop(ctx context.Context, sequence uint64) error {
	s, err := d.js.Stream(ctx, DeadStream)
	if err != nil {
		return ErrUnavailable.Because(fmt.Errorf("looking up the dead letters: %w", err))
	}
	if err := s.DeleteMsg(ctx, sequence); err != nil {
		if _, gone := d.Show(ctx, sequence); errors.Is(gone, ErrNoDeadLetter) {
			return nil
		}
		return ErrUnavailable.Because(fmt.Errorf("removing dead letter %d: %w", sequence, err))
	}
	return nil
}

// readLetter reads what write wrote; what somebody else put there stays legible.
func readLetter(m *jetstream.RawStreamMsg) DeadLetter {
	get := func(k string) string { return m.Header.Get(k) }
	l := DeadLetter{
		Sequence: m.Sequence, Stream: get(headerDeadStream), Durable: get(headerDeadDurable), Subject: get(headerDeadSubject),
		ID: decodeOr(get(headerDeadID)), Code: get(headerDeadCode), Reason: decodeOr(get(headerDeadReason)),
		DataCut: get(headerDeadCut) != "", Header: map[string][]string{}, Data: m.Data,
	}
	l.Deliveries, _ = strconv.Atoi(get(headerDeadDeliveries))
	l.Original, _ = strconv.ParseUint(get(headerDeadSequence), 10, 64)
	l.Stored, _ = time.Parse(time.RFC3339Nano, get(headerDeadStored))
	l.Failed, _ = time.Parse(time.RFC3339Nano, get(headerDeadFailed))
	if l.Durable == "" {
		l.Durable = strings.TrimPrefix(m.Subject, "dead.")
	}
	for k, v := range m.Header {
		if !strings.HasPrefix(k, "Nats-") && !strings.HasPrefix(k, headerDeadPrefix) {
			l.Header[k] = v
		}
	}
	return l
}
