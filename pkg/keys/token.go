package keys

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// MaxToken is the length of the longest token that Parse looks at, in bytes.
const MaxToken = 8 << 10

var tokenEncoding = base64.RawURLEncoding.Strict()

// Token mints and parses the signed tokens of one purpose:
//
//	prefix base64url(JSON of the claims) "." base64url(HMAC-SHA256 of that base64url text)
//
// without padding. It is safe for concurrent use.
type Token struct {
	d      derived
	prefix string
}

// Token gives the tokens of a purpose, which start with prefix.
func (m *Master) Token(purpose, prefix string) *Token {
	return &Token{d: derived{m: m, label: "sluice/1/token/" + purpose}, prefix: prefix}
}

// Mint makes a token of claims under the current key. Its only error is that of
// claims that JSON cannot hold.
func (t *Token) Mint(claims any) (string, error) {
	b, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding the claims of a token: %w", err)
	}
	payload := tokenEncoding.EncodeToString(b)
	code := mac(t.d.current().key, []byte(payload))
	return t.prefix + payload + "." + tokenEncoding.EncodeToString(code), nil
}

// Parse checks token and decodes its claims into the value that into points to.
// There is one spelling of a token only. Every failure is ErrToken and leaves
// *into alone. Whether the claims still hold (expiry, revocation) is the caller's
// to decide.
func (t *Token) Parse(token string, into any) error {
	rest, ok := strings.CutPrefix(token, t.prefix)
	if !ok || len(token) > MaxToken {
		return ErrToken
	}
	payload, codeText, ok := strings.Cut(rest, ".")
	if !ok || strings.ContainsAny(rest, "\r\n") { // the decoder would skip line ends
		return ErrToken
	}
	code, err := tokenEncoding.DecodeString(codeText)
	if err != nil || !verify(&t.d, []byte(payload), code) {
		return ErrToken
	}
	b, err := tokenEncoding.DecodeString(payload)
	if err != nil {
		return ErrToken
	}
	if err := json.Unmarshal(b, into); err != nil {
		return ErrToken.Because(err)
	}
	return nil
}
