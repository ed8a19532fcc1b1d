package transfer

import (
	"fmt"
	"strconv"
	"strings"
)

// maxRanges is how many parts one request may ask for; more are not taken
// seriously and get the whole.
const maxRanges = 100

// Range is a part of a content, in bytes.
type Range struct{ Off, Len int64 }

// ContentRange gives the header of a part of size bytes.
func (r Range) ContentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", r.Off, r.Off+r.Len-1, size)
}

// ParseRange reads a Range header for a content of size bytes (RFC 9110,
// 14.2). No ranges and no error mean that the whole is to be sent: without a
// header, for units other than bytes, and for wishes that ask for more than
// the whole. ErrBadRange: none of the ranges can be satisfied, or the header
// makes no sense.
func ParseRange(header string, size int64) ([]Range, error) {
	unit, list, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, nil
	}
	if strings.Count(list, ",") >= maxRanges {
		return nil, nil
	}
	var out []Range
	var sum int64
	seen := false
	for spec := range strings.SplitSeq(list, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue // RFC 9110, 5.6.1: lists may have empty elements
		}
		seen = true
		r, within, err := parseOne(spec, size)
		if err != nil {
			return nil, err
		}
		if within {
			out = append(out, r)
			sum += r.Len
		}
	}
	switch {
	case !seen:
		return nil, ErrBadRange.Msgf("the Range header names no range")
	case len(out) == 0:
		return nil, ErrBadRange
	case len(out) > 1 && sum > size:
		return nil, nil // overlapping parts would cost more than the whole
	}
	return out, nil
}

// parseOne reads "a-b", "a-" or "-n".
func parseOne(spec string, size int64) (r Range, within bool, err error) {
	first, last, ok := strings.Cut(spec, "-")
	first, last = strings.Trim(first, " \t"), strings.Trim(last, " \t")
	if !ok || first == "" && last == "" {
		return Range{}, false, ErrBadRange.Msgf("the Range header is malformed")
	}
	if first == "" {
		n, ok := parsePos(last)
		if !ok {
			return Range{}, false, ErrBadRange.Msgf("the Range header is malformed")
		}
		n = min(n, size)
		return Range{Off: size - n, Len: n}, n > 0, nil
	}
	off, ok := parsePos(first)
	if !ok {
		return Range{}, false, ErrBadRange.Msgf("the Range header is malformed")
	}
	end := size - 1
	if last != "" {
		e, ok := parsePos(last)
		if !ok || e < off {
			return Range{}, false, ErrBadRange.Msgf("the Range header is malformed")
		}
		end = min(end, e)
	}
	if off >= size {
		return Range{}, false, nil
	}
	return Range{Off: off, Len: end - off + 1}, true, nil
}

// parsePos reads digits; positions beyond any size count as the largest.
func parsePos(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1<<63 - 1, true
	}
	return n, true
}
