package paging

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// skipAtOnce is how many entries an offset reads at once to leave them out.
const skipAtOnce = 1000

// List is a list that Page reads. It may be used by several goroutines if its
// functions may.
type List[T any, V Value] struct {
	// Count gives the number of entries.
	Count func(ctx context.Context) (int64, error)
	// Scan gives up to limit entries behind from (nil: from the start), downwards
	// with desc. It gives fewer only when more is false or entries are large; more
	// tells that others follow. ErrBadCursor when from fits no entry of this list.
	Scan func(ctx context.Context, from *Position[V], desc bool, limit int) (entries []T, more bool, err error)
	// At gives an entry's position.
	At func(entry T) Position[V]
}

// Page reads a page. The cost is proportional to the page, to the offset and to
// what Count takes. Codes: paging.bad_cursor, paging.both_cursors,
// paging.cursor_and_offset, invalid_request, and those of the list.
func (l List[T, V]) Page(ctx context.Context, r Request) ([]T, Place, error) {
	if err := r.Check(); err != nil {
		return nil, Place{}, err
	}
	from, err := l.from(r)
	if err != nil {
		return nil, Place{}, err
	}
	total, err := l.Count(ctx)
	if err != nil || r.Offset >= total && r.Offset > 0 {
		return nil, Place{Total: total}, err
	}
	if r.Offset > 0 {
		var enough bool
		if from, enough, err = l.skip(ctx, !r.Ascending, r.Offset); err != nil || !enough {
			return nil, Place{Total: total}, err
		}
	}
	// The page in front of a cursor is the next one of the list turned round.
	back := r.Before != ""
	page, more, err := l.Scan(ctx, from, r.Ascending == back, r.Size())
	if err != nil {
		return nil, Place{}, err
	}
	if back {
		slices.Reverse(page)
	}
	return page, l.place(page, total, r, more), nil
}

// from is the position that a request's cursor names; nil without one.
func (l List[T, V]) from(r Request) (*Position[V], error) {
	cursor := cmp.Or(r.After, r.Before)
	if cursor == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	p, err := ParseCursor[V](cursor)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// skip gives the position of the nth entry; enough is false when nothing follows it.
func (l List[T, V]) skip(ctx context.Context, desc bool, n int64) (from *Position[V], enough bool, err error) {
	for n > 0 {
		page, more, err := l.Scan(ctx, from, desc, int(min(n, skipAtOnce)))
		if err != nil || !more || len(page) == 0 {
			return nil, false, err
		}
		at := l.At(page[len(page)-1])
		from, n = &at, n-int64(len(page))
	}
	return from, true, nil
}

func (l List[T, V]) place(page []T, total int64, r Request, more bool) Place {
	p := Place{Total: total}
	if len(page) == 0 {
		return p
	}
	before, after := r.After != "" || r.Offset > 0, more
	if r.Before != "" {
		before, after = more, true
	}
	if before {
		p.Before = l.At(page[0]).Cursor()
	}
	if after {
		p.After = l.At(page[len(page)-1]).Cursor()
	}
	return p
}

// Within is the same list with scans that end before their entries, by size, come
// to more than most bytes, but for a first entry that is larger alone: what
// travels in one message has a bound.
func (l List[T, V]) Within(most int, size func(entry T) int) List[T, V] {
	whole := l.Scan
	l.Scan = func(ctx context.Context, from *Position[V], desc bool, limit int) ([]T, bool, error) {
		page, more, err := whole(ctx, from, desc, limit)
		sum := 0
		for i, e := range page {
			if sum += size(e); sum > most && i > 0 {
				return page[:i], true, err
			}
		}
		return page, more, err
	}
	return l
}

// Slice is the list of entries that are in memory, in any order; no two have the
// same position. Its functions may be called at once while nobody changes the
// entries.
func Slice[T any, V Value](entries []T, at func(entry T) Position[V]) List[T, V] {
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b T) int { return compare(at(a), at(b)) })
	return List[T, V]{
		At:    at,
		Count: func(context.Context) (int64, error) { return int64(len(sorted)), nil },
		Scan: func(_ context.Context, from *Position[V], desc bool, limit int) ([]T, bool, error) {
			rest := sorted
			if from != nil {
				i, found := slices.BinarySearchFunc(sorted, *from, func(e T, p Position[V]) int { return compare(at(e), p) })
				if desc {
					rest = sorted[:i]
				} else if rest = sorted[i:]; found {
					rest = rest[1:]
				}
			}
			n := min(limit, len(rest))
			if desc {
				page := slices.Clone(rest[len(rest)-n:])
				slices.Reverse(page)
				return page, n < len(rest), nil
			}
			return slices.Clone(rest[:n]), n < len(rest), nil
		},
	}
}

func compare[V Value](a, b Position[V]) int {
	byID := cmp.Compare(a.ID, b.ID)
	switch v := any(a.Value).(type) {
	case int64:
		return cmp.Or(cmp.Compare(v, any(b.Value).(int64)), byID) //nolint:forcetypeassert // both are a V
	case string:
		return cmp.Or(cmp.Compare(v, any(b.Value).(string)), byID) //nolint:forcetypeassert // both are a V
	case time.Time:
		return cmp.Or(v.Compare(any(b.Value).(time.Time)), byID) //nolint:forcetypeassert // both are a V
	}
	return byID
}
