package lockwell

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// Object is what a PUT, a copy or a completed upload stored.
type Object struct {
	Bucket       string
	Key          string
	VersionID    string
	ETag         string // quotes included
	Size         int64
	ContentType  string
	Checksums    Checksums
	Composite    bool // Checksums[SHA256] is of the parts' digests, not of the bytes
	Encryption   string
	Compression  string
	StorageClass string
	CreatedAt    time.Time
	Replayed     bool // the answer to an earlier request with the same idempotency key
}

type wireObject struct {
	Bucket       string               `json:"bucket"`
	Key          string               `json:"key"`
	VersionID    string               `json:"versionId"`
	ETag         string               `json:"etag"`
	Size         int64                `json:"size"`
	ContentType  string               `json:"contentType"`
	Checksums    map[string]string    `json:"checksums"`
	ChecksumType map[Algorithm]string `json:"checksumType"`
	Encryption   string               `json:"encryption"`
	Compression  string               `json:"compression"`
	StorageClass string               `json:"storageClass"`
	CreatedAt    time.Time            `json:"createdAt"`
}

func (w wireObject) object() Object {
	return Object{
		Bucket: w.Bucket, Key: w.Key, VersionID: w.VersionID, ETag: w.ETag, Size: w.Size, ContentType: w.ContentType,
		Checksums: decodeChecksums(w.Checksums), Composite: w.ChecksumType[SHA256] == composite, Encryption: w.Encryption,
		Compression: w.Compression, StorageClass: w.StorageClass, CreatedAt: w.CreatedAt,
	}
}

// Attributes are stored with an object and come back with it.
type Attributes struct {
	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	Metadata           map[string]string // names are lower case; 2 KiB in all
	Tags               map[string]string // 10 at most
	// Retention and LegalHold need an object-lock bucket and the scope admin.
	Retention *Retention
	LegalHold bool
}

func (a Attributes) header() http.Header {
	h := http.Header{}
	set := func(name, v string) {
		if v != "" {
			h.Set(name, v)
		}
	}
	set("Content-Type", a.ContentType)
	set("Cache-Control", a.CacheControl)
	set("Content-Disposition", a.ContentDisposition)
	set("Content-Encoding", a.ContentEncoding)
	for name, v := range a.Metadata {
		h.Set(metaPrefix+name, v)
	}
	if len(a.Tags) > 0 {
		q := url.Values{}
		for k, v := range a.Tags {
			q.Set(k, v)
		}
		h.Set("X-Lockwell-Tags", q.Encode())
	}
	if a.Retention != nil {
		h.Set("X-Lockwell-Retention-Mode", string(a.Retention.Mode))
		h.Set("X-Lockwell-Retain-Until", a.Retention.Until.UTC().Format(time.RFC3339Nano))
	}
	if a.LegalHold {
		h.Set("X-Lockwell-Legal-Hold", holdOn)
	}
	return h
}

const (
	metaPrefix     = "X-Lockwell-Meta-"
	checksumPrefix = "X-Lockwell-Checksum-"
)

// Conditions of a write; the server decides them at the moment of the commit.
type Conditions struct {
	IfMatch  string // the ETag that the current version must have, or "*" for any
	IfAbsent bool   // there must be no current version
}

func (c Conditions) any() bool { return c != Conditions{} }

func (c Conditions) set(h http.Header) {
	if c.IfMatch != "" {
		h.Set("If-Match", c.IfMatch)
	}
	if c.IfAbsent {
		h.Set("If-None-Match", "*")
	}
}

// PutOptions of Put; nil means none.
type PutOptions struct {
	Attributes
	Conditions
	// Size of the body in bytes; 0 finds it out when that is possible, else the
	// body is sent in chunks.
	Size int64
	// Checksums that the server must find. A body that can seek is read once
	// before, to send its SHA-256 with it, unless a checksum is given here.
	Checksums Checksums
	// IdempotencyKey, of 1 to 255 visible ASCII characters, makes the same PUT
	// within 24 h answer as the first one did. It needs a checksum.
	IdempotencyKey string
	// Progress is told how many bytes went out, of how many; -1 when unknown. A
	// repeated request takes bytes back. It must return quickly.
	Progress func(done, total int64)
}

// Put stores an object from a stream; body may be nil for an empty one, and is
// not closed. It is repeated on a broken connection when body can seek and either no
// condition or an IdempotencyKey is set. A body that cannot seek is checked by
// the digest in the answer: with ErrChecksum the object is stored nevertheless.
// Large bodies go faster with Upload.
func (c *Client) Put(ctx context.Context, bucket, key string, body io.Reader, o *PutOptions) (Object, error) {
	if o == nil {
		o = &PutOptions{}
	}
	op := "put " + bucket + "/" + key
	p, err := newPayload(body, o.Size)
	if err != nil {
		return Object{}, fmt.Errorf("%s: %w", op, err)
	}
	r := request{op: op, method: http.MethodPut, path: keyPath(bucket, "objects", key), header: o.header(), body: p}
	r.idempotent = !o.any() || o.IdempotencyKey != ""
	o.set(r.header)
	want, err := setChecksums(r.header, p, o.Checksums)
	if err != nil {
		return Object{}, fmt.Errorf("%s: %w", op, err)
	}
	if o.IdempotencyKey != "" {
		r.header.Set("Idempotency-Key", o.IdempotencyKey)
	}
	p.report(o.Progress)
	out, err := c.stored(ctx, r, nil)
	if err != nil {
		return Object{}, err
	}
	if p.sum != nil && want == nil && !out.Replayed {
		want = p.sum.Sum(nil)
	}
	if got := out.Checksums[SHA256]; want != nil && got != nil && !out.Composite && !bytes.Equal(got, want) {
		return out, fmt.Errorf("%s: version %s: %w", op, out.VersionID, ErrChecksum)
	}
	return out, nil
}

// setChecksums writes the digests that the server must find: those given, or
// that of a body which can be read twice, which is returned.
func setChecksums(h http.Header, p *payload, given Checksums) ([]byte, error) {
	if len(given) > 0 {
		for alg, sum := range given {
			h.Set(checksumPrefix+string(alg), base64.StdEncoding.EncodeToString(sum))
		}
		return given[SHA256], nil
	}
	if p.seek == nil {
		return nil, nil
	}
	sum, err := p.digest()
	if err != nil {
		return nil, err
	}
	h.Set(checksumPrefix+string(SHA256), base64.StdEncoding.EncodeToString(sum))
	return sum, nil
}

// stored sends a request that answers with an object.
func (c *Client) stored(ctx context.Context, r request, in any) (Object, error) {
	var out wireObject
	var replayed bool
	err := c.answered(ctx, r, in, &out, func(h http.Header) { replayed = h.Get("Idempotent-Replayed") == "true" })
	if err != nil {
		return Object{}, err
	}
	o := out.object()
	o.Replayed = replayed
	return o, nil
}

// Deleted says what a deletion did.
type Deleted struct {
	DeleteMarker bool   // a marker hides the object now
	VersionID    string // of the marker
}

// Delete removes an object: in a versioned bucket a delete marker hides it.
// With a versionID it removes that version for good. What is not there counts
// as deleted.
func (c *Client) Delete(ctx context.Context, bucket, key, versionID string) (Deleted, error) {
	var out struct {
		DeleteMarker bool   `json:"deleteMarker"`
		VersionID    string `json:"versionId"`
	}
	r := request{
		op: "delete " + bucket + "/" + key, method: http.MethodDelete, path: keyPath(bucket, "objects", key),
		query: query("versionId", versionID), idempotent: true,
	}
	err := c.json(ctx, r, nil, &out)
	return Deleted(out), err
}

// ObjectID names an object, or one version of it.
type ObjectID struct {
	Key       string `json:"key"`
	VersionID string `json:"versionId,omitempty"`
}

// BatchResult is what became of one object of BatchDelete. Err is nil or an *Error.
type BatchResult struct {
	ObjectID
	DeleteMarker          bool
	DeleteMarkerVersionID string
	Err                   error
}

// batchSize is how many objects one request deletes (lockwell.md, Objects).
const batchSize = 1000

// BatchDelete deletes any number of objects, a thousand per request, and gives
// a result for each in their order. An error ends it; the results until then
// are given with it.
func (c *Client) BatchDelete(ctx context.Context, bucket string, objects []ObjectID) ([]BatchResult, error) {
	results := make([]BatchResult, 0, len(objects))
	for len(objects) > 0 {
		n := min(batchSize, len(objects))
		page, err := c.batchDelete(ctx, bucket, objects[:n])
		if err != nil {
			return results, err
		}
		results = append(results, page...)
		objects = objects[n:]
	}
	return results, nil
}

func (c *Client) batchDelete(ctx context.Context, bucket string, objects []ObjectID) ([]BatchResult, error) {
	in := struct {
		Objects []ObjectID `json:"objects"`
	}{objects}
	var out struct {
		Results []struct {
			DeleteMarker          bool   `json:"deleteMarker"`
			DeleteMarkerVersionID string `json:"deleteMarkerVersionId"`
			Error                 *struct {
				Code    Code   `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		} `json:"results"`
	}
	r := bucketRequest("delete from ", http.MethodPost, bucket, "/objects:batchDelete")
	if err := c.json(ctx, r, in, &out); err != nil {
		return nil, err
	}
	if len(out.Results) != len(objects) {
		return nil, &Error{Op: r.op, Code: ErrUnexpectedAnswer, Status: http.StatusOK,
			Message: fmt.Sprintf("the server answered %d results for %d objects", len(out.Results), len(objects))}
	}
	results := make([]BatchResult, len(objects))
	for i, res := range out.Results {
		results[i] = BatchResult{ObjectID: objects[i], DeleteMarker: res.DeleteMarker, DeleteMarkerVersionID: res.DeleteMarkerVersionID}
		if e := res.Error; e != nil {
			results[i].Err = &Error{Op: "delete " + bucket + "/" + objects[i].Key, Code: e.Code, Message: e.Message}
		}
	}
	return results, nil
}

// CopyOptions of Copy; nil means none.
type CopyOptions struct {
	SourceVersionID string
	// Replace gives the copy this content type and metadata instead of the source's.
	Replace     bool
	ContentType string
	Metadata    map[string]string
	// Conditions on the source.
	IfMatch, IfNoneMatch               string
	IfModifiedSince, IfUnmodifiedSince time.Time
	// Conditions on the destination.
	RequireAbsent    bool
	RequireMatchETag string
}

type wireCopy struct {
	SourceBucket      string            `json:"sourceBucket"`
	SourceKey         string            `json:"sourceKey"`
	SourceVersionID   string            `json:"sourceVersionId,omitempty"`
	MetadataDirective string            `json:"metadataDirective,omitempty"`
	ContentType       string            `json:"contentType,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	IfMatch           string            `json:"ifMatch,omitempty"`
	IfNoneMatch       string            `json:"ifNoneMatch,omitempty"`
	IfModifiedSince   string            `json:"ifModifiedSince,omitempty"`
	IfUnmodifiedSince string            `json:"ifUnmodifiedSince,omitempty"`
	RequireAbsent     bool              `json:"requireAbsent,omitempty"`
	RequireMatchETag  string            `json:"requireMatchEtag,omitempty"`
}

// Copy makes an object from another one of the same account on the server;
// within a region no bytes move.
func (c *Client) Copy(ctx context.Context, fromBucket, fromKey, toBucket, toKey string, o *CopyOptions) (Object, error) {
	if o == nil {
		o = &CopyOptions{}
	}
	in := wireCopy{
		SourceBucket: fromBucket, SourceKey: fromKey, SourceVersionID: o.SourceVersionID, IfMatch: o.IfMatch, IfNoneMatch: o.IfNoneMatch,
		IfModifiedSince: timestamp(o.IfModifiedSince), IfUnmodifiedSince: timestamp(o.IfUnmodifiedSince),
		RequireAbsent: o.RequireAbsent, RequireMatchETag: o.RequireMatchETag,
	}
	if o.Replace {
		in.MetadataDirective, in.ContentType, in.Metadata = "REPLACE", o.ContentType, maps.Clone(o.Metadata)
	}
	r := request{
		op: "copy " + fromBucket + "/" + fromKey + " to " + toBucket + "/" + toKey, method: http.MethodPost,
		path: keyPath(toBucket, "object-copy", toKey), idempotent: !o.RequireAbsent && o.RequireMatchETag == "",
	}
	return c.stored(ctx, r, in)
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
