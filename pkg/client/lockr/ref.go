package lockr

import (
	"fmt"
	"net/url"
	"strings"
)

// Ref is a file as people name it: by its id, or by a URL of its page or bytes.
type Ref struct {
	Endpoint string     // of the server that a URL names; "" for an id
	ID       string     //
	Query    url.Values // what the URL brought: keyHash, or a signed link
}

// ParseRef reads an id or a URL. It asks nobody.
func ParseRef(s string) (Ref, error) {
	bad := fmt.Errorf("%.80q is neither the id of a file nor a URL such as https://files.example.org/download/ID", s)
	if !strings.Contains(s, "://") {
		if !plainID(s) {
			return Ref{}, bad
		}
		return Ref{ID: s}, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return Ref{}, bad
	}
	before, id, ok := strings.Cut(u.EscapedPath(), "/download/")
	if id, err = url.PathUnescape(id); !ok || err != nil || !plainID(id) {
		return Ref{}, bad
	}
	r := Ref{Endpoint: u.Scheme + "://" + u.Host + strings.TrimSuffix(before, "/api/v1"), ID: id, Query: url.Values{}}
	for _, name := range []string{"keyHash", "expires", "signature"} {
		if v := u.Query().Get(name); v != "" {
			r.Query.Set(name, v)
		}
	}
	return r, nil
}

// plainID reports whether s can be an id: REGION_ID_NAME on one path segment.
func plainID(s string) bool {
	return strings.Count(s, "_") >= 2 && len(s) <= 1024 && !strings.ContainsAny(s, "/\\?#\x00") && s[0] != '_'
}
