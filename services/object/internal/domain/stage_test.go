package domain_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// upload begins a write in parts.
func (e *env) upload(bucket, key string) objectv1.Ticket {
	e.t.Helper()
	t, err := e.BeginPut(e.t.Context(), objectv1.BeginPutRequest{
		Principal: alice, Bucket: bucket, Key: key, Size: -1, Hold: true, Staged: true, LeaseSeconds: 8 * 24 * 3600,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return t
}

// partOf is a staging of body.
func partOf(t objectv1.Ticket, body string) objectv1.StageContentRequest {
	id := objectv1.NewContentID()
	m := blob.Manifest{Size: int64(len(body)), Stored: int64(len(body)), Region: t.Region, Domain: t.KeyDomain}
	if body != "" {
		m.Segments = []blob.SegmentRef{{ID: blob.SegmentID(body), Len: m.Size, Domain: t.KeyDomain, Token: id}}
	}
	return objectv1.StageContentRequest{AccountID: t.AccountID, VersionID: t.VersionID, ContentID: id, Manifest: m}
}

func (e *env) part(t objectv1.Ticket, body string) string {
	e.t.Helper()
	r := partOf(t, body)
	if _, err := e.StageContent(e.t.Context(), r); err != nil {
		e.t.Fatalf("staging %q: %v", body, err)
	}
	return r.ContentID
}

// contents counts what is stored.
func (e *env) contents() int {
	e.t.Helper()
	page, err := e.st.Contents.Between(e.t.Context(), "", "", 10_000)
	if err != nil {
		e.t.Fatal(err)
	}
	return len(page)
}

// settle lets everything that is left come to its end.
func (e *env) settle() {
	e.t.Helper()
	for range 3 {
		if !e.idle {
			e.usage()
		}
		e.advance(15 * time.Minute)
		if err := e.Sweep(e.t.Context()); err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *env) wantUsage(used, reserved int64) {
	e.t.Helper()
	if u := e.usage(); u.Used != used || u.Reserved != reserved {
		e.t.Fatalf("usage %+v, want %d used and %d reserved", u, used, reserved)
	}
}

func TestStage_PartsBecomeAnObject(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	if !ticket.Held || !ticket.Staged || ticket.Reserved != 0 || time.Until(ticket.LeaseTill) < 7*24*time.Hour {
		t.Fatalf("ticket %+v", ticket)
	}
	e.wantUsage(0, 0)
	wantErr(t, e.DeleteBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"}), objectv1.ErrBucketNotEmpty)
	a, b, unused := e.part(ticket, "aaaa"), e.part(ticket, "bb"), e.part(ticket, "not chosen")
	e.wantUsage(0, 16)
	o, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", b, a))
	if err != nil {
		t.Fatal(err)
	}
	if o.Size != 6 || !strings.HasSuffix(o.ETag, `-2"`) || !slices.Equal(o.Composite, []blob.Algorithm{blob.SHA256}) ||
		len(o.Manifest.Segments) != 2 || o.Manifest.Segments[0].ID != "bb" || o.Manifest.Segments[1].ID != "aaaa" {
		t.Fatalf("object %+v", o)
	}
	e.wantUsage(6, 0)
	page, err := e.st.Contents.Between(t.Context(), "", "", 10)
	if err != nil || len(page) != 1 || page[0].ID <= max(a, b, unused) {
		t.Fatalf("contents %+v, %v", page, err)
	}
	got, err := e.stat("files", "k", "")
	if err != nil || got.ETag != o.ETag || got.VersionID != ticket.VersionID || got.Manifest.Size != 6 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if again, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", b, a)); err != nil || again.ETag != o.ETag || again.Size != 6 {
		t.Fatalf("repeat %+v, %v", again, err)
	}
	_, err = e.StageContent(t.Context(), partOf(ticket, "late"))
	wantErr(t, err, objectv1.ErrUploadGone)
	e.settle()
	e.wantUsage(6, 0)
}

func TestStage_Repeated(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	r := partOf(ticket, "12345")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := e.StageContent(t.Context(), r); err != nil || got.Reserved < 5 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	e.wantUsage(0, 5)
	if got, err := e.StageContent(t.Context(), r); err != nil || got.Reserved != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	other := e.upload("files", "k")
	r.VersionID = other.VersionID
	_, err := e.StageContent(t.Context(), r)
	wantErr(t, err, fault.ErrInvalid)
	e.settle()
	e.wantUsage(0, 5)
}

func TestStage_Refused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	for name, c := range map[string]struct {
		change func(r *objectv1.StageContentRequest)
		want   error
	}{
		"other account": {func(r *objectv1.StageContentRequest) { r.AccountID = "bob" }, objectv1.ErrUploadGone},
		"no version":    {func(r *objectv1.StageContentRequest) { r.VersionID = "" }, objectv1.ErrUploadGone},
		"no id":         {func(r *objectv1.StageContentRequest) { r.ContentID = "" }, fault.ErrInvalid},
		"small letters": {func(r *objectv1.StageContentRequest) { r.ContentID = strings.ToLower(r.ContentID) }, fault.ErrInvalid},
		"far future":    {func(r *objectv1.StageContentRequest) { r.ContentID = "7ZZZZZZZZZ" + r.ContentID[10:] }, fault.ErrInvalid},
		"other domain":  {func(r *objectv1.StageContentRequest) { r.Manifest.Domain = "account-bob" }, fault.ErrInvalid},
		"other region":  {func(r *objectv1.StageContentRequest) { r.Manifest.Region = "far" }, fault.ErrInvalid},
		"negative":      {func(r *objectv1.StageContentRequest) { r.Manifest.Size = -1 }, fault.ErrInvalid},
		"too large":     {func(r *objectv1.StageContentRequest) { r.Manifest.Size = 1<<30 + 1 }, objectv1.ErrTooLarge},
	} {
		r := partOf(ticket, "x")
		c.change(&r)
		if _, err := e.StageContent(t.Context(), r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	held, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: alice, Bucket: "files", Key: "h", Size: 3, Hold: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.StageContent(t.Context(), partOf(held, "x"))
	wantErr(t, err, objectv1.ErrUploadGone)
	for name, r := range map[string]objectv1.BeginPutRequest{
		"not held":      {Staged: true, Size: -1},
		"size":          {Staged: true, Hold: true, Size: 3},
		"long lease":    {Staged: true, Hold: true, Size: -1, LeaseSeconds: int64(objectv1.MaxLease/time.Second) + 1},
		"negative":      {Staged: true, Hold: true, Size: -1, LeaseSeconds: -1},
		"lease of hold": {Hold: true, Size: 1, LeaseSeconds: 60},
		"idempotency":   {Staged: true, Hold: true, Size: -1, Idempotency: &objectv1.Idempotency{Key: "k", Fingerprint: []byte("x")}},
	} {
		r.Principal, r.Bucket, r.Key = alice, "files", "k"
		if _, err := e.BeginPut(t.Context(), r); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = e.UnstageContents(t.Context(), objectv1.UnstageContentsRequest{AccountID: "alice", VersionID: ticket.VersionID, ContentIDs: make([]string, 1001)})
	wantErr(t, err, fault.ErrInvalid)
}

// TestStage_Replaces: what a content takes the place of is not counted twice, and
// not more than once, whatever else is staged beside it.
func TestStage_Replaces(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	who := alice
	who.Limits.StorageBytes = 10
	begin := func(key string) objectv1.Ticket {
		ticket, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: who, Bucket: "files", Key: key, Size: -1, Hold: true, Staged: true})
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	one, other := begin("one"), begin("other")
	tail, foreign := e.part(one, "123456"), e.part(other, "1")
	try := func(body, replaces string) (string, error) {
		r := partOf(one, body)
		r.Replaces = replaces
		_, err := e.StageContent(t.Context(), r)
		return r.ContentID, err
	}
	for what, replaces := range map[string]string{"nothing": "", "a stranger's": foreign, "what is not there": objectv1.NewContentID(), "no id": "x"} {
		if _, err := try("123456789", replaces); !errors.Is(err, objectv1.ErrQuotaExceeded) {
			t.Errorf("replacing %s: %v", what, err)
		}
	}
	if _, err := try("1234567890", tail); !errors.Is(err, objectv1.ErrQuotaExceeded) {
		t.Errorf("more than there is room: %v", err)
	}
	next, err := try("123456789", tail)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := try("1", tail); !errors.Is(err, objectv1.ErrQuotaExceeded) {
		t.Errorf("once more: %v", err)
	}
	if _, err := e.UnstageContents(t.Context(), objectv1.UnstageContentsRequest{AccountID: one.AccountID, VersionID: one.VersionID, ContentIDs: []string{tail}}); err != nil {
		t.Fatal(err)
	}
	if u, err := e.GetUsage(t.Context(), objectv1.GetUsageRequest{AccountID: one.AccountID}); err != nil || u.Used+u.Reserved != 10 {
		t.Errorf("%+v, %v, with %s", u, err, next)
	}
}

// Two parts that do not fit together: one of them does.
func TestStage_QuotaRace(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	small := alice
	small.Limits.StorageBytes = 100
	ticket, err := e.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: small, Bucket: "files", Key: "k", Size: -1, Hold: true, Staged: true})
	if err != nil {
		t.Fatal(err)
	}
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			_, err := e.StageContent(t.Context(), partOf(ticket, strings.Repeat("x", 60)))
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, objectv1.ErrQuotaExceeded):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 5 {
		t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
	}
	e.wantUsage(0, 60)
}

func TestUnstage(t *testing.T) {
	t.Parallel()
	for _, merged := range []bool{false, true} {
		e := newEnv(t, envOptions{idle: !merged})
		e.bucket("files", false)
		ticket := e.upload("files", "k")
		parts := []string{e.part(ticket, "aaaa"), e.part(ticket, "bb"), e.part(ticket, "c")}
		if merged {
			e.wantUsage(0, 7)
		}
		drop := objectv1.UnstageContentsRequest{
			AccountID: "alice", VersionID: ticket.VersionID, ContentIDs: []string{parts[0], parts[2], "never was", "", parts[0]},
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := e.UnstageContents(t.Context(), drop); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		e.wantUsage(0, 2)
		if n := e.contents(); n != 1 {
			t.Fatalf("%d contents", n)
		}
		_, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", parts[0], parts[1]))
		wantErr(t, err, fault.ErrInvalid)
		stranger := drop
		stranger.AccountID, stranger.ContentIDs = "bob", parts
		if _, err := e.UnstageContents(t.Context(), stranger); err != nil {
			t.Fatal(err)
		}
		if _, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", parts[1])); err != nil {
			t.Fatal(err)
		}
		if _, err := e.UnstageContents(t.Context(), objectv1.UnstageContentsRequest{
			AccountID: "alice", VersionID: ticket.VersionID, ContentIDs: parts,
		}); err != nil {
			t.Fatal(err)
		}
		e.settle()
		e.wantUsage(2, 0)
		if _, err := e.stat("files", "k", ""); err != nil {
			t.Fatal(err)
		}
	}
}

// Many replaced parts leave no marks behind.
func TestUnstage_MarksGoOut(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	var parts []string
	for range 80 {
		parts = append(parts, e.part(ticket, "xx"))
	}
	if _, err := e.UnstageContents(t.Context(), objectv1.UnstageContentsRequest{
		AccountID: "alice", VersionID: ticket.VersionID, ContentIDs: parts,
	}); err != nil {
		t.Fatal(err)
	}
	e.wantUsage(0, 0)
	u, err := e.st.Accounts.Get(t.Context(), "alice")
	if err != nil || len(u.Released) > 40 || u.Epoch == 0 {
		t.Fatalf("%d marks at epoch %d, %v", len(u.Released), u.Epoch, err)
	}
	e.settle()
	if u, err = e.st.Accounts.Get(t.Context(), "alice"); err != nil || len(u.Released) != 0 {
		t.Fatalf("%d marks, %v", len(u.Released), err)
	}
}

func TestStage_AbortAndExpiry(t *testing.T) {
	t.Parallel()
	for _, expire := range []bool{false, true} {
		e := newEnv(t, envOptions{})
		e.bucket("files", false)
		ticket := e.upload("files", "k")
		for range 5 {
			e.part(ticket, "12345678")
		}
		e.wantUsage(0, 40)
		e.settle() // what is staged stays, whatever its age
		e.wantUsage(0, 40)
		if expire {
			e.advance(8 * 24 * time.Hour)
			if err := e.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		} else if r, err := e.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID}); err != nil || r.Committed {
			t.Fatalf("%+v, %v", r, err)
		}
		e.wantUsage(0, 0)
		e.settle()
		if n := e.contents(); n != 0 {
			t.Fatalf("%d contents", n)
		}
		_, err := e.CommitPut(t.Context(), completion(ticket, "files", "k", objectv1.NewContentID()))
		wantErr(t, err, objectv1.ErrUploadGone)
		if err := e.DeleteBucket(t.Context(), objectv1.BucketRequest{Principal: alice, Bucket: "files"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRenew_KeepsTheLongerLease(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	ticket := e.upload("files", "k")
	got, err := e.RenewPut(t.Context(), objectv1.RenewPutRequest{AccountID: "alice", VersionID: ticket.VersionID, Bytes: 1 << 20})
	if err != nil || !got.LeaseTill.Equal(ticket.LeaseTill) || !got.Staged {
		t.Fatalf("%+v, %v", got, err)
	}
	e.advance(time.Until(ticket.LeaseTill) - time.Minute)
	got, err = e.RenewPut(t.Context(), objectv1.RenewPutRequest{AccountID: "alice", VersionID: ticket.VersionID})
	if err != nil || !got.LeaseTill.After(ticket.LeaseTill) {
		t.Fatalf("%+v, %v", got, err)
	}
	e.wantUsage(0, 0)
}

// A ticket that was taken with the usual lease is kept for as long as is asked.
func TestRenew_AsLongAsAsked(t *testing.T) {
	t.Parallel()
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	for _, staged := range []bool{false, true} {
		r := objectv1.BeginPutRequest{Principal: alice, Bucket: "files", Key: "k", Size: -1, Hold: true, Staged: staged}
		ticket, err := e.BeginPut(t.Context(), r)
		if err != nil || time.Until(ticket.LeaseTill) > 3*time.Minute {
			t.Fatalf("%+v, %v", ticket, err)
		}
		got, err := e.RenewPut(t.Context(), objectv1.RenewPutRequest{AccountID: "alice", VersionID: ticket.VersionID, LeaseSeconds: 8 * 24 * 3600})
		if !staged {
			wantErr(t, err, fault.ErrInvalid)
			continue
		}
		if err != nil || time.Until(got.LeaseTill) < 7*24*time.Hour {
			t.Fatalf("%+v, %v", got, err)
		}
		e.settle()
		if _, err := e.StageContent(t.Context(), partOf(ticket, "x")); err != nil {
			t.Error(err)
		}
	}
}
