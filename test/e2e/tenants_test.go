package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// trespass is a try of one tenant at what is another's: each path has a twin
// about what does not exist, and the two answers must not differ.
type trespass struct {
	route   string // its name in /-/routes
	method  string
	path    func(p prey) string
	body    func(p prey) any
	status  int      // of both answers
	headers []string // in pairs
}

// prey is what the intruder has heard of: names of the victim's, or names that
// nobody has.
type prey struct {
	bucket, key, version, upload, etag, keyID, signed, token string
}

func trespasses() []trespass {
	in := func(more string) func(prey) string {
		return func(p prey) string { return harness.BucketPath(p.bucket, more) }
	}
	on := func(kind string) func(prey) string {
		return func(p prey) string { return harness.KeyPath(p.bucket, kind, p.key) }
	}
	version := func(kind string) func(prey) string {
		return func(p prey) string { return harness.KeyPath(p.bucket, kind, p.key) + "?versionId=" + p.version }
	}
	part := func(kind string) func(prey) string {
		return func(p prey) string { return harness.KeyPath(p.bucket, "multipart/"+p.upload+kind, p.key) }
	}
	sends := func(body any) func(prey) any { return func(prey) any { return body } }
	retention := object{"mode": "GOVERNANCE", "retainUntil": "2099-01-01T00:00:00Z"}
	complete := func(p prey) any { return object{"parts": []object{{"partNumber": 1, "etag": p.etag}}} }
	sign := func(method string) func(prey) any {
		return func(p prey) any { return object{"method": method, "bucket": p.bucket, "key": p.key} }
	}
	return []trespass{
		{"RevokeAccessKey", "DELETE", func(p prey) string { return "/api/v1/account/access-keys/" + p.keyID }, nil, 404, nil},
		{"GetBucket", "GET", in(""), nil, 404, nil},
		{"GetBucket", "HEAD", in(""), nil, 404, nil},
		{"DeleteBucket", "DELETE", in(""), nil, 404, nil},
		{"GetBucketVersioning", "GET", in("/versioning"), nil, 404, nil},
		{"SetBucketVersioning", "PUT", in("/versioning"), sends(object{"status": "Enabled"}), 404, nil},
		{"GetBucketPolicy", "GET", in("/policy"), nil, 404, nil},
		{"SetBucketPolicy", "PUT", in("/policy"), sends(object{"statements": []any{}}), 404, nil},
		{"DeleteBucketPolicy", "DELETE", in("/policy"), nil, 404, nil},
		{"PutObject", "PUT", on("objects"), sends("mine"), 404, nil},
		{"PutObject", "PUT", on("objects"), sends("mine"), 404, []string{"If-None-Match", "*"}},
		{"PutObject", "PUT", on("objects"), sends(nine), 404, []string{"Idempotency-Key", "key", "X-Lockwell-Checksum-SHA256", sha([]byte(nine))}},
		{"GetObject", "GET", on("objects"), nil, 404, nil},
		{"GetObject", "HEAD", on("objects"), nil, 404, nil},
		{"GetObject", "GET", version("objects"), nil, 404, nil},
		{"GetObject", "GET", on("objects"), nil, 404, []string{"Range", "bytes=99999-"}},
		{"GetObject", "GET", on("objects"), nil, 404, []string{"If-Match", `"x"`}},
		{"DeleteObject", "DELETE", on("objects"), nil, 404, nil},
		{"DeleteObject", "DELETE", version("objects"), nil, 404, nil},
		{"ListObjects", "GET", in("/objects"), nil, 404, nil},
		{"ListObjects", "GET", func(p prey) string {
			return harness.BucketPath(p.bucket, "/objects?continuationToken="+url.QueryEscape(p.token))
		}, nil, 404, nil},
		{"BatchDeleteObjects", "POST", in("/objects:batchDelete"), func(p prey) any {
			return object{"objects": []object{{"key": p.key}, {"key": p.key, "versionId": p.version}}}
		}, 404, nil},
		{"CopyObject", "POST", func(prey) string { return harness.KeyPath("intruders", "object-copy", "loot") }, func(p prey) any {
			return object{"sourceBucket": p.bucket, "sourceKey": p.key}
		}, 404, nil},
		{"CopyObject", "POST", func(prey) string { return harness.KeyPath("intruders", "object-copy", "loot") }, func(p prey) any {
			return object{"sourceBucket": p.bucket, "sourceKey": p.key, "sourceVersionId": p.version, "ifMatch": p.etag}
		}, 404, nil},
		{"CopyObject", "POST", on("object-copy"), func(prey) any { return object{"sourceBucket": "intruders", "sourceKey": "bait"} }, 404, nil},
		{"ListObjectVersions", "GET", in("/versions"), nil, 404, nil},
		{"ListObjectVersions", "GET", func(p prey) string {
			return harness.BucketPath(p.bucket, "/versions?keyMarker="+p.key+"&versionIdMarker="+p.version)
		}, nil, 404, nil},
		{"GetObjectTags", "GET", on("object-tags"), nil, 404, nil},
		{"GetObjectTags", "GET", version("object-tags"), nil, 404, nil},
		{"SetObjectTags", "PUT", on("object-tags"), sends(object{"tags": object{"a": "b"}}), 404, nil},
		{"DeleteObjectTags", "DELETE", version("object-tags"), nil, 404, nil},
		{"GetObjectRetention", "GET", on("object-retention"), nil, 404, nil},
		{"SetObjectRetention", "PUT", version("object-retention"), sends(retention), 404, nil},
		{"GetObjectLegalHold", "GET", on("object-legal-hold"), nil, 404, nil},
		{"SetObjectLegalHold", "PUT", version("object-legal-hold"), sends(object{"status": "ON"}), 404, nil},
		{"CreateMultipartUpload", "POST", on("multipart"), nil, 404, nil},
		{"UploadPart", "PUT", part("/parts/1"), sends("mine"), 404, nil},
		{"ListParts", "GET", part("/parts"), nil, 404, nil},
		{"CompleteMultipartUpload", "POST", part("/complete"), complete, 404, nil},
		{"AbortMultipartUpload", "DELETE", part(""), nil, 404, nil},
		{"ListMultipartUploads", "GET", in("/multipart"), nil, 404, nil},
		{"SignURL", "POST", func(prey) string { return "/api/v1/sign-url" }, sign("GET"), 404, nil},
		{"SignURL", "POST", func(prey) string { return "/api/v1/sign-url" }, sign("PUT"), 404, nil},
		{"GetSigned", "GET", func(p prey) string { return "/api/v1/signed/" + p.bucket + "/" + p.key }, nil, 401, nil},
		{"GetSigned", "GET", func(p prey) string { return "/api/v1/signed/" + p.bucket + "/" + p.key + "?" + p.signed }, nil, 403, nil},
		{"PutSigned", "PUT", func(p prey) string { return "/api/v1/signed/" + p.bucket + "/" + p.key + "?" + p.signed }, sends("mine"), 403, nil},
		{"PutSigned", "PUT", func(p prey) string { return "/api/v1/signed/" + p.bucket + "/" + p.key + "?token=lwurl_x.y" }, sends("mine"), 401, nil},
		{"GetBucketNotifications", "GET", in("/notifications"), nil, 404, nil},
		{"SetBucketNotifications", "PUT", in("/notifications"), sends(object{"configs": []any{}}), 404, nil},
		{"ClearBucketNotifications", "DELETE", in("/notifications"), nil, 404, nil},
	}
}

// withoutNames are the routes in which there is nothing of another's to name:
// they answer about the caller's own account, or about nobody's.
func withoutNames() []string {
	return []string{"MintToken", "ListAccessKeys", "CreateAccessKey", "ListBuckets", "CreateBucket", "Healthz", "GetOpenAPI", "GetDocs", "GetDocsAsset"}
}

// names is all that a try says, for comparing two of them.
func (x trespass) names(p prey) string {
	if x.body == nil {
		return x.path(p)
	}
	return fmt.Sprint(x.path(p), x.body(p))
}

func (x trespass) try(t *testing.T, c *harness.Client, p prey) harness.Response {
	t.Helper()
	var body any
	if x.body != nil {
		body = x.body(p)
	}
	return c.Call(t, x.method, x.path(p), body, x.headers...)
}

// tenants: what belongs to another account is not there, in any route, and no
// answer says otherwise.
func tenants(t *testing.T, w *harness.World) {
	victim, intruder := account(t, w), account(t, w)
	victim.Bucket(t, "of-the-victim", "objectLock", true)
	victim.Put(t, "of-the-victim", "some-key", "secret", nil)
	victim.Put(t, "of-the-victim", "some-key2", "secret", nil)
	up := victim.Multipart(t, "of-the-victim", "some-key")
	part := up.Part(t, 1, "secret")
	intruder.Bucket(t, "intruders", "objectLock", true)
	intruder.Put(t, "intruders", "bait", "mine", nil)
	intruder.Bucket(t, "intruders-second")
	intruder.Put(t, "intruders-second", "k1", "mine", nil)
	intruder.Put(t, "intruders-second", "k2", "mine", nil)
	before := snapshot(t, victim)

	_, token, _ := strings.Cut(intruder.Sign(t, "GET", "intruders", "bait"), "?")
	real := prey{
		bucket: "of-the-victim", key: "some-key", version: before.version, upload: up.ID, etag: part.ETag, keyID: victim.KeyID, signed: token,
		token: victim.List(t, "of-the-victim", "maxKeys=1").NextContinuationToken,
	}
	nobodys := prey{
		bucket: "of-nobody-any", key: "some-key", version: "01ARZ3NDEKTSV4RRFFQ69G5FAV", upload: "mpu_01ARZ3NDEKTSV4RRFFQ69G5FAV", etag: `"` + strings.Repeat("0", 32) + `-1"`,
		keyID: "LWAKAAAAAAAAAAAAAAAA", signed: token, token: intruder.List(t, "intruders-second", "maxKeys=1").NextContinuationToken,
	}
	// What hits a name of the victim's in a bucket of the intruder's own must
	// look like a name of nobody's there.
	planted, empty := real, nobodys
	planted.bucket, empty.bucket = "intruders", "intruders"

	covered := map[string]bool{}
	for _, x := range trespasses() {
		covered[x.route] = true
		name := fmt.Sprintf("%s %s %s", x.method, x.route, x.path(real))
		for _, c := range []*harness.Client{intruder, intruder.AsAccount()} {
			theirs, none := x.try(t, c, real), x.try(t, c, nobodys)
			if c.Token == intruder.Token && theirs.Status != x.status {
				t.Errorf("%s: %d %s, want %d", name, theirs.Status, theirs.Body, x.status)
			}
			sameAnswer(t, name, theirs, none)
		}
		anon := intruder.Anonymous()
		sameAnswer(t, "anonymous "+name, x.try(t, anon, real), x.try(t, anon, nobodys))
		if x.names(planted) != x.names(empty) {
			sameAnswer(t, "in a bucket of one's own "+name, scrub(x.try(t, intruder, planted), real), scrub(x.try(t, intruder, empty), nobodys))
		}
	}
	for _, r := range w.Routes(t) {
		if r.Dialect == "lockwell" && !covered[r.Name()] && !slices.Contains(withoutNames(), r.Name()) {
			t.Errorf("%s %s (%s) has no row in trespasses()", r.Method, r.Path, r.Name())
		}
	}
	alteredURLs(t, victim, intruder)
	shown(t, victim, intruder)
	if after := snapshot(t, victim); after != before {
		t.Errorf("the intruder changed something:\n%+v\n%+v", before, after)
	}
	victim.Call(t, "GET", "/api/v1/buckets", nil).Want(t, 200)
	if harness.Soak() {
		timing(t, intruder, real, nobodys)
	}
}

// scrub takes out of an answer what it repeats of the question or makes anew.
func scrub(r harness.Response, p prey) harness.Response {
	body := string(r.Body)
	for _, s := range []string{p.version, p.upload, p.etag, p.signed} {
		if s != "" {
			body = strings.ReplaceAll(body, s, "…")
		}
	}
	if r.Status/100 == 2 {
		body = "" // the intruder's own object, made or read anew
		r.Header = http.Header{}
	}
	r.Body = []byte(body)
	return r
}

type belongings struct{ objects, versions, uploads, parts, policy, hooks, tags, version string }

// snapshot is what the victim has; nothing that the intruder does may change it.
func snapshot(t *testing.T, c *harness.Client) belongings {
	t.Helper()
	read := func(path string) string {
		return string(c.Call(t, "GET", harness.BucketPath("of-the-victim", path), nil).Want(t, 200).Body)
	}
	b := belongings{objects: read("/objects"), versions: read("/versions"), uploads: read("/multipart"), policy: read("/policy"), hooks: read("/notifications"), tags: read("/object-tags/some-key")}
	b.version = c.Get(t, "of-the-victim", "some-key", nil).Want(t, 200).Header.Get("X-Lockwell-Version-Id")
	u := openUploads(t, c, "of-the-victim", "")
	for _, o := range u.Uploads {
		up := harness.Upload{Bucket: "of-the-victim", Key: o.Key, ID: o.UploadID}.By(c)
		parts, _, _ := up.List(t, "")
		b.parts += fmt.Sprint(parts)
	}
	return b
}

// alteredURLs mixes the parts of two tenants' signed URLs; none opens anything.
func alteredURLs(t *testing.T, victim, intruder *harness.Client) {
	t.Helper()
	anon := intruder.Anonymous()
	theirs, mine := victim.Sign(t, "GET", "of-the-victim", "some-key"), intruder.Sign(t, "GET", "intruders", "bait")
	theirPath, theirToken, _ := strings.Cut(theirs, "?token=")
	minePath, mineToken, _ := strings.Cut(mine, "?token=")
	theirPayload, theirCode, _ := strings.Cut(theirToken, ".")
	minePayload, mineCode, _ := strings.Cut(mineToken, ".")
	for what, try := range map[string]struct {
		path   string
		status int
	}{
		"their path, my token": {theirPath + "?token=" + mineToken, 403}, "my path, their token": {minePath + "?token=" + theirToken, 403},
		"their payload, my code": {theirPath + "?token=" + theirPayload + "." + mineCode, 401}, "my payload, their code": {theirPath + "?token=" + minePayload + "." + theirCode, 401},
		"their key, another one of theirs": {strings.Replace(theirPath, "some-key", "some-key2", 1) + "?token=" + theirToken, 403},
	} {
		for _, c := range []*harness.Client{anon, intruder} {
			if r := c.Call(t, "GET", try.path, nil); r.Status != try.status || strings.Contains(string(r.Body), "secret") {
				t.Errorf("%s: %d %s", what, r.Status, r.Body)
			}
		}
	}
	anon.Call(t, "GET", theirs, nil).Want(t, 200)
}

// shown: the routes that list a caller's own show nothing of another's.
func shown(t *testing.T, victim, intruder *harness.Client) {
	t.Helper()
	for _, r := range []harness.Response{
		intruder.Call(t, "GET", "/api/v1/buckets", nil).Want(t, 200), intruder.Call(t, "GET", "/api/v1/account/access-keys", nil).Want(t, 200),
		intruder.AsAccount().Call(t, "GET", "/api/v1/account/access-keys", nil).Want(t, 200),
	} {
		if strings.Contains(string(r.Body), "victim") || strings.Contains(string(r.Body), victim.KeyID) {
			t.Errorf("%s", r.Body)
		}
	}
	intruder.Bucket(t, "of-the-victim") // the name says nothing
	intruder.Get(t, "of-the-victim", "some-key", nil).Is(t, 404, "not_found")
	intruder.Call(t, "DELETE", harness.BucketPath("of-the-victim", ""), nil).Want(t, 204)
	mint(t, intruder, victim.KeyID, intruder.Secret).Is(t, 401, "unauthorized")
}

// timing compares how long a name of the victim's and a name of nobody's take:
// their medians lie within a third of each other. What tells them apart does so every
// time; what else the machine does, not three times.
func timing(t *testing.T, c *harness.Client, real, nobodys prey) {
	t.Helper()
	const rounds = 200
	for _, x := range trespasses() {
		if x.method != "GET" {
			continue
		}
		took := func(p prey) time.Duration {
			start := time.Now()
			x.try(t, c, p)
			return time.Since(start)
		}
		medians := func() (x, y time.Duration, apart bool) {
			var a, b []time.Duration
			for range rounds {
				a, b = append(a, took(real)), append(b, took(nobodys))
			}
			slices.Sort(a)
			slices.Sort(b)
			x, y = a[rounds/2], b[rounds/2]
			return x, y, x > y*4/3+time.Millisecond || y > x*4/3+time.Millisecond
		}
		for tries := 1; ; tries++ {
			x, y, apart := medians()
			if !apart {
				break
			}
			if tries == 3 {
				t.Errorf("timing: %v for what is there, %v for what is not", x, y)
				break
			}
		}
	}
}
