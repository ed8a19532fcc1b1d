package bus

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// encodeValue percent-encodes a CloudEvents attribute for a header, as the HTTP
// binding (3.1.3.2) and the NATS one ask: everything outside U+0021–U+007E,
// the double quote and the percent sign.
func encodeValue(s string) string {
	clean := true
	for i := range len(s) {
		if !plain(s[i]) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

func plain(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '%' }

// decodeValue undoes encodeValue, and takes unencoded UTF-8 as it is.
func decodeValue(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, utf8OrErr(s)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errors.New("a percent sign without two digits")
		}
		d, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", errors.New("a percent sign without two digits")
		}
		b = append(b, d[0])
		i += 2
	}
	return string(b), utf8OrErr(string(b))
}

func utf8OrErr(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("not UTF-8")
	}
	return nil
}

// token encodes any string as one token of a subject: letters, digits, '-' and
// '_' stand for themselves, every other byte is "=XX". The empty string is "=".
func token(s string) string {
	if s == "" {
		return "="
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('=')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
	return b.String()
}

// checkSubject says why s is no subject that one can publish to.
func checkSubject(s string) error {
	if s == "" || len(s) > 1024 {
		return errors.New("a subject has 1 to 1024 bytes")
	}
	for t := range strings.SplitSeq(s, ".") {
		if t == "" || t == "*" || t == ">" {
			return fmt.Errorf("%.64q has an empty or wildcard token", s)
		}
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return fmt.Errorf("%.64q has a space or control byte", s)
		}
	}
	return nil
}

// legalHeader reports whether NATS can carry the pair without another one
// being smuggled in.
func legalHeader(k, v string) bool {
	if k == "" || strings.ContainsAny(k, ": \r\n\x00") || strings.HasPrefix(k, "Nats-") {
		return false
	}
	return !strings.ContainsAny(v, "\r\n\x00") && utf8.ValidString(v)
}
