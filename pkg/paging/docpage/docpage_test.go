package docpage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/pkg/paging/docpage"
)

type thing struct {
	Owner string    `bson:"owner"`
	Size  int64     `bson:"size"`
	At    time.Time `bson:"at"`
	Name  string    `bson:"name"`
}

func things(t testing.TB, n int) *docstore.Collection[thing] {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "docs.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := docstore.Open[thing](t.Context(), db, docstore.Spec{Name: "things", Indexes: []docstore.Index{
		{Name: "size", Fields: []string{"owner", "size"}}, {Name: "at", Fields: []string{"at"}}, {Name: "name", Fields: []string{"owner", "name"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		v := thing{Owner: string(rune('a' + i%2)), Size: int64(i/6) - 2, At: time.UnixMilli(int64(i / 3)).UTC(), Name: fmt.Sprint("n", i%5)}
		if _, err := c.Insert(t.Context(), fmt.Sprintf("t%02d", i), v); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestList_IsTheSliceOfItsDocuments compares pages of an index with those of the
// same documents in memory.
func TestList_IsTheSliceOfItsDocuments(t *testing.T) {
	t.Parallel()
	c := things(t, 60)
	sameAsSlice(t, c, docstore.Query{Index: "size", Equal: []any{"a"}}, func(v thing) int64 { return v.Size })
	sameAsSlice(t, c, docstore.Query{Index: "size", Equal: []any{"a"}, From: 1, FromExclusive: true}, func(v thing) int64 { return v.Size })
	sameAsSlice(t, c, docstore.Query{Index: "name", Equal: []any{"b"}}, func(v thing) string { return v.Name })
	sameAsSlice(t, c, docstore.Query{Index: "at"}, func(v thing) time.Time { return v.At })
}

func sameAsSlice[V paging.Value](t *testing.T, c *docstore.Collection[thing], q docstore.Query, value func(thing) V) {
	t.Helper()
	l := docpage.List(c, q, value)
	q.Limit = 1000
	all, err := c.Scan(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	model := paging.Slice(all.Docs, l.At)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		r := paging.Request{Limit: 1 + rnd.IntN(20), Ascending: rnd.IntN(2) == 0}
		cursor := l.At(all.Docs[rnd.IntN(len(all.Docs))]).Cursor()
		switch rnd.IntN(4) {
		case 0:
			r.Offset = int64(rnd.IntN(70))
		case 1:
			r.After = cursor
		case 2:
			r.Before = cursor
		}
		got, place, err := l.Page(t.Context(), r)
		want, wantPlace, _ := model.Page(t.Context(), r)
		if err != nil || place != wantPlace || !slices.EqualFunc(got, want, func(a, b docstore.Doc[thing]) bool { return a.ID == b.ID }) {
			t.Fatalf("%s %+v: %v %+v, %v, want %v %+v", q.Index, r, got, place, err, want, wantPlace)
		}
	}
}

func TestList_UnderChange(t *testing.T) {
	t.Parallel()
	c := things(t, 30)
	l := docpage.List(c, docstore.Query{Index: "at"}, func(v thing) time.Time { return v.At })
	seen := map[string]int{}
	r := paging.Request{Limit: 4}
	for {
		page, place, err := l.Page(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page {
			seen[d.ID]++
		}
		if place.After == "" {
			break
		}
		r.After = place.After
		if err := c.Delete(t.Context(), page[len(page)-1].ID, docstore.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Insert(t.Context(), "new"+page[0].ID, thing{At: time.UnixMilli(1000)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 30 {
		if id := fmt.Sprintf("t%02d", i); seen[id] != 1 {
			t.Errorf("%s was seen %d times", id, seen[id])
		}
	}
	if len(seen) != 30 {
		t.Errorf("seen: %v", seen)
	}
}

func TestList_BadCursors(t *testing.T) {
	t.Parallel()
	c := things(t, 3)
	l := docpage.List(c, docstore.Query{Index: "at"}, func(v thing) time.Time { return v.At })
	long := make([]byte, docstore.MaxID+1)
	for i := range long {
		long[i] = 'a'
	}
	for _, cursor := range []string{
		"x", paging.Position[int64]{Value: 1, ID: "t00"}.Cursor(), paging.Position[time.Time]{Value: time.Unix(0, 0), ID: string(long)}.Cursor(),
	} {
		if page, _, err := l.Page(t.Context(), paging.Request{After: cursor}); !errors.Is(err, paging.ErrBadCursor) || page != nil {
			t.Errorf("%.60s: %v, %v", cursor, page, err)
		}
	}
	for _, year := range []int{0, 1, 1969, 9999} { // what no entry has is a place all the same
		p := paging.Position[time.Time]{Value: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), ID: "\x00"}
		if _, _, err := l.Page(t.Context(), paging.Request{Before: p.Cursor()}); err != nil {
			t.Errorf("%d: %v", year, err)
		}
	}
}

// FuzzList_Cursors gives cursors as a client may: each is refused as none of the
// list's, or gives a page.
func FuzzList_Cursors(f *testing.F) {
	c := things(f, 12)
	at := docpage.List(c, docstore.Query{Index: "at"}, func(v thing) time.Time { return v.At })
	size := docpage.List(c, docstore.Query{Index: "size", Equal: []any{"a"}}, func(v thing) int64 { return v.Size })
	name := docpage.List(c, docstore.Query{Index: "name", Equal: []any{"b"}}, func(v thing) string { return v.Name })
	all, err := c.Scan(f.Context(), docstore.Query{Limit: 3})
	if err != nil {
		f.Fatal(err)
	}
	for _, d := range all.Docs {
		f.Add(at.At(d).Cursor())
		f.Add(size.At(d).Cursor())
		f.Add(name.At(d).Cursor())
	}
	f.Add(paging.Position[time.Time]{Value: time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", 23*3600)), ID: "x"}.Cursor())
	f.Add(paging.Position[string]{Value: "\x00\xff", ID: "\x00"}.Cursor())
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, r := range []paging.Request{{After: cursor, Limit: 2}, {Before: cursor, Limit: 2, Ascending: true}} {
			_, _, atErr := at.Page(t.Context(), r)
			_, _, sizeErr := size.Page(t.Context(), r)
			_, _, nameErr := name.Page(t.Context(), r)
			for _, err := range []error{atErr, sizeErr, nameErr} {
				if err != nil && !errors.Is(err, paging.ErrBadCursor) {
					t.Fatalf("%q: %v", cursor, err)
				}
			}
		}
	})
}
