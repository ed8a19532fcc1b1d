package lockr

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/pkg/client/internal/wire"
)

// Info is what a download tells of its file.
type Info struct {
	Name   string `json:"name"` // as the server gives it: it may be any text
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	ETag   string `json:"etag"`
	SHA256 []byte `json:"sha256"` // nil: the server did not say
}

// Access is what a download needs beside the file's id; nil means nothing.
type Access struct {
	Key     string // the file's phrase
	KeyHash string // or the SHA-256 of it, as KeyHash gives it
	// Query is added to the request: what a signed link holds.
	Query url.Values
}

// DownloadOptions of Download; nil means none.
type DownloadOptions struct {
	Access

	// Offset is how many bytes of State's file the destination has already; they
	// are read from it for the digest. It must be an io.ReaderAt then. When the
	// file is another one by now, it is written from the beginning.
	Offset int64
	State  *Info
	// Save is told which file is being written, before its bytes come, and also
	// when it turns out to be another one.
	Save func(Info) error
	// Progress is told how many bytes are in the file, of how many. It is called
	// by one goroutine and must return quickly.
	Progress func(done, total int64)
}

// Head asks what a file is, without its bytes. ErrNotFound, ErrKeyRequired,
// ErrWrongKey.
func (c *Client) Head(ctx context.Context, id string, a *Access) (Info, error) {
	r := c.downloadRequest(id, a)
	r.method = http.MethodHead
	for attempt := 1; ; attempt++ {
		resp, err := c.try(ctx, r)
		if err == nil {
			return infoOf(resp, 0), resp.Body.Close() //nolint:wrapcheck // nothing is in it
		}
		if r.method == http.MethodHead && refused(err) {
			r.method = http.MethodGet // the answer to a HEAD cannot say why
			continue
		}
		if err := c.pause(ctx, r.op, err, attempt); err != nil {
			return Info{}, err
		}
	}
}

// refused reports whether err is an answer that will be the same again.
func refused(err error) bool {
	var answer *Error
	return errors.As(err, &answer) && answer.Status < 500 && !wire.Again(answer.Status)
}

func (c *Client) downloadRequest(id string, a *Access) request {
	r := request{op: "download " + id, method: http.MethodGet, url: "/download/" + url.PathEscape(id), header: http.Header{}, bearer: true, follow: true}
	if a == nil {
		return r
	}
	q := url.Values{}
	for name, v := range a.Query {
		q[name] = v
	}
	switch {
	case a.Key != "":
		q.Set("keyHash", KeyHash(a.Key))
	case a.KeyHash != "":
		q.Set("keyHash", a.KeyHash)
	}
	if len(q) > 0 {
		r.url += "?" + q.Encode()
	}
	return r
}

// Download writes a file to a destination, and compares it with the file's
// SHA-256 where the server tells it: ErrChecksum. A connection that breaks costs
// nothing that is written. ErrNotFound, ErrKeyRequired, ErrWrongKey.
func (c *Client) Download(ctx context.Context, id string, to io.WriterAt, o *DownloadOptions) (Info, error) {
	d := &download{c: c, to: to, sum: sha256.New()}
	if o != nil {
		d.o = *o
	}
	r := c.downloadRequest(id, &d.o.Access)
	if err := d.recall(); err != nil {
		return Info{}, fmt.Errorf("%s: %w", r.op, err)
	}
	for attempt := 1; ; attempt++ {
		before := d.at
		err := d.fetch(ctx, r)
		if err == nil {
			return d.info, d.check(r.op)
		}
		if d.at > before {
			attempt = 1
		}
		var local *sourceError
		if errors.As(err, &local) {
			return d.info, fmt.Errorf("%s: %w", r.op, local.err)
		}
		if err := c.pause(ctx, r.op, err, attempt); err != nil {
			return d.info, err
		}
	}
}

// download is one run of Download.
type download struct {
	c    *Client
	o    DownloadOptions
	to   io.WriterAt
	info Info // of what is written
	at   int64
	sum  hash.Hash
}

// recall takes over what an earlier run has written.
func (d *download) recall() error {
	file, ok := d.to.(io.ReaderAt)
	if d.o.State == nil || d.o.Offset <= 0 || !ok || d.o.State.ETag == "" || d.o.Offset > d.o.State.Size {
		return nil
	}
	if _, err := io.Copy(d.sum, io.NewSectionReader(file, 0, d.o.Offset)); err != nil {
		return fmt.Errorf("reading what is there: %w", err)
	}
	d.info, d.at = *d.o.State, d.o.Offset
	return nil
}

// fetch gets what is missing, in one request.
func (d *download) fetch(ctx context.Context, r request) error {
	if d.at > 0 && d.at == d.info.Size {
		return nil
	}
	r.header = http.Header{}
	if d.at > 0 {
		r.header.Set("Range", fmt.Sprintf("bytes=%d-", d.at))
		r.header.Set("If-Range", d.info.ETag)
	}
	resp, err := d.c.try(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := d.answered(r.op, resp); err != nil {
		return err
	}
	buf := make([]byte, 128<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			if _, err := d.to.WriteAt(buf[:n], d.at); err != nil {
				return &sourceError{fmt.Errorf("writing the file: %w", err)}
			}
			d.sum.Write(buf[:n])
			d.at += int64(n)
			d.tell()
		}
		switch {
		case errors.Is(err, io.EOF) && (d.info.Size < 0 || d.at == d.info.Size):
			d.info.Size = d.at
			return nil
		case errors.Is(err, io.EOF):
			return brokenError{io.ErrUnexpectedEOF}
		case err != nil:
			return brokenError{err}
		}
	}
}

// answered looks at an answer before its bytes: the rest of the file that is
// being written, or a whole one.
func (d *download) answered(op string, resp *http.Response) error {
	first, ok := int64(0), resp.StatusCode == http.StatusOK
	if resp.StatusCode == http.StatusPartialContent {
		first, ok = firstByte(resp.Header.Get("Content-Range"))
	}
	if !ok || first != 0 && first != d.at {
		return &Error{Op: op, Code: ErrUnexpectedAnswer, Message: "the server answered another range than asked for", Status: resp.StatusCode}
	}
	info := infoOf(resp, first)
	if first > 0 && (info.ETag != d.info.ETag || info.Size != d.info.Size) {
		return &Error{Op: op, Code: ErrUnexpectedAnswer, Message: "the server answered a range of another file", Status: resp.StatusCode}
	}
	if first == 0 {
		d.info, d.at = info, 0
		d.sum.Reset()
		if d.o.Save != nil {
			if err := d.o.Save(info); err != nil {
				return &sourceError{fmt.Errorf("keeping the state of the download: %w", err)}
			}
		}
	}
	d.tell()
	return nil
}

func (d *download) tell() {
	if d.o.Progress != nil {
		d.o.Progress(d.at, d.info.Size)
	}
}

func (d *download) check(op string) error {
	if d.info.SHA256 != nil && !bytes.Equal(d.sum.Sum(nil), d.info.SHA256) {
		return fmt.Errorf("%s: %w", op, ErrChecksum)
	}
	return nil
}

// infoOf reads the headers of an answer whose bytes begin at first.
func infoOf(resp *http.Response, first int64) Info {
	h := resp.Header
	i := Info{Type: h.Get("Content-Type"), Size: resp.ContentLength, ETag: h.Get("ETag"), SHA256: digestOf(h.Get("Repr-Digest"))}
	if i.Size >= 0 {
		i.Size += first
	}
	if _, params, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil {
		i.Name = params["filename"]
	}
	return i
}

// digestOf finds the SHA-256 in a Repr-Digest (RFC 9530, 3): nil when there is none.
func digestOf(v string) []byte {
	for member := range strings.SplitSeq(v, ",") {
		text, ok := strings.CutPrefix(strings.TrimSpace(member), "sha-256=:")
		if !ok {
			continue
		}
		text, _, _ = strings.Cut(text, ":")
		if sum, err := base64.StdEncoding.DecodeString(text); err == nil && len(sum) == sha256.Size {
			return sum
		}
	}
	return nil
}

// firstByte reads where a Content-Range begins.
func firstByte(v string) (int64, bool) {
	rest, ok := strings.CutPrefix(v, "bytes ")
	first, _, found := strings.Cut(rest, "-")
	n, err := strconv.ParseUint(first, 10, 62)
	return int64(n), ok && found && err == nil //nolint:gosec // 62 bits
}
