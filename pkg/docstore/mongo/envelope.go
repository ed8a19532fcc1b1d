package mongo

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// envelope is a document as it stands in MongoDB. The value has a field of its
// own, so that its names never meet ours. A tombstone has no value: no declared
// index holds it, since each skips documents without its first field.
type envelope struct {
	ID      string             `bson:"_id"`         // encodeID
	Rev     int64              `bson:"r"`           // revision
	Value   bson.Raw           `bson:"v,omitempty"` // absent in a tombstone
	Tomb    bool               `bson:"t,omitempty"` // deleted, but events wait
	Outbox  []docstore.Message `bson:"o,omitempty"` // pending events, oldest first
	Waiting int64              `bson:"p,omitempty"` // Unix milliseconds since when events wait, or a little earlier
}

func (e envelope) raw() docstore.Raw {
	if len(e.Outbox) == 0 {
		e.Outbox = nil
	}
	return docstore.Raw{ID: decodeID(e.ID), Rev: e.Rev, Value: e.Value, Pending: e.Outbox}
}

// encodeID makes a BSON string of any bytes, in the same order: byte b becomes
// the code point b. Plain ASCII, as nearly all ids are, stays as it is. (A
// BSON binary would sort by length first.)
func encodeID(id string) string {
	ascii := true
	for i := range len(id) {
		ascii = ascii && id[i] < 0x80
	}
	if ascii {
		return id
	}
	r := make([]rune, len(id))
	for i := range len(id) {
		r[i] = rune(id[i])
	}
	return string(r)
}

// decodeID is the reverse of encodeID.
func decodeID(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

// e makes one element of a document.
func e(key string, value any) bson.E { return bson.E{Key: key, Value: value} }

// live is a filter for the document of id unless it is a tombstone.
func live(id string) bson.D {
	return bson.D{e("_id", encodeID(id)), e("t", bson.D{e("$ne", true)})}
}
