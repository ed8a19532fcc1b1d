package transfer_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

func multipart(t *testing.T, o *edgetest.Object) uploadv1.MultipartRequest {
	t.Helper()
	m, err := edgetest.Upload{O: o}.CreateMultipart(t.Context(), uploadv1.CreateMultipartRequest{Principal: who, Bucket: "box", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	return uploadv1.MultipartRequest{Principal: who, Bucket: "box", Key: "k", UploadID: m.UploadID}
}

func parts(t *testing.T, o *edgetest.Object, u uploadv1.MultipartRequest) []uploadv1.Part {
	t.Helper()
	l, err := edgetest.Upload{O: o}.ListParts(t.Context(), uploadv1.ListPartsRequest{MultipartRequest: u, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return l.Parts
}

func TestPutPart(t *testing.T) {
	t.Parallel()
	e, o, _ := engine(t)
	u := multipart(t, o)
	sum := sha256.Sum256([]byte("hello"))
	want := map[blob.Algorithm][]byte{blob.SHA256: sum[:]}
	for n, size := range []int64{5, -1} {
		p, err := e.PutPart(t.Context(), transfer.Part{MultipartRequest: u, Number: n + 1, Size: size, Body: strings.NewReader("hello"), Want: want})
		if err != nil || p.Number != n+1 || p.Size != 5 {
			t.Errorf("size %d: %+v, %v", size, p, err)
		}
	}
	if got := parts(t, o, u); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestPutPart_Refused(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		in   transfer.Part
		want error
	}{
		"short":      {transfer.Part{Number: 1, Size: 10, Body: strings.NewReader("hello")}, transfer.ErrShortBody},
		"digest":     {transfer.Part{Number: 1, Size: 5, Body: strings.NewReader("hello"), Want: map[blob.Algorithm][]byte{blob.CRC32: make([]byte, 4)}}, transfer.ErrBadDigest},
		"broken":     {transfer.Part{Number: 1, Size: -1, Body: io.MultiReader(strings.NewReader("abc"), broken{})}, errBroken},
		"too large":  {transfer.Part{Number: 1, Size: -1, Body: zeros(2000)}, blob.ErrTooLarge},
		"over quota": {transfer.Part{Number: 1, Size: 900, Body: zeros(900)}, objectv1.ErrQuotaExceeded},
	} {
		e, o, _ := engine(t)
		o.MaxSize, o.Quota = 1000, 800
		u := multipart(t, o)
		k.in.MultipartRequest = u
		if _, err := e.PutPart(t.Context(), k.in); !errors.Is(err, k.want) {
			t.Errorf("%s: %v", name, err)
		}
		if got := parts(t, o, u); len(got) != 0 || o.Called("CommitPart") != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	e, o, _ := engine(t)
	u := multipart(t, o)
	u.UploadID = "mpu_00000000000000000000000000"
	if _, err := e.PutPart(t.Context(), transfer.Part{MultipartRequest: u, Number: 1, Size: 5, Body: broken{}}); !errors.Is(err, uploadv1.ErrNoSuchUpload) {
		t.Errorf("an unknown upload: %v", err)
	}
}

// flakyParts lets some commits of parts fail before or after they happened.
type flakyParts struct {
	edgetest.Upload
	mu    sync.Mutex
	fails int
	after bool
	ids   []string
}

func (f *flakyParts) CommitPart(ctx context.Context, r uploadv1.CommitPartRequest) (uploadv1.Part, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids = append(f.ids, r.ContentID)
	if f.fails--; f.fails >= 0 {
		if f.after {
			_, _ = f.Upload.CommitPart(ctx, r)
		}
		return uploadv1.Part{}, fault.ErrUnavailable
	}
	return f.Upload.CommitPart(ctx, r)
}

// TestPutPart_CommitIsRepeated: with the same content, and also when the client
// has gone meanwhile.
func TestPutPart_CommitIsRepeated(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		e, o, _ := engine(t)
		f := &flakyParts{Upload: edgetest.Upload{O: o}, fails: 2, after: after}
		e.Uploads = f
		u := multipart(t, o)
		ctx, cancel := context.WithCancel(t.Context())
		body := io.MultiReader(strings.NewReader("hello"), leaving{cancel})
		if _, err := e.PutPart(ctx, transfer.Part{MultipartRequest: u, Number: 7, Size: 5, Body: body}); err != nil {
			t.Errorf("after %v: %v", after, err)
		}
		if len(f.ids) != 3 || f.ids[0] == "" || f.ids[0] != f.ids[2] || len(parts(t, o, u)) != 1 {
			t.Errorf("after %v: contents %v", after, f.ids)
		}
	}
}
