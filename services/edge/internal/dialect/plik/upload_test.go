package plik_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// TestCreateUpload_Literally holds the answer as clients cut it to pieces: compact,
// on one line, no further key with "id" in its name (plik-wire.md 1, 4.2).
func TestCreateUpload_Literally(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	r := ask(t, w, "POST", "/upload", `{ "OneShot" : false, "Removable" : false, "Ttl" : 0 }`, "Content-Type", "application/x-www-form-urlencoded")
	want := regexp.MustCompile(`^\{"id":"[a-zA-Z0-9]{16}","ttl":2592000,"extend_ttl":false,"downloadDomain":"","comments":"","files":\[\],"uploadToken":"[a-zA-Z0-9]{32}","admin":true,"stream":false,"oneShot":false,"removable":false,"protectedByPassword":false,"createdAt":"[0-9T:.-]+Z","expireAt":"[0-9T:.-]+Z"\}$`)
	if r.Status != 200 || !want.MatchString(r.Body) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r.Header.Get("Authorization") != "" || r.Header.Get("X-Request-Id") == "" {
		t.Error(r.Header)
	}
	u := create(t, w, announced("", "a.txt"))
	r = post(t, w, u.path(u.Files[0]), "a.txt", "hello", u.admin()...)
	want = regexp.MustCompile(`^\{"id":"[a-zA-Z0-9]{16}","fileName":"a.txt","status":"uploaded","fileMd5":"5d41402abc4b2a76b9719d911017c592","fileType":"text/plain; charset=utf-8","fileSize":5,"reference":"0","createdAt":"[0-9T:.-]+Z"\}$`)
	if r.Status != 200 || !want.MatchString(r.Body) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestCreateUpload_Options(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) {
		s.FeatureExtendTTL, s.DownloadDomain = core.PlikEnabled, "https://dl.example"
	}))
	// What a Go client sends, with what must not be taken over (6.2).
	u := create(t, w, `{"id":"mine","uploadToken":"mine","admin":false,"createdAt":"0001-01-01T00:00:00Z","expireAt":null,"ttl":3600,"extend_ttl":true,"oneShot":true,"removable":true,
		"comments":"<b>& more","login":"foo","password":"bar","protectedByPassword":false,"user":"x","token":"y","uploadIp":"1.2.3.4","nonsense":{"a":[1]},
		"files":[{"id":"f","fileName":"b","fileType":"x/y","fileSize":7,"reference":"0","status":"uploaded","fileMd5":"z"},{"fileName":"a b?#%\"\\é","reference":"1"}]}`)
	if len(u.ID) != 16 || len(u.UploadToken) != 32 || !u.Admin || u.TTL != 3600 || !u.ExtendTTL || !u.OneShot || u.Stream || !u.Removable || !u.ProtectedByPassword ||
		u.Comments != "<b>& more" || u.User+u.Token+u.UploadIP != "" || u.DownloadDomain != "https://dl.example" || time.Since(u.CreatedAt) > time.Minute ||
		u.ExpireAt == nil || u.ExpireAt.Sub(u.CreatedAt) != time.Hour {
		t.Errorf("%+v", u)
	}
	if len(u.Files) != 2 || u.Files[0].FileName != "b" || u.Files[0].Reference != "0" || u.Files[0].Status != "missing" || u.Files[0].FileSize != 7 || u.Files[0].FileType != "x/y" ||
		len(u.Files[0].ID) != 16 || u.Files[0].FileMd5 != "" || u.Files[1].FileName != `a b?#%"\é` || u.Files[1].Reference != "1" {
		t.Errorf("%+v", u.Files)
	}
	if got := u.get(t, w, u.admin()...); !got.CreatedAt.Equal(u.CreatedAt) || len(got.Files) != 2 || !got.Admin || got.UploadToken != u.UploadToken {
		t.Errorf("%+v", got)
	}
}

// TestCreateUpload_Defaults: an empty body means all of them.
func TestCreateUpload_Defaults(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, body := range []string{"", " ", "{}", "null", `{"files":null}`, `{"files":[]}`, `{"ttl":0}`} {
		u := create(t, w, body)
		if u.TTL != 2592000 || u.Files == nil || len(u.Files) != 0 || u.ProtectedByPassword {
			t.Errorf("%q: %+v", body, u)
		}
	}
}

func TestCreateUpload_Refusals(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 1025)
	off := core.PlikDisabled
	for name, k := range map[string]struct {
		set          func(*core.PlikSettings)
		body, reason string
	}{
		"one shot":            {func(s *core.PlikSettings) { s.FeatureOneShot = off }, `{"oneShot":true}`, "one shot uploads are disabled"},
		"removable":           {func(s *core.PlikSettings) { s.FeatureRemovable = off }, `{"removable":true}`, "removable uploads are disabled"},
		"stream":              {func(s *core.PlikSettings) { s.FeatureStream = off }, `{"stream":true}`, "streaming uploads are disabled"},
		"password":            {func(s *core.PlikSettings) { s.FeaturePassword = off }, `{"password":"x"}`, "upload password protection is disabled"},
		"password is missing": {func(s *core.PlikSettings) { s.FeaturePassword = core.PlikForced }, `{"login":"x"}`, "server only accept uploads protected by password"},
		"extend ttl":          {nil, `{"extend_ttl":true}`, "extend TTL is disabled"},
		"nobody":              {func(s *core.PlikSettings) { s.FeatureAuthentication = core.PlikForced }, `{}`, "anonymous uploads are disabled"},
		"for ever":            {nil, `{"ttl":-1}`, "cannot set infinite TTL (maximum allowed is : 2592000)"},
		"too long":            {nil, `{"ttl":2592001}`, "invalid TTL. (maximum allowed is : 2592000)"},
		"default is too long": {func(s *core.PlikSettings) { s.MaxTTL = time.Minute }, `{}`, "invalid TTL. (maximum allowed is : 60)"},
		"default is for ever": {func(s *core.PlikSettings) { s.DefaultTTL = 0 }, `{}`, "cannot set infinite TTL (maximum allowed is : 2592000)"},
		"beyond all years":    {func(s *core.PlikSettings) { s.MaxTTL = 0 }, `{"ttl":9223372036854775807}`, "invalid TTL. (maximum allowed is : 6307200000)"},
		"files":               {func(s *core.PlikSettings) { s.MaxFilePerUpload = 2 }, announced("", "a", "b", "c"), "too many files. maximum is 2"},
		"no name":             {nil, `{"files":[{"fileName":""}]}`, "missing file name"},
		"name":                {nil, `{"files":[{"fileName":"` + long + `"}]}`, "file name nnnnnnnnnnnnnnnnnnnn... is too long, maximum length is 1024 characters"},
		"size":                {func(s *core.PlikSettings) { s.MaxFileSize = 10 }, `{"files":[{"fileName":"a","fileSize":11}]}`, "file is too big (11 B), maximum file size is 10 B"},
		"size in large":       {nil, `{"files":[{"fileName":"a","fileSize":12345678901}]}`, "file is too big (12 GB), maximum file size is 10 GB"},
		"reference":           {nil, `{"files":[{"fileName":"a","reference":"` + long + `"}]}`, "file reference is too long, maximum length is 1024 characters"},
		"type":                {nil, `{"files":[{"fileName":"a","fileType":"` + long + `"}]}`, "file type is too long, maximum length is 255 characters"},
		"comments":            {nil, `{"comments":"` + strings.Repeat("c", 65537) + `"}`, "comments are too long, maximum length is 65536 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := edgetest.New(t, settings(func(s *core.PlikSettings) {
				if k.set != nil {
					k.set(s)
				}
			}))
			says(t, ask(t, w, "POST", "/upload", k.body), 400, "unable to create upload : "+k.reason)
			if n := w.Plik.Called("CreatePlik"); n != 0 {
				t.Errorf("%d uploads were made", n)
			}
		})
	}
}

func TestCreateUpload_Bodies(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, body := range []string{
		`{`, `[]`, `"x"`, `1`, `{"ttl":"60"}`, `{"ttl":1.5}`, `{"oneShot":"yes"}`, `{"files":[1]}`, `{"files":"x"}`, `{"files":[{"fileName":1}]}`, `{"files":[{"fileSize":"x"}]}`, `{} x`, `{"files":{"0":1}}`,
		`{"files":[null]}`, `{"files":{"0":null}}`, `{"comments":1}`, "{\"ttl\":\x00}", `{"ttl":99999999999999999999}`,
	} {
		r := ask(t, w, "POST", "/upload", body)
		if r.Status != 400 || !strings.HasPrefix(r.Body, "unable to deserialize request body : ") || !strings.HasSuffix(r.Body, "\n") || strings.Contains(r.Body, "Go ") || strings.Contains(r.Body, "wire") {
			t.Errorf("%s: %d %q", body, r.Status, r.Body)
		}
	}
	big := `{"comments":"` + strings.Repeat("x", 1<<20) + `"}`
	says(t, ask(t, w, "POST", "/upload", big), 400, "unable to read request body : http: request body too large")
	if u := create(t, w, `{"comments":"`+strings.Repeat("x", 65536)+`"`+strings.Repeat(" ", 900_000)+`}`); len(u.Comments) != 65536 {
		t.Error("a body of less than 1 MiB was cut")
	}
}

// TestCreateUpload_Flags: what is forced is on, what is disabled is left out where
// it does not matter (5).
func TestCreateUpload_Flags(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) {
		s.FeatureOneShot, s.FeatureRemovable, s.FeatureStream, s.FeatureExtendTTL = core.PlikForced, core.PlikForced, core.PlikForced, core.PlikForced
		s.FeatureComments, s.FeatureSetTTL, s.MaxTTL, s.DefaultTTL = core.PlikDisabled, core.PlikDisabled, time.Minute, time.Hour
	}))
	u := create(t, w, `{"comments":"x","ttl":99}`)
	if !u.OneShot || !u.Removable || !u.Stream || !u.ExtendTTL || u.Comments != "" || u.TTL != 3600 {
		t.Errorf("%+v", u)
	}
}

func TestCreateUpload_TTL(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		byDefault, most time.Duration
		asked, want     int64
	}{
		{time.Hour, 2 * time.Hour, 0, 3600}, {time.Hour, 2 * time.Hour, 7200, 7200}, {time.Hour, 0, -1, -1}, {time.Hour, -time.Second, -5, -5}, {0, 0, 0, 0}, {0, time.Hour, 60, 60}, {-time.Second, 0, 0, -1},
	} {
		w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.DefaultTTL, s.MaxTTL = k.byDefault, k.most }))
		u := create(t, w, fmt.Sprintf(`{"ttl":%d}`, k.asked))
		if u.TTL != k.want || (u.ExpireAt == nil) != (k.want <= 0) || u.ExpireAt != nil && u.ExpireAt.Sub(u.CreatedAt) != time.Duration(k.want)*time.Second {
			t.Errorf("%+v: %d until %v", k, u.TTL, u.ExpireAt)
		}
	}
}

func TestCreateUpload_Password(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for body, credential := range map[string]string{`{"login":"foo","password":"bar"}`: "foo:bar", `{"password":"b:ä"}`: "plik:b:ä"} {
		r := ask(t, w, "POST", "/upload", body)
		if got := r.Header.Get("Authorization"); got != basic(credential) || strings.Contains(r.Body, `"login"`) || strings.Contains(r.Body, `"password"`) {
			t.Errorf("%s: %q %s", body, got, r.Body)
		}
		var u upload
		read(t, r, &u)
		const please = "please provide valid credentials to access this upload : "
		for _, path := range []string{"/upload/" + u.ID, "/file/" + u.ID + "/x/y", "/archive/" + u.ID + "/a.zip"} {
			for header, why := range map[string]string{
				"": "missing Authorization header", "Basic": "invalid Authorization header", basic(credential) + " x": "invalid Authorization header",
				"basic " + basic(credential)[6:]: "invalid http authorization scheme", basic("foo:baz"): "invalid credentials", "Bearer x": "invalid http authorization scheme",
			} {
				pairs := []string{"User-Agent", "Mozilla/5.0"} // a browser must see it, too: then it asks
				if header != "" {
					pairs = append(pairs, "Authorization", header)
				}
				r := ask(t, w, "GET", path, "", pairs...)
				says(t, r, 401, please+why)
				if r.Header.Get("WWW-Authenticate") != `Basic realm="plik"` {
					t.Error(r.Header)
				}
			}
		}
		if got := u.get(t, w, "Authorization", basic(credential)); got.Admin || got.UploadToken != "" || !got.ProtectedByPassword {
			t.Errorf("%+v", got)
		}
		says(t, post(t, w, "/file/"+u.ID, "a", "x", "Authorization", basic(credential)), 403, "you are not allowed to add file to this upload")
		u.get(t, w, u.admin()...) // whoever is admin needs none
	}
	if u := create(t, w, `{"login":"foo"}`); u.ProtectedByPassword {
		t.Error("a login alone protects")
	}
}

// TestCreateUpload_Batches: more files than a message holds.
func TestCreateUpload_Batches(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	for _, k := range []struct {
		files, length, calls int
	}{{100, 10, 0}, {101, 10, 1}, {1000, 10, 9}, {300, 1000, 2}} {
		names := make([]string, k.files)
		for i := range names {
			names[i] = fmt.Sprintf("%0*d", k.length, i)
		}
		before := w.Plik.Called("AnnouncePlik")
		u := create(t, w, announced("", names...))
		for i, f := range append(u.Files, u.get(t, w).Files...) {
			if f.FileName != names[i%k.files] || f.Reference != fmt.Sprint(i%k.files) {
				t.Fatalf("file %d is %+v", i, f)
			}
		}
		if got := w.Plik.Called("AnnouncePlik") - before; len(u.Files) != k.files || got < k.calls {
			t.Errorf("%d files, %d further calls, want %d and %d", len(u.Files), got, k.files, k.calls)
		}
	}
}

// TestCreateUpload_Old is the format of clients before 1.3 (4.8).
func TestCreateUpload_Old(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.FeatureExtendTTL = core.PlikEnabled }))
	r := ask(t, w, "POST", "/upload", `{"ttl":60,"OneShot":true,"extend_ttl":true,"files":{"10":{"fileName":"c"},"9":{"fileName":"b"},"0":{"fileName":"a","reference":"r"}}}`)
	var u struct {
		ID, UploadToken    string
		TTL, UploadDate    int64
		Admin, OneShot     bool
		Files              map[string]file
		ProtectedByYubikey *bool
	}
	read(t, r, &u)
	if len(u.Files) != 3 || !u.Admin || !u.OneShot || u.TTL != 60 || u.UploadDate < 1e9 || u.ProtectedByYubikey == nil || *u.ProtectedByYubikey || u.UploadToken == "" {
		t.Errorf("%s", r.Body)
	}
	for _, key := range []string{"extend_ttl", "createdAt\":\"2", "expireAt"} {
		if strings.Contains(strings.ReplaceAll(r.Body, `"createdAt"`, ""), key) {
			t.Errorf("the answer has %s: %s", key, r.Body)
		}
	}
	now := upload{ID: u.ID}.get(t, w)
	if len(now.Files) != 3 || now.Files[0].FileName+now.Files[1].FileName+now.Files[2].FileName != "abc" || now.ExtendTTL {
		t.Errorf("%+v", now)
	}
	for id, f := range u.Files {
		if f.ID != id {
			t.Errorf("%s: %+v", id, f)
		}
	}
	if r := ask(t, w, "POST", "/upload", `{"files":{}}`); !strings.Contains(r.Body, `"files":{}`) {
		t.Error(r.Body)
	}
}

func TestGetUpload(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.FeatureExtendTTL = core.PlikEnabled }))
	says(t, ask(t, w, "GET", "/upload/nothing", ""), 404, "upload nothing not found")
	u := create(t, w, `{"ttl":60,"comments":"c"}`)
	if got := u.get(t, w); got.Admin || got.UploadToken != "" || got.Files == nil || got.Comments != "c" {
		t.Errorf("%+v", got)
	}
	if got := u.get(t, w, "X-UploadToken", "wrong"); got.Admin {
		t.Error("a wrong token makes an admin")
	}
	longer := create(t, w, `{"ttl":60,"extend_ttl":true}`)
	w.Plik.Advance(50 * time.Second)
	if got := longer.get(t, w); got.ExpireAt.Sub(*longer.ExpireAt) < 49*time.Second {
		t.Errorf("%v became %v", longer.ExpireAt, got.ExpireAt)
	}
	w.Plik.Advance(11 * time.Second)
	longer.get(t, w)
	for _, path := range []string{"/upload/" + u.ID, "/file/" + u.ID + "/x/y", "/stream/" + u.ID + "/x/y", "/archive/" + u.ID + "/a.zip"} {
		says(t, ask(t, w, "GET", path, ""), 404, "upload "+u.ID+" has expired")
	}
	says(t, ask(t, w, "DELETE", "/upload/"+u.ID, "", u.admin()...), 404, "upload "+u.ID+" has expired")
	says(t, post(t, w, "/file/"+u.ID, "a", "b", u.admin()...), 404, "upload "+u.ID+" has expired")
}

func TestRemoveUpload(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	u, f := stored(t, w, "{}", "a", "hello")
	says(t, ask(t, w, "DELETE", "/upload/"+u.ID, ""), 403, "you are not allowed to remove this upload")
	says(t, ask(t, w, "DELETE", "/upload/"+u.ID, "", u.admin()...), 200, "ok")
	gone := "upload " + u.ID + " not found"
	says(t, ask(t, w, "DELETE", "/upload/"+u.ID, "", u.admin()...), 404, gone)
	says(t, ask(t, w, "GET", u.path(f), ""), 404, gone)
	says(t, ask(t, w, "DELETE", u.path(f), "", u.admin()...), 404, gone)
	says(t, ask(t, w, "GET", "/archive/"+u.ID+"/a.zip", ""), 404, gone)
	says(t, post(t, w, "/file/"+u.ID, "a", "b", u.admin()...), 404, gone)
	open := create(t, w, `{"removable":true}`)
	says(t, ask(t, w, "DELETE", "/upload/"+open.ID, ""), 200, "ok")
}

// TestAdmin holds who is an upload's admin (7.1).
func TestAdmin(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob, root, eve := join(t, w, "robert", false), join(t, w, "root", true), join(t, w, "evelyn", false)
	one, other := bob.token(t, w, "one"), bob.token(t, w, "other")
	rootToken := root.token(t, w, "root's")
	var byToken, bySession upload
	read(t, ask(t, w, "POST", "/upload", "{}", "X-PlikToken", one), &byToken)
	bob.gets(t, w, &bySession, "POST", "/upload", "{}")
	anonymous := create(t, w, "{}")
	for _, k := range []struct {
		name            string
		who             person
		pairs           []string
		byToken, byHand bool
		anonymous       bool
	}{
		{"nobody", person{}, nil, false, false, false},
		{"the token", person{}, []string{"X-PlikToken", one}, true, false, false},
		{"another token of the owner", person{}, []string{"X-PlikToken", other}, false, false, false},
		{"an administrator's token", person{}, []string{"X-PlikToken", rootToken}, false, false, false},
		{"the owner", bob, nil, true, true, false},
		{"somebody else", eve, nil, false, false, false},
		{"an administrator", root, nil, true, true, true},
	} {
		for u, want := range map[*upload]bool{&byToken: k.byToken, &bySession: k.byHand, &anonymous: k.anonymous} {
			var got upload
			k.who.gets(t, w, &got, "GET", "/upload/"+u.ID, "", k.pairs...)
			if got.Admin != want || (got.UploadToken != "") != want || got.User+got.Token+got.UploadIP != "" {
				t.Errorf("%s: %+v, want admin %v", k.name, got, want)
			}
		}
	}
}

// TestCreateUpload_Quota: the announced sizes and what is stored (6.4).
func TestCreateUpload_Quota(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t, settings(func(s *core.PlikSettings) { s.MaxUserSize = 2000 }))
	bob := join(t, w, "robert", false)
	asks := func(size int) edgetest.Response {
		return bob.does(t, w, "POST", "/upload", fmt.Sprintf(`{"files":[{"fileName":"a","fileSize":%d},{"fileName":"b","fileSize":1}]}`, size))
	}
	says(t, asks(1999), 200, "")
	says(t, asks(2000), 400, "unable to create upload : maximum user upload size reached. (2.0 kB)")
	says(t, ask(t, w, "POST", "/upload", `{"files":[{"fileName":"a","fileSize":5000}]}`), 200, "") // nobody has no such bound
	var u upload
	bob.gets(t, w, &u, "POST", "/upload", "{}")
	says(t, post(t, w, "/file/"+u.ID, "a", strings.Repeat("x", 1500), "X-UploadToken", u.UploadToken), 200, "") // the caller's bound counts, and nobody's is none
	says(t, asks(499), 200, "")
	says(t, asks(500), 400, "unable to create upload : maximum user upload size reached. (2.0 kB)")
	says(t, asks(9223372036854775807), 400, "unable to create upload : file is too big (9.2 EB), maximum file size is 10 GB")
	body, typ := form("b", strings.Repeat("x", 501))
	r := bob.does(t, w, "POST", "/file/"+u.ID, body, "Content-Type", typ)
	says(t, r, 400, "maximum user upload size reached. (2.0 kB)")
	if got := u.get(t, w).Files; len(got) != 2 || got[1].Status != "deleted" {
		t.Errorf("%+v", got)
	}
}
