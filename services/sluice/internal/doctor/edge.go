package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"unicode"
)

// edge asks the edge of this host, and the public URL, whether it is ready.
func (d *doctor) edge(ctx context.Context, l *list) {
	localURL, err := d.Config.LocalURL()
	here := err == nil
	var missing, problem string
	if here {
		missing, err = d.ready(ctx, localURL, true)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			here = false
		case err != nil:
			problem = err.Error()
		}
	}
	const advice = "look at the log of the service that it names, and 'sluice doctor' at the findings above"
	switch {
	case problem != "":
		l.fail(localURL, "look at the edge's log", "the edge of this host does not answer as it should: %s", problem)
	case missing != "":
		l.fail(localURL, advice, "the edge of this host is not ready: %s", missing)
	}
	public := d.Config.Edge.PublicURL
	if public == "" {
		if !here {
			l.fail(localURL, "start it: 'sluice up', or 'sluice run edge'; or set public_url to look from outside", "no edge listens on this host")
		}
		l.done(localURL, "the edge of this host is ready")
		return
	}
	switch missing, err := d.ready(ctx, strings.TrimSuffix(public, "/"), false); {
	case err != nil:
		l.fail(public, "check DNS, the proxy in front of the edges, and its certificate", "the public URL does not answer: %v", err)
	case missing != "":
		l.fail(public, advice, "behind the public URL is an edge that is not ready: %s", missing)
	}
	if here {
		l.done(public, "the edge of this host is ready, and so is the public URL")
		return
	}
	l.done(public, "the public URL is ready; no edge listens on this host")
}

// ready asks an edge; missing is its own word of what it lacks.
func (d *doctor) ready(ctx context.Context, base string, own bool) (missing string, err error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	tr := &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}
	if own {
		tr.Proxy = nil
		if u.Scheme == "https" {
			if tr.TLSClientConfig, err = d.ownTLS(); err != nil {
				return "", err
			}
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what there is of it
	switch resp.StatusCode {
	case http.StatusOK:
		return "", nil
	case http.StatusServiceUnavailable:
		return oneLine(string(body)), nil
	}
	return "", fmt.Errorf("GET %s/readyz: %s", base, resp.Status)
}

// ownTLS trusts the certificate of the settings and expects its name, since this
// host's own address is hardly in it.
func (d *doctor) ownTLS() (*tls.Config, error) {
	h := d.Config.Edge.HTTP
	pem, err := os.ReadFile(h.TLSCert)
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(h.TLSCert, h.TLSKey)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(pem)
	c := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if pair.Leaf != nil && len(pair.Leaf.DNSNames) > 0 {
		c.ServerName = strings.Replace(pair.Leaf.DNSNames[0], "*", "any", 1)
	}
	return c, nil
}

// oneLine makes what a server said a short line without control characters.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}
