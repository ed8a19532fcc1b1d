package yetishare_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
)

const md5Password = "d9729feb74992cc3482b350163a1a010"

func TestFolder_Create(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, k := range []struct {
		set               []string
		name, public, url string
		password          any
	}{
		{set: []string{"folder_name", "My New Folder"}, name: "My New Folder", public: "0", url: "My_New_Folder"},
		{set: []string{"folder_name", "My New Folder"}, name: "My New Folder (2)", public: "0", url: "My_New_Folder_%282%29"},
		{set: []string{"folder_name", "a", "is_public", "", "access_password", "", "parent_id", ""}, name: "a", public: "0", url: "a"},
		{set: []string{"folder_name", "b", "is_public", "1"}, name: "b", public: "1", url: "b"},
		{set: []string{"folder_name", "c", "is_public", "2", "access_password", strings.ToUpper(md5Password)}, name: "c", public: "2", url: "c", password: strings.ToUpper(md5Password)},
		{set: []string{"folder_name", "AC/DC"}, name: "AC_DC", public: "0", url: "AC_DC"},
		{set: []string{"folder_name", `<i>"'&</i>?#%`}, name: `<i>"'&<_i>?#%`, public: "0", url: "%3Ci%3E%22%27&%3C_i%3E%3F%23%25"},
		{set: []string{"folder_name", "line\nbreak\u202e"}, name: "linebreak", public: "0", url: "linebreak"},
		{set: []string{"folder_name", strings.Repeat("ü", 200)}, name: strings.Repeat("ü", 127), public: "0", url: strings.Repeat("%C3%BC", 127)},
		{set: []string{"folder_name", "file"}, name: "file", public: "0", url: "file"},
	} {
		d := data(t, w.ask(t, "/folder/create", k.set...))
		if d["folderName"] != k.name || d["isPublic"] != k.public || d["accessPassword"] != k.password || d["parentId"] != nil || d["url_folder"] != fmt.Sprintf("%s/folder/%s/%s", w.URL, d["id"], k.url) {
			t.Errorf("%q: %v", k.set, d)
		}
	}
	made := w.Object.Called("MakeSubfolder")
	for _, k := range [][]string{
		{"folder_name", "."}, {"folder_name", ".."}, {"folder_name", "\x01"}, {"folder_name", "  "},
		{"folder_name", "x", "is_public", "3"}, {"folder_name", "x", "is_public", "-1"}, {"folder_name", "x", "is_public", "yes"},
		{"folder_name", "x", "access_password", "secret"}, {"folder_name", "x", "access_password", strings.Repeat("g", 32)}, {"folder_name", "x", "access_password", md5Password + "0"},
	} {
		if r := w.ask(t, "/folder/create", k...); r.Status != 400 || !strings.Contains(r.Body, `"response":"The `+k[len(k)-2]+` param `) {
			t.Errorf("%q: %d %s", k, r.Status, r.Body)
		}
	}
	if n := w.Object.Called("MakeSubfolder"); n != made {
		t.Error("something was made of what was refused")
	}
}

func TestFolder_Edit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outer := w.folder(t, "outer", "")
	id := fmt.Sprint(data(t, w.ask(t, "/folder/create", "folder_name", "a", "parent_id", outer, "is_public", "1", "access_password", md5Password))["id"])
	info := func() map[string]any { return data(t, w.ask(t, "/folder/info", "folder_id", id)) }
	before := info()
	shown, _ := before["accessPassword"].(string)
	if len(shown) != 32 || shown == md5Password || before["parentId"] != outer {
		t.Errorf("%v: a digest stands for the password", before)
	}
	edit := func(pairs ...string) map[string]any {
		return data(t, w.ask(t, "/folder/edit", append([]string{"folder_id", id}, pairs...)...))
	}
	if d := edit(); fmt.Sprint(d) != fmt.Sprint(before) {
		t.Errorf("absent changed %v to %v", before, d)
	}
	if d := edit("is_public", "2"); d["isPublic"] != "2" || d["folderName"] != "a" || d["accessPassword"] != shown || d["parentId"] != outer || d["date_updated"] == nil {
		t.Errorf("%v", d)
	}
	other := strings.Repeat("a", 32)
	if d := edit("access_password", other, "folder_name", "b/c"); d["accessPassword"] != other || d["folderName"] != "b_c" {
		t.Errorf("%v", d)
	}
	if d := info(); d["accessPassword"] == shown || d["accessPassword"] == other || d["accessPassword"] == nil {
		t.Errorf("%v", d)
	}
	if d := edit("access_password", "", "parent_id", ""); d["accessPassword"] != nil || d["parentId"] != nil {
		t.Errorf("%v", d)
	}
	w.folder(t, "taken", "")
	if d := edit("folder_name", "taken"); d["folderName"] != "taken (2)" {
		t.Errorf("%v", d)
	}
	before = info()
	for _, k := range [][]string{{"folder_name", ""}, {"is_public", ""}, {"is_public", "9"}, {"access_password", "x"}, {"folder_name", "fine", "is_public", "9"}, {"folder_name", "fine", "parent_id", id}} {
		if r := w.ask(t, "/folder/edit", append([]string{"folder_id", id}, k...)...); r.Status != 400 {
			t.Errorf("%q: %d %s", k, r.Status, r.Body)
		}
	}
	if after := info(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("what was refused changed %v to %v", before, after)
	}
}

func TestFolder_MoveAndDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.tree(t)
	to := w.folder(t, "to", "")
	w.folder(t, "My New Folder", to)
	d := data(t, w.ask(t, "/folder/move", "folder_id", x.folder, "new_parent_folder_id", to))
	if d["parentId"] != to || d["folderName"] != "My New Folder (2)" || d["file_count"] != 1.0 {
		t.Errorf("%v", d)
	}
	if d := data(t, w.ask(t, "/folder/move", "folder_id", x.folder, "new_parent_folder_id", "")); d["parentId"] != nil {
		t.Errorf("%v", d)
	}
	data(t, w.ask(t, "/folder/move", "folder_id", x.folder, "new_parent_folder_id", to))
	if r := w.ask(t, "/folder/delete", "folder_id", to); r.Status != 200 || strings.Contains(r.Body, `"data"`) {
		t.Error(r.Body)
	}
	// All that was in it is gone with it.
	refusal(t, w.ask(t, "/folder/info", "folder_id", x.folder), 200, noDir)
	refusal(t, w.ask(t, "/folder/listing", "parent_folder_id", x.folder), 200, "Could not find folder based on parent_folder_id.")
	refusal(t, w.ask(t, "/file/info", "file_id", x.file), 200, noFile)
	refusal(t, w.ask(t, "/folder/delete", "folder_id", to), 200, noDir)
	if r := w.ask(t, "/folder/listing"); !strings.Contains(r.Body, `{"data":{"folders":[],"files":[]},"_status":"success"`) {
		t.Error(r.Body)
	}
}

// lost is a drive whose folders go away between two calls.
type lost struct {
	objectv1.DriveService
	change, list atomic.Pointer[fault.Error]
}

func (l *lost) ChangeNode(ctx context.Context, r objectv1.ChangeNodeRequest) (objectv1.DriveNode, error) {
	if f := l.change.Load(); f != nil {
		return objectv1.DriveNode{}, f
	}
	return l.DriveService.ChangeNode(ctx, r)
}

func (l *lost) ListChildren(ctx context.Context, r objectv1.ListChildrenRequest) (objectv1.ListChildrenResponse, error) {
	if f := l.list.Load(); f != nil && r.After != "" {
		return objectv1.ListChildrenResponse{}, f
	}
	return l.DriveService.ListChildren(ctx, r)
}

// TestFolder_Races says what the document has for what went away meanwhile.
func TestFolder_Races(t *testing.T) {
	t.Parallel()
	var drive *lost
	w := newWorld(t, func(_ *edge.Config, d *edge.Deps) {
		drive = &lost{DriveService: d.Drive}
		d.Drive = drive
	})
	x := w.tree(t)
	to := w.folder(t, "to", "")
	const gone = "Could not find the destination folder id defined by new_parent_folder_id."
	for _, k := range []struct {
		fault                              *fault.Error
		file, folder, editFile, editFolder string
	}{
		{objectv1.ErrParentNotFound, gone, gone, noDir, "Could not find folder based on parent_id."},
		{objectv1.ErrNodeNotFound, noFile, noDir, noFile, noDir},
	} {
		drive.change.Store(k.fault)
		refusal(t, w.ask(t, "/file/move", "file_id", x.file, "new_parent_folder_id", to), 200, k.file)
		refusal(t, w.ask(t, "/folder/move", "folder_id", x.folder, "new_parent_folder_id", to), 200, k.folder)
		refusal(t, w.ask(t, "/file/edit", "file_id", x.file, "folder_id", to), 200, k.editFile)
		refusal(t, w.ask(t, "/folder/edit", "folder_id", x.folder, "parent_id", to), 200, k.editFolder)
	}
}

// fill makes n empty folders and n files in a folder of the fake.
func (w *world) fill(t testing.TB, n int) {
	t.Helper()
	by := authv1.Principal{AccountID: ada}
	for i := range n {
		if _, err := w.Object.MakeFolder(t.Context(), objectv1.MakeFolderRequest{Principal: by, Path: fmt.Sprintf("f%05d", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestListing_Long lists more than fits into a page, whole and in order.
func TestListing_Long(t *testing.T) {
	t.Parallel()
	var drive *lost
	w := newWorld(t, func(_ *edge.Config, d *edge.Deps) {
		drive = &lost{DriveService: d.Drive}
		d.Drive = drive
	})
	const n = 1100
	w.fill(t, n)
	w.upload(t, "last", "x")
	var l struct {
		Data struct {
			Folders []struct{ FolderName string }
			Files   []struct{ Filename string }
		}
	}
	r := w.ask(t, "/folder/listing")
	if err := json.Unmarshal([]byte(r.Body), &l); err != nil || len(l.Data.Folders) != n || len(l.Data.Files) != 1 {
		t.Fatalf("%v: %d folders, %d files", err, len(l.Data.Folders), len(l.Data.Files))
	}
	for i, f := range l.Data.Folders {
		if f.FolderName != fmt.Sprintf("f%05d", i) {
			t.Fatalf("%d is %s", i, f.FolderName)
		}
	}
	// An error behind what is out cuts the connection; nobody may take a part for all.
	drive.list.Store(fault.ErrUnavailable)
	req := strings.NewReader(w.who.Encode())
	resp, err := w.Server.Client().Post(w.URL+api+"/folder/listing", "application/x-www-form-urlencoded", req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); resp.StatusCode == 200 && err == nil {
		t.Errorf("%d bytes, as if that was all", len(b))
	}
}
