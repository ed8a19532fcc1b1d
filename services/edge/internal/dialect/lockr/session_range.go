package lockr

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/pkg/fault"
)

// contentRange is a Content-Range of a request, as Google Cloud Storage's
// resumable sessions use it (field-facts.md, 3). Its ends are inclusive.
type contentRange struct {
	first, last int64 // -1: none, the request asks for the state ("bytes */…")
	total       int64 // -1: "*"
}

func (c contentRange) query() bool { return c.first < 0 }

func (c contentRange) length() int64 { return c.last - c.first + 1 }

var errContentRange = fault.ErrInvalid.Msgf("Content-Range must be bytes FIRST-LAST/TOTAL, or bytes */TOTAL without a body; TOTAL may be *")

// contentRangeOf reads the header; there is false where it is missing.
func contentRangeOf(h http.Header) (c contentRange, there bool, err error) {
	if len(h.Values("Content-Range")) == 0 {
		return contentRange{}, false, nil
	}
	v, err := once(h, "Content-Range")
	if err != nil {
		return contentRange{}, false, err
	}
	c, ok := parseContentRange(v)
	if !ok {
		return contentRange{}, false, errContentRange
	}
	return c, true, nil
}

func parseContentRange(v string) (contentRange, bool) {
	unit, rest, ok := strings.Cut(v, " ")
	span, total, slash := strings.Cut(strings.TrimLeft(rest, " "), "/")
	if !ok || !slash || !strings.EqualFold(unit, "bytes") {
		return contentRange{}, false
	}
	c := contentRange{first: -1, last: -1, total: -1}
	if total != "*" {
		if c.total, ok = count(total); !ok {
			return contentRange{}, false
		}
	}
	if span == "*" {
		return c, true
	}
	first, last, ok := strings.Cut(span, "-")
	if !ok {
		return contentRange{}, false
	}
	var okFirst, okLast bool
	c.first, okFirst = count(first)
	c.last, okLast = count(last)
	return c, okFirst && okLast && c.first <= c.last
}

// maxCount is more than any object has, and adds up without overflowing.
const maxCount = int64(1) << 60

// count reads a number of bytes: decimal digits and nothing else.
func count(s string) (int64, bool) {
	if s == "" || len(s) > 19 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n <= maxCount
}
