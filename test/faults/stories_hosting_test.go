package faults_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// formBy is the header of a form by the pages of an account.
func formBy(l *harness.Lockr) http.Header {
	h := as(l)
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	return h
}

// away gives an answer that says with 200 that the store is away the status of that.
func away(r harness.Response) harness.Response {
	if strings.Contains(string(r.Body), "No response received from: ") {
		r.Status = http.StatusServiceUnavailable
	}
	return r
}

// hosted dies while a file comes in by the file hosting API: nothing is listed, or
// the whole file, and when it is sent again there is one that is whole.
func hosted(t *testing.T, p *plot) {
	y, body := p.c.Yetishare(t), p.body(t, "hosted")
	dir := y.Folder(t, "dir "+p.key, "")
	form, kind := harness.YetiForm(append(y.Fields("folder_id", dir.ID), harness.YetiPart{Name: "upload_file", Filename: "f.txt", Content: body})...)
	whole, err := io.ReadAll(form)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"Content-Type": {kind}, "Authorization": {""}}
	r := away(p.strike(t, http.MethodPost, "/api/v2/file/upload", whole, h))
	if r.Status == 0 || r.Status >= 500 {
		if l := y.List(t, dir.ID); len(l.Files) != 0 {
			t.Errorf("it is listed: %+v", l.Files)
		}
		r = insist(t, "the repeat", func() harness.Response {
			return away(p.c.Do(t, http.MethodPost, "/api/v2/file/upload", whole, h))
		})
	}
	u := r.Uploaded(t)
	l := y.List(t, dir.ID)
	if len(l.Files) != 1 || l.Files[0].ID != u.FileID {
		t.Errorf("listed are %+v", l.Files)
	}
	p.shows(t, drive, dir.Name+"/"+u.Name, body)
	p.clears(t, dir.Name)
}

// clears removes a folder of the drive for good.
func (p *plot) clears(t *testing.T, name string) {
	t.Helper()
	l := p.c.Lockr()
	insist(t, "the end", func() harness.Response {
		return p.c.Do(t, http.MethodDelete, "/dav/"+l.Username+"/"+strings.ReplaceAll(name, " ", "%20"), nil, as(l))
	}).Want(t, http.StatusNoContent)
}

// restored dies when it is noted that a folder comes out of the trash: the next one
// who moves a folder carries it out, or it is asked for again. It is there once, with
// what is in it.
func restored(t *testing.T, p *plot) {
	y, l, body := p.c.Yetishare(t), p.c.Lockr(), p.body(t, "restored")
	dir, other := y.Folder(t, "dir "+p.key, ""), y.Folder(t, "other "+p.key, "")
	y.Upload(t, "f.txt", body, "folder_id", dir.ID)
	y.Ask(t, "/folder/delete", "folder_id", dir.ID).Tells(t, "Folder successfully set as deleted.")
	trash := string(p.c.Do(t, http.MethodGet, "/account/trash", nil, as(l)).Want(t, http.StatusOK).Body)
	_, rest, _ := strings.Cut(trash, `name="node.`)
	id, _, ok := strings.Cut(rest, `"`)
	if !ok || strings.Count(trash, `name="node.`) != 1 {
		t.Fatalf("the trash is %s", trash)
	}
	ask := "do=restore&node." + id + "=1"
	p.strike(t, http.MethodPost, "/account/selected", ask, formBy(l))
	insist(t, "another move", func() harness.Response {
		return y.Ask(t, "/folder/move", "folder_id", other.ID, "new_parent_folder_id", "")
	}).Tells(t, "Folder successfully moved.")
	r := insist(t, "the repeat", func() harness.Response {
		return p.c.Do(t, http.MethodPost, "/account/selected", ask, formBy(l))
	})
	if r.Status != http.StatusSeeOther && r.Status != http.StatusNotFound {
		t.Errorf("restoring it again: %d %s", r.Status, r.Body)
	}
	same := 0
	for _, f := range y.List(t, "").Folders {
		if strings.HasPrefix(f.Name, dir.Name) {
			same++
		}
	}
	if got := y.FolderInfo(t, dir.ID); same != 1 || got.Name != dir.Name || got.ParentID != nil {
		t.Errorf("%d of the name, %+v", same, got)
	}
	p.shows(t, drive, dir.Name+"/f.txt", body)
	p.clears(t, dir.Name)
	p.clears(t, other.Name)
}
