package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
)

func scanTests() []test {
	return []test{
		{"Scan_Ranges", testScanRanges},
		{"Scan_Sparse", testScanSparse},
		{"Scan_Types", testScanTypes},
		{"Scan_Limits", testScanLimits},
		{"Scan_AgainstModel", testScanModel},
		{"Scan_UnderChange", testScanUnderChange},
		{"Scan_ResumeKeys", testScanResumeKeys},
		{"Scan_MadeResumeKeys", testScanMadeResumeKeys},
		{"Scan_Prefix", testScanPrefix},
		{"Scan_Malformed", testScanMalformed},
	}
}

// scanAll pages through a query and returns the ids.
func scanAll[T any](w *world, c *docstore.Collection[T], q docstore.Query) []string {
	w.Helper()
	var out []string
	for {
		p := must1(c.Scan(w.ctx(), q))(w)
		for _, d := range p.Docs {
			out = append(out, d.ID)
		}
		if p.Next == "" {
			return out
		}
		if q.After == p.Next {
			w.Fatal("the scan does not move on")
		}
		q.After = p.Next
	}
}

func testScanRanges(w *world) {
	c, ctx := w.items(), w.ctx()
	for i := range 10 {
		must1(c.Insert(ctx, fmt.Sprint("o", i), item{Owner: "o", Size: int64(i)}))(w)
		must1(c.Insert(ctx, fmt.Sprint("p", i), item{Owner: "p", Size: int64(-i)}))(w)
	}
	q := func(eq []any, from, to any) docstore.Query {
		return docstore.Query{Index: "owner_size", Equal: eq, From: from, To: to}
	}
	o := []any{"o"}
	cases := []struct {
		q    docstore.Query
		want string
	}{
		{q(o, nil, nil), "o0 o1 o2 o3 o4 o5 o6 o7 o8 o9"},
		{q(o, 3, nil), "o3 o4 o5 o6 o7 o8 o9"},
		{q(o, nil, 3), "o0 o1 o2 o3"},
		{q(o, 3, 5), "o3 o4 o5"},
		{docstore.Query{Index: "owner_size", Equal: o, From: 3, To: 5, FromExclusive: true}, "o4 o5"},
		{docstore.Query{Index: "owner_size", Equal: o, From: 3, To: 5, ToExclusive: true}, "o3 o4"},
		{docstore.Query{Index: "owner_size", Equal: o, From: 3, To: 5, FromExclusive: true, ToExclusive: true}, "o4"},
		{q(o, 5, 3), ""}, {q(o, 100, nil), ""}, {q([]any{"none"}, nil, nil), ""},
		{q([]any{"o", 4}, nil, nil), "o4"}, {q([]any{"p"}, -2, nil), "p2 p1 p0"},
		{q(nil, "p", nil), "p9 p8 p7 p6 p5 p4 p3 p2 p1 p0"},
		{docstore.Query{Index: "owner_size", To: "p", ToExclusive: true, From: "o", FromExclusive: true}, ""},
		{docstore.Query{From: "o8", To: "p1"}, "o8 o9 p0 p1"},
		{docstore.Query{From: "o8", To: "p1", FromExclusive: true, ToExclusive: true}, "o9 p0"},
	}
	for i, tc := range cases {
		for _, limit := range []int{0, 1, 3} {
			tc.q.Limit = limit
			tc.q.Desc = false
			up := scanAll(w, c, tc.q)
			equal(w, fmt.Sprint("case ", i, " limit ", limit), strings.Join(up, " "), tc.want)
			tc.q.Desc = true
			down := scanAll(w, c, tc.q)
			slices.Reverse(down)
			equal(w, fmt.Sprint("case ", i, " limit ", limit, " down"), strings.Join(down, " "), tc.want)
		}
		equal(w, fmt.Sprint("count of case ", i), must1(c.Count(ctx, tc.q))(w), int64(len(strings.Fields(tc.want))))
	}
}

func testScanSparse(w *world) {
	c, ctx := w.items(), w.ctx()
	at := time.UnixMilli(5000).UTC()
	must1(c.Insert(ctx, "none", item{At: at}))(w)
	must1(c.Insert(ctx, "eu-none", item{Place: place{Region: "eu"}}))(w)
	must1(c.Insert(ctx, "eu-1", item{Place: place{Region: "eu"}, At: at}))(w)
	must1(c.Insert(ctx, "eu-2", item{Place: place{Region: "eu"}, At: at.Add(time.Millisecond)}))(w)
	must1(c.Insert(ctx, "us-none", item{Place: place{Region: "us"}}))(w)
	must1(c.Insert(ctx, "us-none2", item{Place: place{Region: "us"}}))(w)
	want := "eu-none eu-1 eu-2 us-none us-none2"
	for _, limit := range []int{0, 1, 2} {
		equal(w, "up", strings.Join(scanAll(w, c, docstore.Query{Index: "region", Limit: limit}), " "), want)
		down := scanAll(w, c, docstore.Query{Index: "region", Limit: limit, Desc: true})
		slices.Reverse(down)
		equal(w, "down", strings.Join(down, " "), want)
	}
	equal(w, "absent second field", strings.Join(scanAll(w, c, docstore.Query{Index: "region", Equal: []any{"us", nil}}), " "), "us-none us-none2")
	equal(w, "range leaves out absent", strings.Join(scanAll(w, c, docstore.Query{Index: "region", Equal: []any{"eu"}, From: time.UnixMilli(0)}), " "), "eu-1 eu-2")
	equal(w, "range to leaves out absent", strings.Join(scanAll(w, c, docstore.Query{Index: "region", Equal: []any{"eu"}, To: at}), " "), "eu-1")
}

// testScanTypes scans an index of each type in its order.
func testScanTypes(w *world) {
	ctx := w.ctx()
	c := open[item](w, docstore.Spec{Name: "typed", Indexes: []docstore.Index{
		{Name: "hash", Fields: []string{"hash"}}, {Name: "done", Fields: []string{"done"}}, {Name: "at", Fields: []string{"at"}}, {Name: "limit", Fields: []string{"limit"}},
	}})
	hashes := [][]byte{{0xff}, {0, 0}, {0, 1}, {1, 0}, {0, 0, 0}}
	limits := []int64{-1 << 63, -5, 0, 7, 1<<63 - 1}
	for i := range 5 {
		must1(c.Insert(ctx, fmt.Sprint(i), item{
			Hash: hashes[i], Done: ptr(i > 1), Limit: &limits[i], At: time.UnixMilli(int64(i-2) * 1e6),
		}))(w)
	}
	for _, index := range []string{"hash", "done", "at", "limit"} {
		equal(w, index, strings.Join(scanAll(w, c, docstore.Query{Index: index, Limit: 2}), ""), "01234")
		equal(w, index+" down", strings.Join(scanAll(w, c, docstore.Query{Index: index, Limit: 2, Desc: true}), ""), "43210")
	}
	equal(w, "bytes from", strings.Join(scanAll(w, c, docstore.Query{Index: "hash", From: []byte{0, 1}}), ""), "234")
	equal(w, "bool", strings.Join(scanAll(w, c, docstore.Query{Index: "done", Equal: []any{true}}), ""), "234")
	equal(w, "times", strings.Join(scanAll(w, c, docstore.Query{Index: "at", From: time.UnixMilli(-1e6), To: time.UnixMilli(1e6)}), ""), "123")
	equal(w, "ints", strings.Join(scanAll(w, c, docstore.Query{Index: "limit", From: int64(-5), To: 7}), ""), "123")
}

func testScanLimits(w *world) {
	c, ctx := w.items(), w.ctx()
	n := docstore.DefaultLimit + 5
	for i := range n {
		must1(c.Insert(ctx, fmt.Sprintf("%04d", i), item{}))(w)
	}
	p := must1(c.Scan(ctx, docstore.Query{}))(w)
	equal(w, "default limit", len(p.Docs), docstore.DefaultLimit)
	p = must1(c.Scan(ctx, docstore.Query{After: p.Next}))(w)
	equal(w, "rest", len(p.Docs), 5)
	equal(w, "next of the last page", p.Next, "")
	p = must1(c.Scan(ctx, docstore.Query{Limit: n}))(w)
	equal(w, "exact page", len(p.Docs), n)
	equal(w, "next of an exact page", p.Next, "")
	p = must1(c.Scan(ctx, docstore.Query{Limit: 1 << 30}))(w)
	equal(w, "huge limit", len(p.Docs), n)
}

// testScanModel compares random scans with a sorted slice.
func testScanModel(w *world) {
	type row struct {
		A string `bson:"a,omitempty"`
		B *int64 `bson:"b"`
		C []byte `bson:"c,omitempty"`
	}
	ctx := w.ctx()
	c := open[row](w, docstore.Spec{Name: "rows", Indexes: []docstore.Index{{Name: "abc", Fields: []string{"a", "b", "c"}}}})
	rnd := rand.New(rand.NewPCG(1, 2))
	letters := []string{"", "a", "a\x00", "a\x00b", "ab", "b", "é"}
	type entry struct {
		id string
		row
	}
	var model []entry
	for i := range w.few(150) {
		r := row{A: letters[rnd.IntN(len(letters))]}
		if rnd.IntN(3) > 0 {
			r.B = ptr(rnd.Int64N(5) - 2)
		}
		if rnd.IntN(2) > 0 {
			r.C = bytes.Repeat([]byte{byte(rnd.IntN(3))}, 1+rnd.IntN(2))
		}
		id := fmt.Sprintf("%c%d", 'a'+rune(rnd.IntN(26)), i)
		must1(c.Insert(ctx, id, r))(w)
		if r.A != "" {
			model = append(model, entry{id, r})
		}
	}
	slices.SortFunc(model, func(x, y entry) int {
		return cmp.Or(cmp.Compare(x.A, y.A), comparePtr(x.B, y.B), cmp.Compare(len(x.C), len(y.C)), bytes.Compare(x.C, y.C), cmp.Compare(x.id, y.id))
	})
	for range 60 {
		q := docstore.Query{Index: "abc", Limit: 1 + rnd.IntN(20), Desc: rnd.IntN(2) == 0}
		match := func(entry) bool { return true }
		a := letters[1+rnd.IntN(len(letters)-1)]
		lo, hi := rnd.Int64N(5)-2, rnd.Int64N(5)-2
		switch rnd.IntN(4) {
		case 0:
			q.From, q.ToExclusive = a, true
			match = func(e entry) bool { return e.A >= a }
		case 1:
			q.Equal = []any{a}
			match = func(e entry) bool { return e.A == a }
		case 2:
			q.Equal, q.From, q.To = []any{a}, lo, hi
			match = func(e entry) bool { return e.A == a && e.B != nil && *e.B >= lo && *e.B <= hi }
		}
		var want []string
		for _, e := range model {
			if match(e) {
				want = append(want, e.id)
			}
		}
		equal(w, fmt.Sprintf("count %+v", q), must1(c.Count(ctx, q))(w), int64(len(want)))
		if q.Desc {
			slices.Reverse(want)
		}
		equal(w, fmt.Sprintf("scan %+v", q), strings.Join(scanAll(w, c, q), " "), strings.Join(want, " "))
	}
}

func comparePtr(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}

// testScanUnderChange pages while documents come and go: what is there all the
// time is seen once, and nothing is seen twice.
func testScanUnderChange(w *world) {
	c, ctx := w.items(), w.ctx()
	n := w.few(120)
	for i := range n {
		must1(c.Insert(ctx, fmt.Sprintf("stay-%04d", i), item{Owner: "o", Size: int64(i / 3)}))(w)
		if i%2 == 0 {
			must1(c.Insert(ctx, fmt.Sprintf("go-%04d", i), item{Owner: "o", Size: int64(i / 3)}))(w)
		}
	}
	for _, desc := range []bool{false, true} {
		seen := map[string]int{}
		q := docstore.Query{Index: "owner_size", Equal: []any{"o"}, Limit: 7, Desc: desc}
		for step := 0; ; step++ {
			p := must1(c.Scan(ctx, q))(w)
			for _, d := range p.Docs {
				seen[d.ID]++
			}
			if q.After = p.Next; p.Next == "" {
				break
			}
			// The document that the resume key names goes, and others come on both sides.
			last := p.Docs[len(p.Docs)-1]
			if strings.HasPrefix(last.ID, "go-") {
				must(w, c.Delete(ctx, last.ID, docstore.DeleteOptions{}))
			}
			must1(c.Insert(ctx, fmt.Sprintf("new-%v-%d-a", desc, step), item{Owner: "o", Size: 0}))(w)
			must1(c.Insert(ctx, fmt.Sprintf("new-%v-%d-b", desc, step), item{Owner: "o", Size: last.Value.Size}))(w)
		}
		for i := range n {
			equal(w, "times that a document was seen", seen[fmt.Sprintf("stay-%04d", i)], 1)
		}
		for id, times := range seen {
			equal(w, "times that "+id+" was seen", times, 1)
		}
	}
}

func testScanResumeKeys(w *world) {
	c, ctx := w.items(), w.ctx()
	for i := range 5 {
		must1(c.Insert(ctx, fmt.Sprint(i), item{Owner: "o", Size: int64(i), Name: fmt.Sprint("n", i)}))(w)
	}
	q := docstore.Query{Index: "owner_size", Limit: 2}
	next := must1(c.Scan(ctx, q))(w).Next
	for name, bad := range map[string]docstore.Query{
		"other index":     {Index: "name", After: next},
		"by id":           {After: next},
		"other direction": {Index: "owner_size", Desc: true, After: next},
		"not base64":      {Index: "owner_size", After: "!!"},
		"cut":             {Index: "owner_size", After: next[:len(next)-6]},
		"short":           {Index: "owner_size", After: "AAAA"},
	} {
		if _, err := c.Scan(ctx, bad); err == nil {
			w.Errorf("%s: no error", name)
		} else {
			wantErr(w, err, docstore.ErrInvalid)
		}
	}
	// A position outside of other bounds gives what lies beyond both.
	q.After, q.From = next, "p"
	equal(w, "documents behind the range", len(must1(c.Scan(ctx, q))(w).Docs), 0)
}

// testScanMadeResumeKeys holds keys that are made of values to those that pages
// give, and to places where no document is.
func testScanMadeResumeKeys(w *world) {
	c, ctx := w.items(), w.ctx()
	at := time.UnixMilli(1e12).UTC()
	for i := range 6 {
		it := item{Owner: "o", Size: int64(i / 2), Name: fmt.Sprint("n", i)}
		if it.Place.Region = "eu"; i > 2 {
			it.At = at
		}
		must1(c.Insert(ctx, fmt.Sprint(i), it))(w)
	}
	for _, desc := range []bool{false, true} {
		for _, tc := range []struct {
			q      docstore.Query
			values func(d docstore.Doc[item]) []any
		}{
			{docstore.Query{}, func(docstore.Doc[item]) []any { return nil }},
			{docstore.Query{Index: "name"}, func(d docstore.Doc[item]) []any { return []any{d.Value.Name} }},
			{docstore.Query{Index: "owner_size", Equal: []any{"o"}}, func(d docstore.Doc[item]) []any { return []any{"o", d.Value.Size} }},
			{docstore.Query{Index: "region"}, func(d docstore.Doc[item]) []any {
				if d.Value.At.IsZero() {
					return []any{"eu", nil}
				}
				return []any{"eu", d.Value.At}
			}},
		} {
			tc.q.Limit, tc.q.Desc = 4, desc
			p := must1(c.Scan(ctx, tc.q))(w)
			equal(w, "key of "+tc.q.Index, must1(c.ResumeKey(tc.q, tc.values(p.Docs[3]), p.Docs[3].ID))(w), p.Next)
		}
	}
	for _, tc := range []struct {
		size int64
		id   string
		desc bool
		want string
	}{
		{-5, "x", false, "012345"}, {1, "1", false, "2345"}, {1, "2x", false, "345"}, {1, "z", false, "45"}, {9, "0", false, ""},
		{-5, "x", true, ""}, {1, "1", true, "10"}, {1, "2x", true, "210"}, {9, "0", true, "543210"},
	} {
		q := docstore.Query{Index: "owner_size", Equal: []any{"o"}, Desc: tc.desc}
		q.After = must1(c.ResumeKey(q, []any{"o", tc.size}, tc.id))(w)
		equal(w, fmt.Sprintf("%+v", tc), strings.Join(scanAll(w, c, q), ""), tc.want)
	}
	q := docstore.Query{Index: "owner_size"}
	for name, err := range map[string]error{
		"too few values":  second(c.ResumeKey(q, []any{"o"}, "1")),
		"too many":        second(c.ResumeKey(q, []any{"o", 1, 2}, "1")),
		"by id":           second(c.ResumeKey(docstore.Query{}, []any{"o"}, "1")),
		"first is absent": second(c.ResumeKey(q, []any{nil, 1}, "1")),
		"not a scalar":    second(c.ResumeKey(q, []any{"o", []string{"x"}}, "1")),
		"no id":           second(c.ResumeKey(q, []any{"o", 1}, "")),
		"long id":         second(c.ResumeKey(q, []any{"o", 1}, strings.Repeat("i", docstore.MaxID+1))),
		"no such index":   second(c.ResumeKey(docstore.Query{Index: "none"}, nil, "1")),
	} {
		if !errors.Is(err, docstore.ErrInvalid) {
			w.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ string, err error) error { return err }

func testScanPrefix(w *world) {
	c, ctx := w.items(), w.ctx()
	keys := []string{"a", "a/", "a/b", "a/\xff\xff", "a0", "b", "\xff\xff"}
	for _, k := range keys {
		must1(c.Insert(ctx, k, item{}))(w)
	}
	end, ok := docstore.PrefixEnd("a/")
	equal(w, "end", end, "a0")
	equal(w, "ok", ok, true)
	equal(w, "prefix", strings.Join(scanAll(w, c, docstore.Query{From: "a/", To: end, ToExclusive: true}), " "), "a/ a/b a/\xff\xff")
	_, ok = docstore.PrefixEnd("\xff\xff")
	equal(w, "ok without end", ok, false)
	end, _ = docstore.PrefixEnd("a\xff")
	equal(w, "end", end, "b")
}

func testScanMalformed(w *world) {
	c, ctx := w.items(), w.ctx()
	for name, q := range map[string]docstore.Query{
		"no such index":   {Index: "none"},
		"too many fields": {Index: "name", Equal: []any{"a", "b"}},
		"no field left":   {Index: "name", Equal: []any{"a"}, From: "b"},
		"first is nil":    {Index: "name", Equal: []any{nil}},
		"not a scalar":    {Index: "name", From: []string{"a"}},
		"a float":         {Index: "owner_size", Equal: []any{1.5}},
		"equal by id":     {Equal: []any{"a"}},
		"id of no string": {From: 7},
	} {
		if _, err := c.Scan(ctx, q); err == nil {
			w.Errorf("%s: no error", name)
		} else {
			wantErr(w, err, docstore.ErrInvalid)
		}
		_, err := c.Count(ctx, q)
		wantErr(w, err, docstore.ErrInvalid)
	}
}
