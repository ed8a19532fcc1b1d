package webdav

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// The headers of ownCloud's clients.
const (
	headerModTime  = "X-Oc-Mtime"
	headerChecksum = "Oc-Checksum"
)

// Times outside of these years cannot stand in a header or are no time of a file.
const firstYear, lastYear = 1, 9999

// modTime reads X-OC-Mtime: seconds since 1970, with or without a fraction. nil
// when there is none.
func modTime(h http.Header) (*time.Time, error) {
	values := h.Values(headerModTime)
	if len(values) == 0 {
		return nil, nil
	}
	t, ok := unixTime(strings.TrimSpace(values[0]))
	if !ok || len(values) > 1 {
		return nil, errBadHeader.Msgf("X-OC-Mtime is the seconds since 1970")
	}
	return &t, nil
}

// unixTime reads "-1.25" and the like, down to milliseconds.
func unixTime(s string) (time.Time, bool) {
	whole, fraction, dot := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.HasPrefix(whole, "+") || dot && !digits(fraction) || len(fraction) > 9 {
		return time.Time{}, false
	}
	fraction = (fraction + "000")[:3]
	ms, err := strconv.ParseInt(fraction, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	if strings.HasPrefix(whole, "-") {
		ms = -ms
	}
	if sec < -1<<40 || sec > 1<<40 {
		return time.Time{}, false
	}
	t := time.UnixMilli(sec*1000 + ms).UTC()
	return t, t.Year() >= firstYear && t.Year() <= lastYear
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// sumBytes lists what OC-Checksum may name, with its length.
var sumBytes = map[blob.Algorithm]int{blob.SHA1: 20, blob.MD5: 16, blob.SHA256: 32, blob.CRC32: 4, blob.CRC32C: 4}

// wanted reads OC-Checksum: "SHA1:…", or several with spaces between them.
func wanted(h http.Header) (map[blob.Algorithm][]byte, error) {
	var out map[blob.Algorithm][]byte
	for _, v := range h.Values(headerChecksum) {
		for one := range strings.FieldsSeq(v) {
			name, text, _ := strings.Cut(one, ":")
			alg := blob.Algorithm(strings.ReplaceAll(strings.ToLower(name), "-", ""))
			sum, err := hex.DecodeString(text)
			if n := sumBytes[alg]; n == 0 || err != nil || len(sum) != n || out[alg] != nil {
				return nil, errBadHeader.Msgf("OC-Checksum is MD5, SHA1, SHA256, CRC32 or CRC32C, a colon, and the checksum in hex")
			}
			if out == nil {
				out = map[blob.Algorithm][]byte{}
			}
			out[alg] = sum
		}
	}
	return out, nil
}

// putConditions reads what must hold of a file when it is replaced.
func putConditions(h http.Header) (objectv1.Conditions, error) {
	var c objectv1.Conditions
	if values := h.Values("If-None-Match"); len(values) > 0 {
		if strings.TrimSpace(strings.Join(values, ",")) != "*" {
			return c, errBadHeader.Msgf("a PUT takes If-None-Match only as *")
		}
		c.IfNoneMatchAny = true
	}
	if values := h.Values("If-Match"); len(values) > 0 {
		var ok bool
		if c.IfMatch, ok = transfer.Tags(values); !ok {
			return c, errBadHeader.Msgf("If-Match is * or a list of entity tags in quotes")
		}
	}
	return c, nil
}

// contentType keeps the client's type where it can stand in a header again.
func contentType(h http.Header) string {
	v := strings.TrimSpace(h.Get("Content-Type"))
	if len(v) > 255 || strings.ContainsFunc(v, func(c rune) bool { return c < ' ' || c > '~' }) {
		return ""
	}
	return v
}

// overwrite reads Overwrite, which is T unless it says F (RFC 4918, 10.6).
func overwrite(h http.Header) (bool, error) {
	switch v := strings.ToUpper(strings.TrimSpace(h.Get("Overwrite"))); v {
	case "", "T":
		return true, nil
	case "F":
		return false, nil
	}
	return false, errBadHeader.Msgf("Overwrite is T or F")
}
