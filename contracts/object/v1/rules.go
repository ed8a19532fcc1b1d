package objectv1

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sluicehq/sluice/pkg/fault"
)

// Bounds of what a client says about an object (lockwell.md, Objects and Tags).
const (
	MaxKey           = 1024   // bytes
	MaxTags          = 10     // of an object
	MaxTagKey        = 128    // characters
	MaxTagValue      = 256    // characters
	MaxRetentionDays = 36_500 // a hundred years: beyond it a date is a mistake

	MaxUserMetadata   = 2 << 10 // names and values, bytes
	MaxStoredHeader   = 1 << 10 // one of the standard headers that are stored, bytes
	MaxIdempotencyKey = 255     // characters
)

// CheckKey holds a key against the rules: 1–MaxKey bytes of UTF-8 without NUL.
// Nothing else about it matters; keys are never cleaned. The error is
// ErrInvalidKey.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKey || strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key) {
		return ErrInvalidKey
	}
	return nil
}

// CheckTags holds a set of tags against its bounds. The error is of kind Invalid.
func CheckTags(tags map[string]string) error {
	if len(tags) > MaxTags {
		return fault.ErrInvalid.Msgf("an object has at most %d tags", MaxTags)
	}
	for k, v := range tags {
		if k == "" || !tagText(k, MaxTagKey) || !tagText(v, MaxTagValue) {
			return fault.ErrInvalid.Msgf(
				"a tag's key is 1-%d and its value at most %d characters, without control characters", MaxTagKey, MaxTagValue)
		}
	}
	return nil
}

func tagText(text string, limit int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= limit && !strings.ContainsFunc(text, unicode.IsControl)
}

// Check gives r as it is stored, if it may be set at that time. The error is of
// kind Invalid.
func (r Retention) Check(at time.Time) (Retention, error) {
	r.Until = r.Until.UTC().Truncate(time.Millisecond)
	switch {
	case r.Mode != Governance && r.Mode != Compliance:
		return r, fault.ErrInvalid.Msgf("the mode of a retention is %s or %s", Governance, Compliance)
	case !r.Until.After(at):
		return r, fault.ErrInvalid.Msgf("a retention ends in the future")
	case r.Until.After(at.AddDate(0, 0, MaxRetentionDays)):
		return r, fault.ErrInvalid.Msgf("a retention lasts at most %d days", MaxRetentionDays)
	}
	return r, nil
}
