package lockwell_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

type signed struct {
	URL, Method string
	ExpiresAt   time.Time
}

// sign mints a URL and gives it without scheme and host.
func sign(t *testing.T, w *edgetest.World, method, key, more string, h http.Header) signed {
	t.Helper()
	name, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	var s signed
	decode(t, w.Want(t, 200, "POST", api+"/sign-url", fmt.Sprintf(`{"method":%q,"bucket":"box","key":%s%s}`, method, name, more), h), &s)
	path, ok := strings.CutPrefix(s.URL, w.URL)
	if !ok || s.Method != method || !strings.Contains(path, "?token=lwurl_") {
		t.Fatalf("%+v", s)
	}
	s.URL = path
	return s
}

func TestSignURL(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	nobody := http.Header{"Authorization": nil}
	for _, key := range []string{"k", "a/b c", "a//b", "/x", "..", "a/../b", ".", "é?#%2F+", "a/" + strings.Repeat("\x01", 1022)} {
		put := sign(t, w, "PUT", key, "", nil)
		r := w.Want(t, 201, "PUT", put.URL, "of "+key, http.Header{"Authorization": nil, "X-Lockwell-Meta-A": {"1"}, "If-None-Match": {"*"}})
		if keys := w.Object.Keys("acc-ada", "box"); len(keys) != 1 || keys[0] != key {
			t.Fatalf("%q arrived as %q", key, keys)
		}
		w.Want(t, 412, "PUT", put.URL, "again", http.Header{"Authorization": nil, "If-None-Match": {"*"}})
		get := sign(t, w, "GET", key, "", nil)
		g := w.Want(t, 200, "GET", get.URL, "", nobody)
		if g.Body != "of "+key || g.Header.Get("X-Lockwell-Meta-A") != "1" || g.Header.Get("Etag") != r.Header.Get("Etag") || g.Header.Get("Referrer-Policy") != "no-referrer" || g.Header.Get("Cache-Control") == "" {
			t.Errorf("%q %v", g.Body, g.Header)
		}
		w.Want(t, 200, "HEAD", get.URL, "", nobody)
		w.Want(t, 206, "GET", get.URL, "", http.Header{"Authorization": nil, "Range": {"bytes=0-0"}})
		w.Want(t, 200, "GET", get.URL, "", http.Header{"Authorization": {"Bearer nonsense"}})
		rec := w.Audit.Of(g.Header.Get("X-Request-Id"))
		if len(rec) != 1 || rec[0].Action != "GetSigned" || rec[0].KeyID != w.Key.ID || rec[0].AccountID != "acc-ada" || rec[0].Key != key {
			t.Errorf("%+v", rec)
		}
		w.Want(t, 204, "DELETE", api+"/buckets/box/objects/"+strings.ReplaceAll(strings.TrimPrefix(strings.SplitN(get.URL, "?", 2)[0], api+"/signed/box/"), "//", "%2F%2F"), "", nil)
	}
	w.Want(t, 404, "GET", sign(t, w, "GET", "not-there", "", nil).URL, "", nobody)
}

func TestSignURL_TTL(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	for more, want := range map[string]time.Duration{
		"": 15 * time.Minute, `,"ttlSeconds":null`: 15 * time.Minute, `,"ttlSeconds":1`: time.Second, `,"ttlSeconds":604800`: 168 * time.Hour, `,"ttlSeconds":604801`: 168 * time.Hour,
		`,"ttlSeconds":9223372036854775807`: 168 * time.Hour,
	} {
		before := time.Now()
		ends := sign(t, w, "GET", "k", more, nil).ExpiresAt // of whole seconds
		if earliest, latest := before.Add(want-time.Second), time.Now().Add(want); !ends.After(earliest) || ends.After(latest) {
			t.Errorf("%s: %v, want one between %v and %v", more, ends, earliest, latest)
		}
	}
	k, token := w.NewKey(t, authv1.ScopeRead)
	soon := time.Now().Add(time.Minute)
	w.Auth.SetState(k.ID, func(s *authv1.KeyStateResponse) { s.Key.ExpiresAt = &soon })
	if got := sign(t, w, "GET", "k", "", bearer(token)).ExpiresAt; got.After(soon) {
		t.Errorf("the URL outlives its key: %v", got)
	}
}

func TestSignURL_Refused(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	refusals(t, w, "POST", api+"/sign-url", "invalid_request",
		``, `{}`, `null`, `{"bucket":"box","key":"k"}`, `{"method":"DELETE","bucket":"box","key":"k"}`, `{"method":"get","bucket":"box","key":"k"}`, `{"method":"HEAD","bucket":"box","key":"k"}`,
		`{"method":"GET","key":"k"}`, `{"method":"GET","bucket":"box","key":7}`, `{"method":"GET","bucket":"box","key":"k","ttlSeconds":0}`, `{"method":"GET","bucket":"box","key":"k","ttlSeconds":-1}`,
		`{"method":"GET","bucket":"box","key":"k","ttlSeconds":1.5}`, `{"method":"GET","bucket":"box","key":"k","ttlSeconds":"60"}`, `{"method":"GET","bucket":"box","key":"k","ttl":60}`,
		`{"method":"GET","bucket":"box","key":"k","ttlSeconds":99999999999999999999}`)
	refusals(t, w, "POST", api+"/sign-url", "invalid_key", `{"method":"GET","bucket":"box"}`, `{"method":"GET","bucket":"box","key":"a\u0000"}`, `{"method":"PUT","bucket":"box","key":"`+strings.Repeat("k", 1025)+`"}`)
	body := `{"method":%q,"bucket":"box","key":"k"}`
	w.Want(t, 404, "POST", api+"/sign-url", `{"method":"GET","bucket":"none","key":"k"}`, nil)
	_, reader := w.NewKey(t, authv1.ScopeRead)
	w.Want(t, 403, "POST", api+"/sign-url", fmt.Sprintf(body, "PUT"), bearer(reader))
	w.Want(t, 200, "POST", api+"/sign-url", fmt.Sprintf(body, "GET"), bearer(reader))
	_, writer := w.NewKey(t, authv1.ScopeWrite)
	w.Want(t, 403, "POST", api+"/sign-url", fmt.Sprintf(body, "GET"), bearer(writer))
	w.Want(t, 401, "POST", api+"/sign-url", fmt.Sprintf(body, "GET"), bearer(w.Account))
	w.Want(t, 401, "POST", api+"/sign-url", fmt.Sprintf(body, "GET"), http.Header{"Authorization": nil})
}

func TestSigned_Refused(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	w.Want(t, 201, "PUT", api+"/buckets/box/objects/k", "x", nil)
	get, put := sign(t, w, "GET", "k", "", nil).URL, sign(t, w, "PUT", "k", "", nil).URL
	token := get[strings.Index(get, "?"):]
	path := api + "/signed/box/k"
	flipped := token[:len(token)-1] + string("AB"[btoi(token[len(token)-1] == 'A')])
	for _, k := range []struct {
		status       int
		method, path string
	}{
		{401, "GET", path}, {401, "GET", path + "?token="}, {401, "GET", path + "?token=lwurl_"}, {401, "GET", path + "?token=" + w.Token}, {401, "GET", path + flipped}, {401, "GET", path + token + "x"},
		{401, "GET", path + strings.Replace(token, "lwurl_", "lwtk_", 1)}, {401, "GET", path + "?Token" + token[6:]}, {400, "GET", path + token + "&token=x"}, {400, "GET", path + token + "&x=%zz"},
		{403, "PUT", path + token}, {403, "GET", api + "/signed/box/K" + token}, {403, "GET", api + "/signed/box/k/" + token}, {403, "GET", api + "/signed/box/" + token}, {403, "GET", api + "/signed/bax/k" + token},
		{403, "GET", put}, {403, "HEAD", put}, {403, "GET", get + "&versionId=v1"}, {405, "DELETE", get}, {405, "POST", put}, {404, "GET", api + "/signed/box" + token}, {200, "GET", get + "&utm=1"},
	} {
		if r := w.Do(t, k.method, k.path, "", http.Header{"Authorization": nil}); r.Status != k.status {
			t.Errorf("%s %.60s: %d, want %d: %s", k.method, k.path, r.Status, k.status, r.Body)
		} else if k.status >= 400 && (strings.Contains(r.Body, "lwurl_e") || r.Header.Get("Content-Type") != "application/problem+json") {
			t.Errorf("%v %s", r.Header, r.Body)
		}
	}
	if r := w.Want(t, 200, "GET", api+"/buckets/box/objects/k", "", nil); r.Body != "x" {
		t.Errorf("%q", r.Body)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestSigned_Live changes what the key may do after its URL was made.
func TestSigned_Live(t *testing.T) {
	t.Parallel()
	nobody := http.Header{"Authorization": nil}
	for name, k := range map[string]struct {
		status int
		change func(w *edgetest.World)
	}{
		"as it was": {200, func(*edgetest.World) {}},
		"revoked":   {401, state(func(s *authv1.KeyStateResponse) { s.Key.Active = false })},
		"expired":   {401, state(func(s *authv1.KeyStateResponse) { s.Key.ExpiresAt = new(time.Time) })},
		"unknown":   {401, state(func(s *authv1.KeyStateResponse) { s.Found = false })},
		"disabled":  {401, state(func(s *authv1.KeyStateResponse) { s.Account.Active = false })},
		"moved":     {401, state(func(s *authv1.KeyStateResponse) { s.Account.AccountID, s.Key.AccountID = "acc-eve", "acc-eve" })},
		"too old":   {401, state(func(s *authv1.KeyStateResponse) { s.Account.NotBefore = time.Now().Add(time.Minute) })},
		"no scope":  {403, state(func(s *authv1.KeyStateResponse) { s.Key.Grant.Scopes = []authv1.Scope{authv1.ScopeDelete} })},
		"policy": {403, func(w *edgetest.World) {
			w.Want(t, 200, "PUT", api+"/buckets/box/policy", `{"statements":[{"effect":"Deny","actions":["getObject","putObject"],"prefixes":["k"]}]}`, nil)
		}},
	} {
		w := bucketed(t)
		w.Want(t, 201, "PUT", api+"/buckets/box/objects/k", "x", nil)
		get, put := sign(t, w, "GET", "k", "", nil), sign(t, w, "PUT", "k", "", nil)
		k.change(w)
		if r := w.Do(t, "GET", get.URL, "", nobody); r.Status != k.status {
			t.Errorf("%s: GET %d %s", name, r.Status, r.Body)
		}
		if r := w.Do(t, "PUT", put.URL, "y", nobody); r.Status != k.status && k.status != 200 {
			t.Errorf("%s: PUT %d %s", name, r.Status, r.Body)
		}
	}
	var mu sync.Mutex
	ahead := time.Duration(0)
	w := edgetest.New(t, func(_ *edge.Config, d *edge.Deps) {
		d.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(ahead)
		}
	})
	w.Want(t, 201, "POST", api+"/buckets", `{"name":"box"}`, nil)
	w.Want(t, 201, "PUT", api+"/buckets/box/objects/k", "x", nil)
	get := sign(t, w, "GET", "k", `,"ttlSeconds":60`, nil)
	w.Want(t, 200, "GET", get.URL, "", nobody)
	mu.Lock()
	ahead = 61 * time.Second
	mu.Unlock()
	w.Want(t, 401, "GET", get.URL, "", nobody)
}

func state(change func(*authv1.KeyStateResponse)) func(*edgetest.World) {
	return func(w *edgetest.World) { w.Auth.SetState(w.Key.ID, change) }
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestSigned_TokenStaysOut(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	tel, err := telemetry.New(t.Context(), telemetry.Config{LogOutput: &log, LogLevel: "debug", LogFormat: "json"})
	if err != nil {
		t.Fatal(err)
	}
	w := edgetest.New(t, func(_ *edge.Config, d *edge.Deps) { d.Tel = tel })
	w.Want(t, 201, "POST", api+"/buckets", `{"name":"box"}`, nil)
	get, put := sign(t, w, "GET", "k", "", nil).URL, sign(t, w, "PUT", "k", "", nil).URL
	nobody := http.Header{"Authorization": nil}
	w.Want(t, 201, "PUT", put, "x", nobody)
	w.Want(t, 200, "GET", get, "", nobody)
	w.Want(t, 403, "GET", put, "", nobody)
	w.Want(t, 401, "GET", get+"x", "", nobody)
	w.Want(t, 405, "DELETE", get, "", nobody)
	w.Want(t, 404, "GET", strings.Replace(get, "/signed/", "/singed/", 1), "", nobody)
	w.Object.SetFail("StatObject", fmt.Errorf("broken"))
	w.Want(t, 500, "GET", get, "", nobody)
	if text := log.String(); !strings.Contains(text, "GetSigned") || strings.Contains(text, "lwurl_") {
		t.Errorf("the log: %s", text)
	}
	if text := w.Audit.Text(); strings.Contains(text, "lwurl_") {
		t.Errorf("the audit trail: %s", text)
	}
}
