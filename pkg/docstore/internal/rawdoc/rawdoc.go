// Package rawdoc works on encoded BSON documents: checked requests as the
// engines get them, comparable index keys, conditions and edits. It gives the
// sqlite engine the semantics that MongoDB has in its server.
package rawdoc

import (
	"encoding/binary"
	"errors"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Query is a checked scan.
type Query struct {
	Index         string   // "" is by id
	Fields        []string // of the index
	Unique        bool
	Equal         []bson.RawValue
	From, To      *bson.RawValue
	FromExclusive bool
	ToExclusive   bool
	Desc          bool
	Limit         int
	After         *Position
}

// Position is a place in a scan: behind the document with this key and id.
type Position struct {
	Key    []byte          // AppendKey of Values
	Values []bson.RawValue // one per field; null for an absent one
	ID     string
}

// Op is the operator of a condition. With a null value, Eq means absent and Ne present.
type Op int

// The operators.
const (
	Eq Op = iota
	Ne
	Lt
	Lte
	Gt
	Gte
	Has
	HasNo
)

// Cond is a checked condition.
type Cond struct {
	Path  string
	Op    Op
	Elem  string
	Value bson.RawValue
}

// EditKind is the kind of a change.
type EditKind int

// The kinds of change.
const (
	Set EditKind = iota
	Unset
	Inc
	Push
	Pull
)

// Edit is one checked change.
type Edit struct {
	Kind  EditKind
	Path  string
	Elem  string // Pull: the field of the elements, "" for the elements themselves
	Value bson.RawValue
}

// Change is a checked guarded update; no two edits overlap, and they are sorted by path.
type Change struct {
	If      []Cond
	IfRev   int64
	Edits   []Edit
	Initial bson.Raw // nil: a missing document is not found
}

// errCorrupt reports bytes that are no BSON document.
var errCorrupt = errors.New("not a BSON document")

// IsNull reports whether v is null or nothing at all.
func IsNull(v bson.RawValue) bool {
	return v.Type == 0 || v.Type == bson.TypeNull || v.Type == bson.TypeUndefined
}

// Lookup finds the value at a dotted path through documents; not through arrays.
// A null counts as absent.
func Lookup(doc bson.Raw, path string) (bson.RawValue, bool) {
	for {
		seg, rest, deeper := strings.Cut(path, ".")
		v, ok := field(doc, seg)
		if !ok || IsNull(v) {
			return bson.RawValue{}, false
		}
		if !deeper {
			return v, true
		}
		if v.Type != bson.TypeEmbeddedDocument {
			return bson.RawValue{}, false
		}
		doc, path = bson.Raw(v.Value), rest
	}
}

// field finds one element without checking the whole document first.
func field(doc bson.Raw, name string) (bson.RawValue, bool) {
	var found bson.RawValue
	ok := false
	_ = each(doc, func(e bson.RawElement) bool {
		if e.Key() == name {
			found, ok = e.Value(), true
		}
		return !ok
	})
	return found, ok
}

// each calls f for every element until it returns false.
func each(doc bson.Raw, f func(bson.RawElement) bool) error {
	if len(doc) < 5 {
		return errCorrupt
	}
	n := binary.LittleEndian.Uint32(doc)
	if uint64(n) > uint64(len(doc)) || n < 5 {
		return errCorrupt
	}
	elems, err := doc[:n].Elements()
	if err != nil {
		return err
	}
	for _, e := range elems {
		if !f(e) {
			return nil
		}
	}
	return nil
}

// builder makes a BSON document or array element by element.
type builder struct{ b []byte }

func newBuilder(size int) *builder {
	return &builder{b: append(make([]byte, 0, size+16), 0, 0, 0, 0)}
}

func (w *builder) add(key string, v bson.RawValue) {
	w.b = append(w.b, byte(v.Type))
	w.b = append(w.b, key...)
	w.b = append(w.b, 0)
	w.b = append(w.b, v.Value...)
}

func (w *builder) copy(e bson.RawElement) { w.b = append(w.b, e...) }

func (w *builder) done() []byte {
	w.b = append(w.b, 0)
	binary.LittleEndian.PutUint32(w.b, uint32(len(w.b)))
	return w.b
}

// DropNulls removes the null fields of a document and of the documents inside
// it. Inside arrays everything stays. A document without nulls is returned as it is.
func DropNulls(doc bson.Raw) (bson.Raw, error) {
	dirty := false
	w := newBuilder(len(doc))
	var inner error
	err := each(doc, func(e bson.RawElement) bool {
		v := e.Value()
		switch {
		case IsNull(v):
			dirty = true
		case v.Type == bson.TypeEmbeddedDocument:
			sub, err := DropNulls(bson.Raw(v.Value))
			if err != nil {
				inner = err
				return false
			}
			if len(sub) != len(v.Value) {
				dirty = true
			}
			w.add(e.Key(), bson.RawValue{Type: v.Type, Value: sub})
		default:
			w.copy(e)
		}
		return true
	})
	if err = errors.Join(err, inner); err != nil {
		return nil, err
	}
	if !dirty {
		return doc, nil
	}
	return w.done(), nil
}
