package lockr

import (
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// keyWish is the key of a file in a body: a phrase, or the hash that a client
// made of it. Neither, null and "" mean no key.
type keyWish struct {
	Key     phrase  `json:"key"`
	KeyHash *string `json:"keyHash"`
}

// phrase tells null from what is not there.
type phrase struct {
	set  bool
	text string
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *phrase) UnmarshalJSON(b []byte) error {
	p.set = true
	if err := json.Unmarshal(b, &p.text); err != nil {
		return fmt.Errorf("reading a key: %w", err)
	}
	return nil
}

// hash gives the keyHash; "" for no key.
func (k keyWish) hash() (string, error) {
	hashed := ""
	if k.KeyHash != nil {
		hashed = *k.KeyHash
	}
	switch {
	case k.Key.text != "" && hashed != "":
		return "", fault.ErrInvalid.Msgf("give key or keyHash, not both")
	case k.Key.text != "":
		return core.PhraseHash(k.Key.text) //nolint:wrapcheck // it says what is wrong
	case hashed != "":
		return hashed, core.CheckKeyHash(hashed) //nolint:wrapcheck // as above
	}
	return "", nil
}
