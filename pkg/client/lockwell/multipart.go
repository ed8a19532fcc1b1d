package lockwell

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// Limits of multipart uploads (lockwell.md, Multipart).
const (
	MaxParts    = 10000
	MinPartSize = 5 << 20 // bytes, but for the last part
)

// Multipart is an upload in parts that was not completed yet.
type Multipart struct {
	Bucket      string    `json:"bucket"`
	Key         string    `json:"key"`
	UploadID    string    `json:"uploadId"`
	InitiatedAt time.Time `json:"initiatedAt"`
}

// Part is a part of an upload.
type Part struct {
	Number int    `json:"partNumber"` // 1–MaxParts
	ETag   string `json:"etag"`       // quotes included
	Size   int64  `json:"size"`
}

func (m Multipart) request(doing, method, tail string) request {
	return request{
		op: doing + m.Bucket + "/" + m.Key, method: method, idempotent: true,
		path: bucketPath(m.Bucket, "/multipart/"+escapeKey(m.UploadID)+tail+"/"+escapeKey(m.Key)),
	}
}

// CreateMultipart begins an upload in parts. Whoever does not complete it should
// abort it; the server does so after some days.
func (c *Client) CreateMultipart(ctx context.Context, bucket, key string, a Attributes) (Multipart, error) {
	r := request{op: "begin the upload of " + bucket + "/" + key, method: http.MethodPost, path: keyPath(bucket, "multipart", key), header: a.header()}
	var out Multipart
	if err := c.json(ctx, r, nil, &out); err != nil {
		return Multipart{}, err
	}
	if out.UploadID == "" {
		return Multipart{}, &Error{Op: r.op, Code: ErrUnexpectedAnswer, Message: "the server answered without an uploadId", Status: http.StatusCreated}
	}
	out.Bucket, out.Key = bucket, key
	return out, nil
}

// PutPart sends one part, in place of one of the same number. A body that can
// seek is sent with its SHA-256, unless sums are given, and again when the
// connection breaks.
func (c *Client) PutPart(ctx context.Context, m Multipart, number int, body io.Reader, sums Checksums) (Part, error) {
	return c.putPart(ctx, m, number, body, sums, nil)
}

func (c *Client) putPart(ctx context.Context, m Multipart, number int, body io.Reader, sums Checksums, moved func(int64)) (Part, error) {
	r := m.request(fmt.Sprintf("send part %d of ", number), http.MethodPut, "/parts/"+strconv.Itoa(number))
	p, err := newPayload(body, 0)
	if err != nil {
		return Part{}, fmt.Errorf("%s: %w", r.op, err)
	}
	r.header, r.body = http.Header{}, p
	if _, err := setChecksums(r.header, p, sums); err != nil {
		return Part{}, fmt.Errorf("%s: %w", r.op, err)
	}
	p.moved = moved
	var out Part
	err = c.json(ctx, r, nil, &out)
	return out, err
}

// ListParts gives the parts that an upload has, by number. An error is the last
// element.
func (c *Client) ListParts(ctx context.Context, m Multipart) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		r := m.request("list parts of ", http.MethodGet, "/parts")
		for {
			var page struct {
				Parts       []Part `json:"parts"`
				IsTruncated bool   `json:"isTruncated"`
				Next        int    `json:"nextPartNumberMarker"`
			}
			if err := c.json(ctx, r, nil, &page); err != nil {
				yield(Part{}, err)
				return
			}
			for _, p := range page.Parts {
				if !yield(p, nil) {
					return
				}
			}
			if !page.IsTruncated {
				return
			}
			if page.Next <= 0 {
				yield(Part{}, endless(r.op))
				return
			}
			r.query = query("partNumberMarker", strconv.Itoa(page.Next))
		}
	}
}

// CompleteMultipart makes the object of these parts, in ascending order. The
// same again gives the same answer.
func (c *Client) CompleteMultipart(ctx context.Context, m Multipart, parts []Part, when Conditions) (Object, error) {
	type wirePart struct {
		Number int    `json:"partNumber"`
		ETag   string `json:"etag"`
	}
	in := struct {
		Parts []wirePart `json:"parts"`
	}{make([]wirePart, len(parts))}
	for i, p := range parts {
		in.Parts[i] = wirePart{p.Number, p.ETag}
	}
	r := m.request("complete the upload of ", http.MethodPost, "/complete")
	r.header = http.Header{}
	when.set(r.header)
	return c.stored(ctx, r, in)
}

// AbortMultipart gives an upload and its parts up.
func (c *Client) AbortMultipart(ctx context.Context, m Multipart) error {
	return c.json(ctx, m.request("abort the upload of ", http.MethodDelete, ""), nil, nil)
}

// ListMultipart gives the open uploads of a bucket below a prefix, by key, the
// oldest first. An error is the last element.
func (c *Client) ListMultipart(ctx context.Context, bucket, prefix string) iter.Seq2[Multipart, error] {
	return func(yield func(Multipart, error) bool) {
		r := bucketRequest("list uploads of ", http.MethodGet, bucket, "/multipart")
		r.query = query("prefix", prefix)
		for {
			var page struct {
				Uploads     []Multipart `json:"uploads"`
				IsTruncated bool        `json:"isTruncated"`
				NextKey     string      `json:"nextKeyMarker"`
				NextUpload  string      `json:"nextUploadIdMarker"`
			}
			if err := c.json(ctx, r, nil, &page); err != nil {
				yield(Multipart{}, err)
				return
			}
			for _, u := range page.Uploads {
				u.Bucket = bucket
				if !yield(u, nil) {
					return
				}
			}
			if !page.IsTruncated {
				return
			}
			if page.NextKey == "" {
				yield(Multipart{}, endless(r.op))
				return
			}
			r.query = query("prefix", prefix, "keyMarker", page.NextKey, "uploadIdMarker", page.NextUpload)
		}
	}
}

// holds reports whether a part on the server is a piece with this SHA-256: the
// ETag of a part begins with the half of it (lockwell.md, Objects).
func (p Part) holds(size int64, sum []byte) bool {
	want := fmt.Sprintf(`"%x-`, sum[:16])
	return p.Size == size && len(p.ETag) > len(want) && p.ETag[:len(want)] == want
}

// verifyComposite compares an object's composite SHA-256 with that of the parts
// that were sent.
func verifyComposite(o Object, joined []byte) error {
	got := o.Checksums[SHA256]
	if got == nil || !o.Composite || bytes.Equal(got, joined) {
		return nil
	}
	return fmt.Errorf("the upload of %s/%s has the checksum %s: %w", o.Bucket, o.Key, base64.StdEncoding.EncodeToString(got), ErrChecksum)
}
