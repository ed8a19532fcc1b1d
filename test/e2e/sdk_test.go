package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
	"github.com/sluicehq/sluice/test/harness"
)

// countingTransport counts the parts that go out and may end a context at one.
type countingTransport struct {
	http.Transport
	parts  atomic.Int64
	stopAt atomic.Int64
	stop   atomic.Pointer[context.CancelFunc]
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/parts/") && c.parts.Add(1) == c.stopAt.Load() {
		(*c.stop.Load())()
	}
	return c.Transport.RoundTrip(r)
}

// sdkClient is the Go client with the access key of c.
func sdkClient(t *testing.T, c *harness.Client) (*lockwell.Client, *countingTransport) {
	t.Helper()
	tr := &countingTransport{}
	tr.ExpectContinueTimeout = time.Second
	sdk, err := lockwell.New(lockwell.Config{Endpoint: c.URL, AccessKeyID: c.KeyID, SecretKey: c.Secret, HTTPClient: &http.Client{Transport: tr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return sdk, tr
}

func noError(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func wantCode(t *testing.T, what string, err error, code lockwell.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func sdkRead(t *testing.T, c *lockwell.Client, bucket, key string, o *lockwell.GetOptions) []byte {
	t.Helper()
	r, err := c.Get(t.Context(), bucket, key, o)
	noError(t, "get "+key, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	noError(t, "read "+key, err)
	return b
}

// sdkObjects: the Go client against the real edge: objects, their keys,
// versions, tags, copies, signed URLs.
func sdkObjects(t *testing.T, w *harness.World) {
	sdk, _ := sdkClient(t, account(t, w))
	ctx := t.Context()
	b, err := sdk.CreateBucket(ctx, lockwell.NewBucket{Name: "things", Versioning: true})
	noError(t, "make a bucket", err)
	if b.Versioning != lockwell.Enabled {
		t.Errorf("%+v", b)
	}
	_, err = sdk.CreateBucket(ctx, lockwell.NewBucket{Name: "things"})
	wantCode(t, "the same again", err, lockwell.ErrBucketExists)

	keys := []string{
		"a b", "a+b", "100%", "%2F", ".", "..", "../x", "a/../b", "a/./b", "a//b", "//", "/a", "a/", "///a//", "?a=b", "#frag", "a;b", "ключ/鍵/🗝",
		"~'()!$&,=@*:", `back\slash`, "a\tb\nc", strings.Repeat("k", 1024),
	}
	for _, key := range keys {
		o, err := sdk.Put(ctx, "things", key, strings.NewReader(key), nil)
		noError(t, "put "+key, err)
		if o.Key != key || string(sdkRead(t, sdk, "things", key, nil)) != key {
			t.Errorf("%q came back as %q", key, o.Key)
		}
	}
	listed := map[string]bool{}
	for e, err := range sdk.List(ctx, "things", lockwell.ListOptions{PageSize: 5, Full: true}) {
		noError(t, "list", err)
		listed[e.Key] = e.Checksums[lockwell.SHA256] != nil
	}
	for _, key := range keys {
		if !listed[key] {
			t.Errorf("%q is not listed, or without its checksum", key)
		}
	}
	_, err = sdk.Put(ctx, "things", "k\x00", strings.NewReader("x"), nil)
	wantCode(t, "a key with NUL", err, lockwell.ErrInvalidKey)

	attr := lockwell.Attributes{ContentType: "text/plain", CacheControl: "no-store", ContentEncoding: "gzip", Metadata: map[string]string{"camera": "K-3"}, Tags: map[string]string{"a b": "ü"}}
	first, err := sdk.Put(ctx, "things", "doc", strings.NewReader("one"), &lockwell.PutOptions{Attributes: attr, Conditions: lockwell.Conditions{IfAbsent: true}, IdempotencyKey: "k1"})
	noError(t, "put doc", err)
	again, err := sdk.Put(ctx, "things", "doc", strings.NewReader("one"), &lockwell.PutOptions{Attributes: attr, Conditions: lockwell.Conditions{IfAbsent: true}, IdempotencyKey: "k1"})
	if err != nil || !again.Replayed || again.VersionID != first.VersionID {
		t.Errorf("replayed: %+v %v", again, err)
	}
	_, err = sdk.Put(ctx, "things", "doc", strings.NewReader("two"), &lockwell.PutOptions{Conditions: lockwell.Conditions{IfAbsent: true}})
	wantCode(t, "if absent", err, lockwell.ErrPreconditionFailed)
	_, err = sdk.Put(ctx, "things", "doc", strings.NewReader("x"), &lockwell.PutOptions{Checksums: lockwell.Checksums{lockwell.CRC32: {1, 2, 3, 4}}})
	wantCode(t, "a wrong checksum", err, lockwell.ErrBadDigest)
	info, err := sdk.Head(ctx, "things", "doc", nil)
	if err != nil || info.ContentType != "text/plain" || info.CacheControl != "no-store" || info.ContentEncoding != "gzip" || info.Metadata["camera"] != "K-3" || info.TagCount != 1 || info.Size != 3 || info.LastModified.IsZero() {
		t.Errorf("%+v %v", info, err)
	}
	_, err = sdk.Get(ctx, "things", "doc", &lockwell.GetOptions{IfNoneMatch: info.ETag})
	wantCode(t, "if none match", err, lockwell.ErrNotModified)
	if got := sdkRead(t, sdk, "things", "doc", &lockwell.GetOptions{Range: &lockwell.Range{Offset: -2}}); string(got) != "ne" {
		t.Errorf("%q", got)
	}
	second, err := sdk.Put(ctx, "things", "doc", io.MultiReader(strings.NewReader("two of unknown length")), &lockwell.PutOptions{Conditions: lockwell.Conditions{IfMatch: info.ETag}})
	noError(t, "put doc again", err)
	if got := sdkRead(t, sdk, "things", "doc", &lockwell.GetOptions{VersionID: first.VersionID}); string(got) != "one" {
		t.Errorf("the first version: %q", got)
	}
	noError(t, "set tags", sdk.SetTags(ctx, "things", "doc", "", map[string]string{"x": "y"}))
	tags, err := sdk.Tags(ctx, "things", "doc", first.VersionID)
	if err != nil || tags["a b"] != "ü" {
		t.Errorf("%v %v", tags, err)
	}
	noError(t, "clear tags", sdk.ClearTags(ctx, "things", "doc", ""))
	copied, err := sdk.Copy(ctx, "things", "doc", "things", "copy/of doc", &lockwell.CopyOptions{SourceVersionID: first.VersionID, Replace: true, ContentType: "a/b", Metadata: map[string]string{"n": "1"}, IfMatch: first.ETag, RequireAbsent: true})
	if err != nil || copied.ETag != first.ETag || copied.ContentType != "a/b" {
		t.Errorf("%+v %v", copied, err)
	}
	_, err = sdk.Copy(ctx, "things", "absent", "things", "x", nil)
	wantCode(t, "a copy of nothing", err, lockwell.ErrNotFound)
	d, err := sdk.Delete(ctx, "things", "doc", "")
	if err != nil || !d.DeleteMarker {
		t.Errorf("%+v %v", d, err)
	}
	_, err = sdk.Head(ctx, "things", "doc", nil)
	var answer *lockwell.Error
	if !errors.As(err, &answer) || !answer.DeleteMarker || answer.Code != lockwell.ErrNotFound || answer.RequestID == "" {
		t.Errorf("%+v", err)
	}
	var versions []string
	for v, err := range sdk.ListVersions(ctx, "things", "doc") {
		noError(t, "list versions", err)
		versions = append(versions, v.VersionID)
	}
	if want := fmt.Sprint([]string{d.VersionID, second.VersionID, first.VersionID}); fmt.Sprint(versions) != want {
		t.Errorf("%v, want %s", versions, want)
	}
	sdkSigned(t, sdk)
	sdkEmpty(t, sdk, "things")
}

// sdkSigned uses signed URLs as somebody without a key would.
func sdkSigned(t *testing.T, sdk *lockwell.Client) {
	t.Helper()
	for _, key := range []string{"signed/a+b ü", "signed//..//x"} {
		put, err := sdk.SignURL(t.Context(), http.MethodPut, "things", key, time.Minute)
		noError(t, "sign PUT", err)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, put.URL, strings.NewReader("by url"))
		noError(t, "make the request", err)
		resp, err := http.DefaultTransport.RoundTrip(req)
		noError(t, "PUT "+put.URL, err)
		resp.Body.Close()
		get, err := sdk.SignURL(t.Context(), http.MethodGet, "things", key, time.Minute)
		noError(t, "sign GET", err)
		req, err = http.NewRequestWithContext(t.Context(), http.MethodGet, get.URL, nil)
		noError(t, "make the request", err)
		resp, err = http.DefaultTransport.RoundTrip(req)
		noError(t, "GET "+get.URL, err)
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || string(body) != "by url" {
			t.Errorf("%q: %d %q", key, resp.StatusCode, body)
		}
	}
}

// sdkEmpty removes all versions of a bucket, and the bucket.
func sdkEmpty(t *testing.T, sdk *lockwell.Client, bucket string) {
	t.Helper()
	var ids []lockwell.ObjectID
	for v, err := range sdk.ListVersions(t.Context(), bucket, "") {
		noError(t, "list versions", err)
		ids = append(ids, lockwell.ObjectID{Key: v.Key, VersionID: v.VersionID})
	}
	results, err := sdk.BatchDelete(t.Context(), bucket, ids)
	noError(t, "batch delete", err)
	for _, r := range results {
		if r.Err != nil {
			t.Errorf("%+v", r)
		}
	}
	noError(t, "remove the bucket", sdk.DeleteBucket(t.Context(), bucket))
	_, err = sdk.Bucket(t.Context(), bucket)
	wantCode(t, "a bucket that is gone", err, lockwell.ErrNotFound)
}

// sdkManage: what the Go client does to buckets and keys.
func sdkManage(t *testing.T, w *harness.World) {
	c := account(t, w)
	sdk, _ := sdkClient(t, c)
	ctx := t.Context()
	_, err := sdk.CreateBucket(ctx, lockwell.NewBucket{Name: "locked", ObjectLock: true, DefaultRetention: &lockwell.DefaultRetention{Mode: lockwell.Governance, Days: 1}})
	noError(t, "make a bucket", err)
	wantCode(t, "suspend", sdk.SetVersioning(ctx, "locked", lockwell.Suspended), lockwell.ErrObjectLockNeedsVersioning)
	o, err := sdk.Put(ctx, "locked", "k", strings.NewReader("x"), nil)
	noError(t, "put", err)
	_, err = sdk.Delete(ctx, "locked", "k", o.VersionID)
	wantCode(t, "delete under retention", err, lockwell.ErrObjectLocked)
	until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	noError(t, "extend", sdk.SetRetention(ctx, "locked", "k", "", lockwell.Retention{Mode: lockwell.Compliance, Until: until}))
	r, err := sdk.Retention(ctx, "locked", "k", o.VersionID)
	if err != nil || r.Mode != lockwell.Compliance || !r.Until.Equal(until) {
		t.Errorf("%+v %v", r, err)
	}
	noError(t, "hold", sdk.SetLegalHold(ctx, "locked", "k", "", true))
	on, err := sdk.LegalHold(ctx, "locked", "k", "")
	info, err2 := sdk.Head(ctx, "locked", "k", nil)
	if err != nil || err2 != nil || !on || !info.LegalHold || info.Retention == nil || !info.Retention.Until.Equal(until) {
		t.Errorf("%t %v, %+v %v", on, err, info, err2)
	}
	held, err := sdk.Put(ctx, "locked", "held", strings.NewReader("x"), &lockwell.PutOptions{Attributes: lockwell.Attributes{LegalHold: true, Retention: &lockwell.Retention{Mode: lockwell.Governance, Until: until}}})
	noError(t, "put with a hold", err)
	results, err := sdk.BatchDelete(ctx, "locked", []lockwell.ObjectID{{Key: "held", VersionID: held.VersionID}, {Key: "absent"}})
	noError(t, "batch delete", err)
	wantCode(t, "batch delete of what is held", results[0].Err, lockwell.ErrObjectLocked)

	_, err = sdk.CreateBucket(ctx, lockwell.NewBucket{Name: "plain"})
	noError(t, "make a bucket", err)
	_, err = sdk.Retention(ctx, "plain", "k", "")
	if err == nil {
		t.Error("retention in a bucket without locks")
	}
	noError(t, "versioning", sdk.SetVersioning(ctx, "plain", lockwell.Enabled))
	if v, err := sdk.Versioning(ctx, "plain"); err != nil || v != lockwell.Enabled {
		t.Errorf("%s %v", v, err)
	}
	list, err := sdk.SetNotifications(ctx, "plain", lockwell.Notification{URL: "http://127.0.0.1:9/hook", Events: []string{lockwell.ObjectCreated}, Prefix: "in/"})
	if err != nil || len(list) != 1 || !list[0].HasSecret {
		t.Errorf("%+v %v", list, err)
	}
	noError(t, "clear notifications", sdk.ClearNotifications(ctx, "plain"))

	key, err := sdk.CreateAccessKey(ctx, lockwell.NewAccessKey{Scopes: []lockwell.Scope{lockwell.Read, lockwell.Write}, Buckets: []string{"plain"}})
	noError(t, "make a key", err)
	other, err := lockwell.New(lockwell.Config{Endpoint: w.URL, AccessKeyID: key.AccessKeyID, SecretKey: key.SecretKey})
	noError(t, "second client", err)
	t.Cleanup(other.CloseIdleConnections)
	_, err = other.Put(ctx, "plain", "secret/k", strings.NewReader("x"), nil)
	noError(t, "put with the second key", err)
	noError(t, "set a policy", sdk.SetPolicy(ctx, "plain", lockwell.Statement{Effect: lockwell.Deny, Actions: []string{"*"}, Prefixes: []string{"secret/"}, AccessKeyIDs: []string{key.AccessKeyID}}))
	if p, err := sdk.Policy(ctx, "plain"); err != nil || len(p) != 1 {
		t.Errorf("%+v %v", p, err)
	}
	_, err = other.Get(ctx, "plain", "secret/k", nil)
	wantCode(t, "get what the policy denies", err, lockwell.ErrAccessDenied)
	_, err = other.CreateBucket(ctx, lockwell.NewBucket{Name: "not-mine"})
	wantCode(t, "make a bucket without admin", err, lockwell.ErrAccessDenied)
	noError(t, "remove the policy", sdk.DeletePolicy(ctx, "plain"))
	noError(t, "revoke", sdk.RevokeAccessKey(ctx, key.AccessKeyID))
	eventually(t, "the client with a revoked key is refused", func() bool {
		_, err := other.Head(ctx, "plain", "secret/k", nil)
		return errors.Is(err, lockwell.ErrUnauthorized)
	})
	keys, err := sdk.AccessKeys(ctx)
	if err != nil || len(keys) < 1 {
		t.Errorf("%+v %v", keys, err)
	}
}

// sdkLarge: 64 MiB in parallel parts, broken off in the middle and resumed,
// then fetched in parallel, broken off and resumed.
func sdkLarge(t *testing.T, w *harness.World) {
	sdk, tr := sdkClient(t, account(t, w))
	ctx := t.Context()
	_, err := sdk.CreateBucket(ctx, lockwell.NewBucket{Name: "large"})
	noError(t, "make a bucket", err)
	const part, parts = 8 << 20, 8
	data := randomBytes(t, part*parts+12345)
	opts := lockwell.UploadOptions{
		Attributes: lockwell.Attributes{ContentType: "video/x-matroska", Metadata: map[string]string{"take": "2"}, Tags: map[string]string{"raw": ""}},
		PartSize:   part, Concurrency: 3, Resume: true, Keep: true,
	}
	cut, stop := context.WithCancel(ctx)
	defer stop()
	tr.stop.Store(&stop)
	tr.stopAt.Store(6)
	_, err = sdk.Upload(cut, "large", "films/a+b.mkv", bytes.NewReader(data), &opts)
	var stopped *lockwell.InterruptedError
	if !errors.As(err, &stopped) || stopped.UploadID == "" || !errors.Is(err, context.Canceled) {
		t.Fatalf("broken off: %v", err)
	}
	wantCode(t, "the bucket has an open upload", sdk.DeleteBucket(ctx, "large"), lockwell.ErrBucketNotEmpty)
	there := 0
	for _, err := range sdk.ListParts(ctx, lockwell.Multipart{Bucket: "large", Key: "films/a+b.mkv", UploadID: stopped.UploadID}) {
		noError(t, "list parts", err)
		there++
	}
	if there == 0 {
		t.Fatal("no part had arrived")
	}
	tr.parts.Store(0)
	tr.stopAt.Store(0)
	var done, total int64
	opts.Progress = func(d, n int64) { done, total = d, n }
	o, err := sdk.Upload(ctx, "large", "films/a+b.mkv", bytes.NewReader(data), &opts)
	noError(t, "resumed", err)
	// One that was cancelled may have been kept after the list was made.
	if n := int(tr.parts.Load()); n > parts+1-there || n == 0 {
		t.Errorf("%d parts were sent again, %d of %d were there", n, there, parts+1)
	}
	if o.Size != int64(len(data)) || !o.Composite || !strings.HasSuffix(o.ETag, fmt.Sprintf(`-%d"`, parts+1)) || done != o.Size || total != o.Size {
		t.Errorf("%+v, progress %d of %d", o, done, total)
	}
	for m, err := range sdk.ListMultipart(ctx, "large", "") {
		t.Errorf("still open: %+v %v", m, err)
	}
	if got := sdkRead(t, sdk, "large", "films/a+b.mkv", nil); !bytes.Equal(got, data) {
		t.Error("the bytes differ")
	}

	file, err := os.Create(filepath.Join(t.TempDir(), "film"))
	noError(t, "make a file", err)
	defer file.Close()
	var state *lockwell.DownloadState
	cut, stop = context.WithCancel(ctx)
	defer stop()
	_, err = sdk.Download(cut, "large", "films/a+b.mkv", file, &lockwell.DownloadOptions{PartSize: part, Concurrency: 2, Save: func(s lockwell.DownloadState) error {
		if len(s.Parts) == 3 {
			stop()
		}
		state = &s
		return nil
	}})
	if err == nil || len(state.Parts) < 3 {
		t.Fatalf("broken off: %v with %d parts", err, len(state.Parts))
	}
	info, err := sdk.Download(ctx, "large", "films/a+b.mkv", file, &lockwell.DownloadOptions{PartSize: part, State: state})
	noError(t, "resumed", err)
	if got, _ := os.ReadFile(file.Name()); !bytes.Equal(got, data) || info.ContentType != "video/x-matroska" || info.Metadata["take"] != "2" || info.TagCount != 1 {
		t.Errorf("%d bytes, %+v", len(got), info)
	}
	// A stream, of which nobody knows how long it is.
	if o, err = sdk.Upload(ctx, "large", "stream", io.MultiReader(bytes.NewReader(data[:12<<20])), &lockwell.UploadOptions{PartSize: 5 << 20, Conditions: lockwell.Conditions{IfAbsent: true}}); err != nil || o.Size != 12<<20 {
		t.Errorf("%+v %v", o, err)
	}
	_, err = sdk.Upload(ctx, "large", "stream", io.MultiReader(bytes.NewReader(data[:12<<20])), &lockwell.UploadOptions{PartSize: 5 << 20, Conditions: lockwell.Conditions{IfAbsent: true}})
	wantCode(t, "if absent", err, lockwell.ErrPreconditionFailed)
	for m, err := range sdk.ListMultipart(ctx, "large", "") {
		t.Errorf("still open: %+v %v", m, err)
	}
}
