package keys

import (
	"context"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"
)

// opened is one reading of a record with its keys unwrapped; it never changes.
type opened struct {
	rev     uint64
	current uint32
	aeads   map[uint32]cipher.AEAD
	hash    [keySize]byte
	readAt  time.Time
}

func (r *Ring) openRecord(rec record, rev uint64) (*opened, error) {
	o := &opened{rev: rev, current: rec.Current, aeads: make(map[uint32]cipher.AEAD, len(rec.Data)), readAt: time.Now()}
	for _, k := range rec.Data {
		key, err := r.wrapper.unwrap(k.wrapped, wrapAAD(rec.Domain, "data", k.ID))
		if err != nil {
			return nil, err
		}
		o.aeads[k.ID] = gcm(key)
	}
	if o.aeads[rec.Current] == nil {
		return nil, ErrOpen.Because(fmt.Errorf("current data key %d is not in the record", rec.Current))
	}
	var err error
	o.hash, err = r.wrapper.unwrap(rec.Hash, wrapAAD(rec.Domain, "hash", 0))
	return o, err
}

// Domain is the keys of one key domain: data keys that seal its segments, and a
// hash key, never rotated, that names them. It is safe for concurrent use.
type Domain struct {
	ring *Ring
	name string
	st   atomic.Pointer[opened]
	busy atomic.Bool // one refresh at a time
}

// Name is the domain's name.
func (d *Domain) Name() string { return d.name }

// Current gives the data key for new segments and its id. The AEAD is AES-256-GCM
// with 12-byte nonces and 16-byte tags; the caller brings the nonces.
func (d *Domain) Current() (keyID uint32, aead cipher.AEAD) {
	st := d.st.Load()
	return st.current, st.aeads[st.current]
}

// AEAD gives the data key of an id, asking the store when it is not known yet
// (another process may have rotated). Codes: keys.unknown_key, and the store's.
func (d *Domain) AEAD(ctx context.Context, keyID uint32) (cipher.AEAD, error) {
	if a := d.st.Load().aeads[keyID]; a != nil {
		return a, nil
	}
	if err := d.read(ctx); err != nil {
		return nil, fmt.Errorf("looking for data key %d of domain %s: %w", keyID, d.name, err)
	}
	if a := d.st.Load().aeads[keyID]; a != nil {
		return a, nil
	}
	return nil, ErrUnknownKey.Because(fmt.Errorf("data key %d of domain %s", keyID, d.name))
}

// HashID names the content whose SHA-256 is given: the hex of its HMAC-SHA256
// under the domain's hash key. Equal content has equal names inside a domain;
// across domains they tell nothing.
func (d *Domain) HashID(sha256 [32]byte) string {
	return hex.EncodeToString(mac(d.st.Load().hash, sha256[:]))
}

// RotateData adds a fresh data key for new segments; older ones keep opening
// what they sealed. Other processes follow within about a minute.
func (d *Domain) RotateData(ctx context.Context) error {
	d.ring.master.refresh()
	_, err := d.ring.update(ctx, d.name, func(rec record) (record, bool, error) {
		return d.ring.wrapper.withDataKey(rec, time.Now()), true, nil
	})
	if err == nil {
		err = d.read(ctx)
	}
	if err != nil {
		return fmt.Errorf("rotating the data key of domain %s: %w", d.name, err)
	}
	return nil
}

// refresh reads the record again when it is old. A failure changes nothing: the
// keys that are known stay right, and the next call tries again.
func (d *Domain) refresh(ctx context.Context) {
	if time.Since(d.st.Load().readAt) < refreshAfter || !d.busy.CompareAndSwap(false, true) {
		return
	}
	defer d.busy.Store(false)
	_ = d.read(ctx)
}

func (d *Domain) read(ctx context.Context) error {
	rec, rev, err := d.ring.get(ctx, d.name)
	if err != nil {
		return err
	}
	st, err := d.ring.openRecord(rec, rev)
	if err != nil {
		return err
	}
	d.adopt(st)
	return nil
}

// adopt keeps st unless something newer is known; a replica may answer late.
func (d *Domain) adopt(st *opened) {
	for {
		old := d.st.Load()
		if old != nil && old.rev > st.rev {
			return
		}
		if d.st.CompareAndSwap(old, st) {
			return
		}
	}
}
