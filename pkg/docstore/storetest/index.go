package storetest

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/pkg/docstore"
)

func indexTests() []test {
	return []test{
		{"Index_Added", testIndexAdded},
		{"Index_Changed", testIndexChanged},
		{"Index_UniqueBroken", testIndexUniqueBroken},
		{"Index_UniqueSparseTail", testIndexUniqueSparseTail},
		{"Index_NotScalar", testIndexNotScalar},
		{"Spec_Malformed", testSpecMalformed},
		{"Open_Again", testOpenAgain},
	}
}

func specWith(ixs ...docstore.Index) docstore.Spec {
	return docstore.Spec{Name: "items", Indexes: ixs}
}

func testIndexAdded(w *world) {
	ctx := w.ctx()
	c := open[item](w, specWith())
	n := w.few(600) // more than one batch of a backfill; even
	for i := range n {
		must1(c.Insert(ctx, fmt.Sprintf("%04d", i), item{Owner: fmt.Sprint("o", i%2), Size: int64(n - i)}, event("e")))(w)
	}
	must(w, c.Delete(ctx, "0000", docstore.DeleteOptions{}))
	c = open[item](w, specWith(docstore.Index{Name: "os", Fields: []string{"owner", "size"}}))
	equal(w, "filled", must1(c.Count(ctx, docstore.Query{Index: "os"}))(w), int64(n-1))
	got := scanAll(w, c, docstore.Query{Index: "os", Equal: []any{"o1"}})
	equal(w, "of one owner", len(got), n/2)
	equal(w, "smallest", got[0], fmt.Sprintf("%04d", n-1))
	must1(c.Insert(ctx, "new", item{Owner: "o3"}))(w)
	equal(w, "kept up", must1(c.Count(ctx, docstore.Query{Index: "os", Equal: []any{"o3"}}))(w), 1)
}

func testIndexChanged(w *world) {
	ctx := w.ctx()
	c := open[item](w, specWith(docstore.Index{Name: "x", Fields: []string{"owner"}, Unique: true}, docstore.Index{Name: "y", Fields: []string{"size"}}))
	must1(c.Insert(ctx, "a", item{Owner: "o", Size: 2}))(w)
	must1(c.Insert(ctx, "b", item{Owner: "p", Size: 1}))(w)
	// x turns from unique by owner to ordered by size and owner; y goes.
	c = open[item](w, specWith(docstore.Index{Name: "x", Fields: []string{"size", "owner"}}))
	must1(c.Insert(ctx, "c", item{Owner: "o", Size: 3}))(w)
	equal(w, "by the changed index", strings.Join(scanAll(w, c, docstore.Query{Index: "x"}), ""), "bac")
	_, err := c.Scan(ctx, docstore.Query{Index: "y"})
	wantErr(w, err, docstore.ErrInvalid)
	c = open[item](w, specWith(docstore.Index{Name: "y", Fields: []string{"owner", "size"}}))
	equal(w, "by a new index of an old name", strings.Join(scanAll(w, c, docstore.Query{Index: "y"}), ""), "acb")
}

func testIndexUniqueBroken(w *world) {
	ctx := w.ctx()
	c := open[item](w, specWith())
	must1(c.Insert(ctx, "a", item{Name: "n"}))(w)
	must1(c.Insert(ctx, "b", item{Name: "n"}))(w)
	unique := specWith(docstore.Index{Name: "name", Fields: []string{"name"}, Unique: true})
	_, err := docstore.Open[item](ctx, w.db, unique)
	wantErr(w, err, docstore.ErrDuplicate)
	must(w, c.Delete(ctx, "b", docstore.DeleteOptions{}))
	c = open[item](w, unique)
	_, err = c.Insert(ctx, "c", item{Name: "n"})
	wantErr(w, err, docstore.ErrDuplicate)
}

// testIndexUniqueSparseTail: an absent later field is a value like any other.
func testIndexUniqueSparseTail(w *world) {
	ctx := w.ctx()
	c := open[item](w, specWith(docstore.Index{Name: "on", Fields: []string{"owner", "name"}, Unique: true}))
	must1(c.Insert(ctx, "a", item{Owner: "o"}))(w)
	_, err := c.Insert(ctx, "b", item{Owner: "o"})
	wantErr(w, err, docstore.ErrDuplicate)
	must1(c.Insert(ctx, "b", item{Owner: "o", Name: "n"}))(w)
	must1(c.Insert(ctx, "c", item{Name: "n"}))(w)
	must1(c.Insert(ctx, "d", item{Name: "n"}))(w)
}

func testIndexNotScalar(w *world) {
	ctx := w.ctx()
	c := open[item](w, specWith(docstore.Index{Name: "tags", Fields: []string{"tags"}}))
	_, err := c.Insert(ctx, "a", item{Tags: []string{"x"}})
	wantErr(w, err, docstore.ErrInvalid)
}

func testSpecMalformed(w *world) {
	ix := func(name string, fields ...string) docstore.Spec {
		return specWith(docstore.Index{Name: name, Fields: fields})
	}
	for _, s := range []docstore.Spec{
		{}, {Name: "Upper"}, {Name: `a"b`}, {Name: "a.b"}, {Name: strings.Repeat("a", 49)},
		ix("", "a"), ix("x"), ix("x", ""), ix("x", "a", "a"), ix("x", "$a"), ix("x", "a..b"),
		specWith(docstore.Index{Name: "x", Fields: []string{"a"}}, docstore.Index{Name: "x", Fields: []string{"b"}}),
	} {
		if _, err := docstore.Open[item](w.ctx(), w.db, s); err == nil {
			w.Errorf("%+v: no error", s)
		} else {
			wantErr(w, err, docstore.ErrInvalid)
		}
	}
}

func testOpenAgain(w *world) {
	a, b, ctx := w.items(), w.items(), w.ctx()
	must1(a.Insert(ctx, "a", item{Name: "n"}))(w)
	d := must1(b.Get(ctx, "a"))(w)
	must1(b.Replace(ctx, d))(w)
	_, err := a.Replace(ctx, d)
	wantErr(w, err, docstore.ErrStale)
}
