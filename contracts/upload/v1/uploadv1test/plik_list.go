package uploadv1test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// listing makes uploads of several accounts and tokens, each a second after the
// one before: upload n has n%4 files of n bytes each.
func (w PlikWorld) listing(t *testing.T) map[string]uploadv1.PlikUpload {
	t.Helper()
	out := map[string]uploadv1.PlikUpload{}
	for n, c := range []uploadv1.PlikCaller{
		session("alice"), token("alice", "tok_a"), guest(), token("alice", "tok_a"), session("bob"), token("bob", "tok_root"), token("alice", "tok_root"), guest(),
	} {
		made := w.create(t, uploadv1.CreatePlikRequest{Caller: c, Comments: fmt.Sprint(n), Credential: "cDpw", Files: announced(0, n%4+1)})
		for _, f := range made.Files[:n%4] {
			w.put(t, made.Upload, f, int64(n))
		}
		w.Clock.Advance(time.Second)
		out[fmt.Sprint(n)] = made.Upload
	}
	return out
}

func plikList(t *testing.T, w PlikWorld) {
	all := w.listing(t)
	list := func(r uploadv1.ListPlikRequest) ([]string, paging.Place) {
		t.Helper()
		got, err := w.Service.ListPlik(t.Context(), r)
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		var names []string
		for _, u := range got.Uploads {
			want := all[u.Comments]
			if u.ID != want.ID || u.Token != want.Token || u.Admin || u.AccountID != want.AccountID || u.TokenID != want.TokenID || !u.Protected || u.SourceIP == "" || !u.CreatedAt.Equal(want.CreatedAt) {
				t.Errorf("listed %+v, want %+v", u, want)
			}
			names = append(names, u.Comments)
		}
		return names, got.Place
	}
	root := session("root")
	for name, c := range map[string]struct {
		r    uploadv1.ListPlikRequest
		want string
	}{
		"all":                   {uploadv1.ListPlikRequest{Caller: root}, "7 6 5 4 3 2 1 0"},
		"all, the oldest first": {uploadv1.ListPlikRequest{Caller: root, Page: paging.Request{Ascending: true}}, "0 1 2 3 4 5 6 7"},
		"an account's":          {uploadv1.ListPlikRequest{Caller: root, AccountID: "acc_alice"}, "6 3 1 0"},
		"one's own":             {uploadv1.ListPlikRequest{Caller: session("alice"), AccountID: "acc_alice"}, "6 3 1 0"},
		"a token's":             {uploadv1.ListPlikRequest{Caller: root, TokenID: "tok_root"}, "6 5"},
		"one's own token's":     {uploadv1.ListPlikRequest{Caller: session("alice"), AccountID: "acc_alice", TokenID: "tok_a"}, "3 1"},
		"a token's for one":     {uploadv1.ListPlikRequest{Caller: root, AccountID: "acc_bob", TokenID: "tok_root"}, "5"},
		"nobody's":              {uploadv1.ListPlikRequest{Caller: root, AccountID: "guests"}, "7 2"},
		"by size":               {uploadv1.ListPlikRequest{Caller: root, BySize: true}, "7 6 3 5 2 1"},
		"by size, upwards":      {uploadv1.ListPlikRequest{Caller: root, BySize: true, Page: paging.Request{Ascending: true}}, "1 2 5 3 6 7"},
		"an account's by size":  {uploadv1.ListPlikRequest{Caller: root, BySize: true, AccountID: "acc_alice"}, "6 3 1"},
		"a token's by size":     {uploadv1.ListPlikRequest{Caller: root, BySize: true, TokenID: "tok_root"}, "6 5"},
		"both by size":          {uploadv1.ListPlikRequest{Caller: root, BySize: true, AccountID: "acc_bob", TokenID: "tok_root"}, "5"},
		"an unknown account's":  {uploadv1.ListPlikRequest{Caller: root, AccountID: "acc_nobody"}, ""},
		"a long account's":      {uploadv1.ListPlikRequest{Caller: root, AccountID: strings.Repeat("x", 5000)}, ""},
	} {
		got, place := list(c.r)
		if strings.Join(got, " ") != c.want || place.Total != int64(len(got)) || place.After != "" || place.Before != "" {
			t.Errorf("%s: %v, %+v, want %s", name, got, place, c.want)
		}
		// The same, page by page, and by offset.
		var pages, skips []string
		for r := c.r; ; {
			r.Page.Limit = 2
			page, place := list(r)
			pages = append(pages, page...)
			if r.Page.After = place.After; r.Page.After == "" {
				break
			}
		}
		for r := c.r; ; r.Page.Offset += 3 {
			r.Page.Limit = 3
			page, place := list(r)
			if skips = append(skips, page...); place.After == "" {
				break
			}
		}
		if !slices.Equal(pages, got) || !slices.Equal(skips, got) {
			t.Errorf("%s: by pages %v, by offset %v, want %v", name, pages, skips, got)
		}
	}
	// What is removed is in no list.
	if err := w.remove(t, root, all["6"].ID); err != nil {
		t.Fatal(err)
	}
	if got, place := list(uploadv1.ListPlikRequest{Caller: root, BySize: true}); strings.Join(got, " ") != "7 3 5 2 1" || place.Total != 5 {
		t.Errorf("after a removal %v, %+v", got, place)
	}
	// Nor is what is being made.
	w.create(t, uploadv1.CreatePlikRequest{Caller: root, More: true})
	if got, _ := list(uploadv1.ListPlikRequest{Caller: root, AccountID: "acc_root"}); len(got) != 0 {
		t.Errorf("being made: %v", got)
	}
	// Long comments make several messages of what one page could be.
	for n := range 12 {
		c := strings.Repeat(string(rune('a'+n)), uploadv1.MaxPlikComments)
		all[c] = w.create(t, uploadv1.CreatePlikRequest{Caller: token("root", "t"), Comments: c, Credential: "cDpw"}).Upload
	}
	seen := 0
	for r := (uploadv1.ListPlikRequest{Caller: root, AccountID: "acc_root", Page: paging.Request{Limit: 1000}}); ; {
		page, place := list(r)
		if seen += len(page); place.Total != 12 {
			t.Errorf("%+v", place)
		}
		if r.Page.After = place.After; r.Page.After == "" {
			break
		}
	}
	if seen != 12 {
		t.Errorf("%d long ones", seen)
	}
}

func plikListRefused(t *testing.T, w PlikWorld) {
	w.listing(t)
	for name, r := range map[string]uploadv1.ListPlikRequest{
		"all":                {Caller: session("alice")},
		"somebody else's":    {Caller: session("alice"), AccountID: "acc_bob"},
		"a token's, of all":  {Caller: session("alice"), TokenID: "tok_a"},
		"by a guest, of all": {Caller: guest()},
	} {
		_, err := w.Service.ListPlik(t.Context(), r)
		wantCode(t, name, err, uploadv1.ErrPlikForbidden)
		_, err = w.Service.GetPlikStats(t.Context(), uploadv1.PlikStatsRequest{Caller: r.Caller, AccountID: r.AccountID, TokenID: r.TokenID})
		wantCode(t, name, err, uploadv1.ErrPlikForbidden)
	}
	cursor := paging.Position[int64]{Value: 1, ID: "x"}.Cursor()
	for name, c := range map[string]struct {
		page paging.Request
		want error
	}{
		"rubbish": {paging.Request{After: "x"}, paging.ErrBadCursor}, "of a list by size": {paging.Request{Before: cursor}, paging.ErrBadCursor},
		"both": {paging.Request{After: cursor, Before: cursor}, paging.ErrBothCursors}, "with an offset": {paging.Request{After: cursor, Offset: 1}, paging.ErrCursorSkips},
	} {
		_, err := w.Service.ListPlik(t.Context(), uploadv1.ListPlikRequest{Caller: session("root"), Page: c.page})
		if err == nil || !strings.Contains(err.Error(), strings.SplitN(c.want.Error(), ":", 2)[0]) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// plikStats is plik-wire.md 4.6.
func plikStats(t *testing.T, w PlikWorld) {
	all := w.listing(t)
	stats := func(r uploadv1.PlikStatsRequest) uploadv1.PlikStats {
		t.Helper()
		got, err := w.Service.GetPlikStats(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := func(what string, got, want uploadv1.PlikStats) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	root := session("root")
	want("all", stats(uploadv1.PlikStatsRequest{Caller: root}), uploadv1.PlikStats{Uploads: 8, Files: 12, TotalSize: 52, AnonymousUploads: 2, AnonymousTotalSize: 25})
	want("an account", stats(uploadv1.PlikStatsRequest{Caller: session("alice"), AccountID: "acc_alice"}), uploadv1.PlikStats{Uploads: 4, Files: 6, TotalSize: 22})
	want("a token", stats(uploadv1.PlikStatsRequest{Caller: session("alice"), AccountID: "acc_alice", TokenID: "tok_a"}), uploadv1.PlikStats{Uploads: 2, Files: 4, TotalSize: 10})
	if err := w.removeFile(t, root, uploadv1.PlikFile{UploadID: all["7"].ID, ID: w.files(t, all["7"])[0].ID}); err != nil {
		t.Fatal(err)
	}
	if err := w.remove(t, root, all["6"].ID); err != nil {
		t.Fatal(err)
	}
	want("without what was removed", stats(uploadv1.PlikStatsRequest{Caller: root}), uploadv1.PlikStats{Uploads: 7, Files: 9, TotalSize: 33, AnonymousUploads: 2, AnonymousTotalSize: 18})
}

func (w PlikWorld) files(t *testing.T, u uploadv1.PlikUpload) []uploadv1.PlikFile {
	t.Helper()
	r, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: with(u), UploadID: u.ID})
	if err != nil {
		t.Fatal(err)
	}
	return r.Files
}
