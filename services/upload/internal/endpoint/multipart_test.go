package endpoint_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

var who = authv1.Principal{AccountID: "acc"}

// documents counts what is left in the collections of multipart uploads.
func (w world) documents(t *testing.T) int {
	t.Helper()
	due, err := w.parts.DueMultiparts(t.Context(), w.Clock.Now().Add(100*24*time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(due) + w.count(t, "parts") + w.count(t, "plans")
}

// count counts the documents of a collection without indexes.
func (w world) count(t *testing.T, collection string) int {
	t.Helper()
	c, err := docstore.Open[struct{}](t.Context(), w.db, docstore.Spec{Name: collection})
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.Count(t.Context(), docstore.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func (w world) create(t *testing.T, key string) uploadv1.MultipartRequest {
	t.Helper()
	m, err := w.Service.CreateMultipart(t.Context(), uploadv1.CreateMultipartRequest{Principal: who, Bucket: "b", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return uploadv1.MultipartRequest{Principal: who, Bucket: "b", Key: key, UploadID: m.UploadID}
}

func part(u uploadv1.MultipartRequest, n int, data string) uploadv1.CommitPartRequest {
	sum := sha256.Sum256([]byte(data))
	return uploadv1.CommitPartRequest{
		MultipartRequest: u, Number: n, ContentID: objectv1.NewContentID(), Manifest: blob.Manifest{Size: int64(len(data))},
		Digests: map[blob.Algorithm][]byte{blob.SHA256: sum[:], blob.CRC64NVME: make([]byte, 8)},
	}
}

func etag(data string) string {
	sum := sha256.Sum256([]byte(data))
	return fmt.Sprintf(`"%x-1"`, sum[:16])
}

// TestMultipart_PartReplacedWhilePlanning: a plan that was made with a part which
// is replaced before the plan is fixed is made anew.
func TestMultipart_PartReplacedWhilePlanning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.create(t, "k")
	// The same bytes again: the entity tag stays, the content does not.
	second := part(u, 1, one)
	for _, r := range []uploadv1.CommitPartRequest{part(u, 1, one), part(u, 2, two)} {
		if _, err := w.Service.CommitPart(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	w.parts.planned = func() {
		if _, err := w.Service.CommitPart(t.Context(), second); err != nil {
			t.Error(err)
		}
	}
	obj, err := w.Service.CompleteMultipart(t.Context(), uploadv1.CompleteMultipartRequest{
		MultipartRequest: u, Parts: []uploadv1.CompletedPart{{Number: 1, ETag: etag(one)}, {Number: 2, ETag: etag(two)}},
	})
	if err != nil || w.Objects.Took(obj.VersionID)[0] != second.ContentID {
		t.Errorf("%v, took %v instead of %s", err, w.Objects.Took(obj.VersionID), second.ContentID)
	}
	w.settle(t)
	if n := w.documents(t); n != 0 || len(w.Objects.Staged()) != 0 {
		t.Errorf("%d documents, %v staged", n, w.Objects.Staged())
	}
}

// TestMultipart_LatePart ends the upload while a part is between its staging and
// its document: whether the service lives to see that or not, nothing stays.
func TestMultipart_LatePart(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"complete", "abort"} {
		for _, dies := range []bool{false, true} {
			w := newWorld(t)
			c := &client{w: w}
			c.upload(t)
			w.parts.staged = func() {
				if end == "complete" {
					c.complete(t)
				} else {
					c.abort(t)
				}
				if _, err := w.multi.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
				if dies {
					w.killer.Arm(1, true)
				}
			}
			_, err := w.Service.CommitPart(t.Context(), part(c.u, 4, "a late part"))
			if dies != errors.Is(err, killtest.ErrKilled) || !dies && !errors.Is(err, uploadv1.ErrNoSuchUpload) {
				t.Errorf("%s, dies %v: %v", end, dies, err)
			}
			w.killer.Mend()
			w.settle(t)
			if n := w.documents(t); n != 0 || len(w.Objects.Staged()) != 0 {
				t.Errorf("%s, dies %v: %d documents, %v staged", end, dies, n, w.Objects.Staged())
			}
		}
	}
}

// TestMultipart_RefusedBesideUnsure: one attempt is refused while nobody knows of
// the other; the upload must not take another list before that is known.
func TestMultipart_RefusedBesideUnsure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.create(t, "taken")
	for n, data := range []string{one, two} {
		if _, err := w.Service.CommitPart(t.Context(), part(u, n+1, data)); err != nil {
			t.Fatal(err)
		}
	}
	r := uploadv1.CompleteMultipartRequest{MultipartRequest: u, Parts: []uploadv1.CompletedPart{{Number: 1, ETag: etag(one)}, {Number: 2, ETag: etag(two)}}}
	w.Objects.Break("CommitPut", false, fault.ErrTimeout)
	if _, err := w.Service.CompleteMultipart(t.Context(), r); !errors.Is(err, fault.ErrTimeout) {
		t.Fatal(err)
	}
	other, picky := r, r
	other.Parts, picky.Conditions.IfNoneMatchAny = r.Parts[:1], true
	want := func(when string, r uploadv1.CompleteMultipartRequest, want error) {
		t.Helper()
		if _, err := w.Service.CompleteMultipart(t.Context(), r); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", when, err, want)
		}
	}
	want("refused", picky, objectv1.ErrPrecondition)
	want("while the first is unsure", other, uploadv1.ErrCompleting)
	w.Clock.Advance(4 * time.Minute)
	want("refused when the first is over", picky, objectv1.ErrPrecondition)
	if _, err := w.Service.CompleteMultipart(t.Context(), other); err != nil {
		t.Errorf("another list then: %v", err)
	}
}

// TestMultipart_Races lets parts, completions of different lists and aborts of one
// upload run over each other: what is completed is what its list says, and
// nothing stays staged.
func TestMultipart_Races(t *testing.T) {
	t.Parallel()
	rounds := 30
	if os.Getenv("SLUICE_SOAK") != "" {
		rounds = 2000
	}
	w := newWorld(t)
	for round := range rounds {
		race(t, w, fmt.Sprint("k", round), round%3 == 0)
	}
	w.settle(t)
	if n := w.documents(t); n != 0 || len(w.Objects.Staged()) != 0 || w.Objects.Held() != 0 {
		t.Errorf("%d documents, %v staged, %d held", n, w.Objects.Staged(), w.Objects.Held())
	}
}

func race(t *testing.T, w world, key string, aborts bool) {
	t.Helper()
	u := w.create(t, key)
	texts := []string{"the first of it", "the second of it", "the third of it"}
	first := part(u, 1, texts[0])
	if _, err := w.Service.CommitPart(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	won := map[string]string{}
	var wg sync.WaitGroup
	for _, text := range append(texts, texts...) {
		wg.Go(func() {
			_, err := w.Service.CommitPart(t.Context(), part(u, 1, text))
			if err != nil && !errors.Is(err, uploadv1.ErrNoSuchUpload) && !errors.Is(err, uploadv1.ErrCompleting) {
				t.Errorf("part: %v", err)
			}
		})
	}
	for _, text := range append(texts, texts...) {
		wg.Go(func() {
			obj, err := w.Service.CompleteMultipart(t.Context(), uploadv1.CompleteMultipartRequest{
				MultipartRequest: u, Parts: []uploadv1.CompletedPart{{Number: 1, ETag: etag(text)}},
			})
			switch {
			case err == nil:
				mu.Lock()
				defer mu.Unlock()
				won[text] = obj.ETag
			case errors.Is(err, objectv1.ErrUploadGone) && !aborts:
				t.Errorf("completing: %v", err)
			case !slices.Contains([]string{"upload.no_such_upload", "upload.invalid_part", "upload.complete_in_progress", "unavailable"}, fault.CodeOf(err)):
				t.Errorf("completing: %v", err)
			}
		})
	}
	aborted := false
	if aborts {
		wg.Go(func() {
			_, err := w.Service.AbortMultipart(t.Context(), u)
			aborted = err == nil
			if err != nil && !errors.Is(err, uploadv1.ErrNoSuchUpload) {
				t.Errorf("abort: %v", err)
			}
		})
	}
	wg.Wait()
	if len(won) > 1 || aborted && len(won) > 0 {
		t.Errorf("aborted %v and completed with %v", aborted, won)
	}
}

// TestMultipart_TenThousandParts: no document grows with the number of parts but
// the plan, and the cost of a page is that of the page.
func TestMultipart_TenThousandParts(t *testing.T) {
	t.Parallel()
	n := 1500 // more than a page
	if os.Getenv("SLUICE_SOAK") != "" {
		n = uploadv1.MaxPartNumber
	}
	w := newWorld(t)
	u := w.create(t, "k")
	list := make([]uploadv1.CompletedPart, n)
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			for i := k; i < n; i += 8 {
				data := fmt.Sprintf("part number %d", n-i)
				list[n-i-1] = uploadv1.CompletedPart{Number: n - i, ETag: etag(data)}
				if _, err := w.Service.CommitPart(t.Context(), part(u, n-i, data)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	began := time.Now()
	obj, err := w.Service.CompleteMultipart(t.Context(), uploadv1.CompleteMultipartRequest{MultipartRequest: u, Parts: list})
	if err != nil || len(w.Objects.Took(obj.VersionID)) != n {
		t.Fatalf("%d parts, %v", len(w.Objects.Took(obj.VersionID)), err)
	}
	t.Logf("completed %d parts in %s", n, time.Since(began))
	began = time.Now()
	w.settle(t)
	t.Logf("cleaned up in %s", time.Since(began))
	if got := w.documents(t); got != 0 {
		t.Errorf("%d documents stayed", got)
	}
}

func TestMultipart_Counted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, end := range []func(*client){func(c *client) { c.complete(t) }, func(c *client) { c.abort(t) }, func(*client) {}} {
		c := &client{w: w}
		c.upload(t)
		end(c)
	}
	w.settle(t)
	if w.meter.multiBegan != 3 || w.meter.multiEnded[domain.Committed] != 1 || w.meter.multiEnded[domain.Aborted] != 1 || w.meter.multiEnded[domain.Abandoned] != 1 {
		t.Errorf("%d begun, ended %v", w.meter.multiBegan, w.meter.multiEnded)
	}
}
