package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
)

const (
	sealVersion = 1
	sealHeader  = 1 + 4 // version, id of the master key (big endian)
	nonceSize   = 12
	tagSize     = 16
)

// SealOverhead is how many bytes longer sealed data is than plain data.
const SealOverhead = sealHeader + nonceSize + tagSize

// Sealer encrypts small secrets at rest with AES-256-GCM under the key of one
// purpose:
//
//	version(1) master-key-id(4) nonce(12) ciphertext tag(16)
//
// Version, id and the caller's additional data are authenticated. Nonces are
// random: seal fewer than 2^32 values per purpose and master key. It is safe
// for concurrent use.
type Sealer struct{ d derived }

// Sealer gives the sealer of a purpose.
func (m *Master) Sealer(purpose string) *Sealer {
	return &Sealer{d: derived{m: m, label: "sluice/1/seal/" + purpose}}
}

// Seal encrypts plain under the current key. aad names what the value belongs
// to (say, the id of its document), so that it cannot be moved elsewhere.
func (s *Sealer) Seal(plain, aad []byte) ([]byte, error) {
	k := s.d.current()
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails
	return sealWith(k, nonce, plain, aad), nil
}

// Open decrypts what Seal gave for the same aad, also under an older master
// key. Codes: keys.cannot_open, keys.unknown_key.
func (s *Sealer) Open(sealed, aad []byte) ([]byte, error) {
	if len(sealed) < SealOverhead || sealed[0] != sealVersion {
		return nil, ErrOpen
	}
	k, ok := s.d.byID(binary.BigEndian.Uint32(sealed[1:sealHeader]))
	if !ok {
		return nil, ErrUnknownKey
	}
	head, nonce, body := sealed[:sealHeader], sealed[sealHeader:sealHeader+nonceSize], sealed[sealHeader+nonceSize:]
	plain, err := gcm(k.key).Open(nil, nonce, body, sealAAD(head, aad))
	if err != nil {
		return nil, ErrOpen.Because(err)
	}
	return plain, nil
}

// Stale reports whether sealed is not under the current master key, so that its
// owner may open it and seal it again after a rotation.
func (s *Sealer) Stale(sealed []byte) bool {
	return len(sealed) < sealHeader || binary.BigEndian.Uint32(sealed[1:sealHeader]) != s.d.current().id
}

func sealWith(k derivedKey, nonce, plain, aad []byte) []byte {
	out := make([]byte, 0, len(plain)+SealOverhead)
	out = append(out, sealVersion)
	out = binary.BigEndian.AppendUint32(out, k.id)
	head := out[:sealHeader]
	out = append(out, nonce...)
	return gcm(k.key).Seal(out, nonce, plain, sealAAD(head, aad))
}

func sealAAD(head, aad []byte) []byte {
	return append(append(make([]byte, 0, len(head)+len(aad)), head...), aad...)
}

// gcm makes the AEAD of a 32-byte key.
func gcm(key [keySize]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for key lengths that ours is not
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block length that GCM wants
	}
	return a
}
