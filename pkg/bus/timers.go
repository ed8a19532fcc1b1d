package bus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TimerStream is the stream of timers: schedules sched.> and what they make due, due.>.
const TimerStream = "TIMERS"

// HeaderTimerKey carries the key of a timer into the message that it makes due,
// encoded as CloudEvents attributes are; TimerKey reads it.
const HeaderTimerKey = "Sluice-Timer-Key"

// maxTimerToken is from where on a key's subject is a hash of it.
const maxTimerToken = 512

// maxOwner is how long the owner of a timer's key may be, to be a token of its own.
const maxOwner = 64

// Timers sets and cancels timers: JetStream message schedules, one subject per
// key, kept by the server through restarts. They fire within about 100 ms after
// their time, at least once. Consume them with SubscribeRaw on TimerStream. It is
// safe for concurrent use.
type Timers struct{ js jetstream.JetStream }

// NewTimers returns the timers behind js.
func NewTimers(js jetstream.JetStream) *Timers { return &Timers{js: js} }

// At makes data due on the subject "due.<…>" at when; a time that is past is due
// at once. Any string is a key; setting one again replaces its time and data. What
// stands before a key's first dot names its owner, who may be the only one that is
// allowed to publish on "sched.<owner>.>".
// Header may be nil. Codes: bus.invalid_event (target), bus.event_too_large,
// bus.unavailable, timeout.
func (t *Timers) At(ctx context.Context, key string, when time.Time, target string, data []byte, header map[string]string) error {
	if err := checkSubject(target); err != nil || !strings.HasPrefix(target, "due.") {
		return ErrInvalidEvent.Because(fmt.Errorf("timer target %.64q: it is no subject below due.: %w", target, err))
	}
	if len(data) > MaxData {
		return ErrEventTooLarge
	}
	m := natsMsg(timerSubject(key), "", header, data)
	m.Header[HeaderTimerKey] = []string{encodeValue(key)}
	// The client's own option cuts the time to whole seconds, which fires early.
	m.Header["Nats-Schedule"] = []string{"@at " + when.UTC().Format(time.RFC3339Nano)}
	m.Header["Nats-Schedule-Target"] = []string{target}
	return publishOne(ctx, t.js, m)
}

// Cancel removes a timer that has not fired; one that has, or never was, is no error.
func (t *Timers) Cancel(ctx context.Context, key string) error {
	s, err := t.js.Stream(ctx, TimerStream)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(timerSubject(key)))
	}
	if err != nil {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return publishFault(err)
		}
		return ErrUnavailable.Because(fmt.Errorf("cancelling a timer: %w", err))
	}
	return nil
}

// TimerKey gives the key of the timer that made m due; "" when none did.
func TimerKey(m *Message) string { return decodeOr(m.Header[HeaderTimerKey]) }

// timerSubject is "sched.<owner>.<rest>" for a key with an owner, else "sched.<key>".
func timerSubject(key string) string {
	owner, rest, ok := strings.Cut(key, ".")
	if !ok || owner == "" || len(owner) > maxOwner || token(owner) != owner {
		return "sched." + timerToken(key)
	}
	return "sched." + owner + "." + timerToken(rest)
}

// timerToken is one token of bounded length for any string.
func timerToken(key string) string {
	t := token(key)
	if len(t) > maxTimerToken {
		sum := sha256.Sum256([]byte(key))
		t = "=h" + hex.EncodeToString(sum[:]) // no encoded key starts like this
	}
	return t
}
