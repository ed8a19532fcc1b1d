package docstore

import (
	"bytes"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// encode turns a value into BSON. Null fields are left out, since MongoDB would
// index, push to and count them otherwise than absent ones; nil slices and maps
// become empty ones, so that Push finds an array.
func encode(v any) (bson.Raw, error) {
	var buf bytes.Buffer
	enc := bson.NewEncoder(bson.NewDocumentWriter(&buf))
	enc.NilSliceAsEmpty()
	enc.NilMapAsEmpty()
	if err := enc.Encode(v); err != nil {
		return nil, ErrInvalid.Msgf("the value cannot be encoded").Because(err)
	}
	if buf.Len() > MaxValue {
		return nil, ErrTooLarge.Msgf("the encoded value has %d bytes, more than %d", buf.Len(), MaxValue)
	}
	raw, err := rawdoc.DropNulls(buf.Bytes())
	if err != nil {
		return nil, ErrInvalid.Because(err)
	}
	return raw, nil
}

// decode is the reverse of encode, into a zero value.
func decode(raw bson.Raw, v any) error {
	if err := bson.Unmarshal(raw, v); err != nil {
		return ErrInvalid.Msgf("a stored value does not fit its type").Because(err)
	}
	return nil
}

// encodeValue encodes one field.
func encodeValue(v any) (bson.RawValue, error) {
	raw, err := encode(bson.D{{Key: "x", Value: v}})
	if err != nil {
		return bson.RawValue{}, err
	}
	rv, _ := rawdoc.Lookup(raw, "x")
	return rv, nil
}

// encodeKey encodes one field of an index.
func encodeKey(v any) (bson.RawValue, error) {
	rv, err := encodeValue(v)
	if err != nil {
		return rv, err
	}
	if _, err := rawdoc.AppendKey(nil, rv); err != nil {
		return rv, ErrInvalid.Msgf("a value of type %T cannot be compared by an index", v).Because(err)
	}
	return rv, nil
}

func checkID(id string) error {
	if id == "" || len(id) > MaxID {
		return ErrInvalid.Msgf("an id has 1 to %d bytes, not %d", MaxID, len(id))
	}
	return nil
}

// stamp checks events and gives them the time of the write when they have none.
// BSON keeps milliseconds, so that is what callers see from the start.
func stamp(events []Message) ([]Message, error) {
	if len(events) == 0 {
		return nil, nil
	}
	out := make([]Message, len(events))
	for i, e := range events {
		if e.ID == "" || e.Subject == "" {
			return nil, ErrInvalid.Msgf("an event needs an id and a subject")
		}
		if e.Time.IsZero() {
			e.Time = time.Now()
		}
		e.Time = e.Time.UTC().Truncate(time.Millisecond)
		out[i] = e
	}
	return out, nil
}
