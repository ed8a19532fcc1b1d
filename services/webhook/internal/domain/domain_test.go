package domain_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

var start = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func pending(t *testing.T) domain.Delivery {
	t.Helper()
	d := domain.Delivery{ID: "dlv_1", State: webhookv1.Pending, Next: start, Wake: start, CreatedAt: start}
	if !d.Take("t", start, time.Second) {
		t.Fatal("a due delivery was not taken")
	}
	return d
}

func TestDelivery_Claims(t *testing.T) {
	t.Parallel()
	d := pending(t)
	if d.Take("other", start.Add(999*time.Millisecond), time.Second) {
		t.Error("a claimed delivery was taken")
	}
	if d.Release("other", start) || d.Bury("other", domain.WhyOff) {
		t.Error("a stranger gave the claim back")
	}
	if !d.Take("other", start.Add(time.Second), time.Second) {
		t.Error("an expired claim was not taken over")
	}
	d.Record("t", domain.Outcome{At: start, Status: 500}, 0.5)
	if d.Tries != 0 || len(d.Attempts) != 1 || d.Claim != "other" {
		t.Errorf("a failure under a lost claim changed the schedule: %+v", d)
	}
	d.Record("t", domain.Outcome{At: start, Status: 204}, 0.5)
	if d.State != webhookv1.Delivered || !d.Wake.IsZero() || d.Claim != "" {
		t.Errorf("a success under a lost claim does not count: %+v", d)
	}
	d.Record("other", domain.Outcome{At: start, Status: 500}, 0.5)
	if d.State != webhookv1.Delivered || len(d.Attempts) != 3 {
		t.Errorf("a late failure undid the success: %+v", d)
	}
}

func TestDelivery_Outcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		o     domain.Outcome
		state webhookv1.State
		why   string
		after time.Duration // until the next attempt, with jitter 0.5
	}{
		{"200", domain.Outcome{Status: 200}, webhookv1.Delivered, "", 0},
		{"299", domain.Outcome{Status: 299}, webhookv1.Delivered, "", 0},
		{"redirect", domain.Outcome{Status: 302}, webhookv1.Pending, "", 5 * time.Second},
		{"404", domain.Outcome{Status: 404}, webhookv1.Pending, "", 5 * time.Second},
		{"410", domain.Outcome{Status: 410}, webhookv1.Dead, domain.WhyGone, 0},
		{"no answer", domain.Outcome{Error: "timeout"}, webhookv1.Pending, "", 5 * time.Second},
		{"2xx cut off", domain.Outcome{Status: 200, Error: "reset"}, webhookv1.Pending, "", 5 * time.Second},
		{"Retry-After", domain.Outcome{Status: 429, RetryAfter: time.Hour}, webhookv1.Pending, "", time.Hour},
		{"short Retry-After", domain.Outcome{Status: 503, RetryAfter: time.Second}, webhookv1.Pending, "", 5 * time.Second},
		{"absurd Retry-After", domain.Outcome{Status: 503, RetryAfter: 1 << 60}, webhookv1.Pending, "", 24 * time.Hour},
	} {
		d := pending(t)
		c.o.At, c.o.Took = start, 2*time.Second
		d.Record("t", c.o, 0.5)
		if d.State != c.state || d.Why != c.why || len(d.Attempts) != 1 || d.Claim != "" {
			t.Errorf("%s: %+v", c.name, d)
		}
		if c.state == webhookv1.Pending {
			if want := start.Add(2*time.Second + c.after); !d.Next.Equal(want) || !d.Wake.Equal(want) {
				t.Errorf("%s: next at %v, want %v", c.name, d.Next, want)
			}
		} else if !d.Next.IsZero() || !d.Wake.IsZero() {
			t.Errorf("%s: it is scheduled: %+v", c.name, d)
		}
	}
}

func TestDelivery_TenTries(t *testing.T) {
	t.Parallel()
	for _, jitter := range []float64{0, 0.5, 0.999} {
		d, now := pending(t), start
		want := []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
			5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
		}
		for i, gap := range want {
			d.Record("t", domain.Outcome{At: now, Status: 500}, jitter)
			wait := d.Next.Sub(now)
			if d.State != webhookv1.Pending || wait < gap*9/10-1 || wait > gap*11/10 {
				t.Fatalf("jitter %v, after attempt %d: %s, next after %v, want about %v", jitter, i+1, d.State, wait, gap)
			}
			now = d.Next
			if !d.Take("t", now, time.Second) {
				t.Fatal("not due at its time")
			}
		}
		d.Record("t", domain.Outcome{At: now, Status: 500}, jitter)
		if d.State != webhookv1.Dead || d.Why != domain.WhyExhausted || len(d.Attempts) != domain.MaxTries {
			t.Errorf("after ten attempts: %+v", d)
		}
		d.Replay(now)
		if d.State != webhookv1.Pending || !d.Due(now) || d.Tries != 0 || !d.Forced || len(d.Attempts) != domain.MaxTries {
			t.Errorf("replayed: %+v", d)
		}
	}
}

func TestDelivery_LogIsBounded(t *testing.T) {
	t.Parallel()
	d := pending(t)
	for i := range 100 {
		d.Record("t", domain.Outcome{At: start.Add(time.Duration(i) * time.Second), Error: strings.Repeat("ü", 500)}, 0)
		d.Replay(start)
		d.Take("t", start, time.Second)
	}
	last := d.Attempts[len(d.Attempts)-1]
	if len(d.Attempts) != 32 || !last.Time.Equal(start.Add(99*time.Second)) || len(last.Error) > 200 {
		t.Errorf("%d attempts, the last %+v", len(d.Attempts), last)
	}
}

func TestDeliveryID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, parts := range [][3]string{{"a", "b", "c"}, {"ab", "", "c"}, {"a", "bc", ""}, {"", "a", "bc"}, {"a", "b", "c."}} {
		id := domain.DeliveryID(parts[0], parts[1], parts[2])
		if seen[id] || id != domain.DeliveryID(parts[0], parts[1], parts[2]) || strings.Contains(id, ".") || !strings.HasPrefix(id, "dlv_") {
			t.Errorf("%q: %q", parts, id)
		}
		seen[id] = true
	}
}

func TestEndpoint_Health(t *testing.T) {
	t.Parallel()
	const limit = 5 * 24 * time.Hour
	fail := func(after time.Duration) domain.Outcome { return domain.Outcome{At: start.Add(after), Status: 500} }
	ok := func(after time.Duration) domain.Outcome { return domain.Outcome{At: start.Add(after), Status: 200} }

	e := domain.Endpoint{ID: "b.c", URL: "u"}
	for _, c := range []struct {
		o            domain.Outcome
		changed, off bool
	}{
		{ok(0), false, false},
		{fail(0), true, false},
		{fail(limit - 1), false, false},
		{ok(limit), true, false},
		{fail(limit + 1), true, false},
		{fail(2 * limit), false, false},
		{fail(2*limit + 1), true, true},
		{fail(3 * limit), false, false},
	} {
		if changed, off := e.Observe(c.o, limit); changed != c.changed || off != c.off {
			t.Errorf("%v after %v: changed %v, off %v; now %+v", c.o.Status, c.o.At.Sub(start), changed, off, e)
		}
	}
	if v := e.View(); !v.Disabled || v.DisabledWhy != domain.OffFailing || !v.FailingSince.Equal(start.Add(limit+1)) {
		t.Errorf("%+v", v)
	}
	if changed, _ := e.Observe(ok(4*limit), limit); !changed || e.Off || !e.Failing.IsZero() {
		t.Errorf("a replay that succeeded left it %+v", e)
	}
	if _, off := e.Observe(domain.Outcome{At: start, Status: 410}, limit); !off || e.OffWhy != domain.OffGone {
		t.Errorf("410 left it %+v", e)
	}
	if e.Point("", "u") || !e.Point("", "elsewhere") || e.Off || e.ID != "b.c" {
		t.Errorf("another address left it %+v", e)
	}
}

// TestHeaders_KnownAnswer is the example of the Standard Webhooks specification.
func TestHeaders_KnownAnswer(t *testing.T) {
	t.Parallel()
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := domain.Headers("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), secret, []byte(`{"test": 2432232314}`))
	if h["webhook-signature"] != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" || h["webhook-timestamp"] != "1614265330" {
		t.Errorf("%v", h)
	}
	if s := domain.ShowSecret(secret); s != "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" {
		t.Error(s)
	}
}

func happening(key string) domain.Happening {
	return domain.Happening{
		ID: "ev1", Type: objectv1.ObjectCreated.Type, Source: objectv1.ObjectCreated.Source, Subject: "b/" + key, Time: start,
		Object: objectv1.ObjectEvent{
			AccountID: "acc", Username: "alice", KeyID: "LWAK1", BucketID: "bkt", Bucket: "b", Region: "local", Key: key, VersionID: "v1",
			Size: 5, ETag: `"abc"`, ContentType: "text/plain", Operation: "Put", Sequencer: 255, Configs: []string{"c1"},
			Origin: objectv1.Origin{RequestID: "req_1", SourceIP: "192.0.2.1"}, Time: start,
		},
	}
}

func TestBody(t *testing.T) {
	t.Parallel()
	got, err := domain.Body(happening("in/a key+1"), "c1")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"specversion":"1.0","id":"ev1","source":"/sluice/object","type":"evt.object.v1.object.created",` +
		`"subject":"b/in/a key+1","time":"2026-11-21T03:00:00Z","datacontenttype":"application/json","data":{` +
		`"EventName":"s3:ObjectCreated:Put","Key":"b/in/a key+1","Records":[{"eventVersion":"2.1","eventSource":"sluice:s3",` +
		`"awsRegion":"local","eventTime":"2026-11-21T03:00:00.000Z","eventName":"s3:ObjectCreated:Put",` +
		`"userIdentity":{"principalId":"alice"},"requestParameters":{"accessKeyId":"LWAK1","sourceIPAddress":"192.0.2.1"},` +
		`"responseElements":{"x-amz-request-id":"req_1"},"s3":{"s3SchemaVersion":"1.0","configurationId":"c1",` +
		`"bucket":{"name":"b","ownerIdentity":{"principalId":"alice"},"arn":"arn:aws:s3:::b"},` +
		`"object":{"key":"in/a+key%2B1","size":5,"eTag":"abc","contentType":"text/plain","versionId":"v1","sequencer":"00000000000000FF"}}}]}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	removed := happening("k")
	removed.Type, removed.Object.Operation = objectv1.ObjectRemoved.Type, "DeleteMarkerCreated"
	if got, err = domain.Body(removed, "c1"); err != nil || !strings.Contains(string(got), `"EventName":"s3:ObjectRemoved:DeleteMarkerCreated"`) {
		t.Errorf("%s, %v", got, err)
	}
}

func FuzzBody_Keys(f *testing.F) {
	for _, k := range []string{"a", "a b+c/d%2F", "\x00\n", "世界/🌊", "../..//", "</script>"} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		raw, err := domain.Body(happening(key), "c1")
		if err != nil {
			t.Fatal(err)
		}
		var ev struct {
			Data struct {
				Records []struct {
					S3 struct{ Object struct{ Key string } }
				}
			}
		}
		if err := json.Unmarshal(raw, &ev); err != nil || len(ev.Data.Records) != 1 {
			t.Fatalf("%s: %v", raw, err)
		}
		if back, err := url.QueryUnescape(ev.Data.Records[0].S3.Object.Key); err != nil || back != key {
			t.Fatalf("key %q came back as %q, %v", key, back, err)
		}
	})
}
