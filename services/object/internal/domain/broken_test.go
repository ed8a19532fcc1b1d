package domain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// brokenOff runs an operation again and again, each time on a key of its own and
// dying one write later, before or after that write, until it comes through.
func brokenOff(t *testing.T, o envOptions, try func(e *env, key string, crash func() context.Context) (died bool)) {
	t.Helper()
	oneByOne(t)
	o.wrap, o.hasty = crashing, true
	e := newEnv(t, o)
	e.bucket("files", false)
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			key := fmt.Sprintf("k-%d-%t", n, after)
			died := try(e, key, func() context.Context {
				ctx, _ := crashAt(t.Context(), n, after)
				return ctx
			})
			if t.Failed() {
				t.Fatalf("it died at write %d, after it: %t", n, after)
			}
			if !died {
				break
			}
			if n == 40 {
				t.Fatal("it never comes through")
			}
		}
	}
}

// checkStaged holds what an account has reserved against what is staged.
func (e *env) checkStaged(uploads ...objectv1.Ticket) {
	e.t.Helper()
	u, err := e.st.Accounts.Get(e.t.Context(), "alice")
	if err != nil {
		e.t.Fatal(err)
	}
	var sum int64
	for _, r := range u.Reserved {
		sum += r.Bytes
	}
	if u.Total != u.Used+sum {
		e.t.Errorf("total %d, used %d, reserved %d", u.Total, u.Used, sum)
	}
	for _, ticket := range uploads {
		page, err := e.st.Contents.Staged(e.t.Context(), ticket.VersionID, 1000)
		if err != nil {
			e.t.Fatal(err)
		}
		var staged int64
		for _, c := range page {
			staged += c.Manifest.Size
		}
		r, ok := u.Reserved[ticket.VersionID]
		if r.Bytes != staged {
			e.t.Errorf("%d staged, %d reserved (%t)", staged, r.Bytes, ok)
		}
		sum -= r.Bytes
	}
	if sum != 0 {
		e.t.Errorf("%d bytes are reserved for nobody", sum)
	}
}

func TestBrokenOff_Stage(t *testing.T) {
	t.Parallel()
	brokenOff(t, envOptions{}, func(e *env, key string, crash func() context.Context) bool {
		ticket := e.upload("files", key)
		defer e.abort(ticket)
		e.part(ticket, "first")
		r := partOf(ticket, "12345678")
		_, err := e.StageContent(crash(), r)
		died := errors.Is(err, errCrash)
		if !died && err != nil {
			t.Error(err)
		}
		e.settle()
		e.checkStaged(ticket)
		got, err := e.StageContent(t.Context(), r) // the repeat
		if err != nil || got.Reserved != 13 {
			t.Errorf("repeat: %+v, %v", got, err)
		}
		e.settle()
		e.checkStaged(ticket)
		return died
	})
}

func (e *env) abort(ticket objectv1.Ticket) {
	e.t.Helper()
	if _, err := e.AbortPut(e.t.Context(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID}); err != nil {
		e.t.Error(err)
	}
	e.settle()
	e.checkStaged()
}

// The upload ends while a part is on its way, and the part's attempt dies.
func TestBrokenOff_StageIntoAnUploadThatEnds(t *testing.T) {
	t.Parallel()
	brokenOff(t, envOptions{}, func(e *env, key string, crash func() context.Context) bool {
		ticket := e.upload("files", key)
		r := partOf(ticket, "12345678")
		ctx := crash()
		_, err := e.StageContent(ctx, r)
		if !errors.Is(err, errCrash) {
			_, _ = e.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID})
		}
		died := ctx.Value(crashKey{}).(*crasher).dead.Load()
		e.abort(ticket)
		if n := e.contents(); n != 0 {
			t.Errorf("%d contents are left", n)
		}
		e.wantUsage(0, 0)
		return died
	})
}

func TestBrokenOff_Unstage(t *testing.T) {
	t.Parallel()
	for _, idle := range []bool{false, true} { // merged before, or not
		brokenOff(t, envOptions{idle: idle}, func(e *env, key string, crash func() context.Context) bool {
			ticket := e.upload("files", key)
			defer e.abort(ticket)
			a, b := e.part(ticket, "aaaa"), e.part(ticket, "bb")
			if !idle {
				e.usage()
			}
			r := objectv1.UnstageContentsRequest{AccountID: "alice", VersionID: ticket.VersionID, ContentIDs: []string{a}}
			_, err := e.UnstageContents(crash(), r)
			died := errors.Is(err, errCrash)
			if !died && err != nil {
				t.Error(err)
			}
			if _, err := e.UnstageContents(t.Context(), r); err != nil && !idle {
				t.Error(err)
			}
			e.settle()
			e.checkStaged(ticket)
			if page, err := e.st.Contents.Staged(t.Context(), ticket.VersionID, 10); err != nil || len(page) != 1 || page[0].ID != b {
				t.Errorf("staged %+v, %v", page, err)
			}
			return died
		})
	}
}

func TestBrokenOff_CommitParts(t *testing.T) {
	t.Parallel()
	for _, repeat := range []bool{false, true} {
		brokenOff(t, envOptions{}, func(e *env, key string, crash func() context.Context) bool {
			ticket := e.upload("files", key)
			a, b, _ := e.part(ticket, "aaaa"), e.part(ticket, "bb"), e.part(ticket, "unused")
			r := completion(ticket, "files", key, b, a)
			first, err := e.CommitPut(crash(), r)
			died := errors.Is(err, errCrash)
			if !died && err != nil {
				t.Error(err)
			}
			if !repeat { // the sweep finds it first
				e.settle()
			}
			e.advance(time.Minute)
			got, err := e.CommitPut(t.Context(), r)
			if err != nil || got.Size != 6 || got.ETag != r.ETag || !died && !got.CreatedAt.Equal(first.CreatedAt) {
				t.Errorf("repeat: %+v, %v", got, err)
			}
			e.settle()
			e.checkStaged()
			if o, err := e.stat("files", key, ""); err != nil || len(o.Manifest.Segments) != 2 {
				t.Errorf("%+v, %v", o, err)
			}
			e.delete("files", key, "")
			e.settle()
			e.wantUsage(0, 0)
			if n := e.contents(); n != 0 {
				t.Errorf("%d contents are left", n)
			}
			return died
		})
	}
}

func TestBrokenOff_AbortParts(t *testing.T) {
	t.Parallel()
	brokenOff(t, envOptions{}, func(e *env, key string, crash func() context.Context) bool {
		ticket := e.upload("files", key)
		e.part(ticket, "aaaa")
		_, err := e.AbortPut(crash(), objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID})
		e.abort(ticket)
		if n := e.contents(); n != 0 {
			t.Errorf("%d contents are left", n)
		}
		e.wantUsage(0, 0)
		return errors.Is(err, errCrash)
	})
}

func TestBrokenOff_Copy(t *testing.T) {
	t.Parallel()
	for _, repeat := range []bool{false, true} {
		brokenOff(t, envOptions{}, func(e *env, key string, crash func() context.Context) bool {
			src := e.put("files", key+"-src", "source")
			e.settle() // an old content, so that the search for young orphans is over
			r := e.copyOf("files", key+"-src", "files", key)
			_, err := e.CopyObject(crash(), r)
			died := errors.Is(err, errCrash)
			if !died && err != nil {
				t.Error(err)
			}
			if repeat {
				e.advance(10 * time.Second)
				got, err := e.CopyObject(t.Context(), r)
				for try := 0; try < 5 && fault.KindOf(err) == fault.Unavailable; try++ {
					e.usage() // what the attempt left is cleaned away
					got, err = e.CopyObject(t.Context(), r)
				}
				if err != nil || got.VersionID != r.VersionID || got.ETag != src.ETag {
					t.Errorf("repeat: %+v, %v", got, err)
				}
			}
			e.delete("files", key+"-src", "")
			e.settle()
			e.checkStaged()
			if _, err := e.stat("files", key, ""); err == nil {
				e.delete("files", key, "")
			} else if repeat {
				t.Error(err)
			}
			e.settle()
			e.wantUsage(0, 0)
			if n := e.contents(); n != 0 {
				t.Errorf("%d contents are left", n)
			}
			return died
		})
	}
}

// An attempt with an idempotency key dies; the next one with the key answers for it.
func TestBrokenOff_Idempotent(t *testing.T) {
	t.Parallel()
	for _, hold := range []bool{false, true} {
		for _, wait := range []time.Duration{16 * time.Second, 30 * time.Minute} {
			if hold && wait > time.Minute && !full() {
				continue
			}
			brokenOff(t, envOptions{}, func(e *env, key string, crash func() context.Context) bool {
				created := map[string]bool{}
				ctx := crash()
				first, died := e.once(ctx, key, hold)
				if died != nil && !errors.Is(died, errCrash) {
					t.Errorf("first: %v", died)
				}
				if died != nil {
					e.advance(wait)
					if wait > time.Minute {
						if err := e.Sweep(t.Context()); err != nil {
							t.Error(err)
						}
					}
				}
				second, err := e.once(t.Context(), key, hold)
				if err != nil {
					t.Errorf("second: %v", err)
				}
				if died == nil && (second.VersionID != first.VersionID || !second.CreatedAt.Equal(first.CreatedAt)) {
					t.Errorf("%+v and then %+v", first, second)
				}
				created[second.VersionID] = true
				e.checkOnce(key, second)
				return died != nil
			})
		}
	}
}

// checkOnce looks whether a write was done once, and its answer survives what
// comes after.
func (e *env) checkOnce(key string, o objectv1.Object) {
	e.t.Helper()
	if got, err := e.stat("files", key, ""); err != nil || got.VersionID != o.VersionID || !got.CreatedAt.Equal(o.CreatedAt) {
		e.t.Errorf("%+v, %v; answered was %+v", got, err, o)
	}
	n := 0
	for _, p := range e.created(key) {
		if p.Key == key {
			n++
		}
	}
	if n != 1 {
		e.t.Errorf("%d versions were created", n)
	}
	e.put("files", key, "newer")
	e.settle()
	e.delete("files", key, "")
	e.settle()
	again, err := e.once(e.t.Context(), key, false)
	if err != nil || again.VersionID != o.VersionID || again.ETag != o.ETag || !again.CreatedAt.Equal(o.CreatedAt) {
		e.t.Errorf("replay %+v, %v; answered was %+v", again, err, o)
	}
	_, err = e.stat("files", key, "")
	if !errors.Is(err, objectv1.ErrNotFound) {
		e.t.Errorf("the replay wrote: %v", err)
	}
	e.checkStaged()
	e.wantUsage(0, 0)
	if n := e.contents(); n != 0 {
		e.t.Errorf("%d contents are left", n)
	}
}

// An attempt dies, its object is overwritten and forgotten, and only then somebody
// asks for its answer: either it wrote, and that is the answer, or it did not.
func TestBrokenOff_IdempotentAndForgotten(t *testing.T) {
	t.Parallel()
	brokenOff(t, envOptions{}, func(e *env, key string, crash func() context.Context) bool {
		_, err := e.once(crash(), key, false)
		died := errors.Is(err, errCrash)
		e.advance(16 * time.Second)
		e.put("files", key, "newer")
		e.settle()
		made := e.created(key)
		again, err := e.once(t.Context(), key, false)
		if err != nil {
			t.Errorf("replay: %v", err)
		}
		later := e.created(key)
		switch {
		case len(made) == 2 && (len(later) != 0 || again.VersionID != made[0].VersionID):
			t.Errorf("written before as %s, and again as %s", made[0].VersionID, again.VersionID)
		case len(made) == 1 && len(later) != 1:
			t.Errorf("never written: %d events", len(later))
		}
		e.delete("files", key, "")
		e.settle()
		e.wantUsage(0, 0)
		return died
	})
}
