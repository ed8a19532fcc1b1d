package lockwell

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// idempotency reads the key under whose name a PUT is done once, and binds it to
// what the PUT says of itself: digests, length, metadata, tags and locks.
func idempotency(h http.Header, in transfer.Put) (*objectv1.Idempotency, error) {
	key, err := idempotencyKey(h)
	if err != nil || key == "" {
		return nil, err
	}
	if _, md5 := in.Want[blob.MD5]; len(in.Want) == 0 || md5 && len(in.Want) == 1 {
		return nil, errIdempotencyNeedsChecksum
	}
	// Maps encode in the order of their keys.
	said, err := json.Marshal(struct {
		Digests   map[blob.Algorithm][]byte
		Size      int64
		Metadata  objectv1.Metadata
		Retention *objectv1.Retention
		LegalHold bool
	}{in.Want, in.Size, in.Metadata, in.Retention, in.LegalHold})
	if err != nil {
		return nil, fmt.Errorf("fingerprinting a request: %w", err)
	}
	sum := sha256.Sum256(said)
	return &objectv1.Idempotency{Key: key, Fingerprint: sum[:]}, nil
}

// idempotencyKey reads the header by either of its names; "" means none.
func idempotencyKey(h http.Header) (string, error) {
	key, there, err := single(h, "Idempotency-Key")
	if err != nil {
		return "", err
	}
	own, ownThere, err := single(h, "X-Lockwell-Idempotency-Key")
	if err != nil {
		return "", err
	}
	switch {
	case !there && !ownThere:
		return "", nil
	case there && ownThere && key != own:
		return "", fault.ErrInvalid.Msgf("Idempotency-Key and X-Lockwell-Idempotency-Key are the same header, but their values differ")
	case !there:
		key = own
	}
	if len(key) < 1 || len(key) > objectv1.MaxIdempotencyKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fault.ErrInvalid.Msgf("Idempotency-Key has 1 to %d visible ASCII characters", objectv1.MaxIdempotencyKey)
	}
	return key, nil
}
