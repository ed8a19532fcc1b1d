package linksv1test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func unlock(t *testing.T, w World) {
	r := request("https://a.example/1", "https://b.example/2")
	open := w.make(t, r)
	r.Password = "pässwört"
	c := w.make(t, r)
	for _, pw := range []string{"", "x", "pässwört ", strings.Repeat("x", 5000)} {
		_, err := w.Service.Unlock(t.Context(), linksv1.UnlockRequest{ID: c.ID, Password: pw, Source: "192.0.2.1"})
		want(t, fmt.Sprintf("password %.9q", pw), err, linksv1.ErrWrongPassword)
	}
	u, err := w.Service.Unlock(t.Context(), linksv1.UnlockRequest{ID: c.ID, Password: "pässwört", Source: "192.0.2.1"})
	if err != nil || u.ID != c.ID || u.Pass == "" {
		t.Fatalf("%+v, %v", u, err)
	}
	ls, err := w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{ID: c.ID, Pass: u.Pass})
	if err != nil || urls(ls.Links) != "https://a.example/1 https://b.example/2" {
		t.Errorf("%+v, %v", ls, err)
	}
	other, err := w.Service.Unlock(t.Context(), linksv1.UnlockRequest{ID: open.ID, Password: "whatever"})
	if err != nil || other.Pass == "" {
		t.Fatalf("an open one: %+v, %v", other, err)
	}
	if ls, err := w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{ID: open.ID, Pass: other.Pass}); err != nil || len(ls.Links) != 2 {
		t.Errorf("an open one's links: %+v, %v", ls, err)
	}
	for what, pass := range map[string]string{"none": "", "another one's": other.Pass, "cut": u.Pass[:len(u.Pass)-1], "made up": "lkp_e30.AAAA", "long": strings.Repeat("a", 1<<16)} {
		_, err := w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{ID: c.ID, Pass: pass})
		want(t, what, err, linksv1.ErrLocked)
	}
	_, err = w.Service.Unlock(t.Context(), linksv1.UnlockRequest{ID: "abcdefghijk", Password: "x"})
	want(t, "an unknown one", err, linksv1.ErrNotFound)
}

func throttles(t *testing.T, w World) {
	r := request("https://a.example/1")
	r.Password = "right"
	c, d := w.make(t, r), w.make(t, r)
	try := func(id, pw, source string) error {
		_, err := w.Service.Unlock(t.Context(), linksv1.UnlockRequest{ID: id, Password: pw, Source: source})
		return err
	}
	for range 20 {
		if err := try(c.ID, "right", "192.0.2.1"); err != nil {
			t.Fatalf("the right one: %v", err)
		}
	}
	for range 10 {
		want(t, "a wrong one", try(c.ID, "wrong", "192.0.2.1:99"), linksv1.ErrWrongPassword)
	}
	err := try(c.ID, "wrong", "192.0.2.1:100")
	want(t, "the eleventh", err, linksv1.ErrThrottled)
	if after := fault.From(err).RetryAfter; after != 6*time.Second {
		t.Errorf("repeat after %v", after)
	}
	want(t, "by number", try(c.NumericID, "right", "192.0.2.1"), linksv1.ErrThrottled)
	want(t, "from elsewhere", try(c.ID, "wrong", "192.0.2.2"), linksv1.ErrWrongPassword)
	want(t, "of another one", try(d.ID, "wrong", "192.0.2.1"), linksv1.ErrWrongPassword)
	w.Clock.Advance(6 * time.Second)
	want(t, "one more after 6 s", try(c.ID, "wrong", "192.0.2.1"), linksv1.ErrWrongPassword)
	want(t, "and no second one", try(c.ID, "right", "192.0.2.1"), linksv1.ErrThrottled)
	w.Clock.Advance(6 * time.Second)
	if err := try(c.ID, "right", "192.0.2.1"); err != nil {
		t.Errorf("the right one after 6 s: %v", err)
	}
}

func passEnds(t *testing.T, w World) {
	r := request("https://a.example/1")
	r.Password = "one"
	c := w.make(t, r)
	pass := func(pw string) string {
		u, err := w.Service.Unlock(t.Context(), linksv1.UnlockRequest{ID: c.ID, Password: pw})
		if err != nil {
			t.Fatal(err)
		}
		return u.Pass
	}
	list := func(pass string) error {
		_, err := w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{ID: c.ID, Pass: pass})
		return err
	}
	p := pass("one")
	w.Clock.Advance(linksv1.PassLife - time.Second)
	if err := list(p); err != nil {
		t.Errorf("within its hour: %v", err)
	}
	w.Clock.Advance(time.Second)
	want(t, "after its hour", list(p), linksv1.ErrLocked)
	p = pass("one")
	if _, err := w.Service.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, Password: ptr("two")}); err != nil {
		t.Fatal(err)
	}
	want(t, "behind another password", list(p), linksv1.ErrLocked)
	if err := list(pass("two")); err != nil {
		t.Error(err)
	}
}

func states(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1", "https://b.example/2"))
	last := c
	step := func(url string, f Found, status linksv1.Status, online, offline, unknown int) {
		t.Helper()
		w.check(t, url, f)
		got := w.get(t, c.ID)
		if got.Status != status || got.Counts != (linksv1.Counts{Online: online, Offline: offline, Unknown: unknown}) {
			t.Errorf("%s %s: %s %+v", url, f.Status, got.Status, got.Counts)
		}
		if got.CheckedAt == nil || last.CheckedAt != nil && got.CheckedAt.Before(*last.CheckedAt) || got.CheckedAt.After(w.Clock.Now()) || got.Revision < last.Revision {
			t.Errorf("%s: checked at %v of revision %d, before %v and %d", url, got.CheckedAt, got.Revision, last.CheckedAt, last.Revision)
		}
		last = got
	}
	step("https://a.example/1", Lost, linksv1.Unknown, 0, 0, 2)
	step("https://a.example/1", Up, linksv1.Partial, 1, 0, 1)
	step("https://b.example/2", Up, linksv1.Online, 2, 0, 0)
	step("https://b.example/2", Up, linksv1.Online, 2, 0, 0)
	step("https://b.example/2", Down, linksv1.Partial, 1, 1, 0)
	step("https://a.example/1", Down, linksv1.Offline, 0, 2, 0)
	step("https://a.example/1", Lost, linksv1.Partial, 0, 1, 1)
	step("https://b.example/2", Lost, linksv1.Unknown, 0, 0, 2)
	step("https://b.example/2", Up, linksv1.Partial, 1, 0, 1)
	w.Clock.Advance(10 * time.Minute)
	step("https://b.example/2", Up, linksv1.Partial, 1, 0, 1)
	if !last.CheckedAt.Equal(w.Clock.Now()) {
		t.Errorf("checked at %v, it is %v", last.CheckedAt, w.Clock.Now())
	}
	if err := w.Check("https://nobody.example/has/it", Up); err != nil {
		t.Errorf("a URL that nobody has: %v", err)
	}
}

func shared(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1", "https://a.example/2"))
	w.check(t, "https://a.example/1", Up)
	d := w.make(t, request("https://a.example/2", "HTTPS://A.example:443/1"))
	if d.Counts != (linksv1.Counts{Online: 1, Unknown: 1}) || d.Status != linksv1.Partial || d.CheckedAt == nil {
		t.Errorf("what was known is not: %+v", d)
	}
	w.check(t, "https://a.example/1", Down)
	w.check(t, "https://a.example/2", Down)
	for _, id := range []string{c.ID, d.ID} {
		if got := w.get(t, id); got.Status != linksv1.Offline {
			t.Errorf("%+v", got)
		}
	}
	if _, err := w.Service.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: c.ID}); err != nil {
		t.Fatal(err)
	}
	w.Sweep()
	w.check(t, "https://a.example/1", Up)
	if got := w.get(t, d.ID); got.Counts.Online != 1 {
		t.Errorf("behind the other one's end: %+v", got)
	}
}

func linksTell(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1"))
	one := func() linksv1.Link { return w.links(t, alice, c.ID)[0] }
	w.check(t, "https://a.example/1", Found{linksv1.Online, linksv1.ReasonFound, 206, "ubuntu.iso", 4 << 30})
	at := w.Clock.Now()
	if l := one(); l.Status != linksv1.Online || l.HTTPStatus != 206 || l.Reason != linksv1.ReasonFound || l.Name != "ubuntu.iso" || l.Size != 4<<30 ||
		!l.CheckedAt.Equal(at) || l.Definite != linksv1.Online || !l.DefiniteAt.Equal(at) || l.Failures != 0 {
		t.Errorf("%+v", l)
	}
	w.check(t, "https://a.example/1", Lost)
	w.check(t, "https://a.example/1", Lost)
	if l := one(); l.Status != linksv1.Unknown || l.Failures != 2 || l.HTTPStatus != 503 || l.Reason != linksv1.ReasonServer || l.Definite != linksv1.Online ||
		!l.DefiniteAt.Equal(at) || !l.CheckedAt.Equal(w.Clock.Now()) || l.Name != "ubuntu.iso" {
		t.Errorf("%+v", l)
	}
	w.check(t, "https://a.example/1", Found{Status: linksv1.Offline, Reason: linksv1.ReasonLegal, Name: strings.Repeat("ä", 500) + "\xff"})
	if l := one(); l.Status != linksv1.Offline || l.Failures != 0 || l.Definite != linksv1.Offline || l.Reason != linksv1.ReasonLegal || len(l.Name) > linksv1.MaxName || len(l.Name) < 250 {
		t.Errorf("%+v", l)
	}
}

// anyOrder has results come in another order than their checks ended in.
func anyOrder(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1"))
	w.check(t, "https://a.example/1", Up)
	if err := w.Check("https://a.example/1", Down); err != nil { // of the same moment
		t.Fatal(err)
	}
	if got := w.get(t, c.ID); got.Status != linksv1.Online {
		t.Errorf("a second result of the same moment counts: %+v", got)
	}
}

func unresolved(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1"))
	gone := Found{Status: linksv1.Unknown, Reason: linksv1.ReasonNameUnknown}
	for i, wait := range []time.Duration{0, time.Hour, 4 * time.Hour, 59 * time.Minute} {
		w.Clock.Advance(wait)
		w.check(t, "https://a.example/1", gone)
		if got := w.get(t, c.ID); got.Status != linksv1.Unknown {
			t.Errorf("after %d checks: %s", i+1, got.Status)
		}
	}
	w.check(t, "https://a.example/1", Lost) // it resolves again
	for range 3 {
		w.check(t, "https://a.example/1", gone)
		w.Clock.Advance(2 * time.Hour)
	}
	if got := w.get(t, c.ID); got.Status != linksv1.Unknown {
		t.Errorf("counted over a check in between: %s", got.Status)
	}
	w.check(t, "https://a.example/1", gone)
	if got := w.get(t, c.ID); got.Status != linksv1.Offline {
		t.Errorf("after 6 h: %s", got.Status)
	}
}

func recheck(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1", "https://b.example/2"))
	for range 3 {
		if _, err := w.Service.Recheck(t.Context(), linksv1.RecheckRequest{ID: c.NumericID, Within: time.Hour}); err != nil {
			t.Errorf("asking: %v", err)
		}
		w.check(t, "https://a.example/1", Up)
		w.Clock.Advance(2 * time.Hour)
	}
	_, err := w.Service.Recheck(t.Context(), linksv1.RecheckRequest{ID: "abcdefghijk"})
	want(t, "an unknown one", err, linksv1.ErrNotFound)
}
