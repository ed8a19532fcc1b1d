package hosts_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
)

// TestCheck_LostID: a host that sends a file's link to its start page says that the
// file is gone; one that sends it to a captcha, to a login, or a network that sends
// it to a page of its own, says nothing of it.
func TestCheck_LostID(t *testing.T) {
	t.Parallel()
	portal := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(portal.Close)
	for to, want := range map[string]struct {
		status linksv1.Status
		reason linksv1.Reason
	}{
		"/":                       {linksv1.Offline, linksv1.ReasonRemoved},
		"/captcha?back=1":         {linksv1.Unknown, linksv1.ReasonChallenge},
		"/user/login":             {linksv1.Unknown, linksv1.ReasonLogin},
		"/auth/login":             {linksv1.Unknown, linksv1.ReasonLogin},
		portal.URL + "/blocked":   {linksv1.Unknown, linksv1.ReasonElsewhere},
		"/site/PleaseLogin?x=1":   {linksv1.Online, linksv1.ReasonRestricted},
		"/subscription/create/12": {linksv1.Online, linksv1.ReasonRestricted},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/file/12345" {
				http.Redirect(w, r, to, http.StatusFound)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			if r.URL.Path == "/captcha" {
				_, _ = w.Write([]byte(`<form><div class="h-captcha"></div></form>`))
			}
		}))
		t.Cleanup(srv.Close)
		book := load(t, map[string]string{"rapidgator.net": srv.URL})
		got, err := book.Check(t.Context(), client(t), []*url.URL{parse(t, "https://rapidgator.net/file/12345")})
		if err != nil || got[0].Status != want.status || got[0].Reason != want.reason {
			t.Errorf("to %s: %+v, %v", to, got, err)
		}
	}
}

// TestCheck_IDsThatBeginAnother: what a host says of one file is not taken for what
// it says of another whose id is longer.
func TestCheck_IDsThatBeginAnother(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("https://1fichier.com/?abcdefgh;film.rar;1000\nhttps://1fichier.com/?abcde;;;NOT FOUND\n"))
	}))
	t.Cleanup(srv.Close)
	got, err := load(t, map[string]string{"1fichier.com": srv.URL}).Check(t.Context(), client(t), []*url.URL{
		parse(t, "https://1fichier.com/?abcde"), parse(t, "https://1fichier.com/?abcdefgh"), parse(t, "https://1fichier.com/?bcdef"),
	})
	if err != nil || got[0].Status != linksv1.Offline || got[1].Status != linksv1.Online || got[2].Status != linksv1.Unknown {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestCheck_WallsThatSay200: a captcha, a login or a notice in the place of an answer,
// with a status as if all were well, is none; also where it repeats what was asked.
func TestCheck_WallsThatSay200(t *testing.T) {
	t.Parallel()
	for _, wall := range []string{
		`<title>One moment</title><form action="/captcha"><div class="h-captcha"></div></form>`,
		`<h1>Log in to continue</h1><form action="/login"><input name="password"></form>`,
		`<h1>Maintenance</h1><p>Uploads found before 12:00 are kept. Up to 5 GB for free.</p>`,
		`{"status":"error","message":"captcha required"}`, `{"success":false,"value":"captcha_required"}`, `[]x`,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(wall + "<textarea>" + r.Form.Get("list") + r.Form.Get("links[]") + r.Form.Get("links") + "</textarea><p>not found? 3 GB</p>"))
		}))
		t.Cleanup(srv.Close)
		for kind, like := range imitated() {
			if kind == linksv1test.Plain {
				continue
			}
			book := load(t, map[string]string{like.domain: srv.URL})
			for n := 1; n <= 2; n++ {
				var links []*url.URL
				for i := range n {
					links = append(links, parse(t, fmt.Sprintf(like.link, fmt.Sprintf(like.id, i))))
				}
				got, err := book.Check(t.Context(), client(t), links)
				if err != nil || got[0].Status != linksv1.Unknown {
					t.Errorf("%s, %d links, %.40q: %+v, %v", kind, n, wall, got, err)
				}
			}
		}
	}
}

// TestCheck_RowsEnd: what a page says behind its table is not about the last file.
func TestCheck_RowsEnd(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<table><tr><td>https://katfile.com/abcdefghijk1</td><td>Found</td></tr></table><p>Files may be removed, or deleted.</p>`))
	}))
	t.Cleanup(srv.Close)
	got, err := load(t, map[string]string{"katfile.com": srv.URL}).Check(t.Context(), client(t), []*url.URL{parse(t, "https://katfile.com/abcdefghijk1")})
	if err != nil || got[0].Status != linksv1.Online {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestCheck_NoSecondRequestBeforeTheWait: a host that refuses HEAD and says when to
// come again is not asked by GET at once.
func TestCheck_NoSecondRequestBeforeTheWait(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(srv.Close)
	got, err := load(t, nil).Check(t.Context(), client(t), []*url.URL{parse(t, srv.URL+"/x")})
	if err != nil || got[0].Status != linksv1.Unknown || got[0].RetryAfter != 30 || asked.Load() != 1 {
		t.Errorf("%+v, %v, asked %d times", got, err, asked.Load())
	}
}

// TestCheck_IDsInAnotherCase: a host may write an id in another case than its link, but
// what it says of one that was asked for as it stands is not about another one.
func TestCheck_IDsInAnotherCase(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`[{"id":"abcdefg1","name":"a"},{"id":"XYZ12345","name":"b"}]`))
	}))
	t.Cleanup(srv.Close)
	got, err := load(t, map[string]string{"pixeldrain.com": srv.URL}).Check(t.Context(), client(t), []*url.URL{
		parse(t, "https://pixeldrain.com/u/abcdefg1"), parse(t, "https://pixeldrain.com/u/ABCdefg1"), parse(t, "https://pixeldrain.com/u/xyz12345"),
	})
	if err != nil || got[0].Status != linksv1.Online || got[1].Status != linksv1.Offline || got[2].Status != linksv1.Online {
		t.Errorf("%+v, %v", got, err)
	}
}
