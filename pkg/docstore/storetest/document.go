package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/pkg/docstore"
)

func documentTests() []test {
	return []test{
		{"Insert_Get", testInsertGet},
		{"Insert_Taken", testInsertTaken},
		{"Insert_Duplicate", testInsertDuplicate},
		{"Replace_Stale", testReplaceStale},
		{"Update", testUpdate},
		{"Update_ClosureError", testUpdateClosureError},
		{"Update_Unchanged", testUpdateUnchanged},
		{"Update_Nested", testUpdateNested},
		{"Upsert", testUpsert},
		{"Delete", testDelete},
		{"Duplicate_OnChange", testDuplicateOnChange},
		{"Context_Cancelled", testContextCancelled},
		{"Closed", testClosed},
	}
}

func testInsertGet(w *world) {
	c, ctx := w.items(), w.ctx()
	_, err := c.Get(ctx, "a")
	wantErr(w, err, docstore.ErrNotFound)
	d := must1(c.Insert(ctx, "a", item{Owner: "o", Size: 3, Holds: []hold{{"h", 1}}}))(w)
	equal(w, "revision of an insert", d.Rev, 1)
	got := must1(c.Get(ctx, "a"))(w)
	equal(w, "id", got.ID, "a")
	equal(w, "revision", got.Rev, 1)
	equal(w, "owner", got.Value.Owner, "o")
	equal(w, "size", got.Value.Size, 3)
	equal(w, "hold", got.Value.Holds[0], hold{"h", 1})
	equal(w, "pending", len(got.Pending), 0)
	must(w, w.db.Ping(ctx))
}

func testInsertTaken(w *world) {
	c, ctx := w.items(), w.ctx()
	v := item{Name: "n", Size: 1}
	must1(c.Insert(ctx, "a", v))(w)
	// The same document again breaks the id and the unique index: the id is told.
	_, err := c.Insert(ctx, "a", v)
	wantErr(w, err, docstore.ErrExists)
	equal(w, "size", must1(c.Get(ctx, "a"))(w).Value.Size, 1)
}

func testInsertDuplicate(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Name: "n"}))(w)
	_, err := c.Insert(ctx, "b", item{Name: "n"})
	wantErr(w, err, docstore.ErrDuplicate)
	_, err = c.Get(ctx, "b")
	wantErr(w, err, docstore.ErrNotFound)
	// Documents without the field are not bound by the index.
	must1(c.Insert(ctx, "c", item{}))(w)
	must1(c.Insert(ctx, "d", item{}))(w)
	must(w, c.Delete(ctx, "a", docstore.DeleteOptions{}))
	must1(c.Insert(ctx, "b", item{Name: "n"}))(w)
}

// testDuplicateOnChange breaks a unique index by each kind of change.
func testDuplicateOnChange(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Name: "n"}))(w)
	b := must1(c.Insert(ctx, "b", item{Name: "m"}))(w)
	b.Value.Name = "n"
	_, err := c.Replace(ctx, b)
	wantErr(w, err, docstore.ErrDuplicate)
	_, err = c.Update(ctx, "b", func(v *item) ([]docstore.Message, error) { v.Name = "n"; return nil, nil })
	wantErr(w, err, docstore.ErrDuplicate)
	_, err = c.Modify(ctx, "b", docstore.Mod{Set: map[string]any{"name": "n"}})
	wantErr(w, err, docstore.ErrDuplicate)
	got := must1(c.Get(ctx, "b"))(w)
	equal(w, "revision after refused changes", got.Rev, 1)
	equal(w, "name after refused changes", got.Value.Name, "m")
}

func testReplaceStale(w *world) {
	c, ctx := w.items(), w.ctx()
	d := must1(c.Insert(ctx, "a", item{Size: 1}))(w)
	d.Value.Size = 2
	d2 := must1(c.Replace(ctx, d))(w)
	equal(w, "revision", d2.Rev, 2)
	_, err := c.Replace(ctx, d)
	wantErr(w, err, docstore.ErrStale)
	_, err = c.Replace(ctx, docstore.Doc[item]{ID: "none", Rev: 1})
	wantErr(w, err, docstore.ErrNotFound)
	equal(w, "size", must1(c.Get(ctx, "a"))(w).Value.Size, 2)
}

func testUpdate(w *world) {
	c, ctx := w.items(), w.ctx()
	grow := func(v *item) ([]docstore.Message, error) { v.Size++; return nil, nil }
	_, err := c.Update(ctx, "a", grow)
	wantErr(w, err, docstore.ErrNotFound)
	must1(c.Insert(ctx, "a", item{Size: 1}))(w)
	d := must1(c.Update(ctx, "a", grow))(w)
	equal(w, "size", d.Value.Size, 2)
	equal(w, "revision", d.Rev, 2)
	d = must1(c.UpdateDoc(ctx, "a", func(d *docstore.Doc[item]) ([]docstore.Message, error) {
		equal(w, "revision that was read", d.Rev, 2)
		d.Value.Size, d.Rev, d.ID = 9, 77, "other"
		return nil, nil
	}))(w)
	equal(w, "id", d.ID, "a")
	equal(w, "revision", d.Rev, 3)
	equal(w, "size", must1(c.Get(ctx, "a"))(w).Value.Size, 9)
}

func testUpdateClosureError(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Size: 1}))(w)
	mine := errors.New("mine")
	_, err := c.Update(ctx, "a", func(v *item) ([]docstore.Message, error) { v.Size = 5; return nil, mine })
	if err != mine { //nolint:errorlint // it must come back as it is
		w.Fatalf("got %v, want the closure's own error", err)
	}
	equal(w, "size", must1(c.Get(ctx, "a"))(w).Value.Size, 1)
}

func testUpdateUnchanged(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Size: 1}))(w)
	d := must1(c.Update(ctx, "a", func(v *item) ([]docstore.Message, error) { v.Size = 5; return nil, docstore.Unchanged }))(w)
	equal(w, "size", d.Value.Size, 1)
	equal(w, "revision", d.Rev, 1)
}

// testUpdateNested updates the document from inside its own update: the outer one
// loses the race that it made and goes again.
func testUpdateNested(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{}))(w)
	calls := 0
	d := must1(c.Update(ctx, "a", func(v *item) ([]docstore.Message, error) {
		if calls++; calls <= 2 {
			must1(c.Update(ctx, "a", func(v *item) ([]docstore.Message, error) { v.Size += 10; return nil, nil }))(w)
		}
		v.Size++
		return nil, nil
	}))(w)
	equal(w, "size", d.Value.Size, 21)
}

func testUpsert(w *world) {
	c, ctx := w.items(), w.ctx()
	set := func(v *item, exists bool) ([]docstore.Message, error) {
		if !exists {
			v.Owner = "first"
		}
		v.Size++
		return nil, nil
	}
	d := must1(c.Upsert(ctx, "a", set))(w)
	equal(w, "revision", d.Rev, 1)
	equal(w, "owner", d.Value.Owner, "first")
	d = must1(c.Upsert(ctx, "a", set))(w)
	equal(w, "revision", d.Rev, 2)
	equal(w, "size", d.Value.Size, 2)
}

func testDelete(w *world) {
	c, ctx := w.items(), w.ctx()
	wantErr(w, c.Delete(ctx, "a", docstore.DeleteOptions{}), docstore.ErrNotFound)
	must1(c.Insert(ctx, "a", item{Owner: "o"}))(w)
	wantErr(w, c.Delete(ctx, "a", docstore.DeleteOptions{IfRev: 2}), docstore.ErrStale)
	must(w, c.Delete(ctx, "a", docstore.DeleteOptions{IfRev: 1}))
	wantErr(w, c.Delete(ctx, "a", docstore.DeleteOptions{}), docstore.ErrNotFound)
	equal(w, "count", must1(c.Count(ctx, docstore.Query{Index: "owner_size"}))(w), 0)
	d := must1(c.Insert(ctx, "a", item{Owner: "o"}))(w)
	equal(w, "revision of a new document", d.Rev, 1)
}

func testContextCancelled(w *world) {
	c := w.items()
	ctx, cancel := context.WithCancel(w.ctx())
	cancel()
	_, err := c.Insert(ctx, "a", item{})
	// Either the write did not start, or its outcome is said to be unknown.
	if !errors.Is(err, context.Canceled) && !errors.Is(err, docstore.ErrUnknown) {
		w.Fatalf("insert with a cancelled context: %v", err)
	}
	if _, err = c.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		w.Fatalf("get with a cancelled context: %v", err)
	}
	must1(c.Upsert(w.ctx(), "a", func(*item, bool) ([]docstore.Message, error) { return nil, nil }))(w)
}

func testClosed(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{}))(w)
	must(w, w.db.Close())
	_, err := c.Get(ctx, "a")
	wantErr(w, err, docstore.ErrClosed)
	for i := range 3 {
		_, err = c.Insert(ctx, fmt.Sprint(i), item{})
		wantErr(w, err, docstore.ErrClosed)
	}
	w.db = nil
}
