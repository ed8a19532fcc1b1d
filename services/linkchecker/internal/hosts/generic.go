package hosts

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// loginPath is where a redirect leads that wants somebody to log in.
var loginPath = regexp.MustCompile(`(?i)(^|[/._-])(log-?in|sign-?in|auth|sso)([/._-]|$)`)

// leadsToLogin reports whether redirects ended at a login that was not asked for.
func leadsToLogin(final, asked *url.URL) bool {
	return loginPath.MatchString(final.Path) && !loginPath.MatchString(asked.Path)
}

// generic is the rule for hosts of which nothing is known: HEAD, and where a host
// does not care for that, GET of the first byte.
func generic(ctx context.Context, ask Asker, h *Host, it Item) (Finding, error) {
	a, err := try(ctx, ask, h, it, http.MethodHead)
	if err == nil && headRefused(a.status) && retryAfter(a.header) == 0 { // who wants a wait gets no second request
		a, err = try(ctx, ask, h, it, http.MethodGet)
	}
	if err != nil {
		return failure(ctx, err)
	}
	f := Finding{HTTPStatus: a.status, RetryAfter: retryAfter(a.header)}
	f.Status, f.Reason = a.generic(h, it)
	if f.Status == linksv1.Online {
		f.Name, f.Size = a.name(), a.length()
	}
	return f, nil
}

func try(ctx context.Context, ask Asker, h *Host, it Item, method string) (answer, error) {
	u := *it.URL
	u.Fragment = ""
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return answer{}, fmt.Errorf("making a request for a link: %w", err)
	}
	if method == http.MethodGet {
		req.Header.Set("Range", "bytes=0-0")
	}
	return send(ctx, ask, h, req)
}

// headRefused reports whether an answer to HEAD may be of the method only.
func headRefused(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented,
		http.StatusUnauthorized, http.StatusInternalServerError, http.StatusServiceUnavailable:
		return true
	}
	return false
}

func (a answer) generic(h *Host, it Item) (linksv1.Status, linksv1.Reason) {
	if busy, why := a.trouble(); busy {
		return linksv1.Unknown, why
	}
	if s, why, ok := a.gone(); ok {
		return s, why
	}
	// A range that is not there is of a file that is: an empty one.
	fine := a.status == http.StatusOK || a.status == http.StatusPartialContent || a.status == http.StatusNoContent || a.status == http.StatusRequestedRangeNotSatisfiable
	switch {
	case !fine:
		return linksv1.Unknown, linksv1.ReasonUnclear
	case leadsToLogin(a.final, it.URL):
		return linksv1.Unknown, linksv1.ReasonLogin
	case a.elsewhere(h, it):
		return linksv1.Unknown, linksv1.ReasonElsewhere
	case a.isPage() && a.challenged():
		return linksv1.Unknown, linksv1.ReasonChallenge
	}
	return linksv1.Online, linksv1.ReasonFound
}

// elsewhere reports whether redirects led off the host, or from a file to the
// host's start page.
func (a answer) elsewhere(h *Host, it Item) bool {
	if h == nil || h.base == nil {
		from, to := Domain(it.URL.Hostname()), Domain(a.final.Hostname())
		if from != to && !strings.HasSuffix(to, "."+from) && !strings.HasSuffix(from, "."+to) {
			return true
		}
	}
	root := func(p string) bool { return p == "" || p == "/" }
	start := root(it.URL.Path) && it.URL.RawQuery == ""
	return root(a.final.Path) && a.final.RawQuery == "" && !start
}

func (a answer) isPage() bool {
	mt, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	return mt == "text/html" || mt == "application/xhtml+xml"
}

// name is what the answer calls the file.
func (a answer) name() string {
	if _, params, err := mime.ParseMediaType(a.header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return text(path.Base(strings.ReplaceAll(params["filename"], `\`, "/")))
	}
	return ""
}

// length is the file's, where the answer is one and not a page about it.
func (a answer) length() int64 {
	if a.isPage() {
		return 0
	}
	v := a.header.Get("Content-Length")
	if a.status == http.StatusPartialContent {
		_, v, _ = strings.Cut(a.header.Get("Content-Range"), "/")
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
