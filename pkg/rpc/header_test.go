package rpc

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/textproto"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// overTheWire encodes and decodes headers as NATS clients do.
func overTheWire(t *testing.T, h nats.Header) nats.Header {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("NATS/1.0\r\n")
	if err := http.Header(h).Write(&b); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\r\n")
	got, err := nats.DecodeHeadersMsg(b.Bytes())
	if err != nil {
		t.Fatalf("%q: %v", b.String(), err)
	}
	return got
}

func FuzzFaultRoundTrip(f *testing.F) {
	f.Add("not_found", "object.not_found", "there is no such object", int64(0))
	f.Add("unavailable", "rpc.overloaded", " grüße\r\nX: y % %41 ", int64(time.Minute))
	f.Add("", "", "", int64(-1))
	f.Add("nonsense", "\x00\xff", "\xc3", int64(1)<<62)
	f.Fuzz(func(t *testing.T, kind, code, message string, after int64) {
		in := fault.New(fault.Kind(kind), code, message).After(time.Duration(after))
		out := faultOf(overTheWire(t, faultHeader(in)))
		if out == nil {
			t.Fatal("the fault was taken for success")
		}
		if !slices.Contains(fault.Kinds(), out.Kind) || out.Code == "" || !utf8.ValidString(out.Message) {
			t.Fatalf("got %q %q %q", out.Kind, out.Code, out.Message)
		}
		if out.RetryAfter < 0 || out.RetryAfter > maxRetryAfter || (after > 0) != (out.RetryAfter > 0) {
			t.Fatalf("%v became %v", time.Duration(after), out.RetryAfter)
		}
		if utf8.ValidString(message) && len(message) <= maxMessage && out.Message != message {
			t.Fatalf("message %q became %q", message, out.Message)
		}
		if utf8.ValidString(code) && code != "" && len(code) <= maxCode && out.Code != code {
			t.Fatalf("code %q became %q", code, out.Code)
		}
	})
}

func FuzzFaultDecode(f *testing.F) {
	f.Add("internal", "internal", "text", "100", "1000000")
	f.Add("", "", "%", "-1", "0")
	f.Add("timeout", "%00%ff", "%4", "9223372036854775807", "9223372036854775807")
	f.Add("x", "y", "z", "1e9", "99999999999999999999")
	f.Fuzz(func(t *testing.T, kind, code, message, after, timeout string) {
		h := map[string][]string{
			headerKind: {kind}, micro.ErrorCodeHeader: {code}, micro.ErrorHeader: {message},
			headerRetryAfter: {after}, headerTimeout: {timeout},
		}
		out := faultOf(h)
		if out == nil || !slices.Contains(fault.Kinds(), out.Kind) || out.Code == "" {
			t.Fatalf("%v became %v", h, out)
		}
		if len(out.Code) > maxCode || len(out.Message) > maxMessage || out.RetryAfter < 0 || out.RetryAfter > maxRetryAfter {
			t.Fatalf("%v became %+v", h, out)
		}
		if d := timeoutOf(h, time.Second); d <= 0 || d > maxTimeout {
			t.Fatalf("timeout %q became %v", timeout, d)
		}
	})
}

func FuzzRequestContext(f *testing.F) {
	f.Add([]byte("traceparent: 00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01\r\nsluice-request-id: req%5F1\r\n"))
	f.Add([]byte("traceparent: 00-zz\r\nbaggage: a=%%%\r\nsluice-request-id: %\r\n"))
	f.Add([]byte("\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(raw, "\r\n\r\n"...))))
		mime, err := r.ReadMIMEHeader()
		if err != nil {
			return
		}
		h := map[string][]string{}
		for k, v := range mime {
			h[k] = v
			h[string(bytes.ToLower([]byte(k)))] = v
		}
		ctx := requestContext(context.Background(), h)
		if id := telemetry.RequestID(ctx); len(id) > maxRequestID || !utf8.ValidString(id) {
			t.Fatalf("request id %q", id)
		}
		overTheWire(t, requestHeader(ctx)) // what came in can go out again
	})
}

func TestFaultOf_ForeignAnswers(t *testing.T) {
	t.Parallel()
	if f := faultOf(nil); f != nil {
		t.Errorf("no headers became %v", f)
	}
	f := faultOf(map[string][]string{micro.ErrorCodeHeader: {"500"}, micro.ErrorHeader: {"broken"}})
	if f == nil || f.Kind != fault.Internal || f.Code != "500" || f.Message != "broken" {
		t.Errorf("another micro service's error became %v", f)
	}
}

func TestSemver(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"1.2.3": "1.2.3", "v1.2.3": "1.2.3", "": "0.0.0", "dev": "0.0.0+dev", "v0.1.0-3-gabc+x": "0.0.0+v0.1.0-3-gabc-x",
		"..": "0.0.0", "a..b": "0.0.0+a.b", "ü": "0.0.0", "01.2.3": "0.0.0+01.2.3",
	} {
		if got := semver(in); got != want {
			t.Errorf("semver(%q) = %q, want %q", in, got, want)
		}
	}
}
