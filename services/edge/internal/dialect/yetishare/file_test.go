package yetishare_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
)

func TestFile_Edit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.tree(t)
	for _, k := range []struct {
		set            []string
		name, kind, in string
	}{
		{nil, "sample4_l.jpg", "image/jpeg", x.folder},
		{[]string{"filename", "", "fileType", "", "folder_id", ""}, "sample4_l.jpg", "image/jpeg", x.folder}, // blank stays
		{[]string{"filename", "a/b.png"}, "a_b.png", "image/jpeg", x.folder},
		{[]string{"fileType", "text/plain; charset=utf-8"}, "a_b.png", "text/plain", x.folder},
		{[]string{"filename", `<"'&>.txt`}, `<"'&>.txt`, "text/plain", x.folder},
		{[]string{"filename", strings.Repeat("é", 300) + ".txt"}, strings.Repeat("é", 125) + ".txt", "text/plain", x.folder},
		{[]string{"filename", "inner"}, "inner (2)", "text/plain", x.folder}, // a folder has the name
	} {
		d := data(t, w.ask(t, "/file/edit", append([]string{"file_id", x.file}, k.set...)...))
		if d["filename"] != k.name || d["fileType"] != k.kind || d["folderId"] != k.in || d["id"] != x.file {
			t.Errorf("%q: %v", k.set, d)
		}
		if again := data(t, w.ask(t, "/file/info", "file_id", x.file)); fmt.Sprint(again) != fmt.Sprint(d) {
			t.Errorf("%q: said %v, is %v", k.set, d, again)
		}
	}
	other := w.folder(t, "other", "")
	if d := data(t, w.ask(t, "/file/edit", "file_id", x.file, "folder_id", other)); d["folderId"] != other {
		t.Errorf("%v", d)
	}
	before := data(t, w.ask(t, "/file/info", "file_id", x.file))
	for _, k := range [][]string{
		{"fileType", "nonsense"}, {"fileType", "text/" + strings.Repeat("x", 300)}, {"filename", "\x01\x02"}, {"filename", ".."}, {"filename", "  "},
		{"filename", "fine.txt", "fileType", "bad"}, {"filename", "fine.txt", "folder_id", "999"},
	} {
		if r := w.ask(t, "/file/edit", append([]string{"file_id", x.file}, k...)...); !strings.Contains(r.Body, `"_status":"error"`) {
			t.Errorf("%q: %s", k, r.Body)
		}
	}
	if after := data(t, w.ask(t, "/file/info", "file_id", x.file)); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("what was refused changed %v to %v", before, after)
	}
}

func TestFile_MoveAndCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.tree(t)
	if d := data(t, w.ask(t, "/file/move", "file_id", x.file, "new_parent_folder_id", "")); d["folderId"] != nil || d["id"] != x.file {
		t.Errorf("%v", d)
	}
	var c struct {
		Original struct{ Data map[string]any } `json:"original_file"`
		New      struct{ Data map[string]any } `json:"new_file"`
	}
	r := w.ask(t, "/file/copy", "file_id", x.file, "copy_to_folder_id", "")
	read(t, r, &c)
	if c.Original.Data["id"] != x.file || c.New.Data["id"] == x.file || c.New.Data["filename"] != "sample4_l (2).jpg" || c.New.Data["shortUrl"] == c.Original.Data["shortUrl"] ||
		c.New.Data["fileSize"] != "1116" || c.New.Data["downloads"] != "0" && c.New.Data["downloads"] != "7" {
		t.Errorf("%s", r.Body)
	}
	if n := w.Object.Called("BeginPut"); n != 1 {
		t.Errorf("%d contents were written; a copy moves no bytes", n)
	}
	w.Auth.SetLimits(ada, authv1.Limits{StorageBytes: 3000})
	refusal(t, w.ask(t, "/file/copy", "file_id", x.file, "copy_to_folder_id", x.folder), 200, objectv1.ErrQuotaExceeded.Message)
}

func TestFile_Delete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.tree(t)
	before := data(t, w.ask(t, "/file/info", "file_id", x.file))
	d := data(t, w.ask(t, "/file/delete", "file_id", x.file))
	before["status"], before["file_status"] = "trash", "trash"
	if fmt.Sprint(d) != fmt.Sprint(before) {
		t.Errorf("%v, want %v", d, before)
	}
	for _, path := range []string{"/file/info", "/file/delete", "/file/download", "/file/edit", "/file/move", "/file/copy"} {
		refusal(t, w.ask(t, path, "file_id", x.file), 200, noFile)
	}
	if r := w.ask(t, "/folder/listing", "parent_folder_id", x.folder); !strings.Contains(r.Body, `"files":[]`) {
		t.Error(r.Body)
	}
	if d := data(t, w.ask(t, "/folder/info", "folder_id", x.folder)); d["file_count"] != 0.0 {
		t.Errorf("%v", d)
	}
}

// TestFile_Short finds files by short_url, as some clients name them.
func TestFile_Short(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.tree(t)
	short := fmt.Sprint(data(t, w.ask(t, "/file/info", "file_id", x.file))["shortUrl"])
	for _, k := range [][]string{{"short_url", short}, {"file_id", "", "short_url", short}, {"file_id", x.file, "short_url", "nothing1"}} {
		if d := data(t, w.ask(t, "/file/download", k...)); d["file_id"] != x.file {
			t.Errorf("%q: %v", k, d)
		}
	}
	refusal(t, w.ask(t, "/file/download", "short_url", "Nothing1"), 200, noFile)
	refusal(t, w.ask(t, "/file/info", "file_id", x.folder+"0", "short_url", short), 200, noFile)
}

// TestFile_Keywords shows what an owner wrote, and words of the name else.
func TestFile_Keywords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.upload(t, "button_back-over.min.gif", "x")
	id := fmt.Sprint(f["file_id"])
	if d := data(t, w.ask(t, "/file/info", "file_id", id)); d["keywords"] != "button,back,over,min,gif" || d["extension"] != "gif" || d["description"] != nil {
		t.Errorf("%v", d)
	}
	n, err := w.Object.FindNode(t.Context(), objectv1.FindNodeRequest{Anybody: true, Short: fmt.Sprint(f["short_url"])})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Object.ChangeNode(t.Context(), objectv1.ChangeNodeRequest{Principal: authv1.Principal{AccountID: ada}, NodeID: n.NodeID, Keywords: new("mine"), Description: new("A <b>button</b>")}); err != nil {
		t.Fatal(err)
	}
	if d := data(t, w.ask(t, "/file/info", "file_id", id)); d["keywords"] != "mine" || d["description"] != "A <b>button</b>" {
		t.Errorf("%v", d)
	}
	none := w.upload(t, "...", "x")
	if d := data(t, w.ask(t, "/file/info", "file_id", fmt.Sprint(none["file_id"]))); d["keywords"] != nil && d["filename"] == "..." {
		t.Errorf("%v", d)
	}
}

// TestDownload_Token holds the token to its file and its day.
func TestDownload_Token(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.upload(t, "a", "x")
	u, err := url.Parse(fmt.Sprint(data(t, w.ask(t, "/file/download", "file_id", fmt.Sprint(f["file_id"])))["download_url"]))
	if err != nil || u.Path != "/"+fmt.Sprint(f["short_url"]) || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(u.Query().Get("download_token")) {
		t.Errorf("%v %v", u, err)
	}
}

func TestAccount_Fields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if d := data(t, w.ask(t, "/account/info")); d["lastlogindate"] != nil || d["level_id"] != "1" || d["firstname"] != nil {
		t.Errorf("%v", d)
	}
	w.authorize(t, "ada")
	d := data(t, w.ask(t, "/account/info"))
	if at, err := time.Parse(time.DateTime, fmt.Sprint(d["lastlogindate"])); err != nil || time.Since(at) > time.Minute || d["lastloginip"] != "127.0.0.1" {
		t.Errorf("%v", d)
	}
	w.Auth.SetLimits(ada, authv1.Limits{})
	w.upload(t, "a", "12345")
	p := data(t, w.ask(t, "/account/package"))
	for name, want := range map[string]string{"max_upload_size": "0", "max_storage_bytes": "0", "total_storage_bytes": "0", "storage_used_bytes": "5", "total_storage_used": "5"} {
		if p[name] != want {
			t.Errorf("%s is %v, want %s", name, p[name], want)
		}
	}
	if _, err := w.Auth.SetAccount(t.Context(), authv1.SetAccountRequest{AccountID: ada, Plan: "standard"}); err != nil {
		t.Fatal(err)
	}
	if p := data(t, w.ask(t, "/account/package")); p["label"] != "Standard Account" || p["level_type"] != "paid user" || p["id"] != "2" {
		t.Errorf("%v", p)
	}
}

func TestFetch_Status(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *edge.Config, _ *edge.Deps) { c.Fetch.Limit = 2 })
	x := w.tree(t)
	add := func() string {
		t.Helper()
		return fmt.Sprint(data(t, w.ask(t, "/file/url_upload_add", "url", "https://example.org/a.iso", "folder_id", x.folder))["url_upload_id"])
	}
	status := func(id string) map[string]any {
		t.Helper()
		return data(t, w.ask(t, "/file/url_upload_status", "url_upload_id", id))
	}
	one, two := add(), add()
	refusal(t, w.ask(t, "/file/url_upload_add", "url", "https://example.org/b"), 200, uploadv1.ErrTooManyFetches.Message)
	for _, bad := range []string{"ftp://example.org/", "nonsense", "https://private.example/", "https://example.org/" + strings.Repeat("x", 2048)} {
		refusal(t, w.ask(t, "/file/url_upload_add", "url", bad), 400, uploadv1.ErrBadFetchURL.Message)
	}
	if d := status(one); d["status"] != "pending" || d["total_size"] != nil || d["folder_id"] != x.folder {
		t.Errorf("%v", d)
	}
	w.Fetches.Set(1, func(f *uploadv1.Fetch) { f.State, f.Size, f.Received = uploadv1.FetchDownloading, 1000, 250 })
	if d := status(one); d["status"] != "downloading" || d["total_size"] != "1000" || d["downloaded_size"] != "250" || d["download_percent"] != "25" {
		t.Errorf("%v", d)
	}
	n, err := w.Object.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: authv1.Principal{AccountID: ada}, Number: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.Fetches.Set(1, func(f *uploadv1.Fetch) { f.State, f.Received, f.NodeID = uploadv1.FetchDone, 1000, n.NodeID })
	d := status(one)
	if file, _ := d["file"].(map[string]any); d["status"] != "complete" || d["download_percent"] != "100" || d["file_id"] != x.file || file["id"] != x.file {
		t.Errorf("%v", d)
	}
	w.Object.SetFail("FindNode", fault.ErrUnavailable) // which does not tell that the file is gone
	refusal(t, w.ask(t, "/file/url_upload_status", "url_upload_id", one), 503, fault.ErrUnavailable.Message)
	w.Object.SetFail("FindNode", nil)
	w.Fetches.Set(2, func(f *uploadv1.Fetch) { f.State, f.Reason = uploadv1.FetchFailed, "the server answered 404" })
	if d := status(two); d["status"] != "failed" || d["notes"] != "the server answered 404" || d["file"] != nil {
		t.Errorf("%v", d)
	}
	data(t, w.ask(t, "/file/delete", "file_id", x.file)) // and the file may go
	if d := status(one); d["status"] != "complete" || d["file"] != nil || d["file_id"] != nil {
		t.Errorf("%v", d)
	}
}
