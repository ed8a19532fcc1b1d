package yetishare_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

// value is a field of an answer: its path and its JSON.
type value struct{ at, raw string }

// valuesOf lists the fields of an answer in their order. Objects and lists stand
// for what is in them; of a list the first element counts.
func valuesOf(t testing.TB, body string) []value {
	t.Helper()
	var out []value
	var walk func(at string, raw json.RawMessage)
	walk = func(at string, raw json.RawMessage) {
		switch raw[0] {
		case '[':
			var items []json.RawMessage
			if json.Unmarshal(raw, &items) == nil && len(items) > 0 {
				walk(at+"[]", items[0])
			}
		case '{':
			d := json.NewDecoder(bytes.NewReader(raw))
			_, _ = d.Token()
			for d.More() {
				name, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				var member json.RawMessage
				if err := d.Decode(&member); err != nil {
					t.Fatal(err)
				}
				walk(strings.TrimPrefix(at+"."+fmt.Sprint(name), "."), member)
			}
		default:
			out = append(out, value{at, string(raw)})
		}
	}
	walk("", json.RawMessage(body))
	return out
}

// The forms of documented values.
const (
	anId      = `"[1-9]\d*"`
	aStamp    = `"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"`
	orNull    = `|null`
	aURL      = `"http://127\.0\.0\.1:\d+/[0-9A-Za-z]{8}`
	aHash     = `[0-9a-f]{32}`
	aNumber   = `"\d+"`
	aSentence = `"[A-Z][^"]+\."`
	aText     = `"[^"]*"`
)

// rows makes a table of fields of pairs of paths and forms.
func rows(prefix string, pairs ...string) []value {
	var out []value
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, value{strings.TrimPrefix(prefix+"."+pairs[i], "."), pairs[i+1]})
	}
	return out
}

// fileRows are the fields of a file.
func fileRows(prefix, status string) []value {
	return rows(prefix,
		"id", anId, "filename", `"sample4_l.jpg"`, "shortUrl", `"[0-9A-Za-z]{8}"`, "fileType", `"image/jpeg"`, "extension", `"jpg"`, "fileSize", `"1116"`,
		"status", `"`+status+`"`, "downloads", `"7"`, "folderId", anId+orNull, "keywords", `"sample4,l,jpg"`, "url_file", aURL+`"`)
}

// folderRows are the fields of a folder; password "" is of a listing, which has none.
func folderRows(prefix, password string) []value {
	front := rows(prefix, "id", anId, "parentId", anId+orNull, "folderName", `"My New Folder"`, "totalSize", `"1116"`, "isPublic", `"[012]"`)
	if password != "" {
		front = append(front, rows(prefix, "accessPassword", password)...)
	}
	return append(front, rows(prefix, "date_added", aStamp, "date_updated", aStamp+orNull, "url_folder", `"http://127\.0\.0\.1:\d+/folder/\d+/My_New_Folder"`,
		"total_downloads", `7`, "child_folder_count", `1`, "file_count", `1`)...)
}

// around puts the fields of every answer behind those of one.
func around(front ...[]value) []value {
	return append(slices.Concat(front...), rows("", "_status", `"success"`, "_datetime", aStamp)...)
}

// beside are the fields that clients look for and the document does not have.
var beside = []string{"file_status", "description", "date_added", "total_storage_bytes", "storage_used_bytes", "total_storage_used"}

// tree is a folder with a folder and a file in it, that has been downloaded.
type tree struct{ folder, file string }

func (w *world) tree(t testing.TB) tree {
	t.Helper()
	d := w.folder(t, "My New Folder", "")
	w.folder(t, "inner", d)
	f := w.upload(t, "sample4_l.jpg", strings.Repeat("x", 1116), field("folder_id", d))
	id := fmt.Sprint(f["file_id"])
	data(t, w.ask(t, "/file/edit", "file_id", id, "fileType", "image/jpeg"))
	n, err := w.Object.FindNode(t.Context(), objectv1.FindNodeRequest{Anybody: true, Short: fmt.Sprint(f["short_url"])})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Object.CountDownloads(t.Context(), objectv1.CountDownloadsRequest{Downloads: map[string]int64{n.NodeID: 7}}); err != nil {
		t.Fatal(err)
	}
	return tree{d, id}
}

// TestDocument_Fields has a row for each field of each example of the document, in
// its order.
func TestDocument_Fields(t *testing.T) {
	t.Parallel()
	response := func(text string) []value { return rows("", "response", regexp.QuoteMeta(`"`+text+`"`)) }
	for _, k := range []struct {
		name string
		ask  func(*testing.T, *world, tree) edgetest.Response
		rows []value
	}{
		{"authorize", func(t *testing.T, w *world, _ tree) edgetest.Response {
			return w.post(t, "/authorize", values("username", "ada", "password", "right"))
		}, around(rows("data", "access_token", `"[0-9A-Za-z]{128}"`, "account_id", `"\d+"`))},
		{"disable_access_token", func(t *testing.T, w *world, _ tree) edgetest.Response {
			return w.ask(t, "/disable_access_token")
		}, around(response("Token removed or no longer available."))},
		{"account/info", func(t *testing.T, w *world, _ tree) edgetest.Response {
			return w.ask(t, "/account/info")
		}, around(rows("data", "id", `"\d+"`, "username", `"ada"`, "level_id", aNumber, "email", aText, "lastlogindate", aStamp+orNull, "lastloginip", aText+orNull,
			"status", `"active"`, "title", "null", "firstname", aText+orNull, "lastname", aText+orNull, "languageId", `"1"`, "datecreated", aStamp,
			"lastPayment", "null", "paidExpiryDate", "null", "storageLimitOverride", "null"))},
		{"account/package", func(t *testing.T, w *world, _ tree) edgetest.Response {
			return w.ask(t, "/account/package")
		}, around(rows("data", "id", aNumber, "label", `"Free Account"`, "max_upload_size", `"100000000000"`, "can_upload", `"1"`, "wait_between_downloads", `"0"`,
			"download_speed", `"0"`, "max_storage_bytes", `"100000000000"`, "show_site_adverts", `"0"`, "show_upgrade_screen", `"[01]"`, "days_to_keep_inactive_files", `"0"`,
			"concurrent_uploads", aNumber, "concurrent_downloads", `"0"`, "downloads_per_24_hours", `"0"`, "max_download_filesize_allowed", `"0"`,
			"max_remote_download_urls", `"50"`, "level_type", `"free user"`, "on_upgrade_page", `"0"`))},
		{"file/upload", func(t *testing.T, w *world, _ tree) edgetest.Response {
			return w.send(t, "/file/upload", append(w.credentials(), fileOf("sample4_l (1).jpg", "hello"))...)
		}, around(response("File uploaded"), rows("data[]", "name", `"sample4_l \(1\)\.jpg"`, "size", `"5"`, "type", aText, "error", "null", "url", aURL+`"`,
			"delete_url", aURL+`~d\?`+aHash+`"`, "info_url", aURL+`~i\?`+aHash+`"`, "delete_type", `"DELETE"`, "delete_hash", `"`+aHash+`"`, "hash", `"5d41402abc4b2a76b9719d911017c592"`,
			"stats_url", aURL+`~s"`, "short_url", `"[0-9A-Za-z]{8}"`, "file_id", anId, "unique_hash", `"[0-9a-f]{64}"`,
			"url_html", `"<a href=\\"[^"]+\\" target=\\"_blank\\" title=\\"[^"]+\\">download sample4_l \(1\)\.jpg from Sluice</a>"`, "url_bbcode", `"\[url\]http[^"]+\[/url\]"`))},
		{"file/download", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/file/download", "file_id", x.file)
		}, around(rows("data", "file_id", anId, "filename", `"sample4_l.jpg"`, "download_url", aURL+`\?download_token=[0-9a-f]{64}"`))},
		{"file/info", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/file/info", "file_id", x.file)
		}, around(fileRows("data", "active"))},
		{"file/edit", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/file/edit", "file_id", x.file, "filename", "sample4_l.jpg")
		}, around(response("File successfully updated."), fileRows("data", "active"))},
		{"file/delete", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/file/delete", "file_id", x.file)
		}, around(response("File successfully set as deleted."), fileRows("data", "trash"))},
		{"file/move", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/file/move", "file_id", x.file, "new_parent_folder_id", "")
		}, around(response("File successfully moved."), fileRows("data", "active"))},
		{"file/copy", func(t *testing.T, w *world, x tree) edgetest.Response {
			r := w.ask(t, "/file/copy", "file_id", x.file, "copy_to_folder_id", "")
			r.Body = strings.Replace(r.Body, `"downloads":"0"`, `"downloads":"7"`, 1) // nobody has had the copy yet
			return r
		}, around(response("File successfully copyied."), fileRows("original_file.data", "active"), fileRows("new_file.data", "active"))},
		{"folder/create", func(t *testing.T, w *world, _ tree) edgetest.Response {
			r := w.ask(t, "/folder/create", "folder_name", "Made", "is_public", "2", "access_password", "d9729feb74992cc3482b350163a1a010")
			return r
		}, around(response("Folder successfully created."), rows("data", "id", anId, "parentId", "null", "folderName", `"Made"`, "totalSize", `"0"`, "isPublic", `"2"`,
			"accessPassword", `"d9729feb74992cc3482b350163a1a010"`, "date_added", aStamp, "date_updated", "null", "url_folder", `"http://[^/]+/folder/\d+/Made"`,
			"total_downloads", "0", "child_folder_count", "0", "file_count", "0"))},
		{"folder/listing folders", func(t *testing.T, w *world, _ tree) edgetest.Response {
			return w.ask(t, "/folder/listing", "parent_folder_id", "")
		}, around(folderRows("data.folders[]", ""))},
		{"folder/listing files", func(t *testing.T, w *world, x tree) edgetest.Response {
			r := w.ask(t, "/folder/listing", "parent_folder_id", x.folder)
			at, to := strings.Index(r.Body, `"folders":[`), strings.Index(r.Body, `"files":[`)
			r.Body = r.Body[:at] + r.Body[to:] // the folders were looked at
			return r
		}, around(fileRows("data.files[]", "active"))},
		{"folder/info", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/folder/info", "parent_folder_id", x.folder)
		}, around(folderRows("data", "null"))},
		{"folder/edit", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/folder/edit", "folder_id", x.folder, "is_public", "1")
		}, around(response("Folder successfully updated."), folderRows("data", "null"))},
		{"folder/delete", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/folder/delete", "folder_id", x.folder)
		}, around(response("Folder successfully set as deleted."))},
		{"folder/move", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/folder/move", "folder_id", x.folder, "new_parent_folder_id", w.folder(t, "other", ""))
		}, around(response("Folder successfully moved."), folderRows("data", "null"))},
		{"file/url_upload_add", func(t *testing.T, w *world, x tree) edgetest.Response {
			return w.ask(t, "/file/url_upload_add", "url", "https://example.org/a.iso", "folder_id", x.folder)
		}, around(response("Url added to the upload queue."), rows("data", "url_upload_id", anId, "url", `"https://example.org/a.iso"`, "status", `"pending"`, "folder_id", anId,
			"downloaded_size", `"0"`, "total_size", "null", "download_percent", `"0"`, "date_added", aStamp, "date_updated", aStamp, "notes", "null", "file_id", "null", "file", "null"))},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := k.ask(t, w, w.tree(t))
			if r.Status != 200 || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%d %v", r.Status, r.Header)
			}
			hold(t, valuesOf(t, r.Body), k.rows, r.Body)
		})
	}
}

// hold compares the fields of an answer with a table: the same ones, in the same
// order, but for those that stand beside the document's.
func hold(t *testing.T, got, want []value, body string) {
	t.Helper()
	got = slices.DeleteFunc(got, func(v value) bool {
		name := v.at[strings.LastIndexByte(v.at, '.')+1:]
		return slices.Contains(beside, name) && !slices.ContainsFunc(want, func(w value) bool { return w.at == v.at })
	})
	for i, row := range want {
		if i >= len(got) || got[i].at != row.at {
			t.Fatalf("field %d is not %s: %v\n%s", i, row.at, got, body)
		}
		if !regexp.MustCompile(`^(` + row.raw + `)$`).MatchString(got[i].raw) {
			t.Errorf("%s is %s, want %s", row.at, got[i].raw, row.raw)
		}
	}
	if len(got) > len(want) {
		t.Errorf("more than the document has: %v", got[len(want):])
	}
}
