package keys_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
)

// goldens are the frozen formats: what a deployed Sluice has written. A change
// here means that existing data can no longer be read.
type goldens struct {
	SignMAC string `json:"signMac"`
	Token   string `json:"token"`
	Sealed  string `json:"sealed"`
	Record  string `json:"record"`
	HashID  string `json:"hashId"`
	Segment string `json:"segment"`
}

type claims struct {
	KeyID string `json:"kid"`
	Exp   int64  `json:"exp"`
}

func readGoldens(t *testing.T) goldens {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g goldens
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// fixedMaster loads the key file of testdata, whose key is the bytes 0 to 31.
func fixedMaster(t *testing.T) *keys.Master {
	t.Helper()
	b, err := os.ReadFile("testdata/master.key")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := keys.LoadOrCreate(path, true)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fixedRing has one domain, "acme", whose keys are known.
func fixedRing(t *testing.T, m *keys.Master, rec []byte) *keys.Domain {
	t.Helper()
	store := keystest.NewMemory()
	if _, err := store.Create(t.Context(), "domain.acme", rec); err != nil {
		t.Fatal(err)
	}
	ring, err := keys.OpenRing(t.Context(), store, m)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ring.Domain(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestGolden_Written compares what this version writes with the frozen bytes.
func TestGolden_Written(t *testing.T) {
	t.Parallel()
	want, m := readGoldens(t), fixedMaster(t)
	nonce := bytes.Repeat([]byte{7}, 12)
	token, err := m.Token("golden", "lwtk_").Mint(claims{KeyID: "LWAK", Exp: 1700000000})
	if err != nil {
		t.Fatal(err)
	}
	rec := m.FixedRecord("acme", bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 12), bytes.Repeat([]byte{4}, 12))
	d := fixedRing(t, m, rec)
	_, aead := d.Current()
	got := goldens{
		SignMAC: hex.EncodeToString(m.Signer("golden").Sign([]byte("payload"))),
		Token:   token,
		Sealed:  hex.EncodeToString(m.Sealer("golden").SealFixed(nonce, []byte("secret"), []byte("doc-1"))),
		Record:  string(rec),
		HashID:  d.HashID([32]byte{9}),
		Segment: hex.EncodeToString(aead.Seal(nil, nonce, []byte("chunk"), []byte("aad"))),
	}
	if got != want {
		b, _ := json.MarshalIndent(got, "", "  ")
		t.Fatalf("a frozen format has changed; this version writes\n%s", b)
	}
}

// TestGolden_Read opens the frozen bytes.
func TestGolden_Read(t *testing.T) {
	t.Parallel()
	g, m := readGoldens(t), fixedMaster(t)
	if !m.Signer("golden").Verify([]byte("payload"), unhex(t, g.SignMAC)) {
		t.Error("the signature does not verify")
	}
	var c claims
	if err := m.Token("golden", "lwtk_").Parse(g.Token, &c); err != nil || c != (claims{"LWAK", 1700000000}) {
		t.Errorf("token: %+v, %v", c, err)
	}
	if plain, err := m.Sealer("golden").Open(unhex(t, g.Sealed), []byte("doc-1")); err != nil || string(plain) != "secret" {
		t.Errorf("sealed: %q, %v", plain, err)
	}
	d := fixedRing(t, m, []byte(g.Record))
	aead, err := d.AEAD(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := aead.Open(nil, bytes.Repeat([]byte{7}, 12), unhex(t, g.Segment), []byte("aad")); err != nil || string(plain) != "chunk" {
		t.Errorf("segment: %q, %v", plain, err)
	}
}

// TestDerive_RFC5869 is HKDF-SHA256 by hand: extract with a zero salt, then one
// block of expand, which is what every purpose key of this package is.
func TestDerive_HandComputed(t *testing.T) {
	t.Parallel()
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i)
	}
	prk := hmac256(make([]byte, 32), secret)
	want := hmac256(prk, append([]byte("sluice/1/wrap"), 1))
	if got := keys.Derive(secret, "sluice/1/wrap"); !bytes.Equal(got[:], want) {
		t.Fatalf("derived %x, want %x", got, want)
	}
}

// TestDerive_RFC5869 uses the input keying material of the RFC's test case 3
// (no salt, no info), whose first 32 bytes of output are printed there.
func TestDerive_RFC5869(t *testing.T) {
	t.Parallel()
	got := keys.Derive(bytes.Repeat([]byte{0x0b}, 22), "")
	want := unhex(t, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")
	if !bytes.Equal(got[:], want) {
		t.Fatalf("derived %x, want %x", got, want)
	}
}
