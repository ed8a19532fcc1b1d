package transfer

import (
	"net/http"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// Tags reads the entity tags of an If-Match or If-None-Match header, quotes and
// W/ included; "*" stands alone. ok is false for a malformed list.
func Tags(values []string) (tags []string, ok bool) {
	rest := strings.Trim(strings.Join(values, ","), " \t")
	if rest == "*" {
		return []string{"*"}, true
	}
	for rest != "" {
		if rest[0] == ',' {
			rest = strings.TrimLeft(rest[1:], " \t")
			continue
		}
		weak := ""
		if r, found := strings.CutPrefix(rest, "W/"); found {
			weak, rest = "W/", r
		}
		if rest == "" || rest[0] != '"' {
			return nil, false
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return nil, false
		}
		tags = append(tags, weak+rest[:end+2])
		rest = strings.TrimLeft(rest[end+2:], " \t")
		if rest != "" && rest[0] != ',' {
			return nil, false
		}
	}
	return tags, len(tags) > 0
}

// strongMatch compares as If-Match does (RFC 9110, 8.8.3.2); what cannot be
// read matches nothing.
func strongMatch(values []string, etag string) bool {
	tags, _ := Tags(values)
	for _, t := range tags {
		if t == "*" || t == etag && !strings.HasPrefix(t, "W/") {
			return true
		}
	}
	return false
}

// weakMatch compares as If-None-Match does.
func weakMatch(values []string, etag string) bool {
	tags, _ := Tags(values)
	for _, t := range tags {
		if t == "*" || strings.TrimPrefix(t, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// check evaluates the preconditions of a GET or HEAD in the order of RFC 9110,
// 13.2.2.
func check(h http.Header, etag string, modified time.Time) (notModified bool, err error) {
	modified = modified.Truncate(time.Second)
	if im := h.Values("If-Match"); len(im) > 0 {
		if !strongMatch(im, etag) {
			return false, objectv1.ErrPrecondition
		}
	} else if t, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && modified.After(t) {
		return false, objectv1.ErrPrecondition
	}
	if inm := h.Values("If-None-Match"); len(inm) > 0 {
		return weakMatch(inm, etag), nil
	}
	if t, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && !modified.After(t) {
		return true, nil
	}
	return false, nil
}

// rangeHolds evaluates If-Range.
func rangeHolds(h http.Header, etag string, modified time.Time) bool {
	v := strings.Trim(h.Get("If-Range"), " \t")
	if v == "" {
		return true
	}
	if strings.HasPrefix(v, `"`) || strings.HasPrefix(v, "W/") {
		return v == etag && !strings.HasPrefix(v, "W/")
	}
	t, err := http.ParseTime(v)
	return err == nil && modified.Truncate(time.Second).Equal(t)
}
