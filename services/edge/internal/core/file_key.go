package core

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// PurposeFileKey is the keys purpose under which the keys of files are stored.
const PurposeFileKey = "lockr-file-key"

// The refusals around a file's key.
var (
	ErrKeyNeeded = fault.New(fault.Forbidden, "edge.key_required", "the file has a key: give the SHA-256 of its phrase as keyHash")
	ErrWrongKey  = fault.New(fault.Forbidden, "edge.wrong_key", "the key is not the one of the file")
	ErrGuestKey  = fault.New(fault.Forbidden, "edge.guest_key", "guests cannot attach keys: sign up for that")
)

// maxPhrase bounds the phrase of a key, in bytes.
const maxPhrase = 1024

// PhraseHash is the keyHash of a phrase: the lower-case hex SHA-256 of its bytes.
func PhraseHash(phrase string) (string, error) {
	if len(phrase) > maxPhrase {
		return "", fault.ErrInvalid.Msgf("a key has %d bytes at most", maxPhrase)
	}
	sum := sha256.Sum256([]byte(phrase))
	return hex.EncodeToString(sum[:]), nil
}

// CheckKeyHash refuses what is not the hex SHA-256 of a phrase.
func CheckKeyHash(keyHash string) error {
	if len(keyHash) != hex.EncodedLen(sha256.Size) || strings.Trim(keyHash, "0123456789abcdef") != "" {
		return fault.ErrInvalid.Msgf("a keyHash is 64 lower-case hex digits: the SHA-256 of the phrase")
	}
	return nil
}

// StoredKey is what is kept of a keyHash; "" stands for no key.
func (c *Core) StoredKey(keyHash string) ([]byte, error) {
	if keyHash == "" {
		return nil, nil
	}
	if err := CheckKeyHash(keyHash); err != nil {
		return nil, err
	}
	return c.FileKeys.Sign([]byte(keyHash)), nil
}

// mayOpen decides whether keyHash opens the file, in the same time wherever it differs.
func (c *Core) mayOpen(f objectv1.File, keyHash string) error {
	switch {
	case len(f.KeyHash) == 0:
		return nil
	case keyHash == "":
		return ErrKeyNeeded
	case CheckKeyHash(keyHash) != nil || !c.FileKeys.Verify([]byte(keyHash), f.KeyHash):
		return ErrWrongKey
	}
	return nil
}
