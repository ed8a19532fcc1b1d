package objectv1test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// until waits for what follows within seconds.
func until(t *testing.T, what string, look func() (string, bool)) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		got, ok := look()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: it is still %s", what, got)
		}
	}
}

func driveTally(t *testing.T, w drive) {
	tally := func(id string, want objectv1.Tally) {
		t.Helper()
		until(t, "the tally", func() (string, bool) {
			n, err := w.d.FindNode(t.Context(), objectv1.FindNodeRequest{Principal: w.who, NodeID: id, Trash: true})
			return fmt.Sprintf("%+v, %v", n.Tally, err), err == nil && n.Tally == want
		})
	}
	a := w.make(t, "", "a")
	b := w.make(t, a.NodeID, "b")
	empty := w.make(t, b.NodeID, "empty")
	f := w.placed(t, a.NodeID, "f", "1")
	w.placed(t, b.NodeID, "g", "23")
	tally(empty.NodeID, objectv1.Tally{})
	tally(b.NodeID, objectv1.Tally{Files: 1, Folders: 1, Bytes: 2})
	tally(a.NodeID, objectv1.Tally{Files: 1, Folders: 1, Bytes: 3})
	if _, err := w.CountDownloads(t.Context(), objectv1.CountDownloadsRequest{Downloads: map[string]int64{f.NodeID: 5}}); err != nil {
		t.Fatal(err)
	}
	tally(a.NodeID, objectv1.Tally{Files: 1, Folders: 1, Bytes: 3, Downloads: 5})
	if _, err := w.change(t, objectv1.ChangeNodeRequest{NodeID: f.NodeID, ParentID: &empty.NodeID}); err != nil {
		t.Fatal(err)
	}
	tally(empty.NodeID, objectv1.Tally{Files: 1, Bytes: 1, Downloads: 5})
	tally(a.NodeID, objectv1.Tally{Folders: 1, Bytes: 3, Downloads: 5})
	page, err := w.d.ListChildren(t.Context(), objectv1.ListChildrenRequest{Principal: w.who, FolderID: a.NodeID, Limit: 10})
	if err != nil || len(page.Nodes) != 1 || page.Nodes[0].Tally != (objectv1.Tally{Files: 1, Folders: 1, Bytes: 3, Downloads: 5}) {
		t.Fatalf("%+v, %v", page, err)
	}
	w.trash(t, b.NodeID)
	tally(a.NodeID, objectv1.Tally{})
	tally(b.NodeID, objectv1.Tally{Files: 1, Folders: 1, Bytes: 3, Downloads: 5})
	if _, err := w.restore(t, b.NodeID); err != nil {
		t.Fatal(err)
	}
	tally(a.NodeID, objectv1.Tally{Folders: 1, Bytes: 3, Downloads: 5})
}

func driveSearch(t *testing.T, w drive) {
	word := strings.ToLower(w.who.AccountID[4:]) // nobody else's
	public := func(name string) objectv1.DriveNode {
		n, err := w.d.MakeSubfolder(t.Context(), objectv1.MakeSubfolderRequest{
			Principal: w.who, Name: name, Sharing: objectv1.Sharing{Visibility: objectv1.VisibilityPublic},
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	a, b := public("Holiday "+word), public("b")
	w.placed(t, a.NodeID, word+" beach.jpg", "1")
	w.placed(t, b.NodeID, "BEACH-"+strings.ToUpper(word)+".png", "1")
	w.placed(t, "", "beach "+word, "1")
	w.make(t, a.NodeID, "beach "+word)
	search := func(query string, limit int) []string {
		t.Helper()
		got := names(t, func(after string) (objectv1.ListChildrenResponse, error) {
			return w.d.SearchNodes(t.Context(), objectv1.SearchNodesRequest{Query: query, After: after, Limit: limit})
		})
		slices.Sort(got)
		return got
	}
	found := func(what, query string, limit int, all []string) {
		t.Helper()
		until(t, what, func() (string, bool) {
			got := search(query, limit)
			return fmt.Sprintf("%q", got), slices.Equal(got, all)
		})
	}
	beaches := []string{"BEACH-" + strings.ToUpper(word) + ".png", word + " beach.jpg"}
	slices.Sort(beaches)
	for _, limit := range []int{1, 2, 100} {
		found("beaches", "beach "+word, limit, beaches)
		found("holidays", word+" HOLI", limit, []string{"Holiday " + word + "/"})
		if got := search(word, limit); len(got) != 3 {
			t.Fatalf("all: %q", got)
		}
	}
	want(t, "no beginning", search(word[1:], 10), []string{})
	want(t, "no word", search("--", 10), []string{})
	w.trash(t, a.NodeID)
	found("without the trash", word, 10, []string{"BEACH-" + strings.ToUpper(word) + ".png"})
	if _, err := w.change(t, objectv1.ChangeNodeRequest{NodeID: b.NodeID, Visibility: ptr(objectv1.VisibilityUnlisted)}); err != nil {
		t.Fatal(err)
	}
	found("without the private", word, 10, []string{})
	for _, r := range []objectv1.SearchNodesRequest{
		{Query: "", Limit: 1}, {Query: strings.Repeat("x", 201), Limit: 1}, {Query: "x", Limit: 0}, {Query: "x", Limit: 101}, {Query: "x", Limit: 1, After: "!"},
	} {
		_, err := w.d.SearchNodes(t.Context(), r)
		wantInvalid(t, err)
	}
}
