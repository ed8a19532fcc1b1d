package docstore

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// Query selects documents by a declared index: those whose first fields equal
// Equal and whose next field lies between From and To.
type Query struct {
	Index string // "" scans by id, all documents; Equal must then be empty
	Equal []any  // values of the leading fields; nil stands for an absent field (not for the first one)
	From  any    // lowest value of the next field; nil is open. A bound selects values of its own type only
	To    any    // highest value of the next field; nil is open

	FromExclusive bool
	ToExclusive   bool
	Desc          bool   // from the highest to the lowest
	Limit         int    // documents per page; 0 means DefaultLimit, at most MaxLimit
	After         string // Next of the page before; "" starts
}

// Page is a part of a scan.
type Page[T any] struct {
	Docs []Doc[T]
	// Next resumes after the last document when given as Query.After with the
	// same Index, Equal, bounds and direction; "" means that nothing follows. It
	// stays good while documents come and go. A page can be shorter than Limit
	// when its documents are large.
	Next string
}

// PrefixEnd returns the smallest string that is greater than every string that
// starts with prefix, for Query.To with ToExclusive; ok is false when there is none.
func PrefixEnd(prefix string) (end string, ok bool) {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1]), true
		}
	}
	return "", false
}

// compile checks and encodes q for an engine.
func (q Query) compile(spec Spec) (rawdoc.Query, error) {
	rq := rawdoc.Query{Index: q.Index, FromExclusive: q.FromExclusive, ToExclusive: q.ToExclusive, Desc: q.Desc, Limit: q.Limit}
	if rq.Limit <= 0 {
		rq.Limit = DefaultLimit
	}
	rq.Limit = min(rq.Limit, MaxLimit)
	if q.Index == "" {
		if len(q.Equal) != 0 {
			return rq, ErrInvalid.Msgf("a scan by id has no fields to be equal")
		}
	} else {
		ix, err := spec.index(q.Index)
		if err != nil {
			return rq, err
		}
		rq.Fields, rq.Unique = ix.Fields, ix.Unique
	}
	if err := q.compileBounds(&rq); err != nil {
		return rq, err
	}
	if q.After != "" {
		after, err := q.parseAfter(rq)
		if err != nil {
			return rq, err
		}
		rq.After = after
	}
	return rq, nil
}

func (q Query) compileBounds(rq *rawdoc.Query) error {
	bounded := q.From != nil || q.To != nil
	if rq.Index != "" && (len(q.Equal) > len(rq.Fields) || bounded && len(q.Equal) == len(rq.Fields)) {
		return ErrInvalid.Msgf("index %s has only %d fields", q.Index, len(rq.Fields))
	}
	for i, v := range q.Equal {
		rv, err := encodeKey(v)
		if err != nil {
			return err
		}
		if i == 0 && rawdoc.IsNull(rv) {
			return ErrInvalid.Msgf("index %s does not hold documents without its first field", q.Index)
		}
		rq.Equal = append(rq.Equal, rv)
	}
	for _, b := range []struct {
		in  any
		out **bson.RawValue
	}{{q.From, &rq.From}, {q.To, &rq.To}} {
		if b.in == nil {
			continue
		}
		rv, err := encodeKey(b.in)
		if err != nil {
			return err
		}
		if rq.Index == "" && rv.Type != bson.TypeString {
			return ErrInvalid.Msgf("bounds of a scan by id are strings")
		}
		*b.out = &rv
	}
	return nil
}

// fingerprint ties a resume key to the scan that it came from.
func fingerprint(rq rawdoc.Query) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(rq.Index))
	for _, f := range rq.Fields {
		_, _ = h.Write([]byte{0})
		_, _ = h.Write([]byte(f))
	}
	if rq.Desc {
		_, _ = h.Write([]byte{1})
	}
	return h.Sum32()
}

// nextKey makes the resume key behind doc: fingerprint, length of the encoded
// tuple, tuple, id.
func nextKey(rq rawdoc.Query, doc Raw) (string, error) {
	var key []byte
	if rq.Index != "" {
		k, _, err := rawdoc.IndexKey(doc.Value, rq.Fields)
		if err != nil {
			return "", ErrInvalid.Because(err)
		}
		key = k
	}
	return resumeKey(rq, key, doc.ID), nil
}

func resumeKey(rq rawdoc.Query, key []byte, id string) string {
	b := binary.BigEndian.AppendUint32(nil, fingerprint(rq))
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = append(b, id...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseAfter is the reverse of nextKey; the key may come from outside.
func (q Query) parseAfter(rq rawdoc.Query) (*rawdoc.Position, error) {
	bad := ErrInvalid.Msgf("the resume key does not belong to this scan")
	b, err := base64.RawURLEncoding.DecodeString(q.After)
	if err != nil || len(b) < 5 || binary.BigEndian.Uint32(b) != fingerprint(rq) {
		return nil, bad
	}
	n, w := binary.Uvarint(b[4:])
	if w <= 0 || n > uint64(len(b)-4-w) {
		return nil, bad
	}
	key, id := b[4+w:4+w+int(n)], string(b[4+w+int(n):])
	pos := &rawdoc.Position{Key: key, ID: id}
	if checkID(id) != nil {
		return nil, bad
	}
	if rq.Index == "" {
		if len(key) != 0 {
			return nil, bad
		}
		return pos, nil
	}
	vals, err := rawdoc.DecodeKey(key)
	if err != nil || len(vals) != len(rq.Fields) {
		return nil, bad
	}
	pos.Values = vals
	return pos, nil
}
