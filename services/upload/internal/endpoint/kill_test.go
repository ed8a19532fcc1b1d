package endpoint_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/contracts/upload/v1/uploadv1test"
	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
)

// steps of a client, which repeats each one until it has an answer.
type client struct {
	w       world
	u       uploadv1.MultipartRequest
	obj     objectv1.Object
	repeats bool
	killed  bool
}

func (c *client) do(t *testing.T, what string, f func() error) {
	t.Helper()
	if c.killed && !c.repeats {
		return // it went away
	}
	err := f()
	if err == nil {
		return
	}
	if c.killed || !errors.Is(err, killtest.ErrKilled) {
		t.Errorf("%s: %v", what, err)
		return
	}
	c.killed = true
	c.w.killer.Mend()
	if c.repeats {
		c.do(t, what, f)
	}
}

func (c *client) create(t *testing.T) {
	t.Helper()
	c.do(t, "create", func() error {
		m, err := c.w.Service.CreateMultipart(t.Context(), uploadv1.CreateMultipartRequest{Principal: who, Bucket: "b", Key: "k"})
		c.u = uploadv1.MultipartRequest{Principal: who, Bucket: "b", Key: "k", UploadID: m.UploadID}
		return err
	})
}

func (c *client) put(t *testing.T, n int, data string) {
	t.Helper()
	r := part(c.u, n, data)
	c.do(t, "part "+data, func() error {
		_, err := c.w.Service.CommitPart(t.Context(), r)
		return err
	})
}

const (
	one, two, better = "the first part", "the second part", "a better first part"
)

// upload is what a client does up to the end of an upload.
func (c *client) upload(t *testing.T) {
	t.Helper()
	c.create(t)
	c.put(t, 1, one)
	c.put(t, 2, two)
	c.put(t, 3, "not in the list")
	c.put(t, 1, better)
}

func (c *client) complete(t *testing.T) {
	t.Helper()
	c.do(t, "complete", func() (err error) {
		c.obj, err = c.w.Service.CompleteMultipart(t.Context(), uploadv1.CompleteMultipartRequest{
			MultipartRequest: c.u, Parts: []uploadv1.CompletedPart{{Number: 1, ETag: etag(better)}, {Number: 2, ETag: etag(two)}},
		})
		return err
	})
}

func (c *client) abort(t *testing.T) {
	t.Helper()
	c.do(t, "abort", func() error {
		_, err := c.w.Service.AbortMultipart(t.Context(), c.u)
		if c.killed && errors.Is(err, uploadv1.ErrNoSuchUpload) {
			return nil // the first one did it
		}
		return err
	})
}

// settle lets time pass until everything must have come to an end.
func (w world) settle(t *testing.T) {
	t.Helper()
	for _, d := range []time.Duration{0, 5 * time.Minute, 5 * time.Minute, uploadv1test.Expiry, time.Hour, 25 * time.Hour, time.Hour} {
		w.Clock.Advance(d)
		if _, err := w.multi.Sweep(t.Context()); err != nil && !errors.Is(err, killtest.ErrKilled) {
			t.Error(err)
		}
		w.killer.Mend()
		w.Objects.Expire()
	}
}

// TestMultipart_KilledAnywhere breaks the service off before and after each write
// and each call of an upload that is completed, and of one that is aborted. A
// client that repeats its requests gets what it wanted; whether it does or not,
// nothing is left in the end but the object.
func TestMultipart_KilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"complete", "abort"} {
		for _, repeats := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/repeats=%v", end, repeats), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for n := range killedAt(t, w, end, repeats, 0, false) {
					for _, after := range []bool{false, true} {
						t.Run(fmt.Sprintf("%d/after=%v", n+1, after), func(t *testing.T) { killedAt(t, w, end, repeats, n+1, after) })
					}
				}
			})
		}
	}
}

// killedAt runs one upload with a kill and returns how many steps it took.
func killedAt(t *testing.T, w world, end string, repeats bool, n int, after bool) int {
	t.Helper()
	c, before := &client{w: w, repeats: repeats}, w.Objects.Versions()
	w.killer.Arm(n, after)
	c.upload(t)
	if end == "complete" {
		c.complete(t)
	} else {
		c.abort(t)
	}
	if !c.killed {
		_, _ = w.multi.Sweep(t.Context()) // a kill may as well come while it cleans up
	}
	steps := w.killer.Count()
	w.killer.Mend()
	if repeats && end == "complete" {
		if c.obj.Size != int64(len(better)+len(two)) || w.Objects.Versions() != before+1 || len(w.Objects.Took(c.obj.VersionID)) != 2 {
			t.Errorf("%d versions, completed %+v", w.Objects.Versions()-before, c.obj)
		}
		first := c.obj
		c.complete(t)
		if c.obj.VersionID != first.VersionID || c.obj.ETag != first.ETag {
			t.Errorf("once more: %+v", c.obj)
		}
	}
	w.settle(t)
	if got := w.Objects.Staged(); len(got) != 0 || w.Objects.Held() != 0 {
		t.Errorf("%v are staged, %d tickets held", got, w.Objects.Held())
	}
	if n := w.documents(t); n != 0 {
		t.Errorf("%d documents stayed", n)
	}
	if end == "abort" && w.Objects.Versions() != before {
		t.Error("an aborted upload has become an object")
	}
	return steps
}
