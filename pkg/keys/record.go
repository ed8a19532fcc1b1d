package keys

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const recordVersion = 1

// record is what a Store holds per domain: its keys, each wrapped by a master key.
type record struct {
	Version int       `json:"version"`
	Domain  string    `json:"domain"`
	Current uint32    `json:"current"` // id of the data key for new segments
	Data    []dataKey `json:"data"`    // ascending ids
	Hash    wrapped   `json:"hash"`
}

type dataKey struct {
	ID      uint32    `json:"id"`
	Created time.Time `json:"created"`
	wrapped
}

// wrapped is a 32-byte key under AES-256-GCM: nonce(12) ciphertext(32) tag(16).
type wrapped struct {
	Master uint32 `json:"master"` // id of the master key that wrapped it
	Bytes  []byte `json:"wrapped"`
}

// wrapper wraps the keys of domains by the master's keys.
type wrapper struct{ d derived }

func newWrapper(m *Master) *wrapper { return &wrapper{d: derived{m: m, label: "sluice/1/wrap"}} }

// wrapAAD binds a wrapped key to its place: domain, use ("data", "hash") and id.
func wrapAAD(domain, use string, id uint32) []byte {
	b := append(append(append([]byte(domain), 0), use...), 0)
	return binary.BigEndian.AppendUint32(b, id)
}

func (w *wrapper) wrap(key []byte, aad []byte) wrapped {
	k := w.d.current()
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails
	return wrapWith(k, nonce, key, aad)
}

func wrapWith(k derivedKey, nonce, key, aad []byte) wrapped {
	out := append(make([]byte, 0, nonceSize+keySize+tagSize), nonce...)
	return wrapped{Master: k.id, Bytes: gcm(k.key).Seal(out, nonce, key, aad)}
}

func (w *wrapper) unwrap(x wrapped, aad []byte) ([keySize]byte, error) {
	k, ok := w.d.byID(x.Master)
	if !ok {
		return [keySize]byte{}, ErrUnknownKey.Because(fmt.Errorf("master key %d is not in the master key file", x.Master))
	}
	if len(x.Bytes) != nonceSize+keySize+tagSize {
		return [keySize]byte{}, ErrOpen.Because(errors.New("a wrapped key has the wrong length"))
	}
	plain, err := gcm(k.key).Open(nil, x.Bytes[:nonceSize], x.Bytes[nonceSize:], aad)
	if err != nil {
		return [keySize]byte{}, ErrOpen.Because(err)
	}
	return [keySize]byte(plain), nil
}

// newRecord makes the keys of a fresh domain.
func (w *wrapper) newRecord(domain string, now time.Time) record {
	r := record{Version: recordVersion, Domain: domain, Hash: w.wrap(randomKey(), wrapAAD(domain, "hash", 0))}
	return w.withDataKey(r, now)
}

// withDataKey returns r with a fresh data key, which is current.
func (w *wrapper) withDataKey(r record, now time.Time) record {
	id := uint32(1)
	for _, k := range r.Data {
		id = max(id, k.ID+1)
	}
	k := dataKey{ID: id, Created: now.UTC().Truncate(time.Second), wrapped: w.wrap(randomKey(), wrapAAD(r.Domain, "data", id))}
	r.Data, r.Current = append(append([]dataKey(nil), r.Data...), k), id
	return r
}

// rewrap returns r with every key under the current master key, and whether any
// was not.
func (w *wrapper) rewrap(r record) (record, bool, error) {
	cur, changed := w.d.current().id, false
	move := func(x *wrapped, aad []byte) error {
		if x.Master == cur {
			return nil
		}
		key, err := w.unwrap(*x, aad)
		if err != nil {
			return err
		}
		*x, changed = w.wrap(key[:], aad), true
		return nil
	}
	r.Data = append([]dataKey(nil), r.Data...)
	for i := range r.Data {
		if err := move(&r.Data[i].wrapped, wrapAAD(r.Domain, "data", r.Data[i].ID)); err != nil {
			return r, false, err
		}
	}
	if err := move(&r.Hash, wrapAAD(r.Domain, "hash", 0)); err != nil {
		return r, false, err
	}
	return r, changed, nil
}

func parseRecord(domain string, b []byte) (record, error) {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return r, ErrOpen.Because(fmt.Errorf("decoding a key record: %w", err))
	}
	if r.Version != recordVersion || r.Domain != domain || len(r.Data) == 0 {
		return r, ErrOpen.Because(fmt.Errorf("key record of %q has version %d, domain %q and %d keys", domain, r.Version, r.Domain, len(r.Data)))
	}
	return r, nil
}
