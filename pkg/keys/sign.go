package keys

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Signer makes and checks HMAC-SHA256 codes under the key of one purpose. It is
// safe for concurrent use.
type Signer struct{ d derived }

// Signer gives the signer of a purpose. Two purposes never share a key.
func (m *Master) Signer(purpose string) *Signer {
	return &Signer{d: derived{m: m, label: "sluice/1/sign/" + purpose}}
}

// Sign returns the 32-byte code of payload under the current key.
func (s *Signer) Sign(payload []byte) []byte { return mac(s.d.current().key, payload) }

// Verify reports whether code is payload's under any key of the master file.
// It takes the same time wherever the codes differ.
func (s *Signer) Verify(payload, code []byte) bool { return verify(&s.d, payload, code) }

// All returns the codes of payload under every key of the master file, Sign's
// first: what was stored under a code before a rotation is found by one of the others.
func (s *Signer) All(payload []byte) [][]byte {
	c := s.d.all()
	out := make([][]byte, len(c.keys))
	for i, k := range c.keys {
		out[i] = mac(k.key, payload)
	}
	return out
}

func mac(key [keySize]byte, payload []byte) []byte {
	h := hmac.New(sha256.New, key[:])
	h.Write(payload)
	return h.Sum(nil)
}

func verify(d *derived, payload, code []byte) bool {
	if len(code) != sha256.Size {
		return false
	}
	for c, more := d.all(), true; more; c, more = d.again(c) {
		for _, k := range c.keys {
			if hmac.Equal(mac(k.key, payload), code) {
				return true
			}
		}
	}
	return false
}
