package model_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// buckets that every runner has: one that never kept versions, one whose
// versioning is turned on and off, one with object lock.
const buckets = 3

// runner does the operations of one client in buckets of its own, and holds
// every answer against the model.
type runner struct {
	ctx     context.Context
	c       *harness.Client
	buckets []*bucket
	serial  int
}

// disagreement is an answer that the model did not expect.
type disagreement struct{ text string }

func (d disagreement) Error() string { return d.text }

func differs(format string, args ...any) error { return disagreement{fmt.Sprintf(format, args...)} }

// newRunner makes the buckets. days is the default retention of the locked one.
func newRunner(ctx context.Context, c *harness.Client, prefix string, days int) (*runner, error) {
	r := &runner{ctx: ctx, c: c, buckets: []*bucket{
		newBucket(prefix+"-plain", false, 0), newBucket(prefix+"-flex", false, 0), newBucket(prefix+"-lock", true, days),
	}}
	for _, b := range r.buckets {
		if err := r.makeBucket(b); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *runner) makeBucket(b *bucket) error {
	body := map[string]any{"name": b.name, "objectLock": b.lock}
	if b.days > 0 {
		body["defaultRetention"] = map[string]any{"mode": "GOVERNANCE", "days": b.days}
	}
	_, err := r.want(http.MethodPost, "/api/v1/buckets", body, nil, http.StatusCreated, "")
	return err
}

// want sends a request and holds status and code against what is expected.
func (r *runner) want(method, path string, body any, h http.Header, status int, code string) (harness.Response, error) {
	a, err := r.c.Try(r.ctx, method, path, body, h)
	if err != nil {
		return a, fmt.Errorf("%s %s: %w", method, path, err)
	}
	switch {
	case a.Status != status:
		return a, differs("%s %s %v: status %d, want %d %s: %.200s", method, path, h, a.Status, status, code, a.Body)
	case method != http.MethodHead && status >= 400 && a.Code() != code:
		return a, differs("%s %s %v: code %q, want %s", method, path, h, a.Code(), code)
	}
	return a, nil
}

// do does one operation.
func (r *runner) do(o op) error {
	b, key := r.buckets[o.Bucket%len(r.buckets)], keys[o.Key%len(keys)]
	r.ripen(b)
	all := map[string]func(*bucket, string, op) error{
		"put": r.put, "get": r.get, "head": r.get, "delete": r.delete, "deleteVersion": r.deleteVersion, "batchDelete": r.batchDelete,
		"copy": r.copy, "putTags": r.putTags, "getTags": r.getTags, "deleteTags": r.putTags,
		"putRetention": r.putRetention, "getRetention": r.getRetention, "putHold": r.putHold, "getHold": r.getHold,
		"create": r.create, "part": r.part, "complete": r.complete, "abort": r.abort, "parts": r.parts, "uploads": r.openUploads,
		"list": r.list, "versions": r.versions, "versioning": r.versioning, "idempotent": r.idempotent,
		"deleteBucket": r.deleteBucket, "usage": r.usage,
	}
	act := all[o.Do]
	if act == nil {
		return differs("there is no operation %s", o.Do)
	}
	return act(b, key, o)
}

// ripen waits for short retentions to end, so that no answer hangs on the moment
// in which it is decided.
func (r *runner) ripen(b *bucket) {
	for _, vs := range b.keys {
		for _, v := range vs {
			if d := time.Until(v.until); v.mode != "" && d > -20*time.Millisecond && d < time.Minute {
				select {
				case <-r.ctx.Done():
				case <-time.After(d + 20*time.Millisecond):
				}
			}
		}
	}
}

// body is a content of its own; half of them can be compressed.
func (r *runner) body(size int) []byte {
	r.serial++
	b := make([]byte, size)
	if r.serial%2 == 0 {
		copy(b, fmt.Sprintf("%s %d ", r.buckets[0].name, r.serial))
		for i := 50; i < size; i++ {
			b[i] = byte('a' + i%7)
		}
		return b
	}
	rng := rand.NewChaCha8([32]byte(fmt.Appendf(nil, "%-32.32s", fmt.Sprintf("%d %s", r.serial, r.buckets[0].name))))
	_, _ = rng.Read(b)
	return b
}

// pick chooses a version of the key: mostly one that is there, else the alias of
// the null version, one that was there, or one that never was. "" is the current one.
func (b *bucket) pick(key string, which int) string {
	ids := []string{"", "", "null", "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
	for _, v := range b.keys[key] {
		ids = append(ids, v.id, v.id)
	}
	if gone := b.gone[key]; len(gone) > 0 {
		ids = append(ids, gone[which%len(gone)])
	}
	return ids[which%len(ids)]
}

func objectPath(b *bucket, kind, key, id string) string {
	p := harness.KeyPath(b.name, kind, key)
	if id != "" {
		p += "?versionId=" + id
	}
	return p
}

// conditions of a write: headers, and whether they hold.
func (b *bucket) conditions(key string, how int) (http.Header, bool) {
	cur := b.current(key)
	tag := `"00000000000000000000000000000000-1"`
	if cur != nil {
		tag = cur.etag
	}
	switch how % 12 {
	case 0, 1:
		return http.Header{"If-None-Match": {"*"}}, cur == nil
	case 2, 3:
		return http.Header{"If-Match": {tag}}, cur != nil
	case 4:
		return http.Header{"If-Match": {`"11111111111111111111111111111111-1"`}}, false
	case 5:
		return http.Header{"If-Match": {"*"}}, cur != nil
	case 6:
		return http.Header{"If-Match": {`"11111111111111111111111111111111-1", ` + tag}}, cur != nil
	}
	return http.Header{}, true
}

// describe adds headers by how and says in v what they will make of the object.
func (r *runner) describe(h http.Header, v *version, b *bucket, how int) {
	v.typ = "application/octet-stream"
	if how%3 == 0 {
		v.typ = "text/plain; charset=utf-8"
		h.Set("Content-Type", v.typ)
	}
	if how%4 == 0 {
		v.meta = map[string]string{"Color": fmt.Sprintf("green %d", how), "X": ""}
		for k, val := range v.meta {
			h.Set("X-Lockwell-Meta-"+k, val)
		}
	}
	if how%5 == 0 {
		v.tags = map[string]string{"kind": "t&t", "n": fmt.Sprint(how)}
		h.Set("X-Lockwell-Tags", fmt.Sprintf("kind=t%%26t&n=%d", how))
	}
	if b.lock && how%7 == 0 {
		v.hold = true
		h.Set("X-Lockwell-Legal-Hold", "ON")
	}
	if b.lock && how%11 == 0 {
		v.mode, v.until = retention(how)
		h.Set("X-Lockwell-Retention-Mode", v.mode)
		h.Set("X-Lockwell-Retain-Until", v.until.Format(time.RFC3339Nano))
	}
}

// retention chooses one: for long, or for a moment.
func retention(how int) (mode string, until time.Time) {
	mode, ahead := "GOVERNANCE", time.Duration(1+how%50)*time.Hour
	if how%2 == 0 {
		mode = "COMPLIANCE"
	}
	if how%13 < 2 {
		ahead = 3 * time.Second // in which the request has to arrive
	}
	return mode, time.Now().Add(ahead).UTC().Truncate(time.Millisecond)
}

// made notes what a PUT, copy or complete has made, by its answer.
func (r *runner) made(b *bucket, key string, v *version, a harness.Response) error {
	var o harness.Object
	if err := json.Unmarshal(a.Body, &o); err != nil {
		return differs("an answer that is no object: %.200s", a.Body)
	}
	if o.Bucket != b.name || o.Key != key || o.ETag != v.etag || o.Size != int64(len(v.body)) || o.VersionID == "" || o.ContentType != v.typ || a.Header.Get("ETag") != v.etag {
		return differs("made %+v, want %d bytes of %s as %s, key %q", o, len(v.body), v.typ, v.etag, key)
	}
	v.id = o.VersionID
	b.add(key, v)
	return nil
}

func (r *runner) put(b *bucket, key string, o op) error {
	h, holds := b.conditions(key, o.How)
	v := &version{body: r.body(sizes[o.Size%len(sizes)])}
	v.etag = etag(v.body)
	path := objectPath(b, "objects", key, "")
	if o.Which%17 == 0 && holds {
		h.Set("X-Lockwell-Checksum-SHA256", strings.Repeat("A", 43)+"=")
		_, err := r.want(http.MethodPut, path, v.body, h, http.StatusBadRequest, "bad_digest")
		return err
	}
	if o.Which%19 == 0 && !b.lock {
		_, err := r.want(http.MethodPut, path, v.body, http.Header{"X-Lockwell-Legal-Hold": {"ON"}}, http.StatusBadRequest, "object_lock_not_enabled")
		return err
	}
	if !holds {
		_, err := r.want(http.MethodPut, path, v.body, h, http.StatusPreconditionFailed, "precondition_failed")
		return err
	}
	r.describe(h, v, b, o.Which)
	var body any = v.body
	if o.How%5 == 0 {
		body = unsized{strings.NewReader(string(v.body))}
	}
	a, err := r.want(http.MethodPut, path, body, h, http.StatusCreated, "")
	if err != nil {
		return err
	}
	return r.made(b, key, v, a)
}

// unsized hides how long a body is.
type unsized struct{ r *strings.Reader }

func (u unsized) Read(p []byte) (int, error) { return u.r.Read(p) }

// idempotent puts with a key that may be bound already.
func (r *runner) idempotent(b *bucket, key string, o op) error {
	var old *bound
	for _, k := range b.bound {
		if k.key == key && o.How%3 > 0 {
			old = k
		}
	}
	path := objectPath(b, "objects", key, "")
	if old == nil {
		v := &version{body: r.body(sizes[o.Size%len(sizes)]), typ: "text/x-once"}
		v.etag = etag(v.body)
		k := &bound{key: key, name: fmt.Sprintf("once-%d", r.serial), body: v.body, typ: v.typ}
		a, err := r.want(http.MethodPut, path, v.body, k.header(v.body, v.typ), http.StatusCreated, "")
		if err != nil {
			return err
		}
		if a.Header.Get("Idempotent-Replayed") != "" {
			return differs("the first use of an idempotency key is a replay")
		}
		b.bound = append(b.bound, k)
		err = r.made(b, key, v, a)
		k.version = v.id
		return err
	}
	if o.How%3 == 1 {
		_, err := r.want(http.MethodPut, path, "other", old.header([]byte("other"), old.typ), http.StatusConflict, "idempotency_conflict")
		return err
	}
	h := old.header(old.body, old.typ)
	h.Set("If-None-Match", "*") // not looked at by a replay
	a, err := r.want(http.MethodPut, path, old.body, h, http.StatusCreated, "")
	if err != nil {
		return err
	}
	var made harness.Object
	if json.Unmarshal(a.Body, &made) != nil || made.VersionID != old.version || a.Header.Get("Idempotent-Replayed") != "true" || made.ETag != etag(old.body) {
		return differs("a replay answered %q %s, want version %s", a.Header.Get("Idempotent-Replayed"), a.Body, old.version)
	}
	return nil
}

func (k *bound) header(body []byte, typ string) http.Header {
	return http.Header{"Idempotency-Key": {k.name}, "X-Lockwell-Checksum-Sha256": {checksum(body)}, "Content-Type": {typ}}
}

// absent is the answer about a version that is not there, or is a marker.
func (r *runner) absent(a harness.Response, marker bool) error {
	if got := a.Header.Get("X-Lockwell-Delete-Marker") == "true"; got != marker {
		return differs("X-Lockwell-Delete-Marker is %v, want %v", got, marker)
	}
	return nil
}

func (r *runner) get(b *bucket, key string, o op) error {
	method := http.MethodGet
	if o.Do == "head" {
		method = http.MethodHead
	}
	id := b.pick(key, o.Which)
	v, path := b.find(key, id), objectPath(b, "objects", key, id)
	if v == nil || v.marker {
		a, err := r.want(method, path, nil, nil, http.StatusNotFound, "not_found")
		if err != nil {
			return err
		}
		return r.absent(a, v != nil)
	}
	want := v.ask(o.How)
	code := map[int]string{412: "precondition_failed", 416: "range_not_satisfiable"}[want.status]
	a, err := r.want(method, path, nil, want.header, want.status, code)
	if err != nil {
		return err
	}
	if want.status >= 400 {
		return nil
	}
	return v.holds(b, a, want, method == http.MethodGet)
}

// asked is a GET and its right answer.
type asked struct {
	header   http.Header
	status   int
	from, to int
}

// ask chooses conditions and ranges.
func (v *version) ask(how int) asked {
	n := len(v.body)
	at := func(i int) int { return min(i, n) }
	switch how % 14 {
	case 0:
		return asked{http.Header{"If-None-Match": {v.etag}}, http.StatusNotModified, 0, 0}
	case 1:
		return asked{http.Header{"If-Match": {`"0"`}}, http.StatusPreconditionFailed, 0, 0}
	case 2:
		return asked{http.Header{"Range": {fmt.Sprintf("bytes=%d-", n)}}, http.StatusRequestedRangeNotSatisfiable, 0, 0}
	case 3, 4:
		if n > 0 {
			from := how % n
			return asked{http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", from, from+how)}}, http.StatusPartialContent, from, at(from + how + 1)}
		}
	case 5:
		if n > 0 {
			last := 1 + how%n
			return asked{http.Header{"Range": {fmt.Sprintf("bytes=-%d", last)}}, http.StatusPartialContent, n - last, n}
		}
	case 6:
		if n > 0 {
			return asked{http.Header{"Range": {fmt.Sprintf("bytes=%d-", how%n)}, "If-Range": {v.etag}}, http.StatusPartialContent, how % n, n}
		}
	case 7:
		return asked{http.Header{"Range": {"bytes=0-0"}, "If-Range": {`"other"`}}, http.StatusOK, 0, n}
	case 8:
		return asked{http.Header{"If-Match": {v.etag}, "If-None-Match": {`"0"`}}, http.StatusOK, 0, n}
	}
	return asked{http.Header{}, http.StatusOK, 0, n}
}

// holds compares an answer with the version.
func (v *version) holds(b *bucket, a harness.Response, want asked, withBody bool) error {
	if want.status != http.StatusNotModified {
		if n := fmt.Sprint(want.to - want.from); a.Header.Get("Content-Length") != n || a.Header.Get("Content-Type") != v.typ {
			return differs("%v: %s bytes of %s, want %s of %s", want.header, a.Header.Get("Content-Length"), a.Header.Get("Content-Type"), n, v.typ)
		}
		if withBody && string(a.Body) != string(v.body[want.from:want.to]) {
			return differs("%v: the body is not what was stored", want.header)
		}
		if cr := fmt.Sprintf("bytes %d-%d/%d", want.from, want.to-1, len(v.body)); want.status == http.StatusPartialContent && a.Header.Get("Content-Range") != cr {
			return differs("Content-Range %s, want %s", a.Header.Get("Content-Range"), cr)
		}
	}
	heads := map[string]string{
		"ETag": v.etag, "X-Lockwell-Version-Id": v.id, "X-Lockwell-Tag-Count": fmt.Sprint(len(v.tags)),
		"X-Lockwell-Retention-Mode": v.mode, "X-Lockwell-Legal-Hold": "",
	}
	if b.lock {
		heads["X-Lockwell-Legal-Hold"] = onOff(v.hold)
	}
	for k, val := range v.meta {
		heads["X-Lockwell-Meta-"+k] = val
	}
	for k, val := range heads {
		if got := a.Header.Get(k); got != val {
			return differs("%s: %q, want %q", k, got, val)
		}
	}
	if v.mode != "" && v.differsFrom(a.Header.Get("X-Lockwell-Retain-Until")) {
		return differs("retained until %s, want %v", a.Header.Get("X-Lockwell-Retain-Until"), v.until)
	}
	return nil
}

// differsFrom reports whether a time on the wire is another one than v's retention ends
// at. A default retention began when the server says so, not when we do.
func (v *version) differsFrom(wire string) bool {
	t, err := time.Parse(time.RFC3339, wire)
	return err != nil || t.Sub(v.until).Abs() > time.Minute
}

func onOff(on bool) string {
	if on {
		return "ON"
	}
	return "OFF"
}

func (r *runner) putTags(b *bucket, key string, o op) error {
	id := b.pick(key, o.Which)
	v, path := b.find(key, id), objectPath(b, "object-tags", key, id)
	tags := map[string]string{}
	for i := range o.How % 4 {
		tags[fmt.Sprintf("tag %d ü", i)] = strings.Repeat("v", o.How%256)
	}
	method, status := http.MethodPut, http.StatusOK
	var body any = map[string]any{"tags": tags}
	if o.Do == "deleteTags" {
		method, status, body, tags = http.MethodDelete, http.StatusNoContent, nil, nil
	}
	if v == nil || v.marker {
		a, err := r.want(method, path, body, nil, http.StatusNotFound, "not_found")
		if err != nil {
			return err
		}
		return r.absent(a, v != nil)
	}
	a, err := r.want(method, path, body, nil, status, "")
	if err != nil {
		return err
	}
	v.tags = tags
	if status == http.StatusOK {
		return v.tagged(a)
	}
	return nil
}

func (v *version) tagged(a harness.Response) error {
	var got struct{ Tags map[string]string }
	if json.Unmarshal(a.Body, &got) != nil || got.Tags == nil || !maps.Equal(got.Tags, v.tags) {
		return differs("tags %.200s, want %v", a.Body, v.tags)
	}
	return nil
}

func (r *runner) getTags(b *bucket, key string, o op) error {
	id := b.pick(key, o.Which)
	v := b.find(key, id)
	status, code := http.StatusOK, ""
	if v == nil || v.marker {
		status, code = http.StatusNotFound, "not_found"
	}
	a, err := r.want(http.MethodGet, objectPath(b, "object-tags", key, id), nil, nil, status, code)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return r.absent(a, v != nil)
	}
	return v.tagged(a)
}

func (r *runner) delete(b *bucket, key string, _ op) error {
	cur, path := b.current(key), objectPath(b, "objects", key, "")
	if b.state == unversioned || cur == nil {
		if _, err := r.want(http.MethodDelete, path, nil, nil, http.StatusNoContent, ""); err != nil {
			return err
		}
		if cur != nil {
			b.drop(key, cur)
		}
		return nil
	}
	a, err := r.want(http.MethodDelete, path, nil, nil, http.StatusOK, "")
	if err != nil {
		return err
	}
	var got struct {
		DeleteMarker bool
		VersionID    string
	}
	if json.Unmarshal(a.Body, &got) != nil || !got.DeleteMarker || got.VersionID == "" {
		return differs("a marker was answered as %s", a.Body)
	}
	b.add(key, &version{id: got.VersionID, marker: true})
	return nil
}

func (r *runner) deleteVersion(b *bucket, key string, o op) error {
	id := b.pick(key, o.Which)
	if id == "" {
		return nil
	}
	v, path := b.find(key, id), objectPath(b, "objects", key, id)
	if v != nil && v.locked() {
		_, err := r.want(http.MethodDelete, path, nil, nil, http.StatusForbidden, "object_locked")
		return err
	}
	_, err := r.want(http.MethodDelete, path, nil, nil, http.StatusNoContent, "")
	if err == nil && v != nil {
		b.drop(key, v)
	}
	return err
}

// batchDelete deletes current versions, named ones and absent ones at once, in
// the order of the request where they are of one key.
func (r *runner) batchDelete(b *bucket, _ string, o op) error {
	type ref struct {
		Key       string `json:"key"`
		VersionID string `json:"versionId,omitempty"`
	}
	var refs []ref
	for i := range 1 + o.How%len(keys) {
		key := keys[(o.Key+i*2/3)%len(keys)] // some of them twice
		refs = append(refs, ref{key, b.pick(key, o.Which+i)})
	}
	a, err := r.want(http.MethodPost, harness.BucketPath(b.name, "/objects:batchDelete"), map[string]any{"objects": refs}, nil, http.StatusOK, "")
	if err != nil {
		return err
	}
	var got struct {
		Results []struct {
			Key, VersionID, DeleteMarkerVersionID string
			Deleted, DeleteMarker                 bool
			Error                                 *struct{ Code string }
		}
	}
	if json.Unmarshal(a.Body, &got) != nil || len(got.Results) != len(refs) {
		return differs("%d objects, answered %s", len(refs), a.Body)
	}
	for i, g := range got.Results {
		key, id := refs[i].Key, refs[i].VersionID
		v, cur := b.find(key, id), b.current(key)
		locked := id != "" && v != nil && v.locked()
		marks := id == "" && cur != nil && b.state != unversioned
		if g.Key != key || g.VersionID != id || locked != (g.Error != nil && g.Error.Code == "object_locked") || g.Deleted == locked || g.DeleteMarker != marks || marks != (g.DeleteMarkerVersionID != "") {
			return differs("%+v for %+v, want locked %v, marked %v", g, refs[i], locked, marks)
		}
		switch {
		case locked:
		case marks:
			b.add(key, &version{id: g.DeleteMarkerVersionID, marker: true})
		case id != "" && v != nil:
			b.drop(key, v)
		case id == "" && cur != nil:
			b.drop(key, cur)
		}
	}
	return nil
}

func (r *runner) versioning(b *bucket, _ string, o op) error {
	if b == r.buckets[0] {
		return nil // it is the one that never keeps any
	}
	path := harness.BucketPath(b.name, "/versioning")
	next := enabled
	if o.How%2 == 0 {
		next = suspended
	}
	body := map[string]any{"status": next}
	if b.lock && next == suspended {
		_, err := r.want(http.MethodPut, path, body, nil, http.StatusConflict, "object_lock_requires_versioning")
		return err
	}
	if _, err := r.want(http.MethodPut, path, body, nil, http.StatusOK, ""); err != nil {
		return err
	}
	b.state = next
	return nil
}

// deleteBucket deletes it when it is empty, and makes it again.
func (r *runner) deleteBucket(b *bucket, _ string, _ op) error {
	path := harness.BucketPath(b.name, "")
	if !b.empty() {
		_, err := r.want(http.MethodDelete, path, nil, nil, http.StatusConflict, "bucket_not_empty")
		return err
	}
	if _, err := r.want(http.MethodDelete, path, nil, nil, http.StatusNoContent, ""); err != nil {
		return err
	}
	*b = *newBucket(b.name, b.lock, b.days)
	return r.makeBucket(b)
}

// usage holds the bucket's counts against the model. The server counts in the
// background, and so it is given a moment.
func (r *runner) usage(b *bucket, _ string, _ op) error {
	objects, bytes := b.size()
	var got struct {
		Versioning         string
		ObjectCount, Bytes int64
	}
	for try := 0; ; try++ {
		a, err := r.want(http.MethodGet, harness.BucketPath(b.name, ""), nil, nil, http.StatusOK, "")
		if err != nil {
			return err
		}
		if err := json.Unmarshal(a.Body, &got); err != nil {
			return differs("a bucket: %s", a.Body)
		}
		if got.ObjectCount == objects && got.Bytes == bytes && got.Versioning == b.state {
			return nil
		}
		if try == 500 {
			return differs("%s is %+v, want %s, %d objects of %d bytes", b.name, got, b.state, objects, bytes)
		}
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
