package plik

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
)

// headerPaging holds the paging query as JSON; then the query string's does not
// count (plik-wire.md 14.4).
const headerPaging = "X-Plik-Paging"

// The refusals of a page's request.
var (
	errPagingHeader = fault.New(fault.Invalid, "plik.invalid_paging", "invalid paging header")
	errLimit        = fault.New(fault.Invalid, "plik.invalid_limit", "invalid limit")
	errOffset       = fault.New(fault.Invalid, "plik.invalid_offset", "invalid offset")
	errOrder        = fault.New(fault.Invalid, "plik.invalid_order", "invalid order")
)

// wirePaging is the paging query in its JSON form.
type wirePaging struct {
	Limit  *int64  `json:"limit"`
	Offset *int64  `json:"offset"`
	Order  *string `json:"order"`
	After  *string `json:"after"`
	Before *string `json:"before"`
}

// pageOf reads which page of a list is asked for, by offset or by cursor.
func pageOf(r *http.Request) (paging.Request, error) {
	q, err := pagingOf(r)
	if err != nil {
		return paging.Request{}, err
	}
	page := paging.Request{Limit: paging.DefaultLimit, After: orEmpty(q.After), Before: orEmpty(q.Before)}
	if q.Limit != nil {
		if *q.Limit <= 0 {
			return page, errLimit
		}
		page.Limit = int(min(*q.Limit, paging.MaxLimit))
	}
	if q.Offset != nil {
		if page.Offset = *q.Offset; page.Offset < 0 {
			return page, errOffset
		}
	}
	switch orEmpty(q.Order) {
	case "", "desc":
	case "asc":
		page.Ascending = true
	default:
		return page, errOrder
	}
	if err := page.Check(); err != nil {
		return page, err //nolint:wrapcheck // its text is Plik's
	}
	return page, nil
}

// pagingOf reads the header, or without it the query string.
func pagingOf(r *http.Request) (wirePaging, error) {
	var q wirePaging
	if text := r.Header.Get(headerPaging); text != "" {
		if err := json.Unmarshal([]byte(text), &q); err != nil {
			return q, errPagingHeader.Because(err)
		}
		return q, nil
	}
	values := r.URL.Query()
	for name, into := range map[string]**string{"order": &q.Order, "after": &q.After, "before": &q.Before} {
		if v := values.Get(name); v != "" {
			*into = &v
		}
	}
	var err error
	if q.Limit, err = number(values.Get("limit")); err != nil {
		return q, errLimit.Because(err)
	}
	if q.Offset, err = number(values.Get("offset")); err != nil {
		return q, errOffset.Because(err)
	}
	return q, nil
}

func number(text string) (*int64, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return &n, err //nolint:wrapcheck // it says which text
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// place is where a page stands (plik-wire.md 4.7).
type place struct {
	After  *string `json:"after"`
	Before *string `json:"before"`
}

func placeOf(p paging.Place) place {
	var out place
	if p.After != "" {
		out.After = &p.After
	}
	if p.Before != "" {
		out.Before = &p.Before
	}
	return out
}

// wirePage is a page; Results is a list, never null.
type wirePage struct {
	place
	Results any   `json:"results"`
	Total   int64 `json:"total"`
}

// ListUsers answers GET /users.
func (h *Handler) ListUsers(w http.ResponseWriter, r *http.Request) error {
	page, err := pageOf(r)
	if err != nil {
		return err
	}
	l, err := h.core.ListPlikUsers(r.Context(), callerOf(r), page)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	results := make([]wireUser, len(l.Accounts))
	for i, a := range l.Accounts {
		results[i] = userToWire(a)
	}
	return answerPrivate(w, wirePage{place: placeOf(l.Place), Results: results, Total: l.Place.Total})
}
