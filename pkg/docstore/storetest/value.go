package storetest

import (
	"bytes"
	"math"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
)

func valueTests() []test {
	return []test{
		{"Value_Types", testValueTypes},
		{"Value_Empty", testValueEmpty},
		{"Value_Huge", testValueHuge},
		{"Value_TooLarge", testValueTooLarge},
		{"Value_NullIsAbsent", testNullIsAbsent},
		{"ID_Unicode", testIDUnicode},
		{"ID_Binary", testIDBinary},
		{"ID_Bounds", testIDBounds},
		{"String_Unicode", testStringUnicode},
	}
}

func testValueTypes(w *world) {
	type all struct {
		I   int64
		N   int
		B   bool
		S   string
		Y   []byte
		T   time.Time
		F   float64
		M   map[string]int64
		L   []string
		Sub struct{ A, B int64 }
	}
	c, ctx := open[all](w, docstore.Spec{Name: "all"}), w.ctx()
	at := time.Date(2026, 11, 21, 1, 2, 3, 456_000_000, time.UTC)
	in := all{I: math.MinInt64, N: -1, B: true, S: "s", Y: []byte{0, 1, 255}, T: at, F: 1.5, M: map[string]int64{"k": math.MaxInt64}, L: []string{"", "x"}}
	in.Sub.A = 7
	must1(c.Insert(ctx, "a", in))(w)
	out := must1(c.Get(ctx, "a"))(w).Value
	equal(w, "int64", out.I, math.MinInt64)
	equal(w, "int", out.N, -1)
	equal(w, "bool", out.B, true)
	equal(w, "bytes", bytes.Equal(out.Y, in.Y), true)
	equal(w, "time", out.T.Equal(at), true)
	equal(w, "float", out.F, 1.5)
	equal(w, "map", out.M["k"], math.MaxInt64)
	equal(w, "list", strings.Join(out.L, "|"), "|x")
	equal(w, "struct", out.Sub.A, 7)
}

func testValueEmpty(w *world) {
	type none struct{}
	c, ctx := open[none](w, docstore.Spec{Name: "none"}), w.ctx()
	must1(c.Insert(ctx, "a", none{}))(w)
	must1(c.Get(ctx, "a"))(w)
	p := must1(c.Scan(ctx, docstore.Query{}))(w)
	equal(w, "documents", len(p.Docs), 1)
}

type bulk struct {
	Data []byte `bson:"data"`
	N    int64  `bson:"n"`
}

func testValueHuge(w *world) {
	c, ctx := open[bulk](w, docstore.Spec{Name: "bulk", Indexes: []docstore.Index{{Name: "n", Fields: []string{"n"}}}}), w.ctx()
	for i, size := range []int{1 << 20, 8 << 20} {
		data := bytes.Repeat([]byte{byte(i + 1), 0, 0xff}, size/3)
		id := string(rune('a' + i))
		must1(c.Insert(ctx, id, bulk{Data: data}))(w)
		got := must1(c.Get(ctx, id))(w)
		equal(w, "bytes of a huge value", bytes.Equal(got.Value.Data, data), true)
		equal(w, "increment", must1(c.Increment(ctx, id, "n", 5))(w), 5)
		p := must1(c.Scan(ctx, docstore.Query{Index: "n", Equal: []any{5}, From: nil, Limit: 1}))(w)
		equal(w, "huge document by index", bytes.Equal(p.Docs[0].Value.Data, data) || i > 0, true)
	}
}

func testValueTooLarge(w *world) {
	c, ctx := open[bulk](w, docstore.Spec{Name: "bulk"}), w.ctx()
	_, err := c.Insert(ctx, "a", bulk{Data: make([]byte, docstore.MaxValue)})
	wantErr(w, err, docstore.ErrTooLarge)
	_, err = c.Get(ctx, "a")
	wantErr(w, err, docstore.ErrNotFound)
}

// testNullIsAbsent writes null in each way that there is.
func testNullIsAbsent(w *world) {
	type thing struct {
		Key  *string `bson:"key"`
		Hits *int64  `bson:"hits"`
		List []int64 `bson:"list"`
	}
	c, ctx := open[thing](w, docstore.Spec{Name: "things", Indexes: []docstore.Index{{Name: "key", Fields: []string{"key"}, Unique: true}}}), w.ctx()
	must1(c.Insert(ctx, "a", thing{}))(w)
	must1(c.Insert(ctx, "b", thing{}))(w)
	equal(w, "documents in a sparse index", must1(c.Count(ctx, docstore.Query{Index: "key"}))(w), 0)
	d := must1(c.Modify(ctx, "a", docstore.Mod{
		If:  []docstore.Cond{docstore.Absent("key"), docstore.Eq("hits", nil)},
		Inc: map[string]int64{"hits": 2}, Push: map[string]any{"list": int64(4)}, Set: map[string]any{"key": "k"},
	}))(w)
	equal(w, "hits", *d.Value.Hits, 2)
	equal(w, "list", d.Value.List[0], 4)
	d = must1(c.Modify(ctx, "a", docstore.Mod{If: []docstore.Cond{docstore.Exists("key"), docstore.Ne("key", nil)}, Set: map[string]any{"key": nil}}))(w)
	equal(w, "key", d.Value.Key, nil)
	equal(w, "documents in a sparse index", must1(c.Count(ctx, docstore.Query{Index: "key"}))(w), 0)
}

// roundTripIDs inserts ids and expects them back one by one and in byte order.
func roundTripIDs(w *world, sorted []string) {
	w.Helper()
	c, ctx := w.items(), w.ctx()
	for i := range sorted {
		id := sorted[(i*7+3)%len(sorted)] // not in order; 7 must not divide the length
		must1(c.Insert(ctx, id, item{Owner: id, Size: int64(len(id))}))(w)
	}
	for _, id := range sorted {
		d := must1(c.Get(ctx, id))(w)
		equal(w, "id", d.ID, id)
		equal(w, "length", d.Value.Size, int64(len(id)))
	}
	for _, desc := range []bool{false, true} {
		var got []string
		for after := ""; ; {
			p := must1(c.Scan(ctx, docstore.Query{Limit: 2, After: after, Desc: desc}))(w)
			for _, d := range p.Docs {
				got = append(got, d.ID)
			}
			if after = p.Next; after == "" {
				break
			}
		}
		equal(w, "ids in a scan", len(got), len(sorted))
		for i := range got {
			want := sorted[i]
			if desc {
				want = sorted[len(sorted)-1-i]
			}
			equal(w, "id in order", got[i], want)
		}
	}
}

func testIDUnicode(w *world) {
	roundTripIDs(w, []string{" ", "A", "Zürich/", "a", "a'b\"c\\", "a/b", "a\x7f", "ä", "日本語", "日本語/😀", "😀"})
}

func testIDBinary(w *world) {
	roundTripIDs(w, []string{"\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a\x00b", "\x7f", "\x80", "\xc3\x28", "\xfe\xff", "\xff", "\xff\x00", "\xff\xff"})
}

func testIDBounds(w *world) {
	c, ctx := w.items(), w.ctx()
	long := strings.Repeat("é", docstore.MaxID/2)
	must1(c.Insert(ctx, long, item{Size: 1}))(w)
	equal(w, "size", must1(c.Get(ctx, long))(w).Value.Size, 1)
	for _, id := range []string{"", long + "x"} {
		_, err := c.Insert(ctx, id, item{})
		wantErr(w, err, docstore.ErrInvalid)
		_, err = c.Get(ctx, id)
		wantErr(w, err, docstore.ErrInvalid)
		_, err = c.Update(ctx, id, func(*item) ([]docstore.Message, error) { return nil, nil })
		wantErr(w, err, docstore.ErrInvalid)
		_, err = c.Modify(ctx, id, docstore.Mod{})
		wantErr(w, err, docstore.ErrInvalid)
		wantErr(w, c.Delete(ctx, id, docstore.DeleteOptions{}), docstore.ErrInvalid)
	}
}

func testStringUnicode(w *world) {
	c, ctx := w.items(), w.ctx()
	names := []string{"a\x00b", "quote\" ' \\", "$set", "a.b", "ünï", "日本", "😀\U0010ffff", strings.Repeat("long ", 1000)}
	for i, n := range names {
		must1(c.Insert(ctx, string(rune('a'+i)), item{Name: n, Owner: "o", Size: int64(i), Meta: map[string]string{"k": n}}))(w)
	}
	for i, n := range names {
		p := must1(c.Scan(ctx, docstore.Query{Index: "name", Equal: []any{n}}))(w)
		equal(w, "documents of a name", len(p.Docs), 1)
		equal(w, "name", p.Docs[0].Value.Name, n)
		equal(w, "meta", p.Docs[0].Value.Meta["k"], n)
		equal(w, "size", p.Docs[0].Value.Size, int64(i))
	}
}
