package storetest

import (
	"fmt"
	"math"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
)

func modifyTests() []test {
	return []test{
		{"Modify_Conditions", testModifyConditions},
		{"Modify_Changes", testModifyChanges},
		{"Modify_Guard", testModifyGuard},
		{"Modify_IfRev", testModifyIfRev},
		{"Modify_Upsert", testModifyUpsert},
		{"Modify_Indexed", testModifyIndexed},
		{"Modify_WrongType", testModifyWrongType},
		{"Modify_Malformed", testModifyMalformed},
		{"Modify_Pull", testModifyPull},
		{"Increment", testIncrement},
	}
}

func ptr[T any](v T) *T { return &v }

// testModifyConditions tries each operator on one document.
func testModifyConditions(w *world) {
	c, ctx := w.items(), w.ctx()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	must1(c.Insert(ctx, "a", item{
		Owner: "m", Size: 10, At: at, Hash: []byte{2, 2}, Done: ptr(true),
		Holds: []hold{{"h1", 1}, {"h2", 2}}, Tags: []string{"x", "y"}, Place: place{Region: "eu"},
	}))(w)
	id := func(v string) docstore.Elem { return docstore.Elem{Field: "id", Value: v} }
	cases := []struct {
		name string
		cond docstore.Cond
		want bool
	}{
		{"eq int", docstore.Eq("size", 10), true}, {"eq int64", docstore.Eq("size", int64(10)), true},
		{"eq other", docstore.Eq("size", 11), false}, {"eq other type", docstore.Eq("size", "10"), false},
		{"eq float", docstore.Eq("size", 10.0), true}, {"eq string", docstore.Eq("owner", "m"), true},
		{"eq time", docstore.Eq("at", at), true}, {"eq bytes", docstore.Eq("hash", []byte{2, 2}), true},
		{"eq bool", docstore.Eq("done", true), true}, {"eq nested", docstore.Eq("place.region", "eu"), true},
		{"eq absent field", docstore.Eq("name", "x"), false}, {"eq nil", docstore.Eq("name", nil), true},
		{"eq nil but there", docstore.Eq("size", nil), false},
		{"ne", docstore.Ne("size", 11), true}, {"ne same", docstore.Ne("size", 10), false},
		{"ne absent field", docstore.Ne("name", "x"), true}, {"ne other type", docstore.Ne("size", "10"), true},
		{"lt", docstore.Lt("size", 11), true}, {"lt same", docstore.Lt("size", 10), false},
		{"lt absent", docstore.Lt("name", "zz"), false}, {"lt other type", docstore.Lt("size", "zz"), false},
		{"lt float", docstore.Lt("size", 10.5), true}, {"lt time", docstore.Lt("at", at.Add(time.Second)), true},
		{"lte", docstore.Lte("size", 10), true}, {"lte less", docstore.Lte("size", 9), false},
		{"gt", docstore.Gt("size", 9), true}, {"gt same", docstore.Gt("size", 10), false},
		{"gt string", docstore.Gt("owner", "lzz"), true}, {"gt absent", docstore.Gt("name", ""), false},
		{"gte", docstore.Gte("size", 10), true}, {"gte more", docstore.Gte("size", 11), false},
		{"gte bytes longer", docstore.Gte("hash", []byte{0, 0, 0}), false}, {"gte bool", docstore.Gte("done", false), true},
		{"exists", docstore.Exists("owner"), true}, {"exists nested", docstore.Exists("place.shard"), false},
		{"absent", docstore.Absent("owner"), false}, {"absent below a scalar", docstore.Absent("owner.x"), true},
		{"has", docstore.Has("holds", id("h2")), true}, {"has other", docstore.Has("holds", id("h3")), false},
		{"has int", docstore.Has("holds", docstore.Elem{Field: "bytes", Value: 2}), true},
		{"has no", docstore.HasNo("holds", id("h3")), true}, {"has no but has", docstore.HasNo("holds", id("h1")), false},
		{"has on absent", docstore.Has("nothing", id("h1")), false}, {"has no on absent", docstore.HasNo("nothing", id("h1")), true},
		{"has scalar", docstore.Has("tags", docstore.Elem{Value: "y"}), true}, {"has no scalar", docstore.HasNo("tags", docstore.Elem{Value: "z"}), true},
		{"has no scalar but has", docstore.HasNo("tags", docstore.Elem{Value: "x"}), false},
	}
	for _, tc := range cases {
		_, err := c.Modify(ctx, "a", docstore.Mod{If: []docstore.Cond{tc.cond}, Set: map[string]any{"meta.last": tc.name}})
		want := error(nil)
		if !tc.want {
			want = docstore.ErrGuard
		}
		if (want == nil) != (err == nil) {
			w.Errorf("%s: got %v, want %v", tc.name, err, want)
		} else if want != nil {
			wantErr(w, err, want)
		}
	}
}

func testModifyChanges(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Owner: "o", Size: 1, Tags: []string{"x"}, Meta: map[string]string{"k": "v"}}))(w)
	d := must1(c.Modify(ctx, "a", docstore.Mod{
		Set:   map[string]any{"name": "n", "place.region": "eu", "at": time.UnixMilli(1500).UTC(), "hash": []byte("h")},
		Unset: []string{"owner", "nothing", "place.none"},
		Inc:   map[string]int64{"size": 41, "place.shard": -3, "limit": 7},
		Push:  map[string]any{"tags": "y", "holds": hold{"h", 5}},
	}))(w)
	v := d.Value
	equal(w, "revision", d.Rev, 2)
	equal(w, "changes", fmt.Sprint(v.Name, v.Owner, v.Size, *v.Limit, v.Place, v.At.UnixMilli(), string(v.Hash), v.Tags, v.Holds, v.Meta),
		fmt.Sprint("n", "", 42, 7, place{"eu", -3}, 1500, "h", []string{"x", "y"}, []hold{{"h", 5}}, map[string]string{"k": "v"}))
	got := must1(c.Get(ctx, "a"))(w)
	equal(w, "stored", fmt.Sprint(got.Value.Name, got.Value.Size, got.Value.Tags, got.Rev), fmt.Sprint("n", 42, []string{"x", "y"}, 2))
	// A change of nothing is a write all the same.
	equal(w, "revision", must1(c.Modify(ctx, "a", docstore.Mod{}))(w).Rev, 3)
}

func testModifyPull(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Holds: []hold{{"h1", 1}, {"h2", 2}, {"h1", 3}}, Tags: []string{"x", "y", "x"}}))(w)
	d := must1(c.Modify(ctx, "a", docstore.Mod{
		If:   []docstore.Cond{docstore.Has("holds", docstore.Elem{Field: "id", Value: "h1"})},
		Pull: map[string]docstore.Elem{"holds": {Field: "id", Value: "h1"}, "tags": {Value: "x"}, "nothing": {Value: 1}},
		Inc:  map[string]int64{"size": 4}, Events: []docstore.Message{event("pulled")},
	}))(w)
	equal(w, "after pull", fmt.Sprint(d.Value.Holds, d.Value.Tags, d.Value.Size, subjects(d.Pending)), fmt.Sprint([]hold{{"h2", 2}}, []string{"y"}, 4, "pulled "))
	_, err := c.Modify(ctx, "a", docstore.Mod{
		If:   []docstore.Cond{docstore.Has("holds", docstore.Elem{Field: "id", Value: "h1"})},
		Pull: map[string]docstore.Elem{"holds": {Field: "id", Value: "h1"}},
	})
	wantErr(w, err, docstore.ErrGuard)
	_, err = c.Modify(ctx, "b", docstore.Mod{Pull: map[string]docstore.Elem{"tags": {Value: "x"}}})
	wantErr(w, err, docstore.ErrNotFound)
	d = must1(c.Modify(ctx, "b", docstore.Mod{Upsert: item{Tags: []string{"x", "z"}}, Pull: map[string]docstore.Elem{"tags": {Value: "x"}}}))(w)
	equal(w, "pulled from the initial value", fmt.Sprint(d.Value.Tags), "[z]")
}

func testModifyGuard(w *world) {
	c, ctx := w.items(), w.ctx()
	_, err := c.Modify(ctx, "a", docstore.Mod{Inc: map[string]int64{"size": 1}})
	wantErr(w, err, docstore.ErrNotFound)
	must1(c.Insert(ctx, "a", item{Size: 90}))(w)
	reserve := func(id string, n int64) error {
		_, err := c.Modify(ctx, "a", docstore.Mod{
			If:   []docstore.Cond{docstore.Lte("size", 100-n), docstore.HasNo("holds", docstore.Elem{Field: "id", Value: id})},
			Inc:  map[string]int64{"size": n},
			Push: map[string]any{"holds": hold{id, n}},
		})
		return err
	}
	must(w, reserve("r1", 10))
	wantErr(w, reserve("r1", 0), docstore.ErrGuard)
	wantErr(w, reserve("r2", 1), docstore.ErrGuard)
	must(w, reserve("r2", 0))
	d := must1(c.Get(ctx, "a"))(w)
	equal(w, "after guards", fmt.Sprint(d.Value.Size, d.Value.Holds, d.Rev), fmt.Sprint(100, []hold{{"r1", 10}, {"r2", 0}}, 3))
}

func testModifyIfRev(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{}))(w)
	must1(c.Modify(ctx, "a", docstore.Mod{IfRev: 1, Inc: map[string]int64{"size": 1}}))(w)
	_, err := c.Modify(ctx, "a", docstore.Mod{IfRev: 1, Inc: map[string]int64{"size": 1}})
	wantErr(w, err, docstore.ErrStale)
	_, err = c.Modify(ctx, "b", docstore.Mod{IfRev: 1, Inc: map[string]int64{"size": 1}})
	wantErr(w, err, docstore.ErrNotFound)
}

func testModifyUpsert(w *world) {
	c, ctx := w.items(), w.ctx()
	m := docstore.Mod{
		Upsert: item{Owner: "o", Size: 5}, If: []docstore.Cond{docstore.Lt("size", 7)},
		Inc: map[string]int64{"size": 1}, Push: map[string]any{"tags": "t"}, Events: []docstore.Message{event("e")},
	}
	d := must1(c.Modify(ctx, "a", m))(w)
	equal(w, "inserted", fmt.Sprint(d.Rev, d.Value.Owner, d.Value.Size, d.Value.Tags, subjects(d.Pending)), fmt.Sprint(1, "o", 6, []string{"t"}, "e "))
	m.Events = []docstore.Message{event("e")}
	d = must1(c.Modify(ctx, "a", m))(w)
	equal(w, "changed", fmt.Sprint(d.Rev, d.Value.Size, d.Value.Tags), fmt.Sprint(2, 7, []string{"t", "t"}))
	_, err := c.Modify(ctx, "a", m)
	wantErr(w, err, docstore.ErrGuard)
	m.Upsert = item{Size: 8}
	_, err = c.Modify(ctx, "b", m)
	wantErr(w, err, docstore.ErrGuard)
	_, err = c.Get(ctx, "b")
	wantErr(w, err, docstore.ErrNotFound)
}

// testModifyIndexed moves a document within its indexes by a guarded update.
func testModifyIndexed(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Owner: "o", Size: 1, Name: "n"}))(w)
	count := func(owner string, size any) int64 {
		return must1(c.Count(ctx, docstore.Query{Index: "owner_size", Equal: []any{owner, size}}))(w)
	}
	must1(c.Modify(ctx, "a", docstore.Mod{Set: map[string]any{"owner": "p"}, Inc: map[string]int64{"size": 4}}))(w)
	equal(w, "at the old place", count("o", 1), 0)
	equal(w, "at the new place", count("p", 5), 1)
	must1(c.Modify(ctx, "a", docstore.Mod{Unset: []string{"owner"}, Set: map[string]any{"place": place{Region: "eu"}}}))(w)
	equal(w, "without the first field", must1(c.Count(ctx, docstore.Query{Index: "owner_size"}))(w), 0)
	equal(w, "by a nested field", must1(c.Count(ctx, docstore.Query{Index: "region", Equal: []any{"eu"}}))(w), 1)
}

func testModifyWrongType(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{Owner: "o", Name: "n", Size: math.MaxInt64, Tags: []string{"x"}}))(w)
	for name, m := range map[string]docstore.Mod{
		"inc of a string":         {Inc: map[string]int64{"owner": 1}},
		"inc beyond 64 bits":      {Inc: map[string]int64{"size": 1}},
		"push to a number":        {Push: map[string]any{"place.region": 1, "size": 1}},
		"set inside a string":     {Set: map[string]any{"meta": "x", "hash.x": 1, "limit": 1, "tags": 2, "place.region.x": 1, "holds": 1}},
		"set of an indexed array": {Set: map[string]any{"owner": []string{"x"}}},
		"set inside an index":     {Set: map[string]any{"name.first": "x"}},
		"push to an indexed":      {Push: map[string]any{"owner": 1}},
	} {
		if name == "set inside a string" {
			must1(c.Modify(ctx, "a", docstore.Mod{Set: map[string]any{"place.region": "eu", "hash": []byte("h")}}))(w)
		}
		if _, err := c.Modify(ctx, "a", m); err == nil {
			w.Errorf("%s: no error", name)
		} else {
			wantErr(w, err, docstore.ErrInvalid)
		}
	}
	got := must1(c.Get(ctx, "a"))(w)
	equal(w, "size", got.Value.Size, math.MaxInt64)
	equal(w, "revision", got.Rev, 2)
}

func testModifyMalformed(w *world) {
	c, ctx := w.items(), w.ctx()
	must1(c.Insert(ctx, "a", item{}))(w)
	for name, m := range map[string]docstore.Mod{
		"empty path":      {Set: map[string]any{"": 1}},
		"empty segment":   {Set: map[string]any{"a..b": 1}},
		"operator":        {Set: map[string]any{"$x": 1}},
		"nul":             {Unset: []string{"a\x00b"}},
		"same twice":      {Set: map[string]any{"size": 1}, Inc: map[string]int64{"size": 1}},
		"one in other":    {Set: map[string]any{"place": place{}, "place.region": "eu"}},
		"push and pull":   {Push: map[string]any{"tags": "a"}, Pull: map[string]docstore.Elem{"tags": {Value: "b"}}},
		"value":           {Set: map[string]any{"size": make(chan int)}},
		"condition":       {If: []docstore.Cond{docstore.Eq("", 1)}},
		"element":         {If: []docstore.Cond{docstore.Has("tags", docstore.Elem{Field: "$where", Value: 1})}},
		"event":           {Events: []docstore.Message{{ID: "x"}}},
		"condition value": {If: []docstore.Cond{docstore.Eq("size", func() {})}},
	} {
		_, err := c.Modify(ctx, "a", m)
		if err == nil {
			w.Errorf("%s: no error", name)
			continue
		}
		wantErr(w, err, docstore.ErrInvalid)
	}
	equal(w, "revision", must1(c.Get(ctx, "a"))(w).Rev, 1)
}

func testIncrement(w *world) {
	c, ctx := w.items(), w.ctx()
	_, err := c.Increment(ctx, "a", "size", 1)
	wantErr(w, err, docstore.ErrNotFound)
	must1(c.Insert(ctx, "a", item{Size: 40}))(w)
	equal(w, "sum", must1(c.Increment(ctx, "a", "size", 2))(w), 42)
	equal(w, "sum", must1(c.Increment(ctx, "a", "limit", -3))(w), -3)
	equal(w, "sum", must1(c.Increment(ctx, "a", "place.shard", 1))(w), 1)
}
