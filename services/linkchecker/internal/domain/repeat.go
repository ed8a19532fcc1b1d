package domain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// goneWait is how long a client waits for the sweep to remove what had its key.
const goneWait = time.Second

// keyedID is the id of the container that an account makes under an idempotency
// key. So the document itself holds the key, for as long as the container is
// there.
func keyedID(account, key string) string {
	sum := sha256.Sum256([]byte(account + "\x00" + key))
	for n := uint64(0); ; n++ {
		block := sha256.Sum256(binary.BigEndian.AppendUint64(sum[:], n))
		if id, ok := idOf(block[:]); ok {
			return id
		}
	}
}

// idOf makes an id of random bytes, if they are enough and good for one.
func idOf(random []byte) (string, bool) {
	id := make([]byte, 0, linksv1.IDLength)
	for _, b := range random {
		if int(b) < 256/len(idAlphabet)*len(idAlphabet) && len(id) < linksv1.IDLength { // so that all are equally likely
			id = append(id, idAlphabet[int(b)%len(idAlphabet)])
		}
	}
	return string(id), linksv1.ValidID(string(id))
}

// repeated finds what an earlier request with the same idempotency key made; done
// is false when there is nothing, and the request is to be carried out.
func (s *Service) repeated(ctx context.Context, r linksv1.CreateRequest) (w linksv1.Written, done bool, err error) {
	c, err := s.d.Containers.Get(ctx, keyedID(r.Principal.AccountID, r.Idempotency.Key))
	now := s.now()
	switch {
	case errors.Is(err, ErrNoDocument):
		return linksv1.Written{}, false, nil
	case err != nil:
		return linksv1.Written{}, true, err
	case c.Phase == Gone:
		return linksv1.Written{}, true, linksv1.ErrIdempotencyBusy.After(goneWait)
	case c.Account != r.Principal.AccountID || !bytes.Equal(c.Print, r.Idempotency.Fingerprint):
		return linksv1.Written{}, true, linksv1.ErrIdempotencyConflict
	case c.Phase == Making && c.Edit != nil && now.Before(c.Edit.Till):
		return linksv1.Written{}, true, linksv1.ErrIdempotencyBusy.After(c.Edit.Till.Sub(now))
	case c.Phase == Making: // it was given up
		return linksv1.Written{}, false, s.end(ctx, c.ID)
	}
	same, err := s.samePassword(ctx, c, r.Password)
	if err == nil && !same {
		err = linksv1.ErrIdempotencyConflict
	}
	if err != nil {
		return linksv1.Written{}, true, err
	}
	return linksv1.Written{Container: c.View()}, true, nil
}

// samePassword compares what no fingerprint holds, since a guess at that would be
// cheap.
func (s *Service) samePassword(ctx context.Context, c Container, word string) (bool, error) {
	if c.Password == "" || word == "" {
		return c.Password == word, nil
	}
	return s.d.Passwords.Verify(ctx, c.Password, word)
}
