package plik_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// page is a page of anything that has an id or is a token.
type page struct {
	After, Before *string
	Total         int64
	Results       []struct {
		ID, User, Token, UploadToken, UploadIP, Comments, DownloadDomain string
		Admin                                                            bool
		Files                                                            []struct{ ID, FileName, Status string }
	}
}

func (p page) ids() string {
	var out []string
	for _, r := range p.Results {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

// TestLists_Cursors walks a list to its end and back, by cursors of either kind.
func TestLists_Cursors(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob := join(t, w, "bobby", false)
	var newest []string
	for range 5 {
		newest = append([]string{bob.upload(t, w, "acc-bobby", "").ID}, newest...)
	}
	get := func(query string, header ...string) page {
		t.Helper()
		var p page
		bob.gets(t, w, &p, "GET", "/me/uploads"+query, "", header...)
		if p.Total != 5 {
			t.Errorf("%s: total %d", query, p.Total)
		}
		return p
	}
	want := func(p page, ids string, before, after bool) {
		t.Helper()
		if p.ids() != ids || (p.Before != nil) != before || (p.After != nil) != after {
			t.Errorf("%s, want %s; before %v, after %v", p.ids(), ids, p.Before != nil, p.After != nil)
		}
	}
	list := func(of ...int) string {
		var out []string
		for _, i := range of {
			out = append(out, newest[i])
		}
		return strings.Join(out, " ")
	}
	p := get("?limit=2")
	want(p, list(0, 1), false, true)
	p = get("?limit=2&after=" + url.QueryEscape(*p.After))
	want(p, list(2, 3), true, true)
	last := get("?limit=2&after=" + url.QueryEscape(*p.After))
	want(last, list(4), true, false)
	want(get("?limit=2&before="+url.QueryEscape(*last.Before)), list(2, 3), true, true)
	want(get("?limit=2&before="+url.QueryEscape(*p.Before)), list(0, 1), false, true)
	want(get("?order=asc&limit=3"), list(4, 3, 2), false, true)
	want(get("?offset=3"), list(3, 4), true, false)
	want(get("?offset=1&limit=2&order=asc"), list(3, 2), true, true)
	want(get("?offset=9"), "", false, false)
	want(get("?limit=5000"), list(0, 1, 2, 3, 4), false, false)
	want(get("?limit=&order=&after=&before=&offset="), list(0, 1, 2, 3, 4), false, false)
	want(get("?sort=nonsense"), list(0, 1, 2, 3, 4), false, false)
	// The header wins over the query, wrong as that may be, and takes keys of any case.
	want(get("?limit=x&order=y&offset=1&before=z", "X-Plik-Paging", `{"Limit":2,"order":"asc","after":null}`), list(4, 3), false, true)
	want(get("?limit=1", "X-Plik-Paging", `{"offset":4}`), list(4), true, false)
	want(get("?limit=1", "X-Plik-Paging", fmt.Sprintf(`{"limit":1,"after":%q}`, *p.After)), list(4), true, false)
}

func TestLists_BadPaging(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root := join(t, w, "root", true)
	cursor := base64.StdEncoding.EncodeToString([]byte(`["2026-01-01T00:00:00Z","x"]`))
	for query, text := range map[string]string{
		"limit=0": "invalid limit", "limit=-1": "invalid limit", "limit=x": "invalid limit", "limit=1.5": "invalid limit", "limit=99999999999999999999": "invalid limit", "limit=%001": "invalid limit",
		"order=up": "invalid order", "order=DESC": "invalid order", "offset=-1": "invalid offset", "offset=x": "invalid offset",
		"after=" + cursor + "&before=" + cursor: "both before and after cursors set",
		"after=" + cursor + "&offset=1":         "an offset and a cursor do not go together",
		"before=" + cursor + "&offset=1":        "an offset and a cursor do not go together",
		"after=nonsense":                        "the cursor does not belong to this list", "before=e30=": "the cursor does not belong to this list",
		"after=" + strings.Repeat("A", 5000): "the cursor does not belong to this list",
		"after=%ff%fe":                       "the cursor does not belong to this list",
	} {
		for _, path := range []string{"/me/token", "/me/uploads", "/users", "/uploads", "/uploads?sort=size", "/uploads?user=local:nobody"} {
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			if path == "/uploads?user=local:nobody" && strings.Contains(text, "belong") {
				continue // nothing is listed, so nothing reads it
			}
			r := root.does(t, w, "GET", path+sep+query, "")
			if t.Log(path, query); r.Status != 400 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			says(t, r, 400, text)
		}
	}
	for header, text := range map[string]string{
		`x`: "invalid paging header", `[]`: "invalid paging header", `{"limit":"1"}`: "invalid paging header", `{"limit":1}}`: "invalid paging header",
		`{"limit":1e99}`: "invalid paging header", `5`: "invalid paging header", `{"limit":0}`: "invalid limit", `{"limit":-5}`: "invalid limit", `{"order":"x"}`: "invalid order", `{"offset":-1}`: "invalid offset",
		`{"after":"a","before":"b"}`: "both before and after cursors set", `{"after":"a","offset":1}`: "an offset and a cursor do not go together",
	} {
		says(t, root.does(t, w, "GET", "/users", "", "X-Plik-Paging", header), 400, text)
	}
}

// TestListUploads: a list tells what an answer about one upload does not, but no
// login and no password.
func TestListUploads(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root, bob := join(t, w, "root", true), join(t, w, "bobby", false)
	token := bob.token(t, w, "x")
	a, err := w.Auth.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: token, Kind: authv1.TokenPlik})
	if err != nil {
		t.Fatal(err)
	}
	own, made := bob.upload(t, w, "acc-bobby", "", "a.txt", "b.txt"), bob.upload(t, w, "acc-bobby", a.TokenID, "c.txt")
	guest := bob.upload(t, w, objectv1.GuestAccount, "")
	protected, err := w.Plik.CreatePlik(t.Context(), uploadv1.CreatePlikRequest{
		TTL: -1, Credential: "Zm9vOmJhcg==", Caller: uploadv1.PlikCaller{Principal: authv1.Principal{AccountID: "acc-root"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := root.does(t, w, "GET", "/uploads", "")
	says(t, r, 200, "")
	if strings.Contains(r.Body, "Zm9vOmJhcg") || strings.Contains(r.Body, `"password"`) || strings.Contains(r.Body, `"login"`) || r.Header.Get("Cache-Control") != "no-store" {
		t.Error(r.Body)
	}
	var p page
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil {
		t.Fatal(err)
	}
	if p.Total != 4 || p.ids() != strings.Join([]string{protected.Upload.ID, guest.ID, made.ID, own.ID}, " ") {
		t.Fatalf("%+v", p)
	}
	byUser := []string{"local:root", "", "local:bobby", "local:bobby"}
	for i, u := range p.Results {
		if u.User != byUser[i] || (u.Token == token) != (u.ID == made.ID) || len(u.UploadToken) != 32 || u.Admin || u.DownloadDomain != "" || i > 0 && (u.UploadIP != "10.0.0.1" || u.Comments != "hello") {
			t.Errorf("%+v", u)
		}
	}
	if f := p.Results[3].Files; len(f) != 2 || f[0].FileName != "a.txt" || f[0].Status != "missing" || f[1].FileName != "b.txt" || len(f[0].ID) != 16 {
		t.Errorf("%+v", f)
	}
	for _, k := range []struct {
		who    person
		path   string
		ids    string
		status int
		text   string
	}{
		{bob, "/me/uploads", made.ID + " " + own.ID, 200, ""},
		{bob, "/me/uploads?token=" + token, made.ID, 200, ""},
		{bob, "/me/uploads?sort=size", "", 200, ""}, // nothing is stored yet
		{bob, "/me/uploads?token=nonsense", "", 404, "token not found"},
		{root, "/me/uploads?token=" + token, "", 404, "token not found"},
		{root, "/uploads?user=local:bobby", made.ID + " " + own.ID, 200, ""},
		{root, "/uploads?user=local%3Abobby&token=" + token, made.ID, 200, ""},
		{root, "/uploads?token=" + token, made.ID, 200, ""},
		{root, "/uploads?token=nonsense", "", 200, ""},
		{root, "/uploads?user=local:root&token=" + token, "", 200, ""},
		{root, "/uploads?user=local:nobody", "", 200, ""},
		{root, "/uploads?user=nonsense", "", 200, ""},
		{bob, "/uploads", "", 403, "you need administrator privileges"},
		{bob, "/users", "", 403, "you need administrator privileges"},
	} {
		r := k.who.does(t, w, "GET", k.path, "")
		says(t, r, k.status, k.text)
		var p page
		if k.status == 200 && (json.Unmarshal([]byte(r.Body), &p) != nil || p.ids() != k.ids || p.Results == nil) {
			t.Errorf("%s: %s, want %s: %s", k.path, p.ids(), k.ids, r.Body)
		}
	}
	// Who acts as somebody by a token of his own sees it; the other one does not.
	mine := root.token(t, w, "mine")
	a, err = w.Auth.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: mine, Kind: authv1.TokenPlik})
	if err != nil {
		t.Fatal(err)
	}
	acted := bob.upload(t, w, "acc-bobby", a.TokenID)
	for path, who := range map[string]person{"/uploads?token=" + mine: root, "/uploads?user=local:bobby&limit=1": root, "/me/uploads?limit=1": bob} {
		var p page
		who.gets(t, w, &p, "GET", path, "")
		if len(p.Results) != 1 || p.Results[0].ID != acted.ID || p.Results[0].User != "local:bobby" || (p.Results[0].Token == mine) != (who == root) || p.Results[0].Token != "" && who == bob {
			t.Errorf("%s: %+v", path, p)
		}
	}
	if r := root.does(t, w, "DELETE", "/upload/"+acted.ID, ""); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	// A token that is gone leaves its uploads, which then name none.
	says(t, bob.does(t, w, "DELETE", "/me/token/"+token, ""), 200, "ok")
	bob.gets(t, w, &p, "GET", "/me/uploads", "")
	if len(p.Results) != 2 || strings.Contains(fmt.Sprint(p.Results), token) {
		t.Errorf("%+v", p)
	}
	w.Plik.SetFail("ListPlikFiles", fault.ErrInternal.Msgf("secret"))
	says(t, root.does(t, w, "GET", "/uploads", ""), 500, "internal server error")
}

// TestListUploads_Long: a page that is longer than what is held back comes whole,
// and one whose reading fails in the middle is cut, not ended.
func TestListUploads_Long(t *testing.T) {
	t.Parallel()
	left := new(atomic.Int64)
	left.Store(1000)
	w := edgetest.New(t, func(_ *edge.Config, d *edge.Deps) { d.Plik = tiring{d.Plik, left} })
	root := join(t, w, "root", true)
	names := make([]string, 100)
	for i := range names {
		names[i] = strings.Repeat("n", 900)
	}
	for range 12 {
		root.upload(t, w, "acc-root", "", names...)
	}
	var p page
	root.gets(t, w, &p, "GET", "/me/uploads?limit=12", "")
	if len(p.Results) != 12 || len(p.Results[11].Files) != 100 || p.Total != 12 {
		t.Errorf("%d of %d", len(p.Results), p.Total)
	}
	left.Store(10)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/me/uploads", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", "plik-session="+root.session)
	resp, err := w.Server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d bytes of a page look whole", len(b))
	}
}

// tiring is a service that fails after some pages of files.
type tiring struct {
	uploadv1.PlikService
	left *atomic.Int64
}

func (s tiring) ListPlikFiles(ctx context.Context, r uploadv1.ListPlikFilesRequest) (uploadv1.ListPlikFilesResponse, error) {
	if s.left.Add(-1) < 0 {
		return uploadv1.ListPlikFilesResponse{}, fault.ErrUnavailable
	}
	return s.PlikService.ListPlikFiles(ctx, r)
}

func TestStats(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root, bob := join(t, w, "root", true), join(t, w, "bobby", false)
	token := bob.token(t, w, "x")
	a, err := w.Auth.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: token, Kind: authv1.TokenPlik})
	if err != nil {
		t.Fatal(err)
	}
	bob.upload(t, w, "acc-bobby", "", "a.txt")
	bob.upload(t, w, "acc-bobby", a.TokenID, "a.txt")
	bob.upload(t, w, objectv1.GuestAccount, "", "a.txt")
	says(t, bob.does(t, w, "GET", "/me/stats", ""), 200, `{"uploads":2,"files":0,"totalSize":0}`)
	says(t, bob.does(t, w, "GET", "/me/stats?token="+token, ""), 200, `{"uploads":1,"files":0,"totalSize":0}`)
	says(t, root.does(t, w, "GET", "/me/stats?token="+token, ""), 404, "token not found")
	says(t, root.does(t, w, "GET", "/stats", ""), 200, `{"users":3,"uploads":3,"anonymousUploads":1,"files":0,"totalSize":0,"anonymousTotalSize":0}`)
	says(t, bob.does(t, w, "DELETE", "/me/uploads?token=nonsense", ""), 404, "token not found")
	says(t, bob.does(t, w, "DELETE", "/me/uploads?token="+token, ""), 200, "1 uploads removed")
	says(t, bob.does(t, w, "DELETE", "/me/uploads", ""), 200, "1 uploads removed")
	says(t, bob.does(t, w, "DELETE", "/me/uploads", ""), 200, "0 uploads removed")
	says(t, root.does(t, w, "GET", "/stats", ""), 200, `{"users":3,"uploads":1,"anonymousUploads":1,"files":0,"totalSize":0,"anonymousTotalSize":0}`)
}

func TestListUsers(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	root := join(t, w, "root", true)
	join(t, w, "bobby", false)
	var p page
	root.gets(t, w, &p, "GET", "/users?order=asc", "")
	if p.ids() != "local:ada local:root local:bobby" || p.Total != 3 {
		t.Errorf("%+v", p)
	}
	root.gets(t, w, &p, "GET", "/users?limit=1", "")
	if p.ids() != "local:bobby" || p.After == nil || p.Total != 3 {
		t.Errorf("%+v", p)
	}
	if r := root.does(t, w, "GET", "/users", ""); strings.Contains(r.Body, "password") || strings.Contains(r.Body, "tokens") {
		t.Error(r.Body)
	}
}

// FuzzPaging: whatever is asked for, the answer is a page or a sentence.
func FuzzPaging(f *testing.F) {
	w := edgetest.New(f)
	root := join(f, w, "root", true)
	for range 3 {
		root.token(f, w, "x")
	}
	f.Add("", "limit=1&after=x")
	f.Add(`{"limit":1,"order":"asc"}`, "")
	f.Add(`{"after":"WyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsIngiXQ=="}`, "offset=2")
	f.Add(`{"limit":null,"offset":9223372036854775807}`, "%zz")
	f.Fuzz(func(t *testing.T, header, query string) {
		if !plainHeader(header) || strings.ContainsAny(query, "\x00 \r\n#") || !plainHeader(query) {
			t.Skip()
		}
		if _, err := url.Parse("/?" + query); err != nil {
			t.Skip()
		}
		r := root.does(t, w, "GET", "/me/token?"+query, "", "X-Plik-Paging", header)
		var p page
		switch r.Status {
		case 200:
			if json.Unmarshal([]byte(r.Body), &p) != nil || p.Total != 3 || len(p.Results) > 3 || p.Results == nil {
				t.Errorf("%s", r.Body)
			}
		case 400:
		default:
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}
