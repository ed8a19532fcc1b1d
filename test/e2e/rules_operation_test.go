package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// operation is one thing that a key may do, for the rules about who may.
type operation struct {
	route  string // its name in /-/routes
	scopes string // what it takes: any of the words; "read+write" is both
	action string // its name in bucket policies; "" is not about a bucket that has one
	ok     int    // the status when it is allowed
	method string
	path   func(s *stage) string
	body   func(s *stage) any
}

// stage is what operations are done to: a bucket with object lock that holds an
// object, a locked one and an upload, and an empty bucket.
type stage struct {
	owner                   *harness.Client
	bucket, empty           string
	version                 string // of in/k
	upload, other           *harness.Upload
	part                    harness.Part
	spare                   string // an access key id
	key, locked, completing string
}

func newStage(t *testing.T, c *harness.Client) *stage {
	t.Helper()
	s := &stage{owner: c, key: "in/k", locked: "in/locked", completing: "in/upload"}
	s.bucket, s.empty = newBucket(t, c, "objectLock", true), newBucket(t, c)
	s.version = c.Put(t, s.bucket, s.key, "content", nil).Object(t).VersionID
	c.Put(t, s.bucket, s.locked, "content", nil)
	c.Call(t, http.MethodPut, harness.KeyPath(s.bucket, "object-retention", s.locked), object{"mode": "GOVERNANCE", "retainUntil": in(time.Hour)}).Want(t, 200)
	s.upload, s.other = c.Multipart(t, s.bucket, s.completing), c.Multipart(t, s.bucket, s.completing)
	s.part = s.upload.Part(t, 1, "content")
	s.spare, _ = c.NewKey(t, object{"scopes": []string{"read"}})
	return s
}

// lead is how far ahead something is to end that a rule first wants to see alive,
// on a busy machine too.
const lead = 10 * time.Second

// prompt is how long something may still open that was revoked. The documents say a
// second; more is for machines that stand still for a moment, and far less than
// tokens live and edges remember.
const prompt = 5 * time.Second

// in is a time from now as the wire has it.
func in(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }

func (o operation) do(t *testing.T, c *harness.Client, s *stage) harness.Response {
	t.Helper()
	var body any
	if o.body != nil {
		body = o.body(s)
	}
	return c.Call(t, o.method, o.path(s), body)
}

func (o operation) String() string { return o.method + " " + o.route }

func onBucket(more string) func(*stage) string {
	return func(s *stage) string { return harness.BucketPath(s.bucket, more) }
}

func onKey(kind string) func(*stage) string {
	return func(s *stage) string { return harness.KeyPath(s.bucket, kind, s.key) }
}

func fixed(path string) func(*stage) string { return func(*stage) string { return path } }

func sends(body any) func(*stage) any { return func(*stage) any { return body } }

// operations are all routes that ask who you are, what destroys last.
func operations() []operation {
	hook := object{"configs": []object{{"url": "http://127.0.0.1:9/hook", "events": []string{"object-created"}}}}
	sign := func(method string) func(*stage) any {
		return func(s *stage) any { return object{"method": method, "bucket": s.bucket, "key": s.key} }
	}
	return []operation{
		{"GetBucket", "read admin", "getBucket", 200, "GET", onBucket(""), nil},
		{"GetBucketVersioning", "read admin", "getBucket", 200, "GET", onBucket("/versioning"), nil},
		{"ListObjects", "read", "listObjects", 200, "GET", onBucket("/objects"), nil},
		{"ListObjectVersions", "read", "listObjects", 200, "GET", onBucket("/versions"), nil},
		{"ListMultipartUploads", "read", "listObjects", 200, "GET", onBucket("/multipart"), nil},
		{"GetObject", "read", "getObject", 200, "GET", onKey("objects"), nil},
		{"GetObject", "read", "getObject", 200, "HEAD", onKey("objects"), nil},
		{"GetObjectTags", "read", "getObject", 200, "GET", onKey("object-tags"), nil},
		{"GetObjectRetention", "read", "getObject", 200, "GET", func(s *stage) string { return harness.KeyPath(s.bucket, "object-retention", s.locked) }, nil},
		{"GetObjectLegalHold", "read", "getObject", 200, "GET", onKey("object-legal-hold"), nil},
		{"SignURL", "read", "getObject", 200, "POST", fixed("/api/v1/sign-url"), sign("GET")},
		{"SignURL", "write", "putObject", 200, "POST", fixed("/api/v1/sign-url"), sign("PUT")},
		{"PutObject", "write", "putObject", 201, "PUT", onKey("objects"), sends("more content")},
		{"SetObjectTags", "write", "putObjectTags", 200, "PUT", onKey("object-tags"), sends(object{"tags": object{"a": "b"}})},
		{"DeleteObjectTags", "write", "putObjectTags", 204, "DELETE", onKey("object-tags"), nil},
		{"CreateMultipartUpload", "write", "putObject", 201, "POST", onKey("multipart"), nil},
		{"UploadPart", "write", "putObject", 200, "PUT", func(s *stage) string { return s.upload.Path("parts/2") }, sends("part")},
		{"ListParts", "write", "putObject", 200, "GET", func(s *stage) string { return s.upload.Path("parts") }, nil},
		{"CompleteMultipartUpload", "write", "putObject", 200, "POST", func(s *stage) string { return s.upload.Path("complete") },
			func(s *stage) any {
				return object{"parts": []object{{"partNumber": s.part.PartNumber, "etag": s.part.ETag}}}
			}},
		{"AbortMultipartUpload", "write", "putObject", 204, "DELETE", func(s *stage) string { return s.other.Path("") }, nil},
		{"CopyObject", "read+write", "putObject", 201, "POST", func(s *stage) string { return harness.KeyPath(s.bucket, "object-copy", "in/copy") },
			func(s *stage) any { return object{"sourceBucket": s.bucket, "sourceKey": s.key} }},
		{"SetObjectRetention", "admin", "putObjectRetention", 200, "PUT", func(s *stage) string { return harness.KeyPath(s.bucket, "object-retention", s.locked) },
			func(*stage) any { return object{"mode": "GOVERNANCE", "retainUntil": in(2 * time.Hour)} }},
		{"SetObjectLegalHold", "admin", "putObjectLegalHold", 200, "PUT", onKey("object-legal-hold"), sends(object{"status": "OFF"})},
		{"SetBucketVersioning", "admin", "putVersioning", 200, "PUT", onBucket("/versioning"), sends(object{"status": "Enabled"})},
		{"GetBucketNotifications", "admin", "notifications", 200, "GET", onBucket("/notifications"), nil},
		{"SetBucketNotifications", "admin", "notifications", 200, "PUT", onBucket("/notifications"), sends(hook)},
		{"ClearBucketNotifications", "admin", "notifications", 204, "DELETE", onBucket("/notifications"), nil},
		{"GetBucketPolicy", "admin", "policy", 200, "GET", onBucket("/policy"), nil},
		{"SetBucketPolicy", "admin", "policy", 200, "PUT", onBucket("/policy"), sends(object{"statements": []any{}})},
		{"DeleteBucketPolicy", "admin", "policy", 204, "DELETE", onBucket("/policy"), nil},
		{"ListBuckets", "read admin", "", 200, "GET", fixed("/api/v1/buckets"), nil},
		{"CreateBucket", "admin", "", 201, "POST", fixed("/api/v1/buckets"), func(*stage) any {
			return object{"name": fmt.Sprintf("made-%d", buckets.Add(1))}
		}},
		{"ListAccessKeys", "admin", "", 200, "GET", fixed("/api/v1/account/access-keys"), nil},
		{"CreateAccessKey", "admin", "", 201, "POST", fixed("/api/v1/account/access-keys"), sends(object{"scopes": []string{"admin"}})},
		{"RevokeAccessKey", "admin", "", 204, "DELETE", func(s *stage) string { return "/api/v1/account/access-keys/" + s.spare }, nil},
		{"DeleteObject", "delete", "deleteObject", 200, "DELETE", onKey("objects"), nil},
		{"DeleteObject", "delete", "deleteVersion", 204, "DELETE", func(s *stage) string {
			return harness.ObjectPath(s.bucket, s.key) + "?versionId=" + s.version
		}, nil},
		{"BatchDeleteObjects", "delete", "deleteObject", 200, "POST", onBucket("/objects:batchDelete"), func(s *stage) any {
			return object{"objects": []object{{"key": s.key}}}
		}},
		{"DeleteBucket", "admin", "", 204, "DELETE", func(s *stage) string { return harness.BucketPath(s.empty, "") }, nil},
	}
}

// refused wants that a denial is one, also where the answer is one per key.
func refused(t *testing.T, o operation, r harness.Response) {
	t.Helper()
	switch {
	case o.method == http.MethodHead:
		if r.Status != http.StatusForbidden || len(r.Body) > 0 {
			t.Errorf("%s: %d %s, want 403", o, r.Status, r.Body)
		}
	case o.route == "BatchDeleteObjects" && r.Status == http.StatusOK:
		for _, res := range results(t, r) {
			if res.Error.Code != "access_denied" {
				t.Errorf("%s: %s", o, r.Body)
			}
		}
	case r.Status != http.StatusForbidden || r.Code() != "access_denied":
		t.Errorf("%s: %d %s, want 403 access_denied", o, r.Status, r.Body)
	}
}

// deleted is one result of a batchDelete.
type deleted struct {
	Key, VersionID, DeleteMarkerVersionID string
	Deleted, DeleteMarker                 bool
	Error                                 struct{ Code, Message string }
}

func results(t *testing.T, r harness.Response) []deleted {
	t.Helper()
	var out struct{ Results []deleted }
	r.Want(t, http.StatusOK).JSON(t, &out)
	return out.Results
}
