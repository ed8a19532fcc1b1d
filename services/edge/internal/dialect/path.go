package dialect

import (
	"net/http"
	"path"
	"strings"
)

// exactPrefixes are the paths below which a key stands that must arrive as it
// was sent.
func exactPrefixes() []string { return []string{"/api/v1/buckets/", "/api/v1/signed/", "/dav/"} }

// ExactPath hides from ServeMux what it would clean away, and redirect, in an
// escaped path: the slash after an empty segment becomes %2F, and the segments
// "." and ".." become %2E and %2E%2E. Unescaped, the path is the same
// (lockwell.md, Fixed points).
func ExactPath(escaped string) string {
	if !needsExact(escaped) {
		return escaped
	}
	var b strings.Builder
	b.Grow(len(escaped) + 16)
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	b.WriteByte('/')
	for i, s := range segments {
		switch s {
		case ".":
			s = "%2E"
		case "..":
			s = "%2E%2E"
		}
		b.WriteString(s)
		if i == len(segments)-1 {
			break
		}
		if s == "" {
			b.WriteString("%2F")
		} else {
			b.WriteByte('/')
		}
	}
	return b.String()
}

// needsExact reports whether an unclean path has a key in it. One that only
// becomes such a path by cleaning has, too: it must not be redirected to
// another key.
func needsExact(escaped string) bool {
	if !strings.Contains(escaped, "//") && !strings.Contains(escaped, "/.") {
		return false
	}
	cleaned := path.Clean(escaped) + "/"
	for _, p := range exactPrefixes() {
		if strings.HasPrefix(escaped, p) || strings.HasPrefix(cleaned, p) {
			return true
		}
	}
	return false
}

// exactPaths applies ExactPath before routing.
func exactPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e := r.URL.EscapedPath(); needsExact(e) {
			u := *r.URL
			u.RawPath = ExactPath(e)
			r2 := *r
			r2.URL = &u
			next.ServeHTTP(w, &r2)
			return
		}
		next.ServeHTTP(w, r)
	})
}
