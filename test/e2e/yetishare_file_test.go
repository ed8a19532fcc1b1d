package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// yetiFileRules: /file/download to /file/copy.
func yetiFileRules() []rule {
	const oneFile = yetiFileMembers + yetiFileBeside
	return []rule{
		{says: "info has all members of the listing, file_status, description and date_added besides", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			u := y.Upload(t, "button_back.gif", "GIF89a content", "folder_id", d.ID)
			r := y.Ask(t, "/file/info", "file_id", u.FileID)
			equal(t, "members", members(t, r.Body), prefixed("data.", oneFile)+yetiEnd)
			f := y.File(t, u.FileID)
			for what, pair := range map[string][2]string{
				"id": {f.ID, u.FileID}, "filename": {f.Filename, "button_back.gif"}, "shortUrl": {f.ShortURL, u.ShortURL}, "fileType": {f.FileType, "image/gif"}, "extension": {f.Extension, "gif"},
				"fileSize": {f.FileSize, "14"}, "status": {f.Status, "active"}, "file_status": {f.FileStatus, "active"}, "downloads": {f.Downloads, "0"}, "folderId": {text(f.FolderID), d.ID},
				"keywords": {text(f.Keywords), "button,back,gif"}, "url_file": {f.URLFile, u.URL}, "description": {text(f.Description), "null"},
			} {
				equal(t, what, pair[0], pair[1])
			}
			matches(t, "date_added", f.DateAdded, aDate)
			equal(t, "folderId of the root", text(y.File(t, y.Upload(t, "r", "r").FileID).FolderID), "null")
		}},
		{says: "short_url names a file wherever file_id does", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "f", "content")
			var d struct {
				ID string `json:"file_id"`
			}
			for _, endpoint := range []string{"/file/download", "/file/info", "/file/edit"} {
				y.Ask(t, endpoint, "short_url", u.ShortURL).Want(t, 200)
				y.Ask(t, endpoint, "short_url", u.ShortURL+"x").Regrets(t, 200, yetiNoFile)
				y.Ask(t, endpoint, "short_url", "../"+u.ShortURL).Regrets(t, 200, yetiNoFile)
			}
			r := y.Ask(t, "/file/download", "short_url", u.ShortURL)
			var all object
			r.Data(t, &all)
			d.ID, _ = all["file_id"].(string)
			equal(t, "file_id", d.ID, u.FileID)
			y.Ask(t, "/file/delete", "short_url", u.ShortURL).Tells(t, "File successfully set as deleted.")
		}},
		{says: "download gives a URL whose token opens that file, with its name, type, length and ranges, again and again", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "the file.txt", "0123456789")
			r := y.Ask(t, "/file/download", "file_id", u.FileID)
			equal(t, "members", members(t, r.Body), "data.file_id data.filename data.download_url"+yetiEnd)
			url := fmt.Sprint(yetiData(t, r)["download_url"])
			matches(t, "download_url", url, strings.ReplaceAll(u.URL, ".", `\.`)+`\?download_token=[0-9a-f]{64,}`)
			for range 2 {
				b := y.Call(t, "GET", url, nil).Want(t, 200)
				equal(t, "content", string(b.Body), "0123456789")
				equal(t, "length", b.Header.Get("Content-Length"), "10")
				if !strings.Contains(b.Header.Get("Content-Disposition"), "the file.txt") && !strings.Contains(b.Header.Get("Content-Disposition"), "the%20file.txt") {
					t.Errorf("Content-Disposition %q", b.Header.Get("Content-Disposition"))
				}
			}
			part := y.Call(t, "GET", url, nil, "Range", "bytes=2-4").Want(t, 206)
			equal(t, "range", string(part.Body), "234")
			head := y.Call(t, "HEAD", url, nil).Want(t, 200)
			equal(t, "length of HEAD", head.Header.Get("Content-Length"), "10")
		}},
		{says: "a token that was altered, or is another file's, opens nothing", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u, other := y.Upload(t, "f", "secret-f"), y.Upload(t, "g", "secret-g")
			url := fmt.Sprint(yetiData(t, y.Ask(t, "/file/download", "file_id", u.FileID))["download_url"])
			_, token, _ := strings.Cut(url, "=")
			last := token[:len(token)-1] + string("0f"[b2i(token[len(token)-1] == '0')])
			first := string("0f"[b2i(token[0] == '0')]) + token[1:]
			for _, try := range []string{last, first, token + "0", token[:32], "", "x", strings.ToUpper(token) + "G", strings.Repeat("f", 64), strings.Repeat("a", 5000)} {
				if r := y.Call(t, "GET", "/"+u.ShortURL+"?download_token="+try, nil); r.Status < 400 || strings.Contains(string(r.Body), "secret-f") {
					t.Errorf("%.80q: %d %.80s", try, r.Status, r.Body)
				}
			}
			if r := y.Call(t, "GET", "/"+other.ShortURL+"?download_token="+token, nil); r.Status < 400 || strings.Contains(string(r.Body), "secret-") {
				t.Errorf("another file's: %d %.80s", r.Status, r.Body)
			}
			y.Call(t, "GET", url, nil).Want(t, 200)
		}},
		{says: "what a browser would run is sent as an attachment, and is not sniffed", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for name, kind := range map[string]string{"a.html": "text/html", "a.svg": "image/svg+xml", "a.xhtml": "application/xhtml+xml", "a.js": "text/javascript"} {
				u := y.Send(t, "/file/upload", append(y.Fields(), harness.YetiPart{Name: "upload_file", Filename: name, Type: kind, Content: "<script>alert(1)</script>"})...).Uploaded(t)
				r := yetiDownload(t, y, u.FileID)
				if !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") || r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Content-Security-Policy") == "" {
					t.Errorf("%s: %v", name, r.Header)
				}
				if page := string(y.Call(t, "GET", u.URL, nil).Want(t, 200).Body); strings.Contains(page, "<script>alert") {
					t.Errorf("the page of %s has it", name)
				}
			}
		}},
		{says: "downloads are counted, and lockr counts the same", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "f", "content")
			yetiDownload(t, y, u.FileID)
			yetiDownload(t, y, u.FileID)
			l := yetiLockr(y)
			eventually(t, "two", func() bool { return y.File(t, u.FileID).Downloads == "2" && files(t, l, "").Files[0].Downloads == 2 })
		}},
		{says: "edit: what is blank stays; a name, a type and a folder change", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			u := y.Upload(t, "sample4_l.jpg", "content")
			r := y.Ask(t, "/file/edit", "file_id", u.FileID, "filename", "sample4.jpg", "fileType", "", "folder_id", "").Tells(t, "File successfully updated.")
			equal(t, "members", members(t, r.Body), "response "+prefixed("data.", oneFile)+yetiEnd)
			before := y.File(t, u.FileID)
			equal(t, "filename", before.Filename, "sample4.jpg")
			equal(t, "shortUrl", before.ShortURL, u.ShortURL)
			y.Ask(t, "/file/edit", "file_id", u.FileID, "fileType", "application/x-sample", "folder_id", d.ID).Tells(t, "File successfully updated.")
			after := y.File(t, u.FileID)
			equal(t, "filename", after.Filename, "sample4.jpg")
			equal(t, "fileType", after.FileType, "application/x-sample")
			equal(t, "folderId", text(after.FolderID), d.ID)
			y.Ask(t, "/file/edit", "file_id", u.FileID).Tells(t, "File successfully updated.")
			equal(t, "nothing asked", fmt.Sprint(y.File(t, u.FileID).Filename), "sample4.jpg")
			y.Ask(t, "/file/edit", "file_id", u.FileID, "fileType", "no type").Want(t, 400)
			equal(t, "content", string(yetiDownload(t, y, u.FileID).Body), "content")
		}},
		{says: "edit with a bad part changes nothing", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "f.txt", "content")
			y.Ask(t, "/file/edit", "file_id", u.FileID, "filename", "g.txt", "folder_id", "999999999").Regrets(t, 200, yetiNoFolder)
			y.Ask(t, "/file/edit", "file_id", u.FileID, "filename", "g.txt", "fileType", "x").Want(t, 400)
			equal(t, "filename", y.File(t, u.FileID).Filename, "f.txt")
		}},
		{says: "a name that is taken gives way in edits, moves and copies", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			a, b, c := y.Upload(t, "a", "a"), y.Upload(t, "b", "b"), y.Upload(t, "a", "c", "folder_id", d.ID)
			y.Ask(t, "/file/edit", "file_id", b.FileID, "filename", "a").Tells(t, "File successfully updated.")
			y.Ask(t, "/file/move", "file_id", c.FileID, "new_parent_folder_id", "").Tells(t, "File successfully moved.")
			y.Ask(t, "/file/copy", "file_id", a.FileID, "copy_to_folder_id", "").Tells(t, "File successfully copyied.")
			l := y.List(t, "")
			seen := map[string]bool{}
			for _, f := range l.Files {
				seen[f.Filename] = true
			}
			equal(t, "different names", len(seen), 4)
		}},
		{says: "delete answers with status trash; the file leaves listings, links and other dialects, and again it is not found", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "f.txt", "content")
			url := fmt.Sprint(yetiData(t, y.Ask(t, "/file/download", "file_id", u.FileID))["download_url"])
			r := y.Ask(t, "/file/delete", "file_id", u.FileID).Tells(t, "File successfully set as deleted.")
			var f harness.YetiFile
			r.Data(t, &f)
			equal(t, "filename", f.Filename, "f.txt")
			equal(t, "status", f.Status, "trash")
			equal(t, "id", f.ID, u.FileID)
			equal(t, "listing", filesOf(y.List(t, "")), "")
			for _, endpoint := range []string{"/file/info", "/file/download", "/file/delete", "/file/edit"} {
				y.Ask(t, endpoint, "file_id", u.FileID).Regrets(t, 200, yetiNoFile)
			}
			y.Call(t, "GET", url, nil).Want(t, 404)
			y.Call(t, "GET", "/"+u.ShortURL, nil).Want(t, 404)
			equal(t, "lockr's", len(files(t, yetiLockr(y), "").Files), 0)
			y.Upload(t, "f.txt", "another")
			equal(t, "the name is free", filesOf(y.List(t, "")), "f.txt")
		}},
		{says: "move: into a folder, and by an empty id into the root", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			u := y.Upload(t, "button_back_over.gif", "content")
			r := y.Ask(t, "/file/move", "file_id", u.FileID, "new_parent_folder_id", d.ID).Tells(t, "File successfully moved.")
			equal(t, "members", members(t, r.Body), "response "+prefixed("data.", oneFile)+yetiEnd)
			equal(t, "folderId", text(y.File(t, u.FileID).FolderID), d.ID)
			equal(t, "in the folder", filesOf(y.List(t, d.ID)), "button_back_over.gif")
			equal(t, "in the root", filesOf(y.List(t, "")), "")
			y.Ask(t, "/file/move", "file_id", u.FileID, "new_parent_folder_id", "").Tells(t, "File successfully moved.")
			equal(t, "folderId", text(y.File(t, u.FileID).FolderID), "null")
			equal(t, "content", string(yetiDownload(t, y, u.FileID).Body), "content")
		}},
		{says: "what is in the trash is no destination", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			inner := y.Folder(t, "inner", d.ID)
			u := y.Upload(t, "f", "content")
			y.Ask(t, "/folder/delete", "folder_id", d.ID).Tells(t, "Folder successfully set as deleted.")
			for _, id := range []string{d.ID, inner.ID} {
				y.Ask(t, "/file/move", "file_id", u.FileID, "new_parent_folder_id", id).Regrets(t, 200, yetiNoTarget("new_parent_folder_id"))
				y.Ask(t, "/file/copy", "file_id", u.FileID, "copy_to_folder_id", id).Regrets(t, 200, yetiNoTarget("copy_to_folder_id"))
				y.Send(t, "/file/upload", append(y.Fields("folder_id", id), harness.YetiPart{Name: "upload_file", Filename: "x", Content: "x"})...).Regrets(t, 200, yetiNoFolder)
			}
			equal(t, "folderId", text(y.File(t, u.FileID).FolderID), "null")
		}},
		{says: "copy answers with both, and no top-level data; it moves no bytes", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			u := y.Upload(t, "big.bin", randomBytes(t, 2<<20))
			r := y.Ask(t, "/file/copy", "file_id", u.FileID, "copy_to_folder_id", d.ID).Tells(t, "File successfully copyied.")
			equal(t, "members", members(t, r.Body), "response "+prefixed("original_file.data.", oneFile)+" "+prefixed("new_file.data.", oneFile)+yetiEnd)
			var a struct {
				Original struct{ Data harness.YetiFile } `json:"original_file"`
				New      struct{ Data harness.YetiFile } `json:"new_file"`
			}
			r.JSON(t, &a)
			if a.Original.Data.ID != u.FileID || a.New.Data.ID == u.FileID || a.New.Data.ShortURL == u.ShortURL || a.New.Data.Filename != "big.bin" || text(a.New.Data.FolderID) != d.ID || a.New.Data.FileSize != u.Size {
				t.Errorf("%s", r.Body)
			}
			y.Ask(t, "/file/delete", "file_id", u.FileID).Want(t, 200)
			equal(t, "MD5 of the copy", md5Of(yetiDownload(t, y, a.New.Data.ID).Body), u.Hash)
		}},
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// yetiLockr is the same account in lockr.
func yetiLockr(y *harness.Yetishare) *harness.Lockr {
	return &harness.Lockr{HTTP: y.HTTP, URL: y.URL, Username: y.Username, Token: y.Account}
}

// yetiFolderRules: /folder/create to /folder/move.
func yetiFolderRules() []rule {
	const own = yetiFolderHead + "accessPassword " + yetiFolderTail
	return []rule{
		{says: "create has all documented members, echoes the password that came, and defaults to private in the root", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			const md5 = "d9729feb74992cc3482b350163a1a010"
			r := y.Ask(t, "/folder/create", "folder_name", "My New Folder", "is_public", "2", "access_password", md5).Tells(t, "Folder successfully created.")
			equal(t, "members", members(t, r.Body), "response "+prefixed("data.", own)+yetiEnd)
			var f harness.YetiFolder
			r.Data(t, &f)
			for what, pair := range map[string][2]string{
				"parentId": {text(f.ParentID), "null"}, "folderName": {f.Name, "My New Folder"}, "totalSize": {f.TotalSize, "0"}, "isPublic": {f.IsPublic, "2"}, "accessPassword": {text(f.AccessPassword), md5},
				"date_updated": {text(f.DateUpdated), "null"}, "url_folder": {f.URLFolder, g.w.URL + "/folder/" + f.ID + "/My_New_Folder"}, "counts": {fmt.Sprint(f.Downloads, f.Folders, f.Files), "0 0 0"},
			} {
				equal(t, what, pair[0], pair[1])
			}
			matches(t, "date_added", f.DateAdded, aDate)
			plain := y.Folder(t, "plain", "")
			equal(t, "isPublic", plain.IsPublic, "0")
			equal(t, "accessPassword", text(plain.AccessPassword), "null")
			equal(t, "parentId", text(y.Folder(t, "inner", f.ID).ParentID), f.ID)
		}},
		{says: "a folder's password is kept as a keyed hash: info shows 32 digits that are not its MD5", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			const md5 = "d9729feb74992cc3482b350163a1a010"
			f := y.Folder(t, "f", "", "access_password", md5)
			shown := text(y.FolderInfo(t, f.ID).AccessPassword)
			matches(t, "accessPassword", shown, `[0-9a-f]{32}`)
			if shown == md5 {
				t.Error("the MD5 itself is stored")
			}
			y.Ask(t, "/folder/edit", "folder_id", f.ID, "access_password", "").Tells(t, "Folder successfully updated.")
			equal(t, "taken away", text(y.FolderInfo(t, f.ID).AccessPassword), "null")
		}},
		{says: "a folder whose name is taken gets the next free one", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			a, b := y.Folder(t, "same", ""), y.Folder(t, "same", "")
			if a.ID == b.ID || a.Name == b.Name || a.Name != "same" {
				t.Errorf("%+v and %+v", a, b)
			}
		}},
		{says: "listing has folders and files right in it with their members, nothing of deeper ones, and no pages", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			inner := y.Folder(t, "inner", d.ID)
			y.Upload(t, "deep", "x", "folder_id", inner.ID)
			parallel(t, 8, func(i int) {
				for n := range 16 {
					if r, err := y.TrySend(t.Context(), "/file/upload", append(y.Fields("folder_id", d.ID), harness.YetiPart{Name: "upload_file", Filename: fmt.Sprintf("f%d-%d", i, n), Content: "x"})...); err != nil || r.Status != 200 {
						t.Errorf("%v %d", err, r.Status)
					}
				}
			})
			r := y.Ask(t, "/folder/listing", "parent_folder_id", d.ID)
			equal(t, "members", members(t, r.Body), prefixed("data.folders.", yetiFolderHead+yetiFolderTail)+" "+prefixed("data.files.", yetiFileMembers+yetiFileBeside)+yetiEnd)
			l := y.List(t, d.ID)
			equal(t, "files", len(l.Files), 128)
			equal(t, "folders", foldersOf(l), "inner")
			equal(t, "root", foldersOf(y.List(t, ""))+filesOf(y.List(t, "")), "d")
			empty := y.Ask(t, "/folder/listing", "parent_folder_id", y.Folder(t, "empty", "").ID)
			equal(t, "of nothing", strings.Contains(string(empty.Body), `{"folders":[],"files":[]}`), true)
		}},
		{says: "info takes folder_id or parent_folder_id", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "My Folder 1", "", "is_public", "1")
			for _, param := range []string{"folder_id", "parent_folder_id"} {
				r := y.Ask(t, "/folder/info", param, d.ID)
				equal(t, "members", members(t, r.Body), prefixed("data.", own)+yetiEnd)
				equal(t, "id", fmt.Sprint(yetiData(t, r)["id"]), d.ID)
			}
		}},
		{says: "totalSize, total_downloads and the counts are those of the tree below, within seconds", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			top := y.Folder(t, "top", "")
			mid := y.Folder(t, "mid", top.ID)
			y.Folder(t, "leaf", mid.ID)
			a, b := y.Upload(t, "a", make([]byte, 1000), "folder_id", top.ID), y.Upload(t, "b", make([]byte, 234), "folder_id", mid.ID)
			yetiDownload(t, y, b.FileID)
			sums := func(id string) string {
				f := y.FolderInfo(t, id)
				return fmt.Sprint(f.TotalSize, " ", f.Downloads, " ", f.Folders, " ", f.Files)
			}
			eventually(t, "sums", func() bool { return sums(top.ID) == "1234 1 1 1" && sums(mid.ID) == "234 1 1 1" })
			y.Ask(t, "/file/move", "file_id", b.FileID, "new_parent_folder_id", "").Want(t, 200)
			eventually(t, "after a move", func() bool { return sums(top.ID) == "1000 0 1 1" && sums(mid.ID) == "0 0 1 0" })
			y.Ask(t, "/file/delete", "file_id", a.FileID).Want(t, 200)
			y.Ask(t, "/folder/delete", "folder_id", mid.ID).Want(t, 200)
			eventually(t, "after deletions", func() bool { return sums(top.ID) == "0 0 0 0" })
		}},
		{says: "edit: what is absent stays; name, parent, visibility and password change", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			parent := y.Folder(t, "parent", "")
			f := y.Folder(t, "f", "")
			r := y.Ask(t, "/folder/edit", "folder_id", f.ID, "folder_name", "My New Folder Name", "parent_id", parent.ID, "is_public", "1").Tells(t, "Folder successfully updated.")
			equal(t, "members", members(t, r.Body), "response "+prefixed("data.", own)+yetiEnd)
			y.Ask(t, "/folder/edit", "folder_id", f.ID).Tells(t, "Folder successfully updated.")
			got := y.FolderInfo(t, f.ID)
			equal(t, "all of it", fmt.Sprint(got.Name, got.IsPublic, text(got.ParentID), text(got.AccessPassword)), fmt.Sprint("My New Folder Name", "1", parent.ID, "null"))
			matches(t, "date_updated", text(got.DateUpdated), aDate+`|null`)
			y.Ask(t, "/folder/edit", "folder_id", f.ID, "parent_id", "").Tells(t, "Folder successfully updated.")
			equal(t, "parentId", text(y.FolderInfo(t, f.ID).ParentID), "null")
			y.Ask(t, "/folder/edit", "folder_id", f.ID, "folder_name", "").Want(t, 400)
			y.Ask(t, "/folder/edit", "folder_id", f.ID, "is_public", "").Want(t, 400)
		}},
		{says: "delete takes the subtree to the trash", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			d := y.Folder(t, "d", "")
			inner := y.Folder(t, "inner", d.ID)
			u := y.Upload(t, "f", "content", "folder_id", inner.ID)
			r := y.Ask(t, "/folder/delete", "folder_id", d.ID).Tells(t, "Folder successfully set as deleted.")
			equal(t, "members", members(t, r.Body), "response"+yetiEnd)
			for _, id := range []string{d.ID, inner.ID} {
				y.Ask(t, "/folder/info", "folder_id", id).Regrets(t, 200, yetiNoFolder)
				y.Ask(t, "/folder/listing", "parent_folder_id", id).Regrets(t, 200, "Could not find folder based on parent_folder_id.")
			}
			y.Ask(t, "/file/info", "file_id", u.FileID).Regrets(t, 200, yetiNoFile)
			y.Call(t, "GET", "/"+u.ShortURL, nil).Want(t, 404)
			equal(t, "lockr's", len(files(t, yetiLockr(y), "").Files), 0)
		}},
		{says: "move: into another folder and back into the root; the tree comes along", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			a, b := y.Folder(t, "a", ""), y.Folder(t, "b", "")
			u := y.Upload(t, "f", "content", "folder_id", a.ID)
			r := y.Ask(t, "/folder/move", "folder_id", a.ID, "new_parent_folder_id", b.ID).Tells(t, "Folder successfully moved.")
			equal(t, "members", members(t, r.Body), "response "+prefixed("data.", own)+yetiEnd)
			equal(t, "in b", foldersOf(y.List(t, b.ID)), "a")
			equal(t, "in a", filesOf(y.List(t, a.ID)), "f")
			equal(t, "content", string(yetiDownload(t, y, u.FileID).Body), "content")
			y.Ask(t, "/folder/move", "folder_id", a.ID, "new_parent_folder_id", "").Tells(t, "Folder successfully moved.")
			equal(t, "in the root", foldersOf(y.List(t, "")), "a|b")
		}},
		{says: "into itself or what is in it a folder cannot come: 400, by move and edit", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			a := y.Folder(t, "a", "")
			b := y.Folder(t, "b", a.ID)
			c := y.Folder(t, "c", b.ID)
			for _, id := range []string{a.ID, b.ID, c.ID} {
				for _, r := range []harness.Response{y.Ask(t, "/folder/move", "folder_id", a.ID, "new_parent_folder_id", id), y.Ask(t, "/folder/edit", "folder_id", a.ID, "parent_id", id, "folder_name", "other")} {
					if r.Status != 400 || !strings.Contains(string(r.Body), "names the folder itself, or one that is in it") {
						t.Errorf("%d %s", r.Status, r.Body)
					}
				}
			}
			equal(t, "where they are", foldersOf(y.List(t, ""))+foldersOf(y.List(t, a.ID))+foldersOf(y.List(t, b.ID)), "abc")
		}},
		{says: "a short URL is no id", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			u := y.Upload(t, "f", "x")
			y.Ask(t, "/folder/info", "folder_id", u.ShortURL).Regrets(t, 200, yetiNoFolder)
			y.Ask(t, "/file/info", "file_id", u.ShortURL).Regrets(t, 200, yetiNoFile)
		}},
	}
}
