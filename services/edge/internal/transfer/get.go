package transfer

import (
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/pkg/blob"
)

// Source is a content to be sent.
type Source struct {
	ETag     string // quotes included
	Modified time.Time
	Type     string
	Manifest blob.Manifest
}

// Send answers a GET or HEAD with src: conditions, ranges, and the bytes. What
// the answer says of the object beyond ETag, Last-Modified, Accept-Ranges,
// Content-Type, Content-Length and Content-Range is the caller's to set before;
// 304 keeps only what caches want. Nothing is written before the first bytes
// are there, so that an error returned without anything written can still be
// rendered.
func (e *Engine) Send(w http.ResponseWriter, r *http.Request, src Source) error {
	h, size := w.Header(), src.Manifest.Size
	h.Set("ETag", src.ETag)
	h.Set("Last-Modified", src.Modified.UTC().Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	same, err := check(r.Header, src.ETag, src.Modified)
	if err != nil {
		return err
	}
	if same {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", src.Type)
	ranges, err := wanted(r.Header, src, size)
	if err != nil {
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		return err
	}
	switch len(ranges) {
	case 0:
		h.Set("Content-Length", strconv.FormatInt(size, 10))
		return e.sendOne(w, r, src, http.StatusOK, Range{0, size})
	case 1:
		h.Set("Content-Range", ranges[0].ContentRange(size))
		h.Set("Content-Length", strconv.FormatInt(ranges[0].Len, 10))
		return e.sendOne(w, r, src, http.StatusPartialContent, ranges[0])
	}
	return e.sendParts(w, r, src, ranges)
}

// SendWhole answers a GET or HEAD with all of src, whatever r asks for, and says
// nothing by which a client would ask for less. As Send it writes nothing before
// the first bytes are there.
func (e *Engine) SendWhole(w http.ResponseWriter, r *http.Request, src Source) error {
	h, size := w.Header(), src.Manifest.Size
	h.Set("Content-Type", src.Type)
	if size > 0 {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	return e.sendOne(w, r, src, http.StatusOK, Range{0, size})
}

// wanted gives the ranges that count; an empty content has none to give, and
// answers any wish with itself.
func wanted(h http.Header, src Source, size int64) ([]Range, error) {
	if !rangeHolds(h, src.ETag, src.Modified) {
		return nil, nil
	}
	return ParseRange(h.Get("Range"), size)
}

func (e *Engine) sendOne(w http.ResponseWriter, r *http.Request, src Source, status int, part Range) error {
	lw := &lateWriter{w: w, status: status}
	if r.Method != http.MethodHead && part.Len > 0 {
		if err := e.copyRange(r.Context(), lw, src.Manifest, part); err != nil {
			return err
		}
	}
	lw.start()
	return nil
}

func (e *Engine) copyRange(ctx context.Context, w io.Writer, m blob.Manifest, part Range) error {
	rd, err := e.Blobs.Reader(ctx, m, part.Off, part.Len)
	if err != nil {
		return fmt.Errorf("opening a content: %w", err)
	}
	defer rd.Close() //nolint:errcheck // only fetches end; the bytes are out or their error is told
	n, err := rd.WriteTo(w)
	if err != nil {
		return fmt.Errorf("sending a content: %w", err)
	}
	if n != part.Len {
		return fmt.Errorf("sending a content: %w", blob.ErrDamaged.Because(fmt.Errorf("%d of %d bytes", n, part.Len)))
	}
	return nil
}

// sendParts answers with multipart/byteranges; its length is known before.
func (e *Engine) sendParts(w http.ResponseWriter, r *http.Request, src Source, ranges []Range) error {
	size := src.Manifest.Size
	var length counter
	dry := multipart.NewWriter(&length)
	for _, part := range ranges {
		if _, err := dry.CreatePart(partHeader(src, part, size)); err != nil {
			return fmt.Errorf("measuring the parts: %w", err)
		}
		length += counter(part.Len)
	}
	if err := dry.Close(); err != nil {
		return fmt.Errorf("measuring the parts: %w", err)
	}
	w.Header().Set("Content-Type", "multipart/byteranges; boundary="+dry.Boundary())
	w.Header().Set("Content-Length", strconv.FormatInt(int64(length), 10))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusPartialContent)
		return nil
	}
	lw := &lateWriter{w: w, status: http.StatusPartialContent}
	mw := multipart.NewWriter(lw)
	if err := mw.SetBoundary(dry.Boundary()); err != nil {
		return fmt.Errorf("sending the parts: %w", err)
	}
	for _, part := range ranges {
		pw, err := mw.CreatePart(partHeader(src, part, size))
		if err != nil {
			return fmt.Errorf("sending the parts: %w", err)
		}
		if err := e.copyRange(r.Context(), pw, src.Manifest, part); err != nil {
			return err
		}
	}
	if err := mw.Close(); err != nil {
		return fmt.Errorf("sending the parts: %w", err)
	}
	return nil
}

func partHeader(src Source, part Range, size int64) textproto.MIMEHeader {
	return textproto.MIMEHeader{"Content-Range": {part.ContentRange(size)}, "Content-Type": {src.Type}}
}

// counter is an io.Writer that keeps only the length.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// lateWriter sends the header with the first bytes, not before.
type lateWriter struct {
	w       http.ResponseWriter
	status  int
	started bool
}

func (l *lateWriter) start() {
	if !l.started {
		l.started = true
		l.w.WriteHeader(l.status)
	}
}

// Write implements io.Writer.
func (l *lateWriter) Write(p []byte) (int, error) {
	l.start()
	return l.w.Write(p) //nolint:wrapcheck // the io contract wants it as it is
}
