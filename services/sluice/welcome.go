package sluice

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/services/sluice/internal/build"
)

// firstStarter is a service that makes an account when there is none.
type firstStarter interface {
	FirstStart() (username, password string, created bool)
}

// listening is a service with listeners, the public one first.
type listening interface{ Addrs() []string }

// account tells of the account that the first start made. It is told at once,
// not when all is ready: a start that fails later must not swallow the password.
func account(username, password string) string {
	if password == "" {
		return fmt.Sprintf("First start: made the account %s, with the password from the settings.\n\n", username)
	}
	return fmt.Sprintf("First start: made the account %s. Its password, shown this once:\n\n    %s\n\n", username, password)
}

// welcome is what a person needs first: where everything is, and three lines
// that work when they are pasted.
func (p *process) welcome(program string) string {
	c := p.cfg.Common
	dir := absolute(c.DataDir)
	url := p.publicURL()
	var b strings.Builder
	fmt.Fprintf(&b, "Sluice %s is ready.\n\n", build.Version())
	fmt.Fprintf(&b, "  HTTP  %s\n", url)
	fmt.Fprintf(&b, "  NATS  %s (credentials in %s)\n", p.bus.where(), absolute(c.CredsPath()))
	fmt.Fprintf(&b, "  data  %s (durability: %s)\n\nTry it:\n\n", dir, c.Durability)
	for _, line := range tryLines(program, dir, url) {
		fmt.Fprintf(&b, "%s\n", line)
	}
	b.WriteString("\nCtrl-C stops in order.\n")
	return b.String()
}

// tryLines mint a token with a fresh key, make a bucket, and put and get an object.
func tryLines(program, dir, url string) []string {
	key := fmt.Sprintf("%s key create --data-dir %s --account admin --scopes read,write,delete,admin --expires-in 24h --basic", quote(program), quote(dir))
	const auth = `-H "Authorization: Bearer $TOKEN"`
	object := quote(url + "/api/v1/buckets/hello/objects/hello.txt")
	return []string{
		fmt.Sprintf(`TOKEN=$(curl -s -X POST -u "$(%s)" %s | sed 's/.*"accessToken":"\([^"]*\)".*/\1/')`, key, quote(url+"/api/v1/auth/token")),
		fmt.Sprintf(`curl -s %s -H 'Content-Type: application/json' -d '{"name":"hello"}' %s`, auth, quote(url+"/api/v1/buckets")),
		fmt.Sprintf(`echo 'hello, Sluice' | curl -s %s -T - %s; curl -s %s %s`, auth, object, auth, object),
	}
}

// quote makes one word of s for a shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/.:_-@%+=,[]", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) || r == '[' || r == ']' }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// baseURL is how a person on this machine reaches a listener.
func baseURL(scheme, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return scheme + "://" + addr
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
