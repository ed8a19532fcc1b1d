package hosts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/outbound"
)

// Asker sends requests; *outbound.Client is one, with redirects.
type Asker interface {
	Do(ctx context.Context, req *http.Request) (*http.Response, error)
}

// maxBody is how much of an answer is looked at, bytes.
const maxBody = 256 << 10

// Check asks about links of one lane, BatchOf at most where the host has a call,
// and gives a finding for each, in their order. What no request was made for, since
// ctx ended, is an error.
func (b *Book) Check(ctx context.Context, ask Asker, items []*url.URL) ([]Finding, error) {
	out := make([]Finding, len(items))
	var called []int
	var host *Host
	for i, u := range items {
		h, it := b.Of(u)
		if h != nil && h.Call != nil && it.ID != "" {
			host, called = h, append(called, i)
			continue
		}
		f, err := b.one(ctx, ask, h, it)
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	if len(called) == 0 {
		return out, nil
	}
	batch := make([]Item, len(called))
	for n, i := range called {
		_, batch[n] = b.Of(items[i])
	}
	found, err := host.call(ctx, ask, batch)
	if err != nil {
		return nil, err
	}
	for n, i := range called {
		out[i] = found[n]
	}
	return out, nil
}

// one asks about one link: by its host's page, or by the generic rule.
func (b *Book) one(ctx context.Context, ask Asker, h *Host, it Item) (Finding, error) {
	if h != nil && h.Page != nil && it.ID != "" {
		return h.page(ctx, ask, it)
	}
	return generic(ctx, ask, h, it)
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	final  *url.URL // where redirects led
	body   []byte
	cut    bool // there was more of the body
}

// send makes a request and reads its answer, if head is not set, up to maxBody.
func send(ctx context.Context, ask Asker, h *Host, req *http.Request) (answer, error) {
	h.rebase(req)
	resp, err := ask.Do(ctx, req)
	if err != nil {
		return answer{}, err //nolint:wrapcheck // failure tells it apart
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode, header: resp.Header, final: resp.Request.URL}
	// A part of a file says no more than its headers; a page may.
	if req.Method == http.MethodHead || req.Header.Get("Range") != "" && !a.isPage() {
		return a, nil
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if len(a.body) > maxBody {
		a.body, a.cut = a.body[:maxBody], true
	}
	if errors.Is(err, outbound.ErrTooLarge) {
		a.cut, err = true, nil
	}
	return a, err //nolint:wrapcheck // as above
}

// rebase sends a request where the host is imitated.
func (h *Host) rebase(req *http.Request) {
	if h == nil || h.base == nil {
		return
	}
	req.URL.Scheme, req.URL.Host = h.base.Scheme, h.base.Host
}

// failure says what an exchange that came to nothing tells of a link: never that
// it is gone. The end of ctx is an error.
func failure(ctx context.Context, err error) (Finding, error) {
	f := Finding{Status: linksv1.Unknown, Reason: linksv1.ReasonUnreachable}
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		return f, fmt.Errorf("checking a link: %w", context.Cause(ctx))
	case errors.Is(err, outbound.ErrRefused):
		f.Reason = linksv1.ReasonRefused
	case errors.Is(err, outbound.ErrTimeout) || fault.KindOf(err) == fault.Timeout:
		f.Reason = linksv1.ReasonTimeout
	case errors.Is(err, outbound.ErrRedirects):
		f.Reason = linksv1.ReasonElsewhere
	case errors.As(err, &dns) && dns.IsNotFound:
		f.Reason = linksv1.ReasonNameUnknown
	}
	return f, nil
}

// page asks for a file's page and holds it against the host's rules.
func (h *Host) page(ctx context.Context, ask Asker, it Item) (Finding, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.Page.URL.with("{id}", url.PathEscape(it.ID), "{url}", it.Normal), nil)
	if err != nil {
		return Finding{}, fmt.Errorf("making the request for a page of %s: %w", h.Name, err)
	}
	for k, v := range h.Page.Headers {
		req.Header.Set(k, v)
	}
	a, err := send(ctx, ask, h, req)
	if err != nil {
		return failure(ctx, err)
	}
	f := Finding{HTTPStatus: a.status, RetryAfter: retryAfter(a.header)}
	f.Status, f.Reason = h.decide(a, it)
	if f.Status == linksv1.Online {
		f.Name, f.Size = text(h.Page.Name.group(a.body)), size(h.Page.Size.group(a.body))
	}
	return f, nil
}

// decide goes through the host's rules, then through those that hold everywhere.
// A page that no rule knows says nothing: hosts answer 200 for files that are gone.
func (h *Host) decide(a answer, it Item) (linksv1.Status, linksv1.Reason) {
	if busy, why := a.trouble(); busy {
		return linksv1.Unknown, why
	}
	low := strings.ToLower(string(a.body))
	for _, r := range h.Page.Rules {
		if !r.fits(a, low, it) {
			continue
		}
		if why, led := h.led(a, it); r.LostID && led {
			return linksv1.Unknown, why
		}
		return r.Then, r.Why
	}
	if s, why, ok := a.gone(); ok {
		return s, why
	}
	return linksv1.Unknown, linksv1.ReasonUnclear
}

func (r Rule) fits(a answer, low string, it Item) bool {
	final := a.final.String()
	switch {
	case len(r.Status) > 0 && !slices.Contains(r.Status, a.status),
		r.URL.Regexp != nil && !r.URL.MatchString(final),
		r.LostID && strings.Contains(strings.ToLower(final), strings.ToLower(it.ID)),
		r.Pattern.Regexp != nil && !r.Pattern.Match(a.body):
		return false
	}
	return len(r.Body) == 0 || slices.ContainsFunc(r.Body, func(t string) bool {
		return strings.Contains(low, strings.ToLower(strings.ReplaceAll(t, "{id}", it.ID)))
	})
}

// led reports whether an answer without the file's id is one that another link would
// have got, too: of somebody else (a network's own page), of a login, or of a page
// that keeps programs out.
func (h *Host) led(a answer, it Item) (linksv1.Reason, bool) {
	switch {
	case !h.owns(a.final):
		return linksv1.ReasonElsewhere, true
	case leadsToLogin(a.final, it.URL):
		return linksv1.ReasonLogin, true
	case a.challenged():
		return linksv1.ReasonChallenge, true
	}
	return "", false
}

// owns reports whether a URL is of the host's domains, or of what stands for them.
func (h *Host) owns(u *url.URL) bool {
	if h.base != nil {
		return u.Host == h.base.Host
	}
	return slices.Contains(h.Domains, Domain(u.Hostname()))
}

// challenges are signs of pages that keep programs out. They stand on pages about
// files too, so they count only where a host refuses, or where nothing else is known.
func challenges() []string {
	return []string{
		"cf-chl", "challenge-platform", "just a moment...", "attention required! | cloudflare", "ddos-guard", "g-recaptcha", "h-captcha", "cf-turnstile",
		"verify you are human", "are you a robot", "enable javascript and cookies to continue",
	}
}

// challenged reports whether an answer is such a page.
func (a answer) challenged() bool {
	if a.header.Get("Cf-Mitigated") == "challenge" {
		return true
	}
	low := strings.ToLower(string(a.body))
	return slices.ContainsFunc(challenges(), func(s string) bool { return strings.Contains(low, s) })
}

// trouble says whether a host refuses, or is not well.
func (a answer) trouble() (bool, linksv1.Reason) {
	switch {
	case a.header.Get("Cf-Mitigated") == "challenge", (a.status == 403 || a.status == 429 || a.status == 503) && a.challenged():
		return true, linksv1.ReasonChallenge
	case a.status == http.StatusTooManyRequests:
		return true, linksv1.ReasonLimited
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, a.status == http.StatusProxyAuthRequired:
		return true, linksv1.ReasonForbidden
	case a.status >= 500:
		return true, linksv1.ReasonServer
	}
	return false, ""
}

// gone says what a status alone proves.
func (a answer) gone() (linksv1.Status, linksv1.Reason, bool) {
	switch a.status {
	case http.StatusNotFound, http.StatusGone:
		return linksv1.Offline, linksv1.ReasonGone, true
	case http.StatusUnavailableForLegalReasons:
		return linksv1.Offline, linksv1.ReasonLegal, true
	}
	return "", "", false
}

// maxRetry is the longest wait that a host may ask for, seconds.
const maxRetry = 24 * 60 * 60

// retryAfter reads the header of that name, in seconds (RFC 9110, 10.2.3); a date
// counts from the answer's own.
func retryAfter(h http.Header) int {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if at, err := http.ParseTime(v); err == nil {
		now, err := http.ParseTime(h.Get("Date"))
		if err != nil || !at.After(now) {
			return 0
		}
		return int(min(at.Sub(now).Seconds(), maxRetry))
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0
	}
	return min(n, maxRetry)
}
