package fetch

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

const (
	userAgent    = "Sluice-Fetch"
	maxRedirects = 10
	maxBytes     = 1 << 62 // the account's limits decide
	maxType      = 255
)

// statusError is an answer that is no file.
type statusError struct {
	status int
	wait   time.Duration // as the answer asks for
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the address answered with status %d", e.status)
}

// fetch brings what the address sends into the drive. Under the fetch's own
// idempotency key a second attempt behind a commit whose worker died finds the file
// that is there.
func (w *Worker) fetch(ctx context.Context, l uploadv1.FetchLeased, p *progress) (objectv1.Object, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(w.o.Stall, func() { cancel(errStalled) })
	defer stalled.Stop()
	resp, err := w.get(ctx, l.Fetch.URL)
	if err != nil {
		return objectv1.Object{}, causeOf(ctx, err)
	}
	defer resp.Body.Close()
	if !stalled.Stop() {
		return objectv1.Object{}, errStalled
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNonAuthoritativeInfo {
		return objectv1.Object{}, &statusError{resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	}
	p.size.Store(resp.ContentLength)
	key := "fetch-" + strconv.FormatInt(l.Fetch.ID, 10)
	res, err := w.d.Engine.Put(ctx, transfer.Put{
		Principal: l.Principal, Bucket: objectv1.DriveBucket, Key: nameOf(resp), Size: resp.ContentLength,
		Body:     &paced{r: resp.Body, p: p, o: w.o, timer: stalled},
		Metadata: objectv1.Metadata{ContentType: typeOf(resp.Header)}, Origin: originOf(l), File: optionsOf(l.Fetch),
		Keep: []blob.Algorithm{blob.MD5}, Idempotency: &objectv1.Idempotency{Key: key, Fingerprint: []byte(key)},
	})
	if err != nil {
		return objectv1.Object{}, causeOf(ctx, err)
	}
	return res.Object, nil
}

// causeOf prefers why an exchange was cut off to that it was.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// get asks for a file. The bytes are wanted as they are: what is sent encoded all
// the same is kept so.
func (w *Worker) get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", uploadv1.ErrBadFetchURL.Because(err))
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Accept-Encoding", "identity")
	return w.out.Do(ctx, req) //nolint:wrapcheck // its code is what counts
}

// optionsOf places the file. The root needs no id.
func optionsOf(f uploadv1.Fetch) *objectv1.FileOptions {
	o := &objectv1.FileOptions{Conflict: objectv1.ConflictRename}
	if f.FolderID != "" {
		o.FolderID = &f.FolderID
	}
	return o
}

func originOf(l uploadv1.FetchLeased) objectv1.Origin {
	return objectv1.Origin{RequestID: fmt.Sprintf("fetch-%d-%d", l.Fetch.ID, l.Fetch.Attempts), Dialect: "fetch"}
}

// typeOf is the type that the address names, if it is one.
func typeOf(h http.Header) string {
	v := strings.TrimSpace(h.Get("Content-Type"))
	if _, _, err := mime.ParseMediaType(v); err != nil || len(v) > maxType || strings.ContainsFunc(v, func(c rune) bool { return c < ' ' || c > '~' }) {
		return ""
	}
	return v
}

// retryAfter reads the header of that name; 0 when it says nothing (RFC 9110 10.2.3).
func retryAfter(v string, now time.Time) time.Duration {
	v = strings.TrimSpace(v)
	if n, err := strconv.ParseInt(v, 10, 32); err == nil {
		return time.Duration(max(n, 0)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// paced counts what is read and cuts an exchange that brings too little: within
// each window in which somebody reads, and on average.
type paced struct {
	r     io.Reader
	p     *progress
	o     Options
	timer *time.Timer // cuts a Read that waits; stopped while nobody reads

	took, spent time.Duration // for all of it, and in this window
	got         int64         // in this window
}

// Read implements io.Reader.
func (b *paced) Read(into []byte) (int, error) {
	begin := time.Now()
	b.timer.Reset(b.o.Stall - b.spent)
	n, err := b.r.Read(into)
	b.timer.Stop()
	d := time.Since(begin)
	b.took, b.spent = b.took+d, b.spent+d
	b.got += int64(n)
	all := b.p.received.Add(int64(n))
	switch {
	case err != nil:
	case all < b.o.Rate*int64((b.took-b.o.Grace)/time.Second):
		err = errTooLong
	case b.got >= b.o.PaceBytes:
		b.spent, b.got = 0, 0
	case b.spent >= b.o.Stall:
		err = errStalled
	}
	return n, err //nolint:wrapcheck // the io contract wants it as it is
}
