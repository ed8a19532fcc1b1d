package fetch

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// nameOf is what a fetched file is called: as the answer says, else as the last
// segment of the address that gave it, else "file".
func nameOf(resp *http.Response) string {
	ext, plain := disposition(resp.Header.Get("Content-Disposition"))
	candidates := []string{ext, plain}
	if u := resp.Request.URL; u != nil {
		path := strings.TrimRight(u.EscapedPath(), "/")
		last := path[strings.LastIndexByte(path, '/')+1:]
		if s, err := url.PathUnescape(last); err == nil {
			last = s
		}
		candidates = append(candidates, last)
	}
	for _, c := range candidates {
		if name, ok := clean(c); ok {
			return name
		}
	}
	name, _ := core.CleanFileName("")
	return name
}

// clean makes a name of the drive of what somebody calls a file; false: nothing is
// left of it. Only the last segment counts, whichever way its system parts them
// (RFC 6266 4.3).
func clean(s string) (string, bool) {
	s = utf8Of(s)
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	if !strings.ContainsFunc(s, func(c rune) bool { return unicode.IsGraphic(c) && !unicode.IsSpace(c) && c != '.' }) {
		return "", false
	}
	return core.CleanFileName(s)
}

// utf8Of reads text of a header: UTF-8, else ISO-8859-1.
func utf8Of(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}

// disposition reads the two names of a Content-Disposition (RFC 6266 4): filename*,
// which counts first, and filename. It bears what servers get wrong: no type,
// spaces without quotes, a quote that does not end; of a parameter that comes twice
// the first counts.
func disposition(h string) (ext, plain string) {
	seen := map[string]bool{}
	for rest := h; rest != ""; {
		var name, value string
		name, value, rest = parameter(rest)
		if seen[name] {
			continue
		}
		switch name {
		case "filename*":
			if v, ok := extValue(value); ok {
				ext, seen[name] = v, true
			}
		case "filename":
			plain, seen[name] = value, true
		}
	}
	return ext, plain
}

// parameter cuts one off: up to the next semicolon that is in no quotes.
func parameter(s string) (name, value, rest string) {
	at := strings.IndexAny(s, "=;")
	if at < 0 {
		return "", "", ""
	}
	if s[at] == ';' {
		return "", "", s[at+1:]
	}
	name, s = strings.ToLower(strings.TrimSpace(s[:at])), strings.TrimLeft(s[at+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return name, strings.TrimSpace(value), rest
	}
	var out strings.Builder
	i := 1
	for ; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out.WriteByte(s[i])
	}
	_, rest, _ = strings.Cut(s[min(i+1, len(s)):], ";")
	return name, out.String(), rest
}

// extValue reads a value with its character set (RFC 8187 3.2).
func extValue(v string) (string, bool) {
	parts := strings.SplitN(v, "'", 3)
	if len(parts) != 3 {
		return "", false
	}
	s, err := url.PathUnescape(parts[2])
	if err != nil {
		return "", false
	}
	switch strings.ToLower(parts[0]) {
	case "utf-8":
		return s, utf8.ValidString(s)
	case "iso-8859-1":
		if utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return c > unicode.MaxASCII }) {
			return s, true
		}
		out := make([]rune, len(s))
		for i := range len(s) {
			out[i] = rune(s[i])
		}
		return string(out), true
	}
	return "", false
}
