package mongo

// These tests look inside: the embedded peer of test/mongowire cannot run some of
// the translations, so what is sent to MongoDB is compared with what was reviewed.

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

func value(t *testing.T, v any) bson.RawValue {
	t.Helper()
	b, err := bson.Marshal(bson.D{e("x", v)})
	if err != nil {
		t.Fatal(err)
	}
	return bson.Raw(b).Lookup("x")
}

func want(t *testing.T, what string, got bson.D, wanted string) {
	t.Helper()
	b, err := bson.MarshalExtJSON(got, false, false)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != wanted {
		t.Errorf("%s:\n got %s\nwant %s", what, b, wanted)
	}
}

func TestCondition_Filters(t *testing.T) {
	t.Parallel()
	full, reduced := &table{db: &DB{}}, &table{db: &DB{reduced: true}}
	for _, c := range []struct {
		cond          rawdoc.Cond
		full, reduced string
	}{
		{rawdoc.Cond{Path: "a.b", Op: rawdoc.Eq, Value: value(t, 1)}, `{"v.a.b":{"$eq":1}}`, ""},
		{rawdoc.Cond{Path: "a", Op: rawdoc.Eq}, `{"v.a":{"$eq":null}}`, ""},
		{rawdoc.Cond{Path: "a", Op: rawdoc.Ne}, `{"v.a":{"$ne":null}}`, ""},
		{rawdoc.Cond{Path: "a", Op: rawdoc.Lte, Value: value(t, "x")}, `{"v.a":{"$lte":"x"}}`, ""},
		{
			rawdoc.Cond{Path: "h", Op: rawdoc.Has, Elem: "id", Value: value(t, "x")},
			`{"v.h":{"$elemMatch":{"id":{"$eq":"x"}}}}`, `{"v.h.id":{"$eq":"x"}}`,
		},
		{
			rawdoc.Cond{Path: "h", Op: rawdoc.HasNo, Elem: "id", Value: value(t, "x")},
			`{"v.h":{"$not":{"$elemMatch":{"id":{"$eq":"x"}}}}}`, `{"$nor":[{"v.h.id":{"$eq":"x"}}]}`,
		},
		{rawdoc.Cond{Path: "h", Op: rawdoc.Has, Value: value(t, "x")}, `{"v.h":{"$elemMatch":{"$eq":"x"}}}`, `{"v.h":{"$eq":"x"}}`},
	} {
		want(t, "filter", full.condition(c.cond), c.full)
		if c.reduced != "" {
			want(t, "reduced filter", reduced.condition(c.cond), c.reduced)
		}
	}
}

func TestChanges_Operators(t *testing.T) {
	t.Parallel()
	got := changes([]rawdoc.Edit{
		{Kind: rawdoc.Inc, Path: "a", Value: value(t, int64(2))},
		{Kind: rawdoc.Set, Path: "b.c", Value: value(t, "x")},
		{Kind: rawdoc.Push, Path: "d", Value: value(t, bson.D{e("id", "y")})},
		{Kind: rawdoc.Pull, Path: "e", Elem: "id", Value: value(t, "z")},
		{Kind: rawdoc.Pull, Path: "f", Value: value(t, 3)},
		{Kind: rawdoc.Unset, Path: "g"},
	}, []docstore.Message{{ID: "i", Subject: "s", Time: time.UnixMilli(7).UTC()}})
	want(t, "update", got, `{"$inc":{"r":1,"v.a":2},"$min":{"p":7},"$set":{"v.b.c":"x"},"$unset":{"v.g":""},`+
		`"$push":{"v.d":{"$each":[{"id":"y"}]},"o":{"$each":[{"id":"i","s":"s","d":null,"t":{"$date":"1970-01-01T00:00:00.007Z"}}]}},`+
		`"$pull":{"v.e":{"id":{"$eq":"z"}},"v.f":{"$eq":3}}}`)
}

func TestSelection_Filters(t *testing.T) {
	t.Parallel()
	from, to := value(t, 3), value(t, 5)
	at := func(id string, vals ...any) *rawdoc.Position {
		p := &rawdoc.Position{ID: id}
		for _, v := range vals {
			p.Values = append(p.Values, value(t, v))
		}
		return p
	}
	two := []string{"a", "b"}
	for _, c := range []struct {
		name         string
		q            rawdoc.Query
		filter, sort string
	}{
		{"by id", rawdoc.Query{After: at("x\xff")}, `{"$and":[{"t":{"$ne":true}},{"_id":{"$gt":"xÿ"}}]}`, `{"_id":1}`},
		{"whole index", rawdoc.Query{Index: "i", Fields: two, Desc: true}, `{"$and":[{"v.a":{"$exists":true}}]}`, `{"v.a":-1,"v.b":-1,"_id":-1}`},
		{
			"range", rawdoc.Query{Index: "i", Fields: two, Equal: []bson.RawValue{value(t, "o")}, From: &from, To: &to, ToExclusive: true, Unique: true},
			`{"$and":[{"v.a":{"$eq":"o"}},{"v.b":{"$gte":3}},{"v.b":{"$lt":5}}]}`, `{"v.a":1,"v.b":1}`,
		},
		{
			"resume", rawdoc.Query{Index: "i", Fields: two, Equal: []bson.RawValue{value(t, "o")}, After: at("x", "o", 4)},
			`{"$and":[{"v.a":{"$eq":"o"}},{"$or":[{"v.b":{"$gt":4}},{"v.b":{"$eq":4},"_id":{"$gt":"x"}}]},{"v.b":{"$not":{"$lt":4}}}]}`,
			`{"v.a":1,"v.b":1,"_id":1}`,
		},
		{
			"resume down, absent", rawdoc.Query{Index: "i", Fields: two, Desc: true, After: at("x", "o", nil)},
			`{"$and":[{"v.a":{"$exists":true}},{"$or":[{"v.a":{"$not":{"$gte":"o"}}},{"v.a":{"$eq":"o"},"v.b":{"$eq":null},"_id":{"$lt":"x"}}]},{"v.a":{"$not":{"$gt":"o"}}}]}`,
			`{"v.a":-1,"v.b":-1,"_id":-1}`,
		},
	} {
		filter, ok := selection(c.q)
		if !ok {
			t.Errorf("%s: nothing to select", c.name)
			continue
		}
		want(t, c.name, filter, c.filter)
		want(t, c.name, order(c.q), c.sort)
	}
}

func TestID_RoundTrip(t *testing.T) {
	t.Parallel()
	last := ""
	for _, id := range []string{"", "\x00", "a", "a\x00", "z", "\x7f", "\x80", "é", "\xff\x00", "\xff\xff"} {
		enc := encodeID(id)
		if decodeID(enc) != id {
			t.Errorf("%q became %q", id, decodeID(enc))
		}
		if enc < last {
			t.Errorf("%q is out of order", id)
		}
		last = enc
	}
}
