package docstore

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// Evaluate applies a checked guarded update to an encoded document, for engines:
// ErrGuard when a condition does not hold, ErrInvalid when a change does not fit.
func Evaluate(doc bson.Raw, ch rawdoc.Change) (bson.Raw, error) {
	for _, c := range ch.If {
		if !c.Holds(doc) {
			return nil, ErrGuard
		}
	}
	out, err := rawdoc.Apply(doc, ch.Edits)
	if err != nil {
		return nil, ErrInvalid.Msgf("a change does not fit the document").Because(err)
	}
	if len(out) > MaxValue {
		return nil, ErrTooLarge
	}
	return out, nil
}
