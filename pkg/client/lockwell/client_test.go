package lockwell_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	for _, cfg := range []lockwell.Config{
		{}, {Endpoint: "files.example.org", AccessKeyID: "a", SecretKey: "b"}, {Endpoint: "ftp://x", AccessKeyID: "a", SecretKey: "b"},
		{Endpoint: "http://", AccessKeyID: "a", SecretKey: "b"}, {Endpoint: "http://x"}, {Endpoint: "http://x", AccessKeyID: "a"},
		{Endpoint: "http://u:hunter2@x", AccessKeyID: "a", SecretKey: "b"}, {Endpoint: "http://x?a=b", AccessKeyID: "a", SecretKey: "b"},
	} {
		if _, err := lockwell.New(cfg); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func TestToken_OneMintForMany(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	f.objects["k"] = []byte("x")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Head(t.Context(), "b", "k", nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if f.mints != 1 {
		t.Errorf("%d tokens were minted", f.mints)
	}
}

func TestToken_Refused(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	f.objects["k"] = []byte("x")
	if _, err := c.Head(t.Context(), "b", "k", nil); err != nil {
		t.Fatal(err)
	}
	f.misbehave(once(method(http.MethodPut), func(w http.ResponseWriter, _ *http.Request) { problem(w, http.StatusUnauthorized, "unauthorized") }))
	if _, err := c.Put(t.Context(), "b", "k", strings.NewReader("after a 401"), nil); err != nil {
		t.Fatalf("one 401: %v", err)
	}
	if f.mints != 2 {
		t.Errorf("%d mints", f.mints)
	}
	f.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		refuse := r.Method == http.MethodHead
		if refuse {
			w.WriteHeader(http.StatusUnauthorized)
		}
		return refuse
	})
	if _, err := c.Head(t.Context(), "b", "k", nil); !errors.Is(err, lockwell.ErrUnauthorized) {
		t.Errorf("always 401: %v", err)
	}
	if f.mints != 3 {
		t.Errorf("%d mints: a token is renewed once per request", f.mints)
	}
	// A refusal to mint is final.
	f.misbehave(func(w http.ResponseWriter, _ *http.Request) bool {
		problem(w, http.StatusUnauthorized, "unauthorized")
		return true
	})
	other := f.client(t, lockwell.Config{})
	if _, err := other.ListBuckets(t.Context()); !errors.Is(err, lockwell.ErrUnauthorized) || f.mints != 4 {
		t.Errorf("%v after %d mints", err, f.mints)
	}
}

// transport answers requests inside a bubble of synctest, where time is free.
type transport func(r *http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if strings.HasSuffix(r.URL.Path, "/auth/token") {
		return answer(200, `{"accessToken":"lwtk_x","expiresIn":3600}`), nil
	}
	return f(r)
}

func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func inBubble(t *testing.T, cfg lockwell.Config, f transport) *lockwell.Client {
	t.Helper()
	cfg.Endpoint, cfg.AccessKeyID, cfg.SecretKey, cfg.HTTPClient = "http://bubble", "LWAKTEST", "secret", &http.Client{Transport: f}
	c, err := lockwell.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestToken_RenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mints, away := 0, false
		mint := func() *http.Response {
			if mints++; away {
				return answer(500, "")
			}
			return answer(200, fmt.Sprintf(`{"accessToken":"lwtk_%d","expiresIn":3600}`, mints))
		}
		var last string
		cfg := lockwell.Config{Endpoint: "http://bubble", AccessKeyID: "a", SecretKey: "b", HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/auth/token") {
				return mint(), nil
			}
			last = r.Header.Get("Authorization")
			return answer(200, `{"buckets":[]}`), nil
		})}}
		c, err := lockwell.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []struct {
			sleep time.Duration
			away  bool
			want  string
		}{{0, false, "Bearer lwtk_1"}, {58 * time.Minute, false, "Bearer lwtk_1"}, {90 * time.Second, true, "Bearer lwtk_1"}, {0, false, "Bearer lwtk_3"}} {
			time.Sleep(k.sleep)
			away = k.away
			if _, err := c.ListBuckets(t.Context()); err != nil || last != k.want {
				t.Errorf("%v: %s, want %s", err, last, k.want)
			}
		}
		time.Sleep(2 * time.Hour)
		away = true
		if _, err := c.ListBuckets(t.Context()); !errors.Is(err, lockwell.ErrInternal) {
			t.Errorf("expired, and no other to be had: %v", err)
		}
	})
}

type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return f(r)
}

func TestRetry_Table(t *testing.T) {
	t.Parallel()
	list := func(ctx context.Context, c *lockwell.Client) error { _, err := c.ListBuckets(ctx); return err }
	create := func(ctx context.Context, c *lockwell.Client) error {
		_, err := c.CreateBucket(ctx, lockwell.NewBucket{Name: "b"})
		return err
	}
	put := func(o *lockwell.PutOptions) func(context.Context, *lockwell.Client) error {
		return func(ctx context.Context, c *lockwell.Client) error {
			_, err := c.Put(ctx, "b", "k", strings.NewReader("x"), o)
			return err
		}
	}
	failed := errors.New("connection reset")
	for _, k := range []struct {
		name       string
		first      *http.Response // nil: a broken connection
		call       func(context.Context, *lockwell.Client) error
		max        int
		sent       int
		waited     time.Duration // at least
		ok         bool
		alwaysSame bool
	}{
		{"503 with Retry-After", answer(503, "", "Retry-After", "7"), list, 0, 2, 7 * time.Second, true, false},
		{"429 with Retry-After", answer(429, "", "Retry-After", "2"), list, 0, 2, 2 * time.Second, true, false},
		{"502 of a proxy", answer(502, "<html>", "Content-Type", "text/html"), list, 0, 2, 0, true, false},
		{"broken connection", nil, list, 0, 2, 0, true, false},
		{"503 for ever", answer(503, ""), list, 0, 5, 1500 * time.Millisecond, false, true},
		{"503 for ever, three attempts", answer(503, ""), list, 3, 3, 300 * time.Millisecond, false, true},
		{"asked to wait too long", answer(503, "", "Retry-After", "3600"), list, 0, 1, 0, false, true},
		{"500", answer(500, ""), list, 0, 1, 0, false, true},
		{"404", answer(404, ""), list, 0, 1, 0, false, true},
		{"507", answer(507, ""), list, 0, 1, 0, false, true},
		{"POST that makes something", answer(503, ""), create, 0, 1, 0, false, true},
		{"POST on a broken connection", nil, create, 0, 1, 0, false, true},
		{"PUT", nil, put(nil), 0, 2, 0, true, false},
		{"PUT with a condition", nil, put(&lockwell.PutOptions{Conditions: lockwell.Conditions{IfAbsent: true}}), 0, 1, 0, false, true},
		{"PUT with a condition and a key", nil, put(&lockwell.PutOptions{Conditions: lockwell.Conditions{IfAbsent: true}, IdempotencyKey: "1"}), 0, 2, 0, true, false},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				c := inBubble(t, lockwell.Config{MaxAttempts: k.max}, func(r *http.Request) (*http.Response, error) {
					if r.Body != nil {
						_, _ = io.Copy(io.Discard, r.Body)
					}
					sent++
					if sent > 1 && !k.alwaysSame {
						return answer(200, `{"etag":"x"}`), nil
					}
					if k.first == nil {
						return nil, failed
					}
					again := *k.first
					again.Body = io.NopCloser(strings.NewReader(""))
					return &again, nil
				})
				start := time.Now()
				err := k.call(t.Context(), c)
				if (err == nil) != k.ok || sent != k.sent || time.Since(start) < k.waited || time.Since(start) > 2*k.waited+time.Second {
					t.Errorf("%v after %d requests in %v", err, sent, time.Since(start))
				}
				if k.first == nil && !k.ok && !errors.Is(err, failed) {
					t.Errorf("the cause is lost: %v", err)
				}
			})
		})
	}
}

func TestRetry_EndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := inBubble(t, lockwell.Config{}, func(*http.Request) (*http.Response, error) { return answer(503, "", "Retry-After", "20"), nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := c.ListBuckets(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// slowBody gives a byte and then nothing, until its request ends.
type slowBody struct {
	ctx  context.Context
	gave bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	if !b.gave {
		b.gave = true
		return copy(p, "x"), nil
	}
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}
func (b *slowBody) Close() error { return nil }

func TestIdle_Stalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := inBubble(t, lockwell.Config{MaxAttempts: 2, IdleTimeout: 10 * time.Second}, func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				resp := answer(200, "", "ETag", `"e"`)
				resp.ContentLength, resp.Body = 100, &slowBody{ctx: r.Context()}
				if r.Header.Get("Range") != "" {
					resp.StatusCode = 206
					resp.Header.Set("Content-Range", "bytes 1-99/100")
					resp.Body.(*slowBody).gave = true
				}
				return resp, nil
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		if _, err := c.Put(t.Context(), "b", "k", strings.NewReader("x"), nil); !errors.Is(err, lockwell.ErrStalled) || time.Since(start) < 20*time.Second {
			t.Errorf("PUT: %v after %v", err, time.Since(start))
		}
		r, err := c.Get(t.Context(), "b", "k", nil)
		if err != nil {
			t.Fatal(err)
		}
		one := make([]byte, 1)
		if _, err := io.ReadFull(r, one); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // a slow reader is no stall
		start = time.Now()
		if _, err := io.ReadAll(r); !errors.Is(err, lockwell.ErrStalled) || time.Since(start) < 20*time.Second {
			t.Errorf("GET: %v after %v", err, time.Since(start))
		}
		_ = r.Close()
	})
}

// TestHostile_Answers: whatever a server says, there is an error that can be read.
func TestHostile_Answers(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name   string
		status int
		body   string
		header []string
		want   lockwell.Code
	}{
		{"HTML in place of JSON", 200, "<html>", nil, lockwell.ErrUnexpectedAnswer},
		{"nothing", 200, "", nil, lockwell.ErrUnexpectedAnswer},
		{"wrong types", 200, `{"buckets":7}`, nil, lockwell.ErrUnexpectedAnswer},
		{"deep", 200, strings.Repeat("[", 100000), nil, lockwell.ErrUnexpectedAnswer},
		{"redirect", 301, "", []string{"Location", "http://elsewhere/"}, lockwell.ErrUnexpectedAnswer},
		{"a problem of wrong types", 404, `{"code":[],"message":{}}`, nil, lockwell.ErrNotFound},
		{"a problem without a code", 403, `{}`, nil, lockwell.ErrAccessDenied},
		{"an unknown status", 418, "", nil, lockwell.ErrUnexpectedAnswer},
		{"a new code", 409, `{"code":"brand_new","message":"m","requestId":"r"}`, nil, "brand_new"},
		{"a huge problem", 400, `{"code":"` + strings.Repeat("x", 1<<20) + `"}`, nil, lockwell.ErrInvalidRequest},
	} {
		c := inBubble(t, lockwell.Config{}, func(*http.Request) (*http.Response, error) { return answer(k.status, k.body, k.header...), nil })
		_, err := c.ListBuckets(t.Context())
		var e *lockwell.Error
		if !errors.Is(err, k.want) || !errors.As(err, &e) || e.Status != k.status || e.Op != "list buckets" || len(err.Error()) > 300 {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

func TestError_Fields(t *testing.T) {
	t.Parallel()
	c := inBubble(t, lockwell.Config{MaxAttempts: 1}, func(*http.Request) (*http.Response, error) {
		return answer(404, `{"code":"not_found","message":"no such object","status":404,"requestId":"req_7"}`, "X-Lockwell-Delete-Marker", "true", "Retry-After", "3"), nil
	})
	_, err := c.Head(t.Context(), "b", "k", nil)
	var e *lockwell.Error
	if !errors.As(err, &e) || !e.DeleteMarker || e.RetryAfter != 3*time.Second || e.RequestID != "req_7" || errors.Is(err, lockwell.ErrAccessDenied) {
		t.Fatalf("%+v", err)
	}
	if got := err.Error(); got != "look up b/k: no such object (not_found, request req_7)" {
		t.Error(got)
	}
}

// TestPut_Bodies: what can be read twice is sent with its digest and again
// after a broken connection; what cannot is not.
func TestPut_Bodies(t *testing.T) {
	t.Parallel()
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB: asked for first
	for _, k := range []struct {
		name string
		body func() io.Reader
		want []byte
		cuts bool // a cut connection ends it
	}{
		{"nil", func() io.Reader { return nil }, nil, false},
		{"empty", func() io.Reader { return strings.NewReader("") }, nil, false},
		{"seeks", func() io.Reader { return bytes.NewReader(big) }, big, false},
		{"seeks, from the middle", func() io.Reader { r := bytes.NewReader(big); _, _ = r.Seek(1<<20, io.SeekStart); return r }, big[1<<20:], false},
		{"known length", func() io.Reader { return bytes.NewBuffer(bytes.Clone(big)) }, big, true},
		{"stream", func() io.Reader { return io.MultiReader(bytes.NewReader(big)) }, big, true},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			f, c := newFake(t)
			var last, total int64
			o, err := c.Put(t.Context(), "b", "k", k.body(), &lockwell.PutOptions{Progress: func(d, n int64) { last, total = d, n }})
			if err != nil || !bytes.Equal(f.objects["k"], k.want) || o.Size != int64(len(k.want)) {
				t.Fatalf("%v: %d bytes", err, len(f.objects["k"]))
			}
			if len(k.want) > 0 && (last != int64(len(k.want)) || total != last && total != -1) {
				t.Errorf("progress ended with %d of %d", last, total)
			}
			delete(f.objects, "k")
			f.misbehave(once(method(http.MethodPut), func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadFull(r.Body, make([]byte, 1000))
				cut(w, r)
			}))
			_, err = c.Put(t.Context(), "b", "k", k.body(), nil)
			if (err != nil) != k.cuts || err == nil && !bytes.Equal(f.objects["k"], k.want) {
				t.Errorf("over a cut connection: %v, %d bytes", err, len(f.objects["k"]))
			}
		})
	}
}

func TestPut_DigestInTheAnswerDiffers(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	f.misbehave(once(method(http.MethodPut), func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, `{"versionId":"v9","checksums":{"sha256":%q}}`, b64sha([]byte("something else")))
	}))
	if o, err := c.Put(t.Context(), "b", "k", io.MultiReader(strings.NewReader("x")), nil); !errors.Is(err, lockwell.ErrChecksum) || o.VersionID != "v9" {
		t.Errorf("%v", err)
	}
}

func TestPut_SourceFails(t *testing.T) {
	t.Parallel()
	_, c := newFake(t)
	broken := errors.New("disk on fire")
	body := io.MultiReader(strings.NewReader("some"), readerFunc(func([]byte) (int, error) { return 0, broken }))
	if _, err := c.Put(t.Context(), "b", "k", body, nil); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if _, err := c.Put(t.Context(), "b", "k", io.MultiReader(strings.NewReader("short")), &lockwell.PutOptions{Size: 10}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("shorter than announced: %v", err)
	}
}

// TestPut_SourceGivesNothing: a pipe that nobody writes to does not hold up a
// refusal. (A cancelled request waits for its Read all the same: net/http does.)
func TestPut_SourceGivesNothing(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	silent := func() io.Reader {
		r, w := io.Pipe()
		t.Cleanup(func() { _ = w.Close() })
		return r
	}
	f.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		refuse := r.Method == http.MethodPut
		if refuse {
			problem(w, http.StatusInsufficientStorage, "quota_exceeded")
		}
		return refuse
	})
	if _, err := c.Put(t.Context(), "b", "k", silent(), nil); !errors.Is(err, lockwell.ErrQuotaExceeded) {
		t.Errorf("%v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestPut_Headers(t *testing.T) {
	t.Parallel()
	var got http.Header
	c := inBubble(t, lockwell.Config{}, func(r *http.Request) (*http.Response, error) {
		got = r.Header.Clone()
		return answer(201, `{}`, "Idempotent-Replayed", "true"), nil
	})
	until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	o, err := c.Put(t.Context(), "b", "k", strings.NewReader("x"), &lockwell.PutOptions{
		Attributes: lockwell.Attributes{
			ContentType: "text/plain", CacheControl: "no-store", ContentDisposition: "inline", ContentEncoding: "br", Metadata: map[string]string{"camera": "K-3"},
			Tags: map[string]string{"a b": "ü&="}, Retention: &lockwell.Retention{Mode: lockwell.Compliance, Until: until}, LegalHold: true,
		},
		Conditions: lockwell.Conditions{IfMatch: `"e"`}, IdempotencyKey: "once", Checksums: lockwell.Checksums{lockwell.CRC32: {1, 2, 3, 4}},
	})
	if err != nil || !o.Replayed {
		t.Fatalf("%+v %v", o, err)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/plain", "Cache-Control": "no-store", "Content-Disposition": "inline", "Content-Encoding": "br", "X-Lockwell-Meta-Camera": "K-3",
		"X-Lockwell-Tags": "a+b=%C3%BC%26%3D", "X-Lockwell-Retention-Mode": "COMPLIANCE", "X-Lockwell-Retain-Until": "2030-01-02T03:04:05Z",
		"X-Lockwell-Legal-Hold": "ON", "If-Match": `"e"`, "Idempotency-Key": "once", "X-Lockwell-Checksum-Crc32": "AQIDBA==", "X-Lockwell-Checksum-Sha256": "",
		"Accept-Encoding": "identity", "Authorization": "Bearer lwtk_x",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
}

// TestConcurrent_Use is for the race detector.
func TestConcurrent_Use(t *testing.T) {
	t.Parallel()
	f, c := newFake(t)
	var refused atomic.Int64
	f.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		refuse := strings.Contains(r.URL.Path, "objects") && refused.Add(1)%7 == 0
		if refuse {
			problem(w, http.StatusUnauthorized, "unauthorized")
		}
		return refuse
	})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			key := fmt.Sprintf("k%d", i)
			for range 3 {
				_, err := c.Put(t.Context(), "b", key, strings.NewReader(key), nil)
				if err != nil && !errors.Is(err, lockwell.ErrUnauthorized) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
