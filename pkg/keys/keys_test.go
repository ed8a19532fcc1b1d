package keys_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
)

func hmac256(key, msg []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(msg)
	return h.Sum(nil)
}

func TestSigner_PurposesDoNotMix(t *testing.T) {
	t.Parallel()
	m := keystest.Master(t)
	code := m.Signer("a").Sign([]byte("x"))
	if !m.Signer("a").Verify([]byte("x"), code) {
		t.Fatal("own signature refused")
	}
	for name, ok := range map[string]bool{
		"other purpose": m.Signer("b").Verify([]byte("x"), code),
		"other payload": m.Signer("a").Verify([]byte("y"), code),
		"short code":    m.Signer("a").Verify([]byte("x"), code[:31]),
		"empty code":    m.Signer("a").Verify([]byte("x"), nil),
		"other master":  keystest.Master(t).Signer("a").Verify([]byte("x"), code),
	} {
		if ok {
			t.Errorf("%s: verified", name)
		}
	}
}

func TestToken_Parse(t *testing.T) {
	t.Parallel()
	m := keystest.Master(t)
	tok := m.Token("p", "lwtk_")
	good, err := tok.Mint(claims{KeyID: "k", Exp: 5})
	if err != nil {
		t.Fatal(err)
	}
	var c claims
	if err := tok.Parse(good, &c); err != nil || c != (claims{"k", 5}) {
		t.Fatalf("%+v, %v", c, err)
	}
	payload, code, _ := strings.Cut(strings.TrimPrefix(good, "lwtk_"), ".")
	std := base64.StdEncoding
	raw, _ := base64.RawURLEncoding.DecodeString(code)
	lastBits := code[:len(code)-1] + string(rune(code[len(code)-1]+1)) // 43 characters hold 258 bits: two must be zero
	for name, bad := range map[string]string{
		"empty":                   "",
		"prefix only":             "lwtk_",
		"no prefix":               payload + "." + code,
		"other prefix":            "lwurl_" + payload + "." + code,
		"no dot":                  "lwtk_" + payload + code,
		"two dots":                good + ".",
		"no payload":              "lwtk_." + code,
		"no mac":                  "lwtk_" + payload + ".",
		"mac cut":                 good[:len(good)-1],
		"mac twice":               good + code,
		"padding":                 good + "=",
		"standard alphabet":       "lwtk_" + payload + "." + std.EncodeToString(raw),
		"newline at the end":      good + "\n",
		"newline inside":          "lwtk_" + payload[:4] + "\n" + payload[4:] + "." + code,
		"newline in mac":          "lwtk_" + payload + "." + code[:4] + "\r\n" + code[4:],
		"space":                   " " + good,
		"trailing bits":           "lwtk_" + payload + "." + lastBits,
		"payload altered":         "lwtk_" + "A" + payload[1:] + "." + code,
		"payload and mac swapped": "lwtk_" + code + "." + payload,
		"endless":                 "lwtk_" + strings.Repeat("A", keys.MaxToken) + "." + code,
		"upper-case prefix":       "LWTK_" + payload + "." + code,
	} {
		var c claims
		if err := tok.Parse(bad, &c); !errors.Is(err, keys.ErrToken) || c != (claims{}) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if err := m.Token("q", "lwtk_").Parse(good, &c); !errors.Is(err, keys.ErrToken) {
		t.Errorf("another purpose took the token: %v", err)
	}
	if err := keystest.Master(t).Token("p", "lwtk_").Parse(good, &c); !errors.Is(err, keys.ErrToken) {
		t.Errorf("another master took the token: %v", err)
	}
	if _, err := tok.Mint(make(chan int)); err == nil {
		t.Error("minted a channel")
	}
}

func FuzzToken_Parse(f *testing.F) {
	m := keystest.Master(f)
	tok := m.Token("p", "lwtk_")
	good, err := tok.Mint(claims{KeyID: "k", Exp: 5})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{good, "", "lwtk_", "lwtk_.", good + "\n", strings.ToUpper(good), "lwtk_e30.e30"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var c claims
		if err := tok.Parse(s, &c); (err == nil) != (s == good) {
			t.Fatalf("Parse(%q) = %v", s, err)
		}
	})
}

func TestSealer_Refuses(t *testing.T) {
	t.Parallel()
	m := keystest.Master(t)
	s := m.Sealer("secrets")
	sealed, err := s.Seal([]byte("hunter2"), []byte("doc"))
	if err != nil || len(sealed) != len("hunter2")+keys.SealOverhead {
		t.Fatalf("%d bytes, %v", len(sealed), err)
	}
	if plain, err := s.Open(sealed, []byte("doc")); err != nil || string(plain) != "hunter2" {
		t.Fatalf("%q, %v", plain, err)
	}
	if _, err := s.Open(sealed, []byte("other")); !errors.Is(err, keys.ErrOpen) {
		t.Errorf("other document: %v", err)
	}
	if _, err := m.Sealer("others").Open(sealed, []byte("doc")); !errors.Is(err, keys.ErrOpen) {
		t.Errorf("other purpose: %v", err)
	}
	for i := range sealed {
		bad := append([]byte(nil), sealed...)
		bad[i] ^= 1
		if _, err := s.Open(bad, []byte("doc")); err == nil {
			t.Fatalf("byte %d altered, still opened", i)
		}
		if _, err := s.Open(sealed[:i], []byte("doc")); err == nil {
			t.Fatalf("cut to %d bytes, still opened", i)
		}
	}
	again, _ := s.Seal([]byte("hunter2"), []byte("doc"))
	if string(again) == string(sealed) {
		t.Error("sealing twice gave the same bytes")
	}
}

func FuzzSealer_Open(f *testing.F) {
	s := keystest.Master(f).Sealer("p")
	sealed, _ := s.Seal([]byte("x"), nil)
	f.Add(sealed)
	f.Add([]byte{1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := s.Open(b, nil); err == nil && string(b) != string(sealed) {
			t.Fatalf("opened %x", b)
		}
	})
}
