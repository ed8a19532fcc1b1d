package rawdoc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Tags of a key's parts, in the order in which MongoDB sorts types. A part is
// its tag and a body that says where it ends, so that encoded tuples compare by
// bytes as the tuples do, and a prefix of a tuple is a prefix of its encoding.
const (
	tagAbsent byte = 0x10
	tagNumber byte = 0x20
	tagString byte = 0x30
	tagBytes  byte = 0x40
	tagBool   byte = 0x50
	tagTime   byte = 0x60
	// keyEnd is greater than every tag: a prefix and keyEnd bound all that starts with the prefix.
	keyEnd byte = 0xff
)

// Strings end with 0x00 0x01; a 0x00 inside is written 0x00 0xff.
const (
	strEscape byte = 0x00
	strNul    byte = 0xff
	strEnd    byte = 0x01
)

var errKey = errors.New("not an index key")

// AppendKey appends the comparable form of one scalar. Null and nothing are the
// absent value.
func AppendKey(b []byte, v bson.RawValue) ([]byte, error) {
	switch v.Type {
	case 0, bson.TypeNull, bson.TypeUndefined:
		return append(b, tagAbsent), nil
	case bson.TypeInt32, bson.TypeInt64:
		n, ok := v.AsInt64OK()
		if !ok {
			return nil, errCorrupt
		}
		return appendInt(append(b, tagNumber), n), nil
	case bson.TypeString:
		s, ok := v.StringValueOK()
		if !ok {
			return nil, errCorrupt
		}
		return appendString(append(b, tagString), s), nil
	case bson.TypeBinary:
		sub, data, ok := v.BinaryOK()
		if !ok || sub != bson.TypeBinaryGeneric {
			return nil, fmt.Errorf("binary of subtype %d has no order here", sub)
		}
		b = binary.BigEndian.AppendUint32(append(b, tagBytes), uint32(len(data)))
		return append(b, data...), nil
	case bson.TypeBoolean:
		t, ok := v.BooleanOK()
		if !ok {
			return nil, errCorrupt
		}
		if t {
			return append(b, tagBool, 1), nil
		}
		return append(b, tagBool, 0), nil
	case bson.TypeDateTime:
		ms, ok := v.DateTimeOK()
		if !ok {
			return nil, errCorrupt
		}
		return appendInt(append(b, tagTime), ms), nil
	}
	return nil, fmt.Errorf("a BSON %s has no order here", v.Type)
}

func appendInt(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(n)^(1<<63))
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		b = append(b, s[i])
		if s[i] == strEscape {
			b = append(b, strNul)
		}
	}
	return append(b, strEscape, strEnd)
}

// IndexKey encodes the tuple of fields of a document; ok is false when the first
// is absent, so that the document is not in the index.
func IndexKey(doc bson.Raw, fields []string) (key []byte, ok bool, err error) {
	for i, f := range fields {
		v, found := Lookup(doc, f)
		if i == 0 && !found {
			return nil, false, nil
		}
		if key, err = AppendKey(key, v); err != nil {
			return nil, false, fmt.Errorf("field %q: %w", f, err)
		}
	}
	return key, true, nil
}

// DecodeKey is the reverse of AppendKey for a whole tuple. Keys come back from
// callers inside resume keys, so it trusts nothing.
func DecodeKey(key []byte) ([]bson.RawValue, error) {
	var out []bson.RawValue
	for len(key) > 0 {
		v, rest, err := decodePart(key[0], key[1:])
		if err != nil {
			return nil, err
		}
		out, key = append(out, v), rest
	}
	return out, nil
}

func decodePart(tag byte, b []byte) (v bson.RawValue, rest []byte, err error) {
	switch tag {
	case tagAbsent:
		return bson.RawValue{Type: bson.TypeNull}, b, nil
	case tagNumber, tagTime:
		if len(b) < 8 {
			return v, nil, errKey
		}
		n := binary.BigEndian.Uint64(b) ^ (1 << 63)
		v = bson.RawValue{Type: bson.TypeInt64, Value: binary.LittleEndian.AppendUint64(nil, n)}
		if tag == tagTime {
			v.Type = bson.TypeDateTime
		}
		return v, b[8:], nil
	case tagString:
		return decodeString(b)
	case tagBytes:
		if len(b) < 4 {
			return v, nil, errKey
		}
		n := binary.BigEndian.Uint32(b)
		if n > math.MaxInt32 || uint64(n) > uint64(len(b)-4) {
			return v, nil, errKey
		}
		val := append(binary.LittleEndian.AppendUint32(nil, n), bson.TypeBinaryGeneric)
		return bson.RawValue{Type: bson.TypeBinary, Value: append(val, b[4:4+n]...)}, b[4+n:], nil
	case tagBool:
		if len(b) < 1 || b[0] > 1 {
			return v, nil, errKey
		}
		return bson.RawValue{Type: bson.TypeBoolean, Value: []byte{b[0]}}, b[1:], nil
	}
	return v, nil, errKey
}

func decodeString(b []byte) (bson.RawValue, []byte, error) {
	s := []byte{0, 0, 0, 0}
	for {
		i := bytes.IndexByte(b, strEscape)
		if i < 0 || i+1 >= len(b) {
			return bson.RawValue{}, nil, errKey
		}
		s = append(s, b[:i]...)
		mark := b[i+1]
		b = b[i+2:]
		switch mark {
		case strNul:
			s = append(s, 0)
		case strEnd:
			s = append(s, 0)
			binary.LittleEndian.PutUint32(s, uint32(len(s)-4))
			return bson.RawValue{Type: bson.TypeString, Value: s}, b, nil
		default:
			return bson.RawValue{}, nil, errKey
		}
	}
}

// KeyRange returns the half-open range [lo, hi) of encoded keys that q selects,
// without regard to q.After.
func KeyRange(q Query) (lo, hi []byte, err error) {
	var prefix []byte
	for _, v := range q.Equal {
		if prefix, err = AppendKey(prefix, v); err != nil {
			return nil, nil, err
		}
	}
	lo, hi = clone(prefix), append(clone(prefix), keyEnd)
	if q.From != nil {
		if lo, err = AppendKey(clone(prefix), *q.From); err != nil {
			return nil, nil, err
		}
		// A bound selects values of its own type only, so it closes the other end too.
		hi = append(clone(prefix), lo[len(prefix)]+1)
		if q.FromExclusive {
			lo = append(lo, keyEnd)
		}
	}
	if q.To != nil {
		if hi, err = AppendKey(clone(prefix), *q.To); err != nil {
			return nil, nil, err
		}
		if q.From == nil {
			lo = append(clone(prefix), hi[len(prefix)])
		}
		if !q.ToExclusive {
			hi = append(hi, keyEnd)
		}
	}
	return lo, hi, nil
}

func clone(b []byte) []byte { return append(make([]byte, 0, len(b)+16), b...) }
