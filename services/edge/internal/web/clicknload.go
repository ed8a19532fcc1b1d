package web

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// clickNLoadAddress is where download managers listen, on the reader's machine
// (field-facts.md 1.5).
const clickNLoadAddress = "http://127.0.0.1:9666"

// clickNLoad is the form of Click'n'Load 2.
type clickNLoad struct {
	Action          string
	Crypted         string // base64 of the links, encrypted
	JK              string // a function of JavaScript that gives the key
	Source, Package string
}

// newClickNLoad encrypts links as receivers decrypt them: AES-128-CBC with the key
// as the vector, filled up with NUL, which JDownloader trims and pyLoad strips.
// The key is beside it: this keeps links from nobody but from whoever looks for
// links in pages.
func newClickNLoad(links []linksv1.Link, title, source string) (*clickNLoad, error) {
	key := make([]byte, aes.BlockSize)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("encrypting for Click'n'Load: %w", err)
	}
	plain := []byte(strings.Join(urlsOf(links), "\r\n"))
	if rest := len(plain) % aes.BlockSize; rest > 0 {
		plain = append(plain, bytes.Repeat([]byte{0}, aes.BlockSize-rest)...)
	}
	cipher.NewCBCEncrypter(block, key).CryptBlocks(plain, plain)
	return &clickNLoad{
		Action: clickNLoadAddress + "/flash/addcrypted2", Crypted: base64.StdEncoding.EncodeToString(plain),
		JK: "function f(){ return '" + hex.EncodeToString(key) + "';}", Source: source, Package: title,
	}, nil
}

func urlsOf(links []linksv1.Link) []string {
	out := make([]string, len(links))
	for i, l := range links {
		out[i] = l.URL
	}
	return out
}

// cnlLinks is the value of window.CNL_LINKS: one array of JSON in which "]" stands
// at its end only, since clients look for the first one (field-facts.md 1.2).
func cnlLinks(links []linksv1.Link) template.JS {
	b, _ := json.Marshal(urlsOf(links)) // texts; < > & and line separators are escaped
	inner := strings.ReplaceAll(string(b[1:len(b)-1]), "]", `\u005d`)
	return template.JS("[" + inner + "]") //nolint:gosec // JSON, as above
}
