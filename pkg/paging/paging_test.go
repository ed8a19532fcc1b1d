package paging_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
)

type entry struct {
	size int64
	id   string
}

func at(e entry) paging.Position[int64] { return paging.Position[int64]{Value: e.size, ID: e.id} }

// letters are entries a to j, two of each size, in no order.
func letters() []entry {
	var out []entry
	for i := range 10 {
		i = (i * 7) % 10
		out = append(out, entry{int64(i / 2), string(rune('a' + i))})
	}
	return out
}

func ids(page []entry) string {
	s := ""
	for _, e := range page {
		s += e.id
	}
	return s
}

// cursor is that of a letter.
func cursor(id string) string {
	if id == "" {
		return ""
	}
	return paging.Position[int64]{Value: int64(id[0]-'a') / 2, ID: id}.Cursor()
}

func TestPage(t *testing.T) {
	t.Parallel()
	l := paging.Slice(letters(), at)
	for _, c := range []struct {
		r                   paging.Request
		want, before, after string
	}{
		{paging.Request{}, "jihgfedcba", "", ""},
		{paging.Request{Ascending: true}, "abcdefghij", "", ""},
		{paging.Request{Limit: 3}, "jih", "", "h"},
		{paging.Request{Limit: 10}, "jihgfedcba", "", ""},
		{paging.Request{Limit: 3, Ascending: true}, "abc", "", "c"},
		{paging.Request{Limit: 3, After: cursor("h")}, "gfe", "g", "e"},
		{paging.Request{Limit: 3, After: cursor("d")}, "cba", "c", ""},
		{paging.Request{Limit: 3, After: cursor("b")}, "a", "a", ""},
		{paging.Request{Limit: 3, After: cursor("a")}, "", "", ""},
		{paging.Request{Limit: 3, After: cursor("c"), Ascending: true}, "def", "d", "f"},
		{paging.Request{Limit: 3, Before: cursor("d")}, "gfe", "g", "e"},
		{paging.Request{Limit: 3, Before: cursor("g")}, "jih", "", "h"},
		{paging.Request{Limit: 3, Before: cursor("i")}, "j", "", "j"},
		{paging.Request{Limit: 3, Before: cursor("j")}, "", "", ""},
		{paging.Request{Limit: 3, Before: cursor("h"), Ascending: true}, "efg", "e", "g"},
		{paging.Request{Offset: 4, Limit: 3}, "fed", "f", "d"},
		{paging.Request{Offset: 8, Limit: 3}, "ba", "b", ""},
		{paging.Request{Offset: 10, Limit: 3}, "", "", ""},
		{paging.Request{Offset: math.MaxInt64}, "", "", ""},
		// What the cursor names need not be there.
		{paging.Request{Limit: 2, After: paging.Position[int64]{Value: 3, ID: "gg"}.Cursor()}, "gf", "g", "f"},
		{paging.Request{Limit: 2, Before: paging.Position[int64]{Value: 3, ID: "gg"}.Cursor()}, "ih", "i", "h"},
		{paging.Request{Limit: 2, After: paging.Position[int64]{Value: math.MinInt64, ID: "a"}.Cursor()}, "", "", ""},
	} {
		page, place, err := l.Page(t.Context(), c.r)
		want := paging.Place{Before: cursor(c.before), After: cursor(c.after), Total: 10}
		if err != nil || ids(page) != c.want || place != want {
			t.Errorf("%+v: %q %+v, %v, want %q %+v", c.r, ids(page), place, err, c.want, want)
		}
	}
}

func TestPage_Refuses(t *testing.T) {
	t.Parallel()
	l := paging.Slice(letters(), at)
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for what, c := range map[string]struct {
		r   paging.Request
		err *fault.Error
	}{
		"both":            {paging.Request{After: cursor("a"), Before: cursor("b")}, paging.ErrBothCursors},
		"offset, after":   {paging.Request{Offset: 1, After: cursor("a")}, paging.ErrCursorSkips},
		"offset, before":  {paging.Request{Offset: 1, Before: cursor("a")}, paging.ErrCursorSkips},
		"negative offset": {paging.Request{Offset: -1}, fault.ErrInvalid},
		"negative limit":  {paging.Request{Limit: -1}, fault.ErrInvalid},
		"high limit":      {paging.Request{Limit: paging.MaxLimit + 1}, fault.ErrInvalid},
		"not base64":      {paging.Request{After: "!"}, paging.ErrBadCursor},
		"url base64":      {paging.Request{Before: "_-_-"}, paging.ErrBadCursor},
		"not JSON":        {paging.Request{After: b64("x")}, paging.ErrBadCursor},
		"no array":        {paging.Request{After: b64(`{"a":1}`)}, paging.ErrBadCursor},
		"one part":        {paging.Request{After: b64(`[1]`)}, paging.ErrBadCursor},
		"three parts":     {paging.Request{After: b64(`[1,"a","b"]`)}, paging.ErrBadCursor},
		"null":            {paging.Request{After: b64(`null`)}, paging.ErrBadCursor},
		"null value":      {paging.Request{After: b64(`[null,"a"]`)}, paging.ErrBadCursor},
		"null id":         {paging.Request{After: b64(`[1,null]`)}, paging.ErrBadCursor},
		"empty id":        {paging.Request{After: b64(`[1,""]`)}, paging.ErrBadCursor},
		"id's type":       {paging.Request{After: b64(`[1,2]`)}, paging.ErrBadCursor},
		"fraction":        {paging.Request{After: b64(`[1.5,"a"]`)}, paging.ErrBadCursor},
		"overflow":        {paging.Request{After: b64(`[9223372036854775808,"a"]`)}, paging.ErrBadCursor},
		"a time":          {paging.Request{After: paging.Position[time.Time]{Value: time.Unix(0, 0), ID: "a"}.Cursor()}, paging.ErrBadCursor},
		"a text":          {paging.Request{After: paging.Position[string]{Value: "1", ID: "a"}.Cursor()}, paging.ErrBadCursor},
		"more behind":     {paging.Request{After: b64(`[1,"a"] []`)}, paging.ErrBadCursor},
		"huge":            {paging.Request{After: b64(`[1,"` + strings.Repeat("a", 1<<16) + `"]`)}, paging.ErrBadCursor},
		"deep":            {paging.Request{After: b64(strings.Repeat("[", 20_000))}, paging.ErrBadCursor},
	} {
		page, place, err := l.Page(t.Context(), c.r)
		if !errors.Is(err, c.err) || fault.KindOf(err) != fault.Invalid || len(page) != 0 || place != (paging.Place{}) {
			t.Errorf("%s: %v, %+v, %v", what, page, place, err)
		}
	}
}

func TestPage_OfAnEmptyList(t *testing.T) {
	t.Parallel()
	l := paging.Slice(nil, at)
	for _, r := range []paging.Request{{}, {Offset: 3}, {After: cursor("a")}, {Before: cursor("a")}} {
		if page, place, err := l.Page(t.Context(), r); err != nil || len(page) != 0 || place != (paging.Place{}) {
			t.Errorf("%+v: %v, %+v, %v", r, page, place, err)
		}
	}
}

// TestPage_ShortScans gives entries one by one, as a store does with large ones.
func TestPage_ShortScans(t *testing.T) {
	t.Parallel()
	l := paging.Slice(letters(), at)
	whole := l.Scan
	l.Scan = func(ctx context.Context, from *paging.Position[int64], desc bool, _ int) ([]entry, bool, error) {
		return whole(ctx, from, desc, 1)
	}
	page, place, err := l.Page(t.Context(), paging.Request{Offset: 4, Limit: 3})
	if err != nil || ids(page) != "f" || place.After != cursor("f") {
		t.Errorf("%v, %+v, %v", page, place, err)
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	l := paging.Slice(letters(), at).Within(5, func(e entry) int { return int(e.size) })
	for _, c := range []struct {
		r             paging.Request
		want          string
		before, after string
	}{
		{paging.Request{}, "j", "", "j"}, // 4, and 4 more would be too much
		{paging.Request{After: cursor("e")}, "dcba", "d", ""},
		{paging.Request{Before: cursor("a")}, "edcb", "e", "b"},
		{paging.Request{Ascending: true}, "abcde", "", "e"},
		{paging.Request{Offset: 6}, "dcba", "d", ""},
	} {
		page, place, err := l.Page(t.Context(), c.r)
		if want := (paging.Place{Before: cursor(c.before), After: cursor(c.after), Total: 10}); err != nil || ids(page) != c.want || place != want {
			t.Errorf("%+v: %q %+v, %v", c.r, ids(page), place, err)
		}
	}
	one := paging.Slice(letters(), at).Within(0, func(entry) int { return 1 })
	if page, place, err := one.Page(t.Context(), paging.Request{Limit: 3}); err != nil || ids(page) != "j" || place.After != cursor("j") {
		t.Errorf("a large entry: %q %+v, %v", ids(page), place, err)
	}
}

func TestPage_PassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	l := paging.Slice(letters(), at)
	l.Scan = func(context.Context, *paging.Position[int64], bool, int) ([]entry, bool, error) {
		return nil, false, broken
	}
	for _, r := range []paging.Request{{}, {Offset: 3}} {
		if _, _, err := l.Page(t.Context(), r); !errors.Is(err, broken) {
			t.Errorf("scan: %v", err)
		}
	}
	l.Count = func(context.Context) (int64, error) { return 0, broken }
	if _, _, err := l.Page(t.Context(), paging.Request{}); !errors.Is(err, broken) {
		t.Errorf("count: %v", err)
	}
}

func TestCursor_Form(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	b, err := base64.StdEncoding.DecodeString(paging.Position[time.Time]{Value: when, ID: "AbC"}.Cursor())
	if err != nil || string(b) != `["2026-01-02T03:04:05.678Z","AbC"]` {
		t.Errorf("%s, %v", b, err)
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, p := range []string{
		cursor("a"), paging.Position[string]{Value: "x\x00ä", ID: "\xff"}.Cursor(), paging.Position[time.Time]{Value: time.Unix(1, 2).UTC(), ID: "id"}.Cursor(),
		"", "AAAA", "WzEsImEiXQ", "W251bGwsbnVsbF0=",
	} {
		f.Add(p)
	}
	l := paging.Slice(letters(), at)
	f.Fuzz(func(t *testing.T, s string) {
		check[int64](t, s)
		check[string](t, s)
		check[time.Time](t, s)
		for _, r := range []paging.Request{{After: s, Limit: 4}, {Before: s, Limit: 4, Ascending: true}} {
			if page, _, err := l.Page(t.Context(), r); err != nil && (!errors.Is(err, paging.ErrBadCursor) || page != nil) {
				t.Errorf("%v, %v", page, err)
			}
		}
	})
}

// check reads a cursor, and what is written of it, as the same position.
func check[V paging.Value](t *testing.T, s string) {
	p, err := paging.ParseCursor[V](s)
	if err != nil {
		if !errors.Is(err, paging.ErrBadCursor) {
			t.Errorf("%q: %v", s, err)
		}
		return
	}
	if again, err := paging.ParseCursor[V](p.Cursor()); err != nil || fmt.Sprint(again) != fmt.Sprint(p) {
		t.Errorf("%q reads as %v, its cursor as %v, %v", s, p, again, err)
	}
}
