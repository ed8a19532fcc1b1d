package uploadv1test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// RunPlik runs the suite of temporary uploads; open makes a fresh world for each
// case.
func RunPlik(t *testing.T, open func(t *testing.T) PlikWorld) {
	for name, f := range map[string]func(*testing.T, PlikWorld){
		"Create": plikCreate, "CreateRefused": plikCreateRefused, "Unknown": plikUnknown, "WhoIsAdmin": plikAdmins,
		"Announce": plikAnnounce, "AnnounceGivenUp": plikGivenUp, "Credentials": plikCredentials, "CredentialsThrottled": plikGuessing,
		"Expires": plikExpires, "Extends": plikExtends, "ListFiles": plikListFiles,

		"Files": plikFiles, "FilesRefused": plikFilesRefused, "FilesParallel": plikParallel, "FilesBeginOnce": plikBeginOnce,
		"FilesBounded": plikBounded, "FilesFinishTwice": plikFinishTwice, "FilesGivenUp": plikEnds, "FilesLapse": plikLapses,
		"FilesOwner": plikOwner, "FilesUserSize": plikUserSize,

		"OneShot": plikOneShot, "OneShotLapses": plikOneShotLapses, "OneShotRefused": plikOneShotRefused,
		"Stream": plikStream, "StreamBreaks": plikStreamBreaks, "StreamLapses": plikStreamLapses,

		"Remove": plikRemove, "RemoveUnderWay": plikRemoveUnderWay, "RemoveFile": plikRemoveFile, "RemoveAway": plikRemoveAway,
		"RemoveAgainstClaim": plikRemoveAgainstClaim, "RemoveAgainstBegin": plikRemoveAgainstBegin, "RemoveMany": plikRemoveMany, "RemoveClosed": plikRemoveClosed,
		"List": plikList, "ListRefused": plikListRefused, "Stats": plikStats,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

// wantText wants a fault with these very words, which go to clients.
func wantText(t *testing.T, what string, err error, want *fault.Error, text string) {
	t.Helper()
	wantCode(t, what, err, want)
	if got := fault.From(err); err != nil && got.Message != text {
		t.Errorf("%s says %q, want %q", what, got.Message, text)
	}
}

func plikCreate(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{
		Caller: token("alice", "tok_1"), TTL: 3600, ExtendTTL: true, OneShot: true, Removable: true, Comments: "# hello <b>ä</b>",
		Credential: "cGxpazpw", Files: []uploadv1.PlikAnnounced{{Name: "ä/\x01<.txt", Type: "text/x", Size: 5, Reference: "0"}, {Name: "b", Reference: "1"}},
	})
	u, at := made.Upload, w.Clock.Now()
	end := at.Add(time.Hour)
	want := uploadv1.PlikUpload{
		ID: u.ID, AccountID: "acc_alice", TokenID: "tok_1", TTL: 3600, ExtendTTL: true, OneShot: true, Removable: true, Protected: true,
		Comments: "# hello <b>ä</b>", SourceIP: "192.0.2.1:4711", CreatedAt: at, ExpiresAt: u.ExpiresAt, Entries: 2, Admin: true, Token: u.Token,
	}
	if u.ExpiresAt == nil || !u.ExpiresAt.Equal(end) {
		t.Fatalf("ends %v", u.ExpiresAt)
	}
	if u != want {
		t.Errorf("made %+v, want %+v", u, want)
	}
	if !regexp.MustCompile(`^[a-zA-Z0-9]{16}$`).MatchString(u.ID) || !regexp.MustCompile(`^[a-zA-Z0-9]{32}$`).MatchString(u.Token) {
		t.Errorf("id %q, token %q", u.ID, u.Token)
	}
	f := made.Files
	if len(f) != 2 || f[0].ID == f[1].ID || !regexp.MustCompile(`^[a-zA-Z0-9]{16}$`).MatchString(f[0].ID) {
		t.Fatalf("files %+v", f)
	}
	if got, want := f[0], (uploadv1.PlikFile{
		ID: f[0].ID, UploadID: u.ID, Name: "ä/\x01<.txt", Status: uploadv1.PlikMissing, Type: "text/x", Size: 5, Reference: "0", CreatedAt: at,
	}); got != want {
		t.Errorf("file %+v, want %+v", got, want)
	}
	if f[1].Index != 1 || f[1].Reference != "1" {
		t.Errorf("file %+v", f[1])
	}
	w.Clock.Advance(time.Second)
	seen, err := w.get(t, with(u), u.ID)
	if err != nil || !seen.CreatedAt.Equal(at) || seen.Token != u.Token || !seen.Admin || seen.Entries != 2 {
		t.Errorf("seen %+v, %v", seen, err)
	}
	none := w.create(t, uploadv1.CreatePlikRequest{TTL: -7})
	if none.Upload.TTL != -7 || none.Upload.ExpiresAt != nil || none.Files == nil || len(none.Files) != 0 {
		t.Errorf("made %+v", none)
	}
	if long := w.create(t, uploadv1.CreatePlikRequest{TTL: 1<<63 - 1}).Upload; long.ExpiresAt == nil || long.ExpiresAt.Year() > 9999 || long.ExpiresAt.Before(at.AddDate(100, 0, 0)) {
		t.Errorf("the longest life ends %v", long.ExpiresAt)
	}
}

func plikCreateRefused(t *testing.T, w PlikWorld) {
	long := strings.Repeat("x", uploadv1.MaxPlikName+1)
	file := func(f uploadv1.PlikAnnounced) uploadv1.CreatePlikRequest {
		return uploadv1.CreatePlikRequest{Caller: guest(), Files: []uploadv1.PlikAnnounced{{Name: "fine"}, f}}
	}
	for name, c := range map[string]struct {
		r    uploadv1.CreatePlikRequest
		want *fault.Error
		text string
	}{
		"nobody":    {uploadv1.CreatePlikRequest{}, fault.ErrInvalid, ""},
		"many":      {uploadv1.CreatePlikRequest{Caller: guest(), Files: make([]uploadv1.PlikAnnounced, uploadv1.MaxPlikBatch+1)}, fault.ErrInvalid, ""},
		"comments":  {uploadv1.CreatePlikRequest{Caller: guest(), Comments: strings.Repeat("x", uploadv1.MaxPlikComments+1)}, fault.ErrInvalid, ""},
		"no name":   {file(uploadv1.PlikAnnounced{}), uploadv1.ErrPlikName, "missing file name"},
		"long name": {file(uploadv1.PlikAnnounced{Name: long}), uploadv1.ErrPlikName, "file name xxxxxxxxxxxxxxxxxxxx... is too long, maximum length is 1024 characters"},
		"reference": {file(uploadv1.PlikAnnounced{Name: "a", Reference: long}), fault.ErrInvalid, ""},
		"type":      {file(uploadv1.PlikAnnounced{Name: "a", Type: long}), fault.ErrInvalid, ""},
	} {
		_, err := w.Service.CreatePlik(t.Context(), c.r)
		wantCode(t, name, err, c.want)
		if c.text != "" {
			wantText(t, name, err, c.want, c.text)
		}
	}
	if made := w.create(t, uploadv1.CreatePlikRequest{}, long[1:]); made.Files[0].Name != long[1:] {
		t.Error("a name of 1024 bytes was changed")
	}
}

func plikUnknown(t *testing.T, w PlikWorld) {
	known := w.create(t, uploadv1.CreatePlikRequest{}, "a")
	for _, id := range []string{"", "0123456789abcdef", "0123456789abcde", "0123456789abcdeü", strings.Repeat("x", 900), "../../../etc/pw", "\x00123456789abcde", known.Upload.ID + "x"} {
		text := fmt.Sprintf("upload %s not found", id)
		in := uploadv1.PlikFileRequest{Caller: guest(), UploadID: id, FileID: known.Files[0].ID}
		_, get := w.get(t, guest(), id)
		wantText(t, "get", get, uploadv1.ErrPlikNotFound, text)
		_, file := w.Service.GetPlikFile(t.Context(), in)
		wantText(t, "file", file, uploadv1.ErrPlikNotFound, text)
		_, list := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: guest(), UploadID: id, Listed: true})
		wantText(t, "list", list, uploadv1.ErrPlikNotFound, text)
		_, claim := w.Service.ClaimPlik(t.Context(), in)
		wantText(t, "claim", claim, uploadv1.ErrPlikNotFound, text)
		_, begin := w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: guest(), UploadID: id, Name: "a", MaxEntries: 1})
		wantText(t, "begin", begin, uploadv1.ErrPlikNotFound, text)
		wantText(t, "remove", w.remove(t, guest(), id), uploadv1.ErrPlikNotFound, text)
		wantText(t, "remove file", w.removeFile(t, guest(), uploadv1.PlikFile{UploadID: id, ID: "x"}), uploadv1.ErrPlikNotFound, text)
	}
	other := w.create(t, uploadv1.CreatePlikRequest{}, "a")
	for _, id := range []string{"", "0123456789abcdef", strings.Repeat("y", 900), other.Files[0].ID, "a/b", "\x00"} {
		text := fmt.Sprintf("file %s not found", id)
		in := uploadv1.PlikFileRequest{Caller: with(known.Upload), UploadID: known.Upload.ID, FileID: id}
		_, file := w.Service.GetPlikFile(t.Context(), in)
		wantText(t, "file", file, uploadv1.ErrPlikFileNotFound, text)
		if id != "" { // without one it is a new file
			_, begin := w.try(t, known.Upload, uploadv1.PlikFile{ID: id, Name: "a"})
			wantText(t, "begin", begin, uploadv1.ErrPlikFileNotFound, text)
		}
		wantText(t, "remove file", w.removeFile(t, with(known.Upload), uploadv1.PlikFile{UploadID: known.Upload.ID, ID: id}), uploadv1.ErrPlikFileNotFound, text)
		_, err := w.Service.FinishPlik(t.Context(), uploadv1.FinishPlikRequest{UploadID: known.Upload.ID, FileID: id, Fence: "x"})
		wantCode(t, "finish", err, uploadv1.ErrPlikLost)
	}
}

// plikAdmins is plik-wire.md 7.1.
func plikAdmins(t *testing.T, w PlikWorld) {
	byToken := w.create(t, uploadv1.CreatePlikRequest{Caller: token("alice", "tok_1")}).Upload
	bySession := w.create(t, uploadv1.CreatePlikRequest{Caller: session("alice")}).Upload
	nobodys := w.create(t, uploadv1.CreatePlikRequest{}).Upload
	wrong := guest()
	wrong.UploadToken = nobodys.Token
	key := session("alice")
	key.UploadToken = "no token at all"
	for name, c := range map[string]struct {
		caller                   uploadv1.PlikCaller
		tokens, sessions, nobody bool
	}{
		"a stranger":                   {guest(), false, false, false},
		"nobody at all":                {uploadv1.PlikCaller{}, false, false, false},
		"the secret of another upload": {wrong, false, false, true},
		"the owner":                    {session("alice"), true, true, false},
		"the owner with rubbish":       {key, true, true, false},
		"the same token":               {token("alice", "tok_1"), true, false, false},
		"another token of the owner":   {token("alice", "tok_2"), false, false, false},
		"somebody else":                {session("bob"), false, false, false},
		"an administrator":             {session("root"), true, true, true},
		"an administrator's token":     {token("root", "tok_9"), false, false, false},
	} {
		for u, want := range map[uploadv1.PlikUpload]bool{byToken: c.tokens, bySession: c.sessions, nobodys: c.nobody} {
			got, err := w.get(t, c.caller, u.ID)
			if err != nil || got.Admin != want || got.Token != map[bool]string{true: u.Token}[want] {
				t.Errorf("%s: %+v, %v, want admin %t", name, got, err, want)
			}
			c := c.caller
			c.UploadToken = u.Token
			if got, err := w.get(t, c, u.ID); err != nil || !got.Admin {
				t.Errorf("%s with the secret: %+v, %v", name, got, err)
			}
		}
	}
}

func announced(from, n int) []uploadv1.PlikAnnounced {
	out := make([]uploadv1.PlikAnnounced, n)
	for i := range out {
		out[i] = uploadv1.PlikAnnounced{Name: fmt.Sprint("f", from+i), Reference: fmt.Sprint(from + i), Size: 1}
	}
	return out
}

func plikAnnounce(t *testing.T, w PlikWorld) {
	const n, batch = 250, uploadv1.MaxPlikBatch
	made := w.create(t, uploadv1.CreatePlikRequest{Files: announced(0, batch), More: true, Announced: n})
	u := made.Upload
	_, err := w.get(t, with(u), u.ID)
	wantText(t, "before it is whole", err, uploadv1.ErrPlikNotFound, "upload "+u.ID+" not found")
	announce := func(c uploadv1.PlikCaller, from, n int, more bool) (uploadv1.PlikWithFiles, error) {
		return w.Service.AnnouncePlik(t.Context(), uploadv1.AnnouncePlikRequest{Caller: c, UploadID: u.ID, From: from, Files: announced(from, n), More: more})
	}
	_, err = announce(guest(), batch, batch, true)
	wantCode(t, "a stranger", err, uploadv1.ErrPlikNotFound)
	_, err = announce(with(u), batch+1, batch, true)
	wantCode(t, "a gap", err, fault.ErrInvalid)
	_, err = announce(with(u), -1, 1, true)
	wantCode(t, "in front of the first", err, fault.ErrInvalid)
	ids := map[string]bool{}
	for _, f := range made.Files {
		ids[f.ID] = true
	}
	for from := batch; from < n; from += batch {
		last := from+batch >= n
		var first uploadv1.PlikWithFiles
		if got, err := announce(with(u), 0, batch, true); err != nil || got.Upload.Entries != from {
			t.Errorf("an older batch: %+v, %v", got, err)
		}
		for again := range 3 {
			got, err := announce(with(u), from, min(batch, n-from), !last)
			if err != nil || len(got.Files) != min(batch, n-from) || got.Upload.Entries != min(n, from+batch) {
				t.Fatalf("batch at %d: %+v, %v", from, got, err)
			}
			if again == 0 {
				first = got
			}
			for i, f := range got.Files {
				if f != first.Files[i] || f.Index != from+i || f.Reference != fmt.Sprint(from+i) {
					t.Fatalf("entry %d: %+v, then %+v", from+i, first.Files[i], f)
				}
				ids[f.ID] = true
			}
		}
	}
	for range 2 { // the first one comes late
		if got, err := announce(with(u), 0, batch, true); err != nil || got.Upload.Entries != n || got.Files[7] != made.Files[7] {
			t.Errorf("the first batch once more: %+v, %v", got, err)
		}
	}
	_, err = announce(with(u), n, 1, false)
	wantCode(t, "behind the last", err, fault.ErrInvalid)
	got, err := w.get(t, guest(), u.ID)
	if err != nil || got.Entries != n || len(ids) != n {
		t.Fatalf("%+v, %v, %d ids", got, err, len(ids))
	}
	next := 0
	for page := range 4 {
		r, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: guest(), UploadID: u.ID, From: next})
		if err != nil || len(r.Files) > uploadv1.MaxPlikFilesPage || r.Files[0].Index != next || !ids[r.Files[0].ID] {
			t.Fatalf("page %d: %+v, %v", page, r, err)
		}
		if next = r.Next; next == 0 {
			if page != 2 {
				t.Errorf("%d pages", page+1)
			}
			break
		}
	}
}

// plikGivenUp: an upload whose files never came to be known goes away.
func plikGivenUp(t *testing.T, w PlikWorld) {
	u := w.create(t, uploadv1.CreatePlikRequest{Files: announced(0, 3), More: true}).Upload
	w.Clock.Advance(3 * time.Minute)
	w.swept(t, "the upload goes", func() bool {
		_, err := w.Service.AnnouncePlik(t.Context(), uploadv1.AnnouncePlikRequest{Caller: with(u), UploadID: u.ID, From: 4}) // a gap, which changes nothing
		return errors.Is(err, uploadv1.ErrPlikNotFound)
	})
}

// plikCredentials is plik-wire.md 6.5.
func plikCredentials(t *testing.T, w PlikWorld) {
	u := w.create(t, uploadv1.CreatePlikRequest{Credential: "cGxpazpzZWNyZXQ="}).Upload
	other := w.create(t, uploadv1.CreatePlikRequest{Credential: "cGxpazpvdGhlcg=="}).Upload
	const sorry = "please provide valid credentials to access this upload : "
	for header, why := range map[string]string{
		"":      "missing Authorization header",
		"Basic": "invalid Authorization header", "cGxpazpzZWNyZXQ=": "invalid Authorization header", "Basic  cGxpazpzZWNyZXQ=": "invalid Authorization header",
		"Basic cGxpazpzZWNyZXQ= x": "invalid Authorization header", " ": "invalid http authorization scheme",
		"basic cGxpazpzZWNyZXQ=": "invalid http authorization scheme", "Bearer cGxpazpzZWNyZXQ=": "invalid http authorization scheme",
		"Basic cGxpazpvdGhlcg==": "invalid credentials", "Basic cGxpazpzZWNyZXQ": "invalid credentials", "Basic ": "invalid credentials",
		"Basic \x00\xff": "invalid credentials",
	} {
		c := guest()
		c.Authorization = header
		_, err := w.get(t, c, u.ID)
		wantText(t, fmt.Sprintf("header %q", header), err, uploadv1.ErrPlikCredentials, sorry+why)
		_, err = w.Service.GetPlikFile(t.Context(), uploadv1.PlikFileRequest{Caller: c, UploadID: u.ID, FileID: "0123456789abcdef"})
		wantCode(t, "before the file", err, uploadv1.ErrPlikCredentials)
		wantCode(t, "before removing", w.remove(t, c, u.ID), uploadv1.ErrPlikCredentials)
	}
	right := guest()
	right.Authorization = "Basic cGxpazpzZWNyZXQ="
	got, err := w.get(t, right, u.ID)
	if err != nil || got.Admin || got.Token != "" || !got.Protected {
		t.Errorf("with the password: %+v, %v", got, err)
	}
	_, err = w.Service.BeginPlik(t.Context(), uploadv1.BeginPlikRequest{Caller: right, UploadID: u.ID, Name: "a", MaxEntries: 1})
	wantText(t, "the password makes no admin", err, uploadv1.ErrPlikForbidden, "you are not allowed to add file to this upload")
	for who, c := range map[string]uploadv1.PlikCaller{"the secret": with(u), "an administrator": session("root")} {
		if _, err := w.get(t, c, u.ID); err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
	_, err = w.get(t, right, other.ID)
	wantCode(t, "one upload's password for another", err, uploadv1.ErrPlikCredentials)
}

// plikGuessing: who has guessed too often gets the same answer for whatever comes.
func plikGuessing(t *testing.T, w PlikWorld) {
	u := w.create(t, uploadv1.CreatePlikRequest{Credential: "cDpw"}).Upload
	right, wrong, elsewhere := guest(), guest(), guest()
	right.Authorization, wrong.Authorization, elsewhere.Authorization = "Basic cDpw", "Basic cDpx", "Basic cDpw"
	elsewhere.Source = "192.0.2.2:1"
	for range 60 {
		_, err := w.get(t, wrong, u.ID)
		wantCode(t, "guessing", err, uploadv1.ErrPlikCredentials)
	}
	_, err := w.get(t, right, u.ID)
	wantText(t, "the right one, too late", err, uploadv1.ErrPlikCredentials, "please provide valid credentials to access this upload : invalid credentials")
	if _, err := w.get(t, elsewhere, u.ID); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	if _, err := w.get(t, with(u), u.ID); err != nil {
		t.Errorf("its admin: %v", err)
	}
	w.Clock.Advance(time.Minute)
	if _, err := w.get(t, right, u.ID); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func plikExpires(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{TTL: 60, Removable: true, Credential: "cDpw"}, "a", "b")
	u := made.Upload
	w.put(t, u, made.Files[0], 5)
	under := w.begin(t, u, made.Files[1])
	stays := w.create(t, uploadv1.CreatePlikRequest{}, "a")
	w.put(t, stays.Upload, stays.Files[0], 5)
	w.Clock.Advance(59*time.Second + 999*time.Millisecond)
	if _, err := w.get(t, with(u), u.ID); err != nil {
		t.Fatalf("a moment before its end: %v", err)
	}
	w.Clock.Advance(time.Millisecond)
	text := "upload " + u.ID + " has expired"
	expired := func() {
		t.Helper()
		_, err := w.get(t, guest(), u.ID) // before the password
		wantText(t, "get", err, uploadv1.ErrPlikExpired, text)
		wantText(t, "remove", w.remove(t, with(u), u.ID), uploadv1.ErrPlikExpired, text)
		_, err = w.try(t, u, made.Files[0])
		wantText(t, "begin", err, uploadv1.ErrPlikExpired, text)
	}
	expired()
	w.swept(t, "the data of an expired upload goes", func() bool { return len(w.Objects.Pliks()) == 1 })
	expired()
	wantCode(t, "what came in", w.keep(t, under), uploadv1.ErrPlikLost)
	w.Clock.Advance(30 * time.Minute)
	w.swept(t, "it is forgotten", func() bool {
		_, err := w.get(t, with(u), u.ID)
		return errors.Is(err, uploadv1.ErrPlikNotFound)
	})
	if _, err := w.get(t, guest(), stays.Upload.ID); err != nil || len(w.Objects.Pliks()) != 1 {
		t.Errorf("what never expires: %v", err)
	}
}

func plikExtends(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{TTL: 60, ExtendTTL: true, Removable: true}, "a", "b")
	u, f := made.Upload, made.Files[0]
	in := uploadv1.PlikFileRequest{Caller: guest(), UploadID: u.ID, FileID: f.ID}
	for _, access := range []func() error{
		func() error { _, err := w.get(t, guest(), u.ID); return err },
		func() error { _, err := w.Service.GetPlikFile(t.Context(), in); return err },
		func() error { _, err := w.try(t, u, f); return err },
		func() error {
			_, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: guest(), UploadID: u.ID})
			return err
		},
		func() error { return w.removeFile(t, guest(), f) },
		func() error { _, err := w.get(t, guest(), u.ID); return err },
	} {
		w.Clock.Advance(50 * time.Second)
		if err := access(); err != nil {
			t.Fatal(err)
		}
	}
	for range 30 { // many short accesses move the end as well
		w.Clock.Advance(3 * time.Second)
		got, err := w.get(t, guest(), u.ID)
		if err != nil || !got.ExpiresAt.Equal(w.Clock.Now().Add(time.Minute)) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	w.Clock.Advance(30 * time.Second)
	if _, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: guest(), UploadID: u.ID, Listed: true}); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(30 * time.Second)
	_, err := w.get(t, guest(), u.ID)
	wantCode(t, "a list is no access", err, uploadv1.ErrPlikExpired)
}

func plikListFiles(t *testing.T, w PlikWorld) {
	made := w.create(t, uploadv1.CreatePlikRequest{Caller: session("alice"), Credential: "cDpw"}, "a", "b")
	list := func(c uploadv1.PlikCaller, listed bool) error {
		r, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: c, UploadID: made.Upload.ID, From: -5, Listed: listed})
		if err == nil && (len(r.Files) != 2 || r.Next != 0 || r.Files[1] != made.Files[1]) {
			t.Errorf("listed %+v", r)
		}
		return err
	}
	for _, c := range []uploadv1.PlikCaller{session("alice"), token("alice", "tok"), session("root")} {
		if err := list(c, true); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []uploadv1.PlikCaller{guest(), session("bob"), {Principal: authv1.Principal{AccountID: objectv1.GuestAccount}}} {
		wantCode(t, "a stranger", list(c, true), uploadv1.ErrPlikCredentials)
	}
	wantCode(t, "not listed", list(token("alice", "tok"), false), uploadv1.ErrPlikCredentials)
	empty := w.create(t, uploadv1.CreatePlikRequest{}).Upload
	r, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: guest(), UploadID: empty.ID, From: 1 << 40})
	if err != nil || r.Files == nil || len(r.Files) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	// A hundred of the longest names fit into several messages.
	files := make([]uploadv1.PlikAnnounced, uploadv1.MaxPlikBatch)
	name := strings.Repeat("\x01", uploadv1.MaxPlikName)
	long := w.create(t, uploadv1.CreatePlikRequest{More: true}).Upload
	var wg sync.WaitGroup
	for from := 0; from < len(files); from += 20 {
		batch := make([]uploadv1.PlikAnnounced, 20)
		for i := range batch {
			batch[i] = uploadv1.PlikAnnounced{Name: name, Reference: name, Type: name[:uploadv1.MaxPlikType]}
		}
		if _, err := w.Service.AnnouncePlik(t.Context(), uploadv1.AnnouncePlikRequest{Caller: with(long), UploadID: long.ID, From: from, Files: batch, More: from < 80}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		wg.Go(func() {
			seen, pages := 0, 0
			for from := 0; ; pages++ {
				r, err := w.Service.ListPlikFiles(t.Context(), uploadv1.ListPlikFilesRequest{Caller: guest(), UploadID: long.ID, From: from})
				if err != nil || len(r.Files) == 0 {
					t.Errorf("from %d: %v", from, err)
					return
				}
				seen += len(r.Files)
				if from = r.Next; from == 0 {
					break
				}
			}
			if seen != 100 || pages < 1 {
				t.Errorf("%d files, %d more pages", seen, pages)
			}
		})
	}
	wg.Wait()
}
