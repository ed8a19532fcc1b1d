package yetishare_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge"
)

// param is the sentence of a parameter that is not there.
func param(name string) string { return "Please provide the " + name + " param." }

// sentence is one of the document's, and what it is said of.
type sentence struct {
	path   string
	params func(who url.Values, x tree) url.Values
	want   string
	strict int // the status with yetishare.strict_status
}

// sentences has a row for each sentence of each endpoint, in the document's order.
// Each request has everything wrong that is checked behind what its row is about.
func sentences() []sentence {
	none := func(url.Values, tree) url.Values { return url.Values{} }
	only := func(pairs ...string) func(url.Values, tree) url.Values {
		return func(url.Values, tree) url.Values { return values(pairs...) }
	}
	with := func(pairs ...string) func(url.Values, tree) url.Values {
		return func(who url.Values, x tree) url.Values {
			v := plus(who, pairs...)
			for name := range v {
				v.Set(name, strings.NewReplacer("FILE", x.file, "FOLDER", x.folder).Replace(v.Get(name)))
			}
			return v
		}
	}
	var out []sentence
	add := func(path string, params func(url.Values, tree) url.Values, want string, strict int) {
		out = append(out, sentence{path, params, want, strict})
	}
	for _, path := range []string{"/disable_access_token", "/account/info", "/account/package", "/file/upload", "/folder/listing", "/folder/info", "/folder/edit", "/folder/delete", "/folder/move", "/file/url_upload_add", "/file/url_upload_status"} {
		add(path, none, param("access_token"), 400)
		add(path, only("access_token", ""), param("access_token"), 400)
		add(path, only("access_token", "x"), param("account_id"), 400)
		add(path, only("access_token", "x", "account_id", "1"), reauth, 401)
	}
	for _, path := range []string{"/file/download", "/file/info", "/file/edit", "/file/delete", "/file/move", "/file/copy"} {
		add(path, none, param("file_id"), 400)
		add(path, only("file_id", "", "access_token", "x"), param("file_id"), 400)
		add(path, only("file_id", "999"), param("account_id"), 400)
		add(path, only("file_id", "999", "access_token", "x"), param("account_id"), 400)
		add(path, only("file_id", "999", "account_id", "1"), reauth, 401)
		add(path, only("file_id", "999", "account_id", "1", "access_token", "x"), reauth, 401)
		add(path, with("file_id", "999"), noFile, 404)
	}
	add("/file/move", with("file_id", "FILE"), param("new_parent_folder_id"), 400)
	add("/file/move", with("file_id", "FILE", "new_parent_folder_id", "999"), "Could not find the destination folder id defined by new_parent_folder_id.", 404)
	add("/file/copy", with("file_id", "FILE"), param("copy_to_folder_id"), 400)
	add("/file/copy", with("file_id", "FILE", "copy_to_folder_id", "999"), "Could not find the destination folder id defined by copy_to_folder_id.", 404)
	add("/file/edit", with("file_id", "FILE", "folder_id", "999"), noDir, 404)
	add("/file/upload", with(), "Did not receive uploaded file.", 400)

	add("/folder/create", none, param("folder_name"), 400)
	add("/folder/create", only("folder_name", "a", "access_token", "x"), param("account_id"), 400)
	add("/folder/create", only("folder_name", "a", "account_id", "1"), reauth, 401)
	add("/folder/create", only("folder_name", "a", "account_id", "1", "access_token", "x"), reauth, 401)
	add("/folder/create", with("folder_name", "a", "parent_id", "999"), "Could not find folder based on parent_id.", 404)
	add("/folder/listing", with("parent_folder_id", "999"), "Could not find folder based on parent_folder_id.", 404)
	for _, path := range []string{"/folder/info", "/folder/edit", "/folder/delete"} {
		add(path, with(), noDir, 404)
		add(path, with("folder_id", ""), noDir, 404)
		add(path, with("folder_id", "999"), noDir, 404)
	}
	add("/folder/info", with("folder_id", "", "parent_folder_id", "999"), noDir, 404)
	add("/folder/edit", with("folder_id", "FOLDER", "parent_id", "999"), "Could not find folder based on parent_id.", 404)
	add("/folder/move", with(), param("folder_id"), 400)
	add("/folder/move", with("folder_id", "999"), noDir, 404)
	add("/folder/move", with("folder_id", "FOLDER"), param("new_parent_folder_id"), 400)
	add("/folder/move", with("folder_id", "FOLDER", "new_parent_folder_id", "999"), "Could not find the destination folder id defined by new_parent_folder_id.", 404)

	add("/file/url_upload_add", with(), param("url"), 400)
	add("/file/url_upload_add", with("url", "https://example.org/", "folder_id", "999"), noDir, 404)
	add("/file/url_upload_status", with(), param("url_upload_id"), 400)
	add("/file/url_upload_status", with("url_upload_id", "999"), "Could not find url upload based on url_upload_id.", 404)
	return out
}

func TestDocument_Sentences(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		w := newWorld(t, func(c *edge.Config, _ *edge.Deps) { c.Yetishare.StrictStatus = strict })
		x := w.tree(t)
		for _, k := range sentences() {
			status := 200
			if strict {
				status = k.strict
			}
			v := k.params(w.who, x)
			refusal(t, w.post(t, k.path, v), status, k.want)
			refusal(t, w.Do(t, "GET", api+k.path+"?"+v.Encode(), "", header()), status, k.want)
			var parts []part
			for name := range v {
				parts = append(parts, field(name, v.Get(name)))
			}
			if len(parts) > 0 {
				refusal(t, w.send(t, k.path, parts...), status, k.want)
			}
			if t.Failed() {
				t.Fatalf("%s with %v", k.path, v)
			}
		}
	}
}

// TestDocument_Upload has the sentences of an upload.
func TestDocument_Upload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := fileOf("a.bin", "content")
	refusal(t, w.send(t, "/file/upload", file), 200, param("access_token"))
	refusal(t, w.send(t, "/file/upload", field("access_token", "x"), file), 200, param("account_id"))
	refusal(t, w.send(t, "/file/upload", field("access_token", "x"), field("account_id", "1"), file), 200, reauth)
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), field("upload_file", "no file"))...), 200, "Did not receive uploaded file.")
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), fileOf("", "content"))...), 200, "Did not receive uploaded file.")
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), fileOf("a.bin", ""))...), 200, "Filesize received was zero.")
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), field("folder_id", "999"), file)...), 200, noDir)
	refusal(t, w.send(t, "/file/upload", append(w.credentials(), file, field("folder_id", "999"))...), 200, noDir)
	for _, name := range []string{"BeginPut", "CommitPut"} {
		w.Object.SetFail(name, fault.ErrUnavailable)
		if name == "CommitPut" {
			w.Object.SetFail(name, objectv1.ErrQuotaExceeded)
			refusal(t, w.send(t, "/file/upload", append(w.credentials(), file)...), 200, objectv1.ErrQuotaExceeded.Message)
		} else {
			refusal(t, w.send(t, "/file/upload", append(w.credentials(), file)...), 200, "Error uploading file. No response received from: ")
		}
		w.Object.SetFail(name, nil)
	}
	if keys := w.Object.Keys(ada, "drive"); len(keys) > 0 || w.Object.Held() > 0 {
		t.Errorf("stored %v, %d held", keys, w.Object.Held())
	}
	strict := newWorld(t, func(c *edge.Config, _ *edge.Deps) { c.Yetishare.StrictStatus = true })
	refusal(t, strict.send(t, "/file/upload", append(strict.credentials(), fileOf("a.bin", ""))...), 400, "Filesize received was zero.")
	strict.Object.SetFail("BeginPut", fault.ErrUnavailable)
	refusal(t, strict.send(t, "/file/upload", append(strict.credentials(), file)...), 503, "Error uploading file. No response received from: ")
	strict.Object.SetFail("BeginPut", objectv1.ErrTooLarge)
	refusal(t, strict.send(t, "/file/upload", append(strict.credentials(), file)...), 413, objectv1.ErrTooLarge.Message)
}

// TestDocument_Download has the sentence of a URL that cannot be made.
func TestDocument_Download(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *edge.Config, d *edge.Deps) { d.Drive = shortless{d.Drive} })
	f := w.upload(t, "a.bin", "content")
	refusal(t, w.ask(t, "/file/download", "file_id", f["file_id"].(string)), 200, "Could not generate download url.")
}

// TestDocument_General has what the document sums up by status.
func TestDocument_General(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refusal(t, w.Do(t, "POST", api+"/nothing", "", header()), 404, "there is nothing at this path")
	refusal(t, w.Do(t, "GET", api, "", header()), 404, "there is nothing at this path")
	refusal(t, w.Do(t, "GET", api+"/authorize/", "", header()), 404, "there is nothing at this path")
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS"} {
		r := w.Do(t, method, api+"/file/info", "", header())
		refusal(t, r, 405, "this path does not take the method; the Allow header lists what it takes")
		if r.Header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: Allow %q", method, r.Header.Get("Allow"))
		}
	}
	x := w.tree(t)
	for _, path := range []string{"/file/delete?file_id=" + x.file + "&", "/file/upload?", "/account/info?", "/authorize?"} {
		if r := w.Do(t, "HEAD", api+path+w.who.Encode(), "", header()); r.Status != 405 || r.Header.Get("Allow") != "GET, POST" {
			t.Errorf("HEAD %s: %d %v", path, r.Status, r.Header)
		}
	}
	if w.Object.Called("TrashNode") > 0 {
		t.Error("HEAD deleted a file")
	}
	w.Object.SetFail("FindNode", fault.ErrUnavailable)
	refusal(t, w.ask(t, "/file/info", "file_id", x.file), 503, fault.ErrUnavailable.Message)
	w.Object.SetFail("FindNode", fault.New(fault.Internal, "object.secret", "mongo://user:secret@host"))
	refusal(t, w.ask(t, "/file/info", "file_id", x.file), 500, fault.ErrInternal.Message)
	w.Object.SetFail("FindNode", nil)
	refusal(t, w.ask(t, "/folder/move", "folder_id", x.folder, "new_parent_folder_id", x.folder), 400, "The new_parent_folder_id param names the folder itself, or one that is in it.")
	inner := w.folder(t, "inner", x.folder)
	refusal(t, w.ask(t, "/folder/edit", "folder_id", x.folder, "parent_id", inner), 400, "The parent_id param names the folder itself, or one that is in it.")
	w.Audit.Set(true, nil)
	for _, path := range []string{"/file/delete", "/file/edit", "/file/download"} {
		r := w.Do(t, "GET", api+path+"?"+plus(w.who, "file_id", x.file).Encode(), "", header())
		if r.Status != 503 {
			t.Errorf("%s by GET while nothing can be audited: %d %s", path, r.Status, r.Body)
		}
	}
	data(t, w.ask(t, "/file/info", "file_id", x.file)) // reading goes on, by POST too
}

// shortless is a drive whose files have no short.
type shortless struct{ objectv1.DriveService }

func (s shortless) FindNode(ctx context.Context, r objectv1.FindNodeRequest) (objectv1.DriveNode, error) {
	n, err := s.DriveService.FindNode(ctx, r)
	n.Short = ""
	return n, err
}
