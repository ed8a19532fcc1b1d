package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/test/harness"
)

// sessions are the calls of one account to upload and object, past the edge. The
// contents are of segments that nobody has: nobody reads them.
type sessions struct {
	uploadv1.Service
	objects objectv1.Service
	who     authv1.Principal
	bucket  string
}

// writing is a session with its writer.
type writing struct {
	sessions
	uploadv1.SessionLease
	secret string
}

func (s sessions) begin(t *testing.T, key string) *writing {
	t.Helper()
	c, err := s.CreateSession(t.Context(), uploadv1.CreateSessionRequest{Principal: s.who, Bucket: s.bucket, Key: key, Size: -1, Metadata: objectv1.Metadata{ContentType: "text/plain"}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.AcquireSession(t.Context(), uploadv1.AcquireSessionRequest{Secret: c.Secret, Size: -1})
	if err != nil {
		t.Fatal(err)
	}
	return &writing{s, l, c.Secret}
}

// append brings contents of these sizes, the first in place of the tail.
func (w *writing) append(t *testing.T, sizes ...int64) error {
	t.Helper()
	r := uploadv1.AppendSessionRequest{Secret: w.secret, Fence: w.Fence, Offset: w.Offset}
	if w.Tail != nil {
		r.Offset -= w.Tail.Manifest.Size
	}
	for _, size := range sizes {
		id := objectv1.NewContentID()
		sum := sha256.Sum256([]byte(id))
		r.Contents = append(r.Contents, uploadv1.SessionContent{ContentID: id, Manifest: blob.Manifest{
			Size: size, Region: w.Region, Domain: w.KeyDomain, Segments: []blob.SegmentRef{{
				ID: blob.SegmentID(hex.EncodeToString(sum[:])), Len: size, Domain: w.KeyDomain, Store: "none", Token: "none", Chunks: 1, Stored: size,
			}},
		}})
	}
	l, err := w.AppendSession(t.Context(), r)
	if err == nil {
		w.SessionLease = l
	}
	return err
}

func (w *writing) finish(t *testing.T) (objectv1.Object, error) {
	t.Helper()
	sum := sha256.Sum256([]byte(w.secret))
	return w.FinishSession(t.Context(), uploadv1.FinishSessionRequest{
		Secret: w.secret, Fence: w.Fence, Size: w.Offset, Digests: map[blob.Algorithm][]byte{blob.SHA256: sum[:], blob.CRC64NVME: make([]byte, 8)},
	})
}

// uses waits until the account's usage is this.
func (s sessions) uses(t *testing.T, used, reserved int64) {
	t.Helper()
	var u objectv1.Usage
	eventually(t, "the account's usage", func() bool {
		var err error
		u, err = s.objects.GetUsage(t.Context(), objectv1.GetUsageRequest{AccountID: s.who.AccountID})
		return err == nil && u.Used == used && u.Reserved == reserved
	})
}

// sessionsOnObject runs upload's sessions on the real object service: what is
// durable is reserved, what was replaced, cancelled or refused is not, and nothing
// keeps the bucket in the end.
func sessionsOnObject(t *testing.T, w *harness.World) {
	c := account(t, w)
	c.Bucket(t, "flat")
	var login struct {
		Account struct {
			ID string `json:"id"`
		} `json:"account"`
	}
	c.Do(t, http.MethodPost, "/api/v1/login", map[string]string{"identifier": c.Username, "password": "correct horse " + c.Username}, http.Header{}).
		Want(t, http.StatusOK).JSON(t, &login)
	client := rpc.NewClient(w.JetStream(t).Conn(), rpc.ClientConfig{})
	s := sessions{uploadv1.NewClient(client), objectv1.NewClient(client), authv1.Principal{AccountID: login.Account.ID}, "flat"}
	const unit = int64(uploadv1.SessionUnit)

	a := s.begin(t, "a")
	for _, sizes := range [][]int64{{unit, 1000}, {2000}, {unit, unit, 5}} {
		if err := a.append(t, sizes...); err != nil {
			t.Fatal(err)
		}
		s.uses(t, 0, a.Offset)
	}
	obj, err := a.finish(t)
	if err != nil || obj.Size != 3*unit+5 || obj.Key != "a" || obj.Metadata.ContentType != "text/plain" {
		t.Fatalf("%+v, %v", obj, err)
	}
	if again, err := a.finish(t); err != nil || again.VersionID != obj.VersionID || again.ETag != obj.ETag {
		t.Errorf("once more: %+v, %v", again, err)
	}
	s.uses(t, obj.Size, 0)
	got, err := s.objects.StatObject(t.Context(), objectv1.StatObjectRequest{Principal: s.who, Bucket: "flat", Key: "a"})
	if err != nil || got.Size != obj.Size || got.VersionID != obj.VersionID || !slices.Equal(got.Digests[blob.SHA256], obj.Digests[blob.SHA256]) || len(got.Manifest.Segments) != 4 {
		t.Errorf("%+v, %v", got, err)
	}

	empty := s.begin(t, "empty")
	if obj, err := empty.finish(t); err != nil || obj.Size != 0 {
		t.Errorf("%+v, %v", obj, err)
	}

	// Two that the quota does not take together: one goes on when the other is gone.
	s.who.Limits.StorageBytes = got.Size + 2*unit
	b, d := s.begin(t, "b"), s.begin(t, "d")
	for _, x := range []*writing{b, d} {
		if err := x.append(t, unit-1); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.append(t, unit, unit); !errors.Is(err, objectv1.ErrQuotaExceeded) {
		t.Errorf("over the quota: %v", err)
	}
	s.uses(t, got.Size, 2*(unit-1))
	if _, err := d.CancelSession(t.Context(), uploadv1.SessionRequest{Secret: d.secret}); err != nil {
		t.Error(err)
	}
	s.uses(t, got.Size, unit-1)
	if err := b.append(t, unit, 2); err != nil {
		t.Error(err)
	}
	if obj, err := b.finish(t); err != nil || obj.Size != unit+2 {
		t.Errorf("%+v, %v", obj, err)
	}
	s.uses(t, got.Size+unit+2, 0)
	if _, err := d.GetSession(t.Context(), uploadv1.SessionRequest{Secret: d.secret}); !errors.Is(err, uploadv1.ErrSessionGone) {
		t.Errorf("cancelled: %v", err)
	}

	for _, key := range []string{"a", "b", "empty"} {
		if _, err := s.objects.DeleteObject(t.Context(), objectv1.DeleteObjectRequest{Principal: s.who, Bucket: "flat", Key: key}); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "the bucket is empty", func() bool {
		_, err := s.objects.DeleteBucket(t.Context(), objectv1.BucketRequest{Principal: s.who, Bucket: "flat"})
		return err == nil
	})
}
