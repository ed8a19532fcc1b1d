package bus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
)

// FuzzParseEnvelope feeds headers and data as any client may publish them. What is
// taken must survive another round.
func FuzzParseEnvelope(f *testing.F) {
	f.Add("1.0", "id", "evt.a.v1.b.c", "/s", "x%20y", "2026-01-02T03:04:05Z", "7", "", []byte(`{"n":1}`))
	f.Add("1.0", "%", "evt.a", "/s", "%zz", "2026-01-02T03:04:05.123456789+02:00", "-1", "00-1-2-3", []byte(`null`))
	f.Add("0.3", "", "*.>", "", "\r\n", "", "x", "\x00", []byte{0xff})
	f.Add("1.0", "a", "evt.b", ":", "%FF", "9999-12-31T23:59:59Z", "9223372036854775808", "", []byte(`"`))
	f.Fuzz(func(t *testing.T, spec, id, typ, source, subject, at, rev, trace string, data []byte) {
		e, err := bus.ParseEnvelope(map[string]string{
			"ce-specversion": spec, "ce-id": id, "ce-type": typ, "ce-source": source, "ce-subject": subject,
			"ce-time": at, "ce-revision": rev, "traceparent": trace,
		}, data)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		for k, v := range e.Header() {
			if strings.ContainsAny(k+v, "\r\n") {
				t.Fatalf("header %q: %q", k, v)
			}
		}
		again, err := bus.ParseEnvelope(e.Header(), e.Data)
		if err != nil {
			t.Fatalf("what was taken is refused: %v", err)
		}
		delete(e.Trace, "traceparent") // an illegal one is left out
		delete(again.Trace, "traceparent")
		if d := cmp.Diff(e, again); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzEncodeValue(f *testing.F) {
	for _, s := range []string{"", "plain", "a b", "100%", "\"q\"", "ключ", "\r\n\x00", "%41"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		enc := bus.EncodeValue(s)
		for i := range len(enc) {
			if enc[i] <= ' ' || enc[i] >= 0x7f {
				t.Fatalf("%q encodes to %q", s, enc)
			}
		}
		dec, err := bus.DecodeValue(enc)
		if valid := strings.ToValidUTF8(s, "") == s; (err == nil) != valid || err == nil && dec != s {
			t.Fatalf("%q came back as %q, %v", s, dec, err)
		}
		if _, err := bus.DecodeValue(s); err != nil && strings.ToValidUTF8(s, "") == s && !strings.Contains(s, "%") {
			t.Fatalf("unencoded %q is refused: %v", s, err)
		}
	})
}

// FuzzToken holds timer keys to one legal token each, and apart.
func FuzzToken(f *testing.F) {
	f.Add("a.b", "a=2Eb")
	f.Add("", "=")
	f.Add(">", "*")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := bus.Token(a), bus.Token(b)
		if len(x) < 1000 {
			if err := bus.CheckSubject("sched." + x); err != nil || strings.Contains(x, ".") {
				t.Fatalf("%q is %q: %v", a, x, err)
			}
		}
		if (x == y) != (a == b) {
			t.Fatalf("%q and %q are %q and %q", a, b, x, y)
		}
	})
}

func TestEnvelope_HeadersAreCloudEvents(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("x", 3600))
	e, err := bus.NewEnvelope(t.Context(), happened, "id 1", "a b", 9, at, fact{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	m := e.Message()
	want := map[string]string{
		"ce-specversion": "1.0", "ce-id": "id%201", "ce-type": happened.Type, "ce-source": "/sluice/test", "ce-subject": "a%20b",
		"ce-time": "2026-01-02T02:04:05.000000006Z", "ce-revision": "9", "content-type": "application/json",
	}
	if d := cmp.Diff(want, m.Header); d != "" {
		t.Error(d)
	}
	if m.ID != "id 1" || m.Subject != happened.Type || string(m.Data) != `{"n":1}` || !m.Time.Equal(at) {
		t.Errorf("%+v", m)
	}
}
