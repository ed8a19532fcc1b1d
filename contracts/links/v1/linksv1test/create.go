package linksv1test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func create(t *testing.T, w World) {
	r := request(" https://WWW.Rapidgator.net:443/file/1?a=b&c=d#x ", "http://ddownload.com:8080/abc", "https://rapidgator.net/file/2")
	r.Title, r.Password, r.Options = "  Ubuntu – Größe 漢字  ", "123", linksv1.Options{Captcha: true, NoClickNLoad: true, NoSingleLinks: true, Group: "iso"}
	r.Links[1].Mirror, r.Links[2].Backup = 1, true
	c := w.make(t, r)
	if !linksv1.ValidID(c.ID) || linksv1.ValidNumericID(c.ID) || !linksv1.ValidNumericID(c.NumericID) || len(c.NumericID) < 7 {
		t.Errorf("ids %q, %q", c.ID, c.NumericID)
	}
	now := w.Clock.Now()
	if c.AccountID != "acc_alice" || c.Title != "Ubuntu – Größe 漢字" || !c.Protected || c.Options != r.Options || c.Size != 3 || c.CheckedAt != nil ||
		!c.CreatedAt.Equal(now) || !c.UpdatedAt.Equal(now) || c.Revision < 1 {
		t.Errorf("made %+v", c)
	}
	if c.Status != linksv1.Unknown || c.Counts != (linksv1.Counts{Unknown: 3}) || !slices.Equal(c.Hosts, []string{"rapidgator.net", "ddownload.com"}) {
		t.Errorf("made %+v", c)
	}
	got := w.get(t, c.ID)
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c) {
		t.Errorf("got %+v, made %+v", got, c)
	}
	ls := w.links(t, alice, c.ID)
	if len(ls) != 3 || ls[0].URL != strings.TrimSpace(r.Links[0].URL) || ls[0].Host != "rapidgator.net" || ls[1].Mirror != 1 || !ls[2].Backup ||
		ls[2].Index != 2 || ls[1].Host != "ddownload.com" || ls[0].Status != linksv1.Unknown || ls[0].CheckedAt != nil {
		t.Errorf("links %+v", ls)
	}
}

func doubles(t *testing.T, w World) {
	c := w.make(t, request("https://b.example/1", "https://a.example/1#key1", "HTTPS://B.example:443/1", "https://a.example/1#key2", "https://a.example/1#key1", "https://b.example/1"))
	if got := urls(w.links(t, alice, c.ID)); c.Size != 3 || got != "https://b.example/1 https://a.example/1#key1 https://a.example/1#key2" {
		t.Errorf("%d links: %s", c.Size, got)
	}
	w.check(t, "https://a.example/1", Up)
	if c := w.get(t, c.ID); c.Counts != (linksv1.Counts{Online: 2, Unknown: 1}) {
		t.Errorf("two links of one URL: %+v", c.Counts)
	}
}

func createRefuses(t *testing.T, w World) {
	for _, title := range []string{"", "  ", strings.Repeat("ä", 201), "a\x00b", "a\nb"} {
		r := request("https://a.example/1")
		r.Title = title
		_, err := w.Service.CreateContainer(t.Context(), r)
		want(t, fmt.Sprintf("title %.10q", title), err, linksv1.ErrBadTitle)
	}
	for _, u := range []string{
		"", "x", "ftp://a.example/1", "javascript:alert(1)", "https://", "https:///x", "//a.example/1", "https://a.example:0/", "https://a.example:70000/",
		"https://u:p@a.example/1", "https://u@a.example/1", "https://a example/1", "https://a.example/a b", "https://a.example/\x01", "https://a.example/%zz",
		"https://0x7f.1/", "https://2130706433/", "https://[::1%25eth0]/", "https://a.example/\"><script>", "mailto:a@b.example",
		"https://a.example/" + strings.Repeat("a", linksv1.MaxURL), "https://a..example/", "https://" + strings.Repeat("a", 64) + ".example/",
	} {
		_, err := w.Service.CreateContainer(t.Context(), request("https://a.example/1", u))
		want(t, fmt.Sprintf("link %.40q", u), err, linksv1.ErrBadLink)
		if err == nil {
			continue
		}
		if m := fault.From(err).Message; !strings.HasPrefix(m, "link 2: ") {
			t.Errorf("%.40q: the message is %q", u, m)
		}
	}
	r := request("https://a.example/1")
	r.Links[0].Backup = true
	_, err := w.Service.CreateContainer(t.Context(), r)
	want(t, "a backup of nothing", err, linksv1.ErrBadLink)
	r = request("https://a.example/1")
	r.Links[0].Mirror = -1
	_, err = w.Service.CreateContainer(t.Context(), r)
	want(t, "a mirror below 0", err, linksv1.ErrBadLink)
	_, err = w.Service.CreateContainer(t.Context(), request())
	want(t, "no links", err, linksv1.ErrTooManyLinks)
	r = request("https://a.example/1")
	r.Options.Group = strings.Repeat("g", linksv1.MaxGroup+1)
	_, err = w.Service.CreateContainer(t.Context(), r)
	want(t, "a long group", err, fault.ErrInvalid)
	r = request("https://a.example/1")
	r.Password = strings.Repeat("p", linksv1.MaxPassword+1)
	_, err = w.Service.CreateContainer(t.Context(), r)
	want(t, "a long password", err, fault.ErrInvalid)
	_, err = w.Service.CreateContainer(t.Context(), request(strings.Fields(strings.Repeat("https://a.example/1 ", linksv1.MaxBatch+1))...))
	want(t, "too many in a message", err, fault.ErrInvalid)
	if l, err := w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice}); err != nil || len(l.Containers) != 0 {
		t.Errorf("refused, and there: %+v, %v", l, err)
	}
}

// many makes n links.
func many(n int) []linksv1.LinkInput {
	out := make([]linksv1.LinkInput, n)
	for i := range out {
		out[i].URL = link(fmt.Sprintf("h%d.example", i%7), i)
	}
	return out
}

// send makes a container of any number of links.
func (w World) send(t *testing.T, r linksv1.CreateRequest) (linksv1.Written, error) {
	t.Helper()
	all := r.Links
	n := linksv1.Batch(all)
	r.Links, r.More = all[:n], n < len(all)
	c, err := w.Service.CreateContainer(t.Context(), r)
	if err != nil || !r.More {
		return c, err
	}
	return w.rest(t, c, all, n)
}

// rest brings the links behind the first n.
func (w World) rest(t *testing.T, c linksv1.Written, all []linksv1.LinkInput, n int) (linksv1.Written, error) {
	t.Helper()
	edit := c.Edit
	for n < len(all) {
		k := linksv1.Batch(all[n:])
		var err error
		c, err = w.Service.AddLinks(t.Context(), linksv1.AddLinksRequest{
			Principal: alice, ID: c.ID, Edit: edit, From: n, Links: all[n : n+k], More: n+k < len(all),
		})
		if err != nil {
			return c, err
		}
		n += k
		if (n < len(all)) != (c.Edit == edit && edit != "") {
			t.Errorf("behind %d of %d links the edit is %q", n, len(all), c.Edit)
		}
	}
	return c, nil
}

func batches(t *testing.T, w World) {
	r := request()
	r.Links, r.More = many(linksv1.MaxBatch), true
	c, err := w.Service.CreateContainer(t.Context(), r)
	if err != nil || c.Edit == "" {
		t.Fatalf("%+v, %v", c, err)
	}
	_, err = w.Service.GetContainer(t.Context(), linksv1.ContainerRequest{Principal: alice, ID: c.ID})
	want(t, "before it is complete", err, linksv1.ErrNotFound)
	_, err = w.Service.GetContainer(t.Context(), linksv1.ContainerRequest{ID: c.NumericID})
	want(t, "before it is complete, by number", err, linksv1.ErrNotFound)
	_, err = w.Service.ListLinks(t.Context(), linksv1.ListLinksRequest{Principal: alice, ID: c.ID})
	want(t, "its links before it is complete", err, linksv1.ErrNotFound)
	if l, _ := w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice}); len(l.Containers) != 0 {
		t.Errorf("listed before it is complete: %+v", l)
	}
	w.check(t, link("h3.example", 3), Up)
	all := many(linksv1.MaxLinks)
	done, err := w.rest(t, c, all, linksv1.MaxBatch)
	if err != nil || done.Size != linksv1.MaxLinks || done.Counts != (linksv1.Counts{Online: 1, Unknown: 999}) || done.Status != linksv1.Partial {
		t.Fatalf("%+v, %v", done, err)
	}
	got := w.links(t, alice, c.ID)
	for i, l := range got {
		if l.URL != all[i].URL || l.Index != i {
			t.Fatalf("link %d is %+v", i, l)
		}
	}
	if len(got) != linksv1.MaxLinks || got[3].Status != linksv1.Online {
		t.Errorf("%d links, %+v", len(got), got[3])
	}
}

func batchesRepeat(t *testing.T, w World) {
	all := append(many(250), inputs(link("h0.example", 0), link("h1.example", 1), "https://new.example/")...)
	r := request()
	r.Links, r.More = all[:100], true
	c, err := w.Service.CreateContainer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	add := func(from, to int, more bool) (linksv1.Written, error) {
		return w.Service.AddLinks(t.Context(), linksv1.AddLinksRequest{Principal: alice, ID: c.ID, Edit: c.Edit, From: from, Links: all[from:to], More: more})
	}
	for range 3 {
		if _, err := add(100, 200, true); err != nil {
			t.Fatal(err)
		}
	}
	_, err = add(210, 253, true)
	want(t, "a gap", err, fault.ErrInvalid)
	var done linksv1.Written
	for range 3 {
		if done, err = add(200, 253, false); err != nil || done.Size != 251 || done.Edit != "" {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	if got := w.links(t, alice, c.ID); len(got) != 251 || got[250].URL != "https://new.example/" {
		t.Errorf("%d links", len(got))
	}
}

func batchesLapse(t *testing.T, w World) {
	r := request("https://a.example/1")
	r.More = true
	c, err := w.Service.CreateContainer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	add := linksv1.AddLinksRequest{Principal: alice, ID: c.ID, Edit: c.Edit, From: 1, Links: inputs("https://a.example/2"), More: true}
	w.Clock.Advance(50 * time.Second)
	if _, err := w.Service.AddLinks(t.Context(), add); err != nil {
		t.Fatalf("within its minute: %v", err)
	}
	w.Clock.Advance(61 * time.Second)
	add.From, add.More = 2, false
	add.Links = inputs("https://a.example/3")
	_, err = w.Service.AddLinks(t.Context(), add)
	want(t, "too late", err, linksv1.ErrEditGone)
	w.eventually(t, "what was given up is gone", func() bool {
		_, err := w.Service.AddLinks(t.Context(), add)
		return fault.CodeOf(err) == linksv1.ErrNotFound.Code
	})
}

func batchesRefuse(t *testing.T, w World) {
	begin := func() linksv1.AddLinksRequest {
		r := request()
		r.Links, r.More = many(150), true
		c, err := w.Service.CreateContainer(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return linksv1.AddLinksRequest{Principal: alice, ID: c.ID, Edit: c.Edit, From: 150}
	}
	add := begin()
	add.Links = inputs("https://a.example/1", "nonsense")
	_, err := w.Service.AddLinks(t.Context(), add)
	want(t, "a bad link", err, linksv1.ErrBadLink)
	if m := fault.From(err).Message; !strings.HasPrefix(m, "link 152: ") {
		t.Errorf("the message is %q", m)
	}
	add.Links = add.Links[:1]
	if _, err = w.Service.AddLinks(t.Context(), add); err == nil {
		t.Error("it goes on behind a bad link")
	}

	add = begin()
	add.Edit = "ed_other"
	_, err = w.Service.AddLinks(t.Context(), add)
	want(t, "another edit", err, linksv1.ErrEditGone)
	add = begin()
	add.Principal = bob
	_, err = w.Service.AddLinks(t.Context(), add)
	want(t, "a stranger", err, linksv1.ErrNotFound)

	r := request()
	r.Links = many(linksv1.MaxLinks + 1)
	_, err = w.send(t, r)
	want(t, "a link too many", err, linksv1.ErrTooManyLinks)
	if l, _ := w.Service.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice}); len(l.Containers) != 0 {
		t.Errorf("refused, and there: %+v", l)
	}
}

// longest sends the largest container that there is, of what JSON writes longest.
func longest(t *testing.T, w World) {
	r := request()
	r.Title = strings.Repeat("&", linksv1.MaxTitle)
	r.Links = make([]linksv1.LinkInput, linksv1.MaxLinks)
	for i := range r.Links {
		u := fmt.Sprintf("https://%s.%s.%d.example/", strings.Repeat("a", 63), strings.Repeat("b", 63), i)
		r.Links[i].URL = u + strings.Repeat("&", linksv1.MaxURL-len(u))
	}
	c, err := w.send(t, r)
	if err != nil || c.Size != linksv1.MaxLinks || len(c.Hosts) != linksv1.MaxLinks {
		t.Fatalf("%d links, %v", c.Size, err)
	}
	got := w.links(t, alice, c.ID)
	if len(got) != linksv1.MaxLinks || got[999].URL != r.Links[999].URL {
		t.Errorf("%d links", len(got))
	}
	w.check(t, r.Links[7].URL, Up)
	if c := w.get(t, c.ID); c.Counts.Online != 1 {
		t.Errorf("%+v", c.Counts)
	}
}

func ids(t *testing.T, w World) {
	seen := map[string]bool{}
	for i := range 20 {
		c := w.make(t, request(link("a.example", i)))
		if seen[c.ID] || seen[c.NumericID] {
			t.Errorf("%s or %s was given twice", c.ID, c.NumericID)
		}
		seen[c.ID], seen[c.NumericID] = true, true
		if d := w.get(t, c.NumericID); d.ID != c.ID {
			t.Errorf("%s is %s, want %s", c.NumericID, d.ID, c.ID)
		}
		if u, err := w.Service.Unlock(t.Context(), linksv1.UnlockRequest{ID: c.NumericID}); err != nil || u.ID != c.ID {
			t.Errorf("unlocking by number: %+v, %v", u, err)
		}
		if ls := w.links(t, alice, c.NumericID); len(ls) != 1 {
			t.Errorf("listing by number: %+v", ls)
		}
	}
	for _, id := range []string{"", "create", "bulk", "0", "08000000", "999", "99999999999999999999", "ABCDEFGHIJK", "abcdefghij", "abcdefghijkl", "abc/efghijk", "äbcdefghijk", strings.Repeat("1", 5000), "abcdefghijk"} {
		_, err := w.Service.GetContainer(t.Context(), linksv1.ContainerRequest{ID: id})
		want(t, fmt.Sprintf("id %.20q", id), err, linksv1.ErrNotFound)
	}
}

func malformed(t *testing.T, w World) {
	c := w.make(t, request("https://a.example/1"))
	s := w.Service
	_, err := s.CreateContainer(t.Context(), linksv1.CreateRequest{Title: "t", Links: inputs("https://a.example/1")})
	want(t, "nobody creates", err, fault.ErrInvalid)
	_, err = s.ListContainers(t.Context(), linksv1.ListRequest{})
	want(t, "nobody lists", err, fault.ErrInvalid)
	_, err = s.ListContainers(t.Context(), linksv1.ListRequest{Principal: alice, Status: "x"})
	want(t, "no status", err, fault.ErrInvalid)
	_, err = s.UpdateContainer(t.Context(), linksv1.UpdateRequest{ID: c.ID, Title: ptr("x")})
	want(t, "nobody updates", err, fault.ErrInvalid)
	_, err = s.DeleteContainer(t.Context(), linksv1.ContainerRequest{ID: c.ID})
	want(t, "nobody deletes", err, fault.ErrInvalid)
	_, err = s.UpdateContainer(t.Context(), linksv1.UpdateRequest{Principal: alice, ID: c.ID, More: true})
	want(t, "more of nothing", err, linksv1.ErrTooManyLinks)
	_, err = s.AddLinks(t.Context(), linksv1.AddLinksRequest{Principal: alice, ID: c.ID})
	want(t, "no edit", err, fault.ErrInvalid)
	for _, from := range []int{-1, linksv1.MaxLinks + 1} {
		_, err = s.ListLinks(t.Context(), linksv1.ListLinksRequest{Principal: alice, ID: c.ID, From: from})
		want(t, "from nowhere", err, fault.ErrInvalid)
	}
	_, err = s.Recheck(t.Context(), linksv1.RecheckRequest{ID: c.ID, Within: -1})
	want(t, "within the future", err, fault.ErrInvalid)
	if r, err := s.ListLinks(t.Context(), linksv1.ListLinksRequest{Principal: alice, ID: c.ID, From: 500}); err != nil || len(r.Links) != 0 || r.Next != 0 {
		t.Errorf("behind the end: %+v, %v", r, err)
	}
}
