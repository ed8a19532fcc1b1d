package linksv1test

import (
	"errors"
	"sync"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func keyed(key, print string, urls ...string) linksv1.CreateRequest {
	r := request(urls...)
	r.Idempotency = &linksv1.Idempotency{Key: key, Fingerprint: []byte(print)}
	return r
}

// once: an idempotency key makes one container.
func once(t *testing.T, w World) {
	r := keyed("k", "print", "https://a.example/1")
	r.Password, r.Quota.ContainersPerDay = "123", 3
	c := w.make(t, r)
	if again := w.make(t, r); again.ID != c.ID || again.NumericID != c.NumericID || !again.Protected {
		t.Errorf("made %+v, and then %+v", c, again)
	}
	other := r
	other.Idempotency = &linksv1.Idempotency{Key: "k", Fingerprint: []byte("another")}
	_, err := w.Service.CreateContainer(t.Context(), other)
	want(t, "another request", err, linksv1.ErrIdempotencyConflict)
	other = r
	other.Password = "456"
	_, err = w.Service.CreateContainer(t.Context(), other)
	want(t, "another password", err, linksv1.ErrIdempotencyConflict)
	other = r
	other.Principal = bob
	if theirs := w.make(t, other); theirs.ID == c.ID || theirs.AccountID != bob.AccountID {
		t.Errorf("another account's key gave %+v", theirs)
	}
	other.Idempotency = &linksv1.Idempotency{Fingerprint: []byte("print")}
	_, err = w.Service.CreateContainer(t.Context(), other)
	want(t, "no key", err, fault.ErrInvalid)

	if _, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Title: ptr("New")}); err != nil {
		t.Fatal(err)
	}
	if again := w.make(t, r); again.ID != c.ID || again.Title != "New" {
		t.Errorf("after a change: %+v", again)
	}
	if _, err := w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: c.ID}); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Second)
	w.eventually(t, "the key of what was deleted to be free", func() bool {
		next, err := w.Service.CreateContainer(t.Context(), r)
		if err != nil && !errors.Is(err, linksv1.ErrIdempotencyBusy) {
			t.Fatal(err)
		}
		return err == nil && next.Title == r.Title && next.Revision > c.Revision
	})
	if r.Idempotency = nil; w.make(t, r).ID == c.ID { // the third of three a day
		t.Error("without a key it is another one")
	}
}

// onceInBatches: what is under way is waited for, and what was left undone is made.
func onceInBatches(t *testing.T, w World) {
	r := keyed("k", "print", "https://a.example/1")
	r.More = true
	begun, err := w.Service.CreateContainer(t.Context(), r)
	if err != nil || begun.Edit == "" {
		t.Fatalf("%+v, %v", begun, err)
	}
	_, err = w.Service.CreateContainer(t.Context(), r)
	want(t, "under way", err, linksv1.ErrIdempotencyBusy)
	if wait := fault.From(err).RetryAfter; wait <= 0 || wait > time.Minute {
		t.Errorf("to be repeated in %v", wait)
	}
	w.Clock.Advance(2 * time.Minute)
	w.eventually(t, "what was left undone to be begun anew", func() bool {
		begun, err = w.Service.CreateContainer(t.Context(), r)
		if err != nil && !errors.Is(err, linksv1.ErrIdempotencyBusy) {
			t.Fatal(err)
		}
		return err == nil
	})
	last := linksv1.AddLinksRequest{Principal: alice, ID: begun.ID, Edit: begun.Edit, From: 1, Links: inputs("https://a.example/2")}
	c, err := w.Service.AddLinks(t.Context(), last)
	if err != nil || c.Size != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	if again, err := w.Service.CreateContainer(t.Context(), r); err != nil || again.ID != c.ID || again.Edit != "" || again.Size != 2 {
		t.Errorf("%+v, %v", again, err)
	}
}

// onceAtOnce: of requests at the same time one makes the container, and one counts.
func onceAtOnce(t *testing.T, w World) {
	r := keyed("k", "print", "https://a.example/1", "https://a.example/2")
	r.Quota = linksv1.Quota{ContainersPerDay: 2, Links: 20}
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			if _, err := w.Service.CreateContainer(t.Context(), r); err != nil &&
				!errors.Is(err, linksv1.ErrIdempotencyBusy) && !errors.Is(err, linksv1.ErrQuota) { // all of them count until one is there
				t.Errorf("creating: %v", err)
			}
		})
	}
	clients.Wait()
	c := w.make(t, r)
	l, err := w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice})
	if err != nil || l.Place.Total != 1 || l.Containers[0].ID != c.ID {
		t.Fatalf("%+v, %v", l, err)
	}
	second := request("https://a.example/3")
	second.Quota = r.Quota
	w.make(t, second)
	second.Links = inputs("https://a.example/4")
	_, err = w.Service.CreateContainer(t.Context(), second)
	want(t, "a third one", err, linksv1.ErrQuota)
}
