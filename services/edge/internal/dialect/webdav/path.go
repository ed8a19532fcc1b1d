package webdav

import (
	"net/http"
	"net/url"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// target is what a URL below /dav names.
type target struct {
	top  bool   // /dav itself
	path string // in the account's drive; "" is its root
}

// fixed reports whether it is nothing that a client may make, change or remove.
func (t target) fixed() bool { return t.top || t.path == "" }

// parent is the folder that holds it.
func (t target) parent() target { return target{path: parentOf(t.path)} }

func parentOf(path string) string {
	if at := strings.LastIndexByte(path, '/'); at >= 0 {
		return path[:at]
	}
	return ""
}

// below reports whether path lies in folder, however deep.
func below(path, folder string) bool {
	return folder == "" && path != "" || strings.HasPrefix(path, folder+"/")
}

// locate reads what stands behind /dav/, unescaped: the user's name and a path.
// One slash at the end says nothing. Unclean paths are left to object, but for
// those that would become clean here.
func locate(p authv1.Principal, rest string) (target, error) {
	rest = strings.TrimSuffix(rest, "/")
	if rest == "" {
		return target{top: true}, nil
	}
	user, path, found := strings.Cut(rest, "/")
	switch {
	case user != p.Username:
		return target{}, errOtherAccount
	case found && path == "":
		return target{}, objectv1.ErrInvalidKey
	}
	return target{path: path}, nil
}

// at finds out what r is about, and notes it for the audit trail.
func (h *Handler) at(r *http.Request) (target, error) {
	c := dialect.CallOf(r)
	t, err := locate(c.Caller.Principal, r.PathValue("path"))
	c.Bucket, c.Key = objectv1.DriveBucket, t.path
	return t, err
}

// within reads a URL that a header carries: absolute, or a path with a slash in
// front (RFC 4918, 8.3).
func within(r *http.Request, raw string) (target, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") {
		return target{}, errBadHeader.Msgf("a header names something that is no URL of a file or folder")
	}
	if u.Host != "" && !ours(r, u.Host) {
		return target{}, errOtherServer
	}
	rest, ok := strings.CutPrefix(u.Path, prefix+"/")
	if !ok {
		return target{}, errOtherServer
	}
	return locate(dialect.CallOf(r).Caller.Principal, rest)
}

// ours reports whether clients know this server by host: as the request says, or
// as the settings or a proxy do.
func ours(r *http.Request, host string) bool {
	if strings.EqualFold(bare(host), bare(r.Host)) {
		return true
	}
	base, err := url.Parse(dialect.CallOf(r).BaseURL)
	return err == nil && strings.EqualFold(bare(host), bare(base.Host))
}

// bare takes a port away that goes without saying.
func bare(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":80"), ":443")
}

// href gives the path of a URL; a folder's ends in a slash.
func href(user, path string, folder bool) string {
	var b strings.Builder
	b.WriteString(prefix + "/")
	b.WriteString(escape(user))
	if path != "" {
		b.WriteByte('/')
		b.WriteString(escape(path))
	}
	if folder {
		b.WriteByte('/')
	}
	return b.String()
}

// escape keeps what every client reads alike: RFC 3986's unreserved characters,
// and slashes.
func escape(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
