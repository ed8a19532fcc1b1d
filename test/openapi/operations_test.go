package openapi_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/test/harness"
)

type m = map[string]any

// TestOperations drives every operation of the document against the embedded
// system and holds each request and answer against the document; it fails on an
// operation without a success, or without an error where one can be caused.
func TestOperations(t *testing.T) {
	t.Parallel()
	w := harness.Start(t, harness.Options{})
	ada := harness.NewClient(t, w, "ada")
	d := newDriver(load(t, openapi.Lockwell()), ada)
	d.do(t, call{op: "createBucket", body: m{"name": "box"}, status: 201})
	d.do(t, call{op: "createBucket", body: m{"name": "versions", "versioning": true}, status: 201})
	d.do(t, call{op: "createBucket", body: m{"name": "vault", "objectLock": true, "defaultRetention": m{"mode": "GOVERNANCE", "days": 1}}, status: 201})

	t.Run("Tokens", func(t *testing.T) { tokens(t, d) })
	t.Run("AccessKeys", func(t *testing.T) { accessKeys(t, d) })
	t.Run("Buckets", func(t *testing.T) { buckets(t, d) })
	t.Run("Policies", func(t *testing.T) { policies(t, d) })
	t.Run("Put", func(t *testing.T) { put(t, d) })
	t.Run("Read", func(t *testing.T) { read(t, d) })
	t.Run("Delete", func(t *testing.T) { remove(t, d) })
	t.Run("List", func(t *testing.T) { list(t, d) })
	t.Run("Copy", func(t *testing.T) { copies(t, d) })
	t.Run("Tags", func(t *testing.T) { tags(t, d) })
	t.Run("Locks", func(t *testing.T) { locks(t, d) })
	t.Run("Multipart", func(t *testing.T) { multipart(t, d) })
	t.Run("Signed", func(t *testing.T) { signed(t, d) })
	t.Run("Notifications", func(t *testing.T) { notifications(t, d) })
	t.Run("System", func(t *testing.T) { system(t, d) })
	t.Run("Refusals", func(t *testing.T) { refusals(t, d) })

	for _, what := range d.missing() {
		t.Errorf("not driven: %s", what)
	}
}

func tokens(t *testing.T, d *driver) {
	key := m{"accessKeyId": d.client.KeyID, "secretKey": d.client.Secret}
	d.do(t, call{op: "mintToken", body: key, status: 200, bearer: "none"})
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(d.client.KeyID+":"+d.client.Secret))
	d.do(t, call{op: "mintToken", header: http.Header{"Authorization": {basic}}, status: 200})
	d.do(t, call{op: "mintToken", body: m{"accessKeyId": d.client.KeyID, "secretKey": "wrong"}, status: 401, code: "unauthorized", bearer: "none"})
	d.do(t, call{op: "mintToken", body: m{"accessKeyId": 5}, status: 400, code: "invalid_request", bearer: "none", invalid: true})
	d.do(t, call{op: "mintToken", body: m{"accessKeyId": strings.Repeat("x", 2<<20), "secretKey": "x"}, status: 413, code: "too_large", bearer: "none"})
}

func accessKeys(t *testing.T, d *driver) {
	account := d.client.Account
	d.do(t, call{op: "listAccessKeys", status: 200, bearer: account})
	d.do(t, call{op: "listAccessKeys", status: 200})
	var key struct{ AccessKeyID string }
	d.do(t, call{op: "createAccessKey", bearer: account, status: 201,
		body: m{"scopes": []string{"read"}, "buckets": []string{"box"}, "prefixes": []string{"a/"}, "expiresAt": "2100-01-01T00:00:00Z"}}).JSON(t, &key)
	d.do(t, call{op: "createAccessKey", body: m{"scopes": []string{}}, status: 400, bearer: account, invalid: true})
	d.do(t, call{op: "createAccessKey", body: m{"scopes": []string{"fly"}}, status: 400, bearer: account, invalid: true})
	d.do(t, call{op: "createAccessKey", body: m{"scopes": []string{"read"}, "bucket": "box"}, status: 400, bearer: account, invalid: true})
	d.do(t, call{op: "createAccessKey", body: m{"scopes": []string{"read"}, "expiresAt": "2001-01-01T00:00:00Z"}, status: 400, bearer: account})
	d.do(t, call{op: "revokeAccessKey", at: []string{"id=" + key.AccessKeyID}, status: 204, bearer: account})
	d.do(t, call{op: "revokeAccessKey", at: []string{"id=LWAKAAAAAAAAAAAAAAAA"}, status: 404, bearer: account})
	d.do(t, call{op: "listAccessKeys", status: 200, bearer: account}) // with a revoked one
}

func buckets(t *testing.T, d *driver) {
	d.do(t, call{op: "createBucket", body: m{"name": "box"}, status: 409, code: "bucket_exists"})
	d.do(t, call{op: "createBucket", body: m{"name": "No"}, status: 400, code: "invalid_bucket_name", invalid: true})
	d.do(t, call{op: "createBucket", body: m{"name": "10.1.2.3"}, status: 400, code: "invalid_bucket_name"})
	d.do(t, call{op: "createBucket", body: m{"name": "gone", "defaultRetention": m{"mode": "GOVERNANCE", "days": 1}}, status: 400, code: "invalid_request"})
	d.do(t, call{op: "createBucket", body: m{"name": "gone"}, status: 201})
	d.do(t, call{op: "deleteBucket", at: []string{"bucket=gone"}, status: 204})
	d.do(t, call{op: "deleteBucket", at: []string{"bucket=gone"}, status: 404})
	d.do(t, call{op: "listBuckets", status: 200})
	for _, name := range []string{"box", "versions", "vault"} {
		d.do(t, call{op: "getBucket", at: []string{"bucket=" + name}, status: 200})
		d.do(t, call{op: "getBucketVersioning", at: []string{"bucket=" + name}, status: 200})
	}
	d.do(t, call{op: "getBucket", at: []string{"bucket=gone"}, status: 404, code: "not_found"})
	d.do(t, call{op: "createBucket", body: m{"name": "turns"}, status: 201})
	for _, status := range []string{"Enabled", "Suspended", "Enabled"} {
		d.do(t, call{op: "setBucketVersioning", at: []string{"bucket=turns"}, body: m{"status": status}, status: 200})
	}
	d.do(t, call{op: "setBucketVersioning", at: []string{"bucket=turns"}, body: m{"status": "Unversioned"}, status: 400, invalid: true})
	d.do(t, call{op: "setBucketVersioning", at: []string{"bucket=vault"}, body: m{"status": "Suspended"}, status: 409, code: "object_lock_requires_versioning"})
	d.do(t, call{op: "getBucketVersioning", at: []string{"bucket=gone"}, status: 404})
}

func policies(t *testing.T, d *driver) {
	at := []string{"bucket=turns"}
	d.do(t, call{op: "getBucketPolicy", at: at, status: 200})
	body := m{"statements": []m{{"effect": "Deny", "actions": []string{"delete", "getObject"}, "prefixes": []string{"secret/"}, "accessKeyIds": []string{d.client.KeyID}}, {"effect": "Allow", "actions": []string{"*"}}}}
	d.do(t, call{op: "setBucketPolicy", at: at, body: body, status: 200, bearer: d.client.Account})
	d.do(t, call{op: "getBucketPolicy", at: at, status: 200})
	d.do(t, call{op: "getObject", at: []string{"bucket=turns", "key=secret/x"}, status: 403, code: "access_denied"})
	d.do(t, call{op: "setBucketPolicy", at: at, body: m{"statements": []m{{"effect": "Perhaps", "actions": []string{"*"}}}}, status: 400, invalid: true})
	d.do(t, call{op: "setBucketPolicy", at: at, body: m{"statements": []m{{"effect": "Deny", "actions": []string{"fly"}}}}, status: 400, invalid: true})
	d.do(t, call{op: "setBucketPolicy", at: at, body: m{}, status: 400, invalid: true})
	d.do(t, call{op: "deleteBucketPolicy", at: at, status: 204, bearer: d.client.Account})
	d.do(t, call{op: "deleteBucketPolicy", at: []string{"bucket=gone"}, status: 404})
	d.do(t, call{op: "getBucketPolicy", at: []string{"bucket=gone"}, status: 404})
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func put(t *testing.T, d *driver) {
	at := []string{"bucket=box", "key=a/b c.txt"}
	d.do(t, call{op: "putObject", at: at, body: "hello world", status: 201, header: http.Header{
		"Content-Type": {"text/plain"}, "Cache-Control": {"no-store"}, "Content-Disposition": {"inline"}, "X-Lockwell-Meta-Colour": {"red"},
		"X-Lockwell-Tags": {"team=a&year=2026"}, "X-Lockwell-Checksum-Sha256": {sha("hello world")}, "X-Lockwell-Checksum-Crc32": {"DUoRhQ=="},
		"X-Lockwell-Checksum-Crc32c": {"yZRlqg=="}, "X-Lockwell-Checksum-Sha1": {"Kq5sNclPz7QV2+lfQIuc6R7oRu0="}, "Content-Md5": {"XrY7u+Ae7tCTyyK7j1rNww=="},
	}})
	d.do(t, call{op: "putObject", at: at, body: "x", status: 412, code: "precondition_failed", header: http.Header{"If-None-Match": {"*"}}})
	d.do(t, call{op: "putObject", at: at, body: "x", status: 412, code: "precondition_failed", header: http.Header{"If-Match": {`"no"`}}})
	d.do(t, call{op: "putObject", at: at, body: "x", status: 400, code: "bad_digest", header: http.Header{"X-Lockwell-Checksum-Sha256": {sha("y")}}})
	d.do(t, call{op: "putObject", at: at, body: "x", status: 400, code: "invalid_request", invalid: true, header: http.Header{"X-Lockwell-Checksum-Sha256": {"eA=="}}})
	d.do(t, call{op: "putObject", at: at, body: "x", status: 400, code: "invalid_request", invalid: true, header: http.Header{"If-None-Match": {`"a"`}}})
	d.do(t, call{op: "putObject", at: at, body: "x", status: 400, code: "object_lock_not_enabled", header: http.Header{"X-Lockwell-Legal-Hold": {"ON"}}})
	once := http.Header{"Idempotency-Key": {"once"}, "X-Lockwell-Checksum-Sha256": {sha("once")}}
	for range 2 {
		d.do(t, call{op: "putObject", at: []string{"bucket=box", "key=once"}, body: "once", status: 201, header: once})
	}
	twice := http.Header{"X-Lockwell-Idempotency-Key": {"once"}, "X-Lockwell-Checksum-Sha256": {sha("twice")}}
	d.do(t, call{op: "putObject", at: []string{"bucket=box", "key=once"}, body: "twice", status: 409, code: "idempotency_conflict", header: twice})
	d.do(t, call{op: "putObject", at: at, body: "x", status: 400, code: "idempotency_requires_checksum", header: http.Header{"Idempotency-Key": {"k"}}})
	d.do(t, call{op: "putObject", at: at, body: "x", status: 400, invalid: true, header: http.Header{"Idempotency-Key": {strings.Repeat("k", 256)}}})
	d.do(t, call{op: "putObject", at: []string{"bucket=box", "key=" + strings.Repeat("k", 1025)}, body: "x", status: 400, code: "invalid_key", invalid: true})
	d.do(t, call{op: "putObject", at: []string{"bucket=box", "key=a\x00b"}, body: "x", status: 400, code: "invalid_key"})
	d.do(t, call{op: "putObject", at: []string{"bucket=box", "key=twin"}, body: "hello world", status: 201})
	text := strings.Repeat("compressible ", 1<<14)
	d.do(t, call{op: "putObject", at: []string{"bucket=box", "key=text"}, body: text, status: 201, header: http.Header{"Content-Type": {"text/plain"}}})
}

func read(t *testing.T, d *driver) {
	at := []string{"bucket=box", "key=a/b c.txt"}
	etag := d.do(t, call{op: "getObject", at: at, status: 200}).Header.Get("Etag")
	for _, op := range []string{"getObject", "headObject"} {
		d.do(t, call{op: op, at: at, status: 200})
		d.do(t, call{op: op, at: []string{"bucket=box", "key=text"}, status: 200})
		d.do(t, call{op: op, at: at, status: 206, header: http.Header{"Range": {"bytes=0-3"}}})
		d.do(t, call{op: op, at: at, status: 206, header: http.Header{"Range": {"bytes=0-1,3-4"}, "If-Range": {etag}}})
		d.do(t, call{op: op, at: at, status: 416, code: "range_not_satisfiable", header: http.Header{"Range": {"bytes=50-"}}})
		d.do(t, call{op: op, at: at, status: 304, header: http.Header{"If-None-Match": {etag}}})
		d.do(t, call{op: op, at: at, status: 304, header: http.Header{"If-Modified-Since": {time.Now().UTC().Add(time.Hour).Format(http.TimeFormat)}}})
		d.do(t, call{op: op, at: at, status: 412, code: "precondition_failed", header: http.Header{"If-Match": {`"no"`}}})
		d.do(t, call{op: op, at: at, status: 412, header: http.Header{"If-Unmodified-Since": {"Thu, 01 Jan 2015 00:00:00 GMT"}}})
		d.do(t, call{op: op, at: []string{"bucket=box", "key=none"}, status: 404, code: "not_found"})
		d.do(t, call{op: op, at: append(at, "versionId=01JTN8Y0M2S4E5R6T7Y8V9W0XA"), status: 404})
		d.do(t, call{op: op, at: append(at, "versionId="), status: 400, code: "invalid_request", invalid: true})
	}
	d.do(t, call{op: "getObject", at: append(at, "versionId=null"), status: 200})
}

func remove(t *testing.T, d *driver) {
	var o, mark struct{ VersionID string }
	at := []string{"bucket=versions", "key=k"}
	d.do(t, call{op: "putObject", at: at, body: "1", status: 201}).JSON(t, &o)
	d.do(t, call{op: "deleteObject", at: at, status: 200}).JSON(t, &mark)
	for _, op := range []string{"getObject", "headObject", "getObjectTags"} {
		r := d.do(t, call{op: op, at: at, status: 404, code: "not_found"})
		if r.Header.Get("X-Lockwell-Delete-Marker") != "true" {
			t.Errorf("%s of a delete marker: %v", op, r.Header)
		}
	}
	d.do(t, call{op: "getObject", at: append(at, "versionId="+o.VersionID), status: 200})
	d.do(t, call{op: "listObjectVersions", at: []string{"bucket=versions"}, status: 200})
	d.do(t, call{op: "deleteObject", at: append(at, "versionId="+mark.VersionID), status: 204})
	d.do(t, call{op: "deleteObject", at: append(at, "versionId="+o.VersionID), status: 204})
	d.do(t, call{op: "deleteObject", at: []string{"bucket=box", "key=never"}, status: 204})
	d.do(t, call{op: "deleteObject", at: append(at, "versionId="), status: 400, invalid: true})
	d.do(t, call{op: "deleteBucket", at: []string{"bucket=box"}, status: 409, code: "bucket_not_empty"})

	d.do(t, call{op: "putObject", at: at, body: "1", status: 201})
	d.do(t, call{op: "putObject", at: []string{"bucket=vault", "key=locked"}, body: "1", status: 201}).JSON(t, &o)
	d.do(t, call{op: "batchDeleteObjects", at: []string{"bucket=versions"}, body: m{"objects": []m{{"key": "k"}, {"key": "never"}, {"key": "k", "versionId": "01JTN8Y0M2S4E5R6T7Y8V9W0XA"}}}, status: 200})
	d.do(t, call{op: "batchDeleteObjects", at: []string{"bucket=vault"}, body: m{"objects": []m{{"key": "locked", "versionId": o.VersionID}}}, status: 200})
	d.do(t, call{op: "batchDeleteObjects", at: []string{"bucket=box"}, body: m{"objects": []m{}}, status: 400, invalid: true})
	d.do(t, call{op: "batchDeleteObjects", at: []string{"bucket=gone"}, body: m{"objects": []m{{"key": "k"}}}, status: 404})
	d.do(t, call{op: "deleteObject", at: []string{"bucket=vault", "key=locked", "versionId=" + o.VersionID}, status: 403, code: "object_locked"})
}

func list(t *testing.T, d *driver) {
	d.do(t, call{op: "listObjects", at: []string{"bucket=box"}, status: 200})
	var page struct{ NextContinuationToken string }
	d.do(t, call{op: "listObjects", at: []string{"bucket=box", "maxKeys=1", "delimiter=/", "prefix="}, status: 200}).JSON(t, &page)
	d.do(t, call{op: "listObjects", at: []string{"bucket=box", "maxKeys=1000", "delimiter=/", "continuationToken=" + page.NextContinuationToken}, status: 200})
	d.do(t, call{op: "listObjects", at: []string{"bucket=box", "fields=full", "startAfter=a"}, status: 200})
	d.do(t, call{op: "listObjects", at: []string{"bucket=vault", "fields=full"}, status: 200})
	for _, bad := range []string{"maxKeys=0", "maxKeys=1001", "fields=most", "prefix=" + strings.Repeat("p", 1025)} {
		d.do(t, call{op: "listObjects", at: []string{"bucket=box", bad}, status: 400, code: "invalid_request", invalid: true})
	}
	d.do(t, call{op: "listObjects", at: []string{"bucket=box", "continuationToken=nonsense"}, status: 400})
	d.do(t, call{op: "listObjectVersions", at: []string{"bucket=box", "maxKeys=1"}, status: 200})
	d.do(t, call{op: "listObjectVersions", at: []string{"bucket=box", "prefix=a", "keyMarker=a", "maxKeys=2"}, status: 200})
	d.do(t, call{op: "listObjectVersions", at: []string{"bucket=box", "versionIdMarker=01JTN8Y0M2S4E5R6T7Y8V9W0XA"}, status: 400})
	d.do(t, call{op: "listObjectVersions", at: []string{"bucket=box", "maxKeys=x"}, status: 400, invalid: true})
}

func copies(t *testing.T, d *driver) {
	at := []string{"bucket=versions", "key=copy of a"}
	d.do(t, call{op: "copyObject", at: at, body: m{"sourceBucket": "box", "sourceKey": "a/b c.txt", "requireAbsent": true}, status: 201})
	d.do(t, call{op: "copyObject", at: at, body: m{"sourceBucket": "box", "sourceKey": "a/b c.txt", "requireAbsent": true}, status: 412, code: "precondition_failed"})
	d.do(t, call{op: "copyObject", at: at, status: 201, body: m{"sourceBucket": "box", "sourceKey": "a/b c.txt", "metadataDirective": "REPLACE", "contentType": "text/html", "metadata": m{"colour": "blue"},
		"ifMatch": "*", "ifUnmodifiedSince": "2100-01-01T00:00:00Z", "ifModifiedSince": "Thu, 01 Jan 2015 00:00:00 GMT"}})
	d.do(t, call{op: "copyObject", at: at, body: m{"sourceBucket": "box", "sourceKey": "a/b c.txt", "ifNoneMatch": "*"}, status: 412, code: "precondition_failed"})
	d.do(t, call{op: "copyObject", at: at, body: m{"sourceBucket": "box", "sourceKey": "a/b c.txt", "contentType": "text/html"}, status: 400, code: "invalid_request"})
	d.do(t, call{op: "copyObject", at: at, body: m{"sourceBucket": "box", "sourceKey": "none"}, status: 404, code: "not_found"})
	d.do(t, call{op: "copyObject", at: at, body: m{"sourceBucket": "box"}, status: 400, invalid: true})
	d.do(t, call{op: "copyObject", at: at, body: m{"sourceBucket": "box", "sourceKey": "once", "metadataDirective": "MOVE"}, status: 400, invalid: true})
}

func tags(t *testing.T, d *driver) {
	at := []string{"bucket=box", "key=a/b c.txt"}
	d.do(t, call{op: "getObjectTags", at: at, status: 200})
	d.do(t, call{op: "setObjectTags", at: at, body: m{"tags": m{"a": "1", "b": ""}}, status: 200})
	many := m{}
	for i := range 11 {
		many[fmt.Sprint("t", i)] = "v"
	}
	d.do(t, call{op: "setObjectTags", at: at, body: m{"tags": many}, status: 400, code: "invalid_request", invalid: true})
	d.do(t, call{op: "setObjectTags", at: at, body: m{"tags": m{"a": strings.Repeat("v", 257)}}, status: 400, invalid: true})
	d.do(t, call{op: "setObjectTags", at: at, body: m{}, status: 400, invalid: true})
	d.do(t, call{op: "deleteObjectTags", at: at, status: 204})
	d.do(t, call{op: "getObjectTags", at: at, status: 200})
	for _, op := range []string{"getObjectTags", "deleteObjectTags"} {
		d.do(t, call{op: op, at: []string{"bucket=box", "key=none"}, status: 404, code: "not_found"})
	}
}

func locks(t *testing.T, d *driver) {
	at := []string{"bucket=vault", "key=kept"}
	until := time.Now().UTC().AddDate(0, 0, 9).Format(time.RFC3339)
	later := time.Now().UTC().AddDate(0, 0, 10).Format(time.RFC3339)
	d.do(t, call{op: "putObject", at: at, body: "1", status: 201, header: http.Header{"X-Lockwell-Retention-Mode": {"GOVERNANCE"}, "X-Lockwell-Retain-Until": {until}, "X-Lockwell-Legal-Hold": {"ON"}}})
	d.do(t, call{op: "putObject", at: at, body: "1", status: 400, code: "invalid_request", header: http.Header{"X-Lockwell-Retention-Mode": {"GOVERNANCE"}}})
	d.do(t, call{op: "putObject", at: at, body: "1", status: 400, invalid: true, header: http.Header{"X-Lockwell-Legal-Hold": {"maybe"}}})
	d.do(t, call{op: "headObject", at: at, status: 200})
	d.do(t, call{op: "getObjectRetention", at: at, status: 200})
	d.do(t, call{op: "setObjectRetention", at: at, body: m{"mode": "COMPLIANCE", "retainUntil": later}, status: 200})
	d.do(t, call{op: "setObjectRetention", at: at, body: m{"mode": "GOVERNANCE", "retainUntil": later}, status: 403, code: "object_locked"})
	d.do(t, call{op: "setObjectRetention", at: at, body: m{"mode": "COMPLIANCE", "retainUntil": "2001-01-01T00:00:00Z"}, status: 400, code: "invalid_request"})
	d.do(t, call{op: "setObjectRetention", at: at, body: m{"mode": "FOREVER", "retainUntil": later}, status: 400, invalid: true})
	d.do(t, call{op: "getObjectLegalHold", at: at, status: 200})
	d.do(t, call{op: "setObjectLegalHold", at: at, body: m{"status": "OFF"}, status: 200})
	d.do(t, call{op: "setObjectLegalHold", at: at, body: m{"status": true}, status: 400, invalid: true})
	open := []string{"bucket=box", "key=once"}
	d.do(t, call{op: "getObjectRetention", at: open, status: 400, code: "object_lock_not_enabled"})
	d.do(t, call{op: "getObjectLegalHold", at: open, status: 400, code: "object_lock_not_enabled"})
	d.do(t, call{op: "setObjectRetention", at: open, body: m{"mode": "COMPLIANCE", "retainUntil": later}, status: 400, code: "object_lock_not_enabled"})
	d.do(t, call{op: "createBucket", body: m{"name": "bare", "objectLock": true}, status: 201})
	d.do(t, call{op: "putObject", at: []string{"bucket=bare", "key=k"}, body: "1", status: 201})
	d.do(t, call{op: "getObjectRetention", at: []string{"bucket=bare", "key=k"}, status: 404, code: "no_retention"})
}

func multipart(t *testing.T, d *driver) {
	key := []string{"bucket=box", "key=big/film.mkv"}
	create := func(c call) []string {
		t.Helper()
		c.op, c.at, c.status = "createMultipartUpload", key, 201
		var up struct{ UploadID string }
		d.do(t, c).JSON(t, &up)
		return append(key, "uploadId="+up.UploadID)
	}
	up := create(call{header: http.Header{"Content-Type": {"video/x-matroska"}, "X-Lockwell-Meta-Camera": {"K-3"}, "X-Lockwell-Tags": {"a=b"}}})
	other := create(call{body: m{"contentType": "video/x-matroska", "metadata": m{"camera": "K-3"}, "tags": m{"a": "b"}}})
	d.do(t, call{op: "createMultipartUpload", at: key, body: m{"size": 5}, status: 400, code: "invalid_request", invalid: true})
	d.do(t, call{op: "createMultipartUpload", at: key, status: 400, code: "object_lock_not_enabled", header: http.Header{"X-Lockwell-Legal-Hold": {"ON"}}})

	first := make([]byte, 5<<20)
	_, _ = rand.Read(first) // it never fails
	var parts []m
	for i, b := range [][]byte{first, []byte("the end")} {
		var p struct{ ETag string }
		d.do(t, call{op: "uploadPart", at: append(up, fmt.Sprint("partNumber=", i+1)), body: b, status: 200, header: http.Header{"X-Lockwell-Checksum-Sha256": {sha(string(b))}}}).JSON(t, &p)
		parts = append(parts, m{"partNumber": i + 1, "etag": p.ETag})
	}
	d.do(t, call{op: "uploadPart", at: append(up, "partNumber=1"), body: "x", status: 400, code: "bad_digest", header: http.Header{"X-Lockwell-Checksum-Sha256": {sha("y")}}})
	d.do(t, call{op: "uploadPart", at: append(up, "partNumber=10001"), body: "x", status: 400, code: "invalid_request", invalid: true})
	d.do(t, call{op: "listParts", at: append(up, "maxParts=1"), status: 200})
	d.do(t, call{op: "listParts", at: append(up, "partNumberMarker=1"), status: 200})
	d.do(t, call{op: "listParts", at: append(up, "maxParts=0"), status: 400, invalid: true})
	d.do(t, call{op: "listMultipartUploads", at: []string{"bucket=box", "maxUploads=1", "prefix=big"}, status: 200})
	d.do(t, call{op: "listMultipartUploads", at: []string{"bucket=box", "keyMarker=a"}, status: 200})
	d.do(t, call{op: "listMultipartUploads", at: []string{"bucket=box", "maxUploads=0"}, status: 400, invalid: true})

	finish := func(status int, code string, h http.Header, parts ...m) {
		t.Helper()
		d.do(t, call{op: "completeMultipartUpload", at: up, body: m{"parts": parts}, header: h, status: status, code: code, invalid: len(parts) == 0})
	}
	finish(400, "invalid_part", nil)
	finish(400, "invalid_part", nil, m{"partNumber": 3, "etag": `"a"`})
	finish(400, "invalid_part_order", nil, parts[1], parts[0])
	var small struct{ ETag string }
	d.do(t, call{op: "uploadPart", at: append(up, "partNumber=3"), body: "small", status: 200}).JSON(t, &small)
	finish(400, "part_too_small", nil, parts[0], parts[1], m{"partNumber": 3, "etag": small.ETag})
	finish(412, "precondition_failed", http.Header{"If-Match": {`"no"`}}, parts...)
	finish(200, "", nil, parts...)
	finish(200, "", nil, parts...)
	if r := d.do(t, call{op: "getObject", at: key, status: 200}); !bytes.Equal(r.Body, append(first, "the end"...)) || r.Header.Get("X-Lockwell-Checksum-Type") == "" {
		t.Errorf("the composed object: %d bytes, %v", len(r.Body), r.Header)
	}
	d.do(t, call{op: "headObject", at: key, status: 206, header: http.Header{"Range": {"bytes=1-2"}}})
	d.do(t, call{op: "listObjects", at: []string{"bucket=box", "prefix=big", "fields=full"}, status: 200})
	d.do(t, call{op: "abortMultipartUpload", at: other, status: 204})
	for _, op := range []string{"uploadPart", "listParts", "completeMultipartUpload", "abortMultipartUpload"} {
		c := call{op: op, at: append(key, "uploadId=mpu_01JTN8Z4R5V6G7T8W9A0X1Y2ZC"), status: 404, code: "not_found"}
		switch op {
		case "uploadPart":
			c.at, c.body = append(c.at, "partNumber=1"), "x"
		case "completeMultipartUpload":
			c.body = m{"parts": []m{{"partNumber": 1, "etag": `"a"`}}}
		}
		d.do(t, c)
	}
}

func signed(t *testing.T, d *driver) {
	at := []string{"bucket=box", "key=once"}
	sign := func(method string) string {
		t.Helper()
		var s struct{ URL string }
		d.do(t, call{op: "signURL", body: m{"method": method, "bucket": "box", "key": "once", "ttlSeconds": 60}, status: 200}).JSON(t, &s)
		u, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		return "token=" + u.Query().Get("token")
	}
	get, put := sign("GET"), sign("PUT")
	for _, op := range []string{"getSigned", "headSigned"} {
		d.do(t, call{op: op, at: append(at, get), status: 200, bearer: "none"})
		d.do(t, call{op: op, at: append(at, get), status: 206, bearer: "none", header: http.Header{"Range": {"bytes=0-1"}}})
		d.do(t, call{op: op, at: append(at, get), status: 416, bearer: "none", header: http.Header{"Range": {"bytes=90-"}}})
		d.do(t, call{op: op, at: append(at, get), status: 412, bearer: "none", header: http.Header{"If-Match": {`"no"`}}})
		d.do(t, call{op: op, at: append(at, get), status: 304, bearer: "none", header: http.Header{"If-None-Match": {"*"}}})
		d.do(t, call{op: op, at: append(at, put), status: 403, code: "access_denied", bearer: "none"})
		d.do(t, call{op: op, at: append(at, "token=lwurl_x.y"), status: 401, code: "unauthorized", bearer: "none"})
	}
	d.do(t, call{op: "putSigned", at: append(at, put), body: "signed", status: 201, bearer: "none"})
	d.do(t, call{op: "putSigned", at: append(at, get), body: "signed", status: 403, code: "access_denied", bearer: "none"})
	d.do(t, call{op: "putSigned", at: append(at, put), body: "x", status: 400, code: "bad_digest", bearer: "none", header: http.Header{"X-Lockwell-Checksum-Sha256": {sha("y")}}})
	d.do(t, call{op: "putSigned", at: append(at, put), body: "x", status: 412, bearer: "none", header: http.Header{"If-None-Match": {"*"}}})
	d.do(t, call{op: "signURL", body: m{"method": "DELETE", "bucket": "box", "key": "once"}, status: 400, invalid: true})
	d.do(t, call{op: "signURL", body: m{"method": "GET", "bucket": "box", "key": "once", "ttlSeconds": 0}, status: 400, invalid: true})
	d.do(t, call{op: "signURL", body: m{"method": "GET", "bucket": "gone", "key": "once"}, status: 404})
	d.do(t, call{op: "signURL", body: m{"method": "GET", "bucket": "box", "key": "a\x00"}, status: 400, code: "invalid_key"})
}

func notifications(t *testing.T, d *driver) {
	at := []string{"bucket=turns"}
	d.do(t, call{op: "getBucketNotifications", at: at, status: 200})
	hook := m{"url": "http://127.0.0.1:9/hook", "events": []string{"object-created", "object-removed"}, "prefix": "a/", "suffix": ".pdf"}
	d.do(t, call{op: "setBucketNotifications", at: at, body: m{"configs": []m{hook, {"id": "mine", "target": "webhook", "url": "http://127.0.0.1:9/two", "events": []string{"object-created"}}}}, status: 200})
	d.do(t, call{op: "getBucketNotifications", at: at, status: 200})
	d.do(t, call{op: "setBucketNotifications", at: at, body: m{"configs": []m{{"target": "sns", "url": "arn:aws:sns:x", "events": []string{"object-created"}}}}, status: 501, code: "not_implemented", invalid: true})
	d.do(t, call{op: "setBucketNotifications", at: at, body: m{"configs": []m{{"url": "http://127.0.0.1:9/", "events": []string{}}}}, status: 400, invalid: true})
	d.do(t, call{op: "setBucketNotifications", at: at, body: m{"configs": []m{{"url": "http://169.254.169.254/", "events": []string{"object-created"}}}}, status: 400, code: "invalid_request"})
	d.do(t, call{op: "clearBucketNotifications", at: at, status: 204})
	for _, op := range []string{"getBucketNotifications", "clearBucketNotifications"} {
		d.do(t, call{op: op, at: []string{"bucket=gone"}, status: 404, code: "not_found"})
	}
}

func system(t *testing.T, d *driver) {
	d.do(t, call{op: "healthz", status: 200, bearer: "none"})
	for _, c := range []call{{op: "getOpenAPI"}, {op: "getDocs"}, {op: "getDocsAsset", at: []string{"asset=page.js"}}} {
		c.status, c.bearer = 200, "none"
		tag := d.do(t, c).Header.Get("Etag")
		c.status, c.header = 304, http.Header{"If-None-Match": {tag}}
		d.do(t, c)
	}
	d.do(t, call{op: "getDocsAsset", at: []string{"asset=none.js"}, status: 404, code: "not_found", bearer: "none"})
}
