// Package paging is one page of a long list as several services give it: by an
// offset, or by cursors that stay good while entries come and go. Contracts use
// it; the lists of a collection are in docpage.
package paging

import "github.com/sluicehq/sluice/pkg/fault"

// The bounds of Request.Limit.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
)

// The errors of a page's request.
var (
	ErrBadCursor   = fault.New(fault.Invalid, "paging.bad_cursor", "the cursor does not belong to this list")
	ErrBothCursors = fault.New(fault.Invalid, "paging.both_cursors", "both before and after cursors set")
	ErrCursorSkips = fault.New(fault.Invalid, "paging.cursor_and_offset", "an offset and a cursor do not go together")
)

// Request asks for a page. At most one of Offset, After and Before is given.
type Request struct {
	Offset    int64  `json:"offset,omitempty"` // entries to skip
	Limit     int    `json:"limit,omitempty"`  // 1 to MaxLimit; 0: DefaultLimit
	Ascending bool   `json:"ascending,omitempty"`
	After     string `json:"after,omitempty"`  // the entries behind this cursor, in the list's order
	Before    string `json:"before,omitempty"` // the page in front of this cursor, in the list's order
}

// Place says where a page stands in its list.
type Place struct {
	// After is the cursor of the last entry when more follow, Before that of the
	// first one when more stand in front. Behind a request with After, Before is
	// always set, and with Before, After is, unless the page is empty.
	After  string `json:"after,omitempty"`
	Before string `json:"before,omitempty"`
	Total  int64  `json:"total"` // entries of the whole list
}

// Check refuses what contradicts itself.
func (r Request) Check() error {
	switch {
	case r.After != "" && r.Before != "":
		return ErrBothCursors
	case r.Offset > 0 && (r.After != "" || r.Before != ""):
		return ErrCursorSkips
	case r.Offset < 0 || r.Limit < 0 || r.Limit > MaxLimit:
		return fault.ErrInvalid.Msgf("limit is from 1 to %d, offset is not negative", MaxLimit)
	}
	return nil
}

// Size is how many entries the page may have.
func (r Request) Size() int {
	if r.Limit == 0 {
		return DefaultLimit
	}
	return r.Limit
}
