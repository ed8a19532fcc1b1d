package domain

import (
	"encoding/hex"
	"slices"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// check decides the conditions of a write against the current version.
func check(c objectv1.Conditions, h Head) error {
	if c.IfNoneMatchAny && h.Visible() {
		return objectv1.ErrPrecondition.Msgf("the object exists")
	}
	if len(c.IfMatch) == 0 {
		return nil
	}
	if !h.Visible() {
		return objectv1.ErrPrecondition.Msgf("the object does not exist")
	}
	if !slices.Contains(c.IfMatch, "*") && !slices.Contains(c.IfMatch, h.ETag) {
		return objectv1.ErrPrecondition.Msgf("the object has another entity tag")
	}
	return nil
}

// ETag is the entity tag of a content that was written in one piece, quotes
// included. The suffix keeps S3 clients from taking it for an MD5.
func ETag(digests map[blob.Algorithm][]byte) string {
	return `"` + hex.EncodeToString(digests[blob.SHA256])[:32] + `-1"`
}
