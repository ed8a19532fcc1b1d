package keys

import "encoding/json"

// Windows into the package for the known-answer tests, which need fixed nonces.

// Derive is derive.
func Derive(secret []byte, label string) [32]byte { return derive(secret, label) }

// SealFixed seals under the current key with a given nonce.
func (s *Sealer) SealFixed(nonce, plain, aad []byte) []byte {
	return sealWith(s.d.current(), nonce, plain, aad)
}

// FixedRecord encodes the record of a domain with given keys and nonces.
func (m *Master) FixedRecord(domain string, data, hash, dataNonce, hashNonce []byte) []byte {
	k := newWrapper(m).d.current()
	b, _ := json.Marshal(record{
		Version: recordVersion, Domain: domain, Current: 1,
		Data: []dataKey{{ID: 1, wrapped: wrapWith(k, dataNonce, data, wrapAAD(domain, "data", 1))}},
		Hash: wrapWith(k, hashNonce, hash, wrapAAD(domain, "hash", 0)),
	})
	return b
}

// ParseFile checks the text of a master key file.
func ParseFile(b []byte) error {
	_, _, err := parseFile(b)
	return err
}
