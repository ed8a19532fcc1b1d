package linksv1

import (
	"encoding/json"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/outbound"
)

// Address is what the URL of a link points at.
type Address struct {
	URL    string // as it was given, without white space around it
	Host   string // ASCII, lower case, without port and "www."; an IPv6 address without brackets
	Normal string // the URL that is checked: what is equal here is one content
	// Key is Normal and the fragment: links with the same one are the same link. A
	// fragment never reaches a server, but some hosts keep a file's key in it.
	Key string
}

// ParseURL reads the URL of a link: http or https, with a host, without user name
// and password, 2048 bytes at most, nothing in it that a page could not show. A
// host is written in ASCII (IDNA) in Normal, its default port left out, an empty
// path is "/". Code: links.bad_link, whose message says what is wrong.
func ParseURL(raw string) (Address, error) {
	raw = strings.TrimSpace(raw)
	switch {
	case raw == "":
		return Address{}, ErrBadLink.Msgf("it is empty")
	case len(raw) > MaxURL:
		return Address{}, ErrBadLink.Msgf("it has more than %d bytes", MaxURL)
	case !utf8.ValidString(raw):
		return Address{}, ErrBadLink.Msgf("it is not UTF-8")
	case strings.ContainsFunc(raw, illegalInURL):
		return Address{}, ErrBadLink.Msgf("it has white space, a control character or a quotation mark in it")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Address{}, ErrBadLink.Msgf("it is malformed").Because(err)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	host, port, err := outbound.Host(u)
	if err != nil {
		return Address{}, ErrBadLink.Msgf("%s", fault.From(err).Message)
	}
	a := Address{URL: raw, Host: strings.TrimPrefix(host, "www."), Normal: normal(u, host, port)}
	if a.Host == "" || !strings.Contains(a.Host, ".") && !strings.Contains(a.Host, ":") && strings.HasPrefix(host, "www.") {
		a.Host = host // "www.example" is a name of its own
	}
	a.Key = a.Normal
	if u.Fragment != "" {
		a.Key += "#" + u.EscapedFragment()
	}
	return a, nil
}

// illegalInURL is what RFC 3986 leaves out and somebody would misread.
func illegalInURL(r rune) bool {
	return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("\"<>`\\^{|}", r)
}

func normal(u *url.URL, host string, port uint16) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Scheme == "https" && port != 443 || u.Scheme == "http" && port != 80 {
		host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(int(port)))
	}
	n := url.URL{Scheme: u.Scheme, Host: host, Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
	if n.Path == "" {
		n.Path, n.RawPath = "/", ""
	}
	return n.String()
}

// ValidID reports whether s may be the id of a container, of either kind.
func ValidID(s string) bool { return validAlnum(s) || ValidNumericID(s) }

// maxNumeric is the length of the longest numeric id; it fits an int64.
const maxNumeric = 18

// ValidNumericID reports whether s may be a numeric id: digits, the first of
// them not 0.
func ValidNumericID(s string) bool {
	return s != "" && len(s) <= maxNumeric && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

func validAlnum(s string) bool {
	letter := false
	for _, r := range s {
		lower := r >= 'a' && r <= 'z'
		if !lower && (r < '0' || r > '9') {
			return false
		}
		letter = letter || lower
	}
	return letter && len(s) == IDLength
}

// maxBatchBytes is the JSON of a batch at most, far below what a message holds.
const maxBatchBytes = 512 << 10

// Batch is how many of the links in front fit one message: MaxBatch at most,
// fewer when they are long, since JSON writes some characters with six.
func Batch(links []LinkInput) int { return fits(links) }

// BatchOf is Batch for links with what is known of them.
func BatchOf(links []Link) int { return fits(links) }

func fits[T any](links []T) int {
	size := 0
	for i, l := range links {
		b, _ := json.Marshal(l) // strings, numbers and times
		if size += len(b) + 1; i == MaxBatch || i > 0 && size > maxBatchBytes {
			return i
		}
	}
	return len(links)
}
