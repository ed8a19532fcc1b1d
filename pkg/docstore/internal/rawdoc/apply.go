package rawdoc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Apply returns doc with the edits made; doc stays as it is. Missing documents
// on the way to a path are created, except by Unset and Pull. It fails when a
// field is of the wrong type for its edit.
func Apply(doc bson.Raw, edits []Edit) (bson.Raw, error) {
	if len(edits) == 0 {
		return doc, nil
	}
	groups, order := group(edits)
	w := newBuilder(len(doc))
	var failed error
	err := each(doc, func(e bson.RawElement) bool {
		g, ok := groups[e.Key()]
		if !ok {
			w.copy(e)
			return true
		}
		delete(groups, e.Key())
		v, keep, err := g.change(e.Value(), true)
		if err != nil {
			failed = fmt.Errorf("field %q: %w", e.Key(), err)
			return false
		}
		if keep {
			w.add(e.Key(), v)
		}
		return true
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	for _, name := range order {
		g, ok := groups[name]
		if !ok {
			continue
		}
		v, keep, err := g.change(bson.RawValue{}, false)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", name, err)
		}
		if keep {
			w.add(name, v)
		}
	}
	return w.done(), nil
}

// branch holds the edits of one field: one of the field itself, or some inside it.
type branch struct {
	own    *Edit
	inside []Edit
}

func group(edits []Edit) (map[string]*branch, []string) {
	groups := make(map[string]*branch, len(edits))
	var order []string
	for _, e := range edits {
		seg, rest, deeper := strings.Cut(e.Path, ".")
		g := groups[seg]
		if g == nil {
			g = &branch{}
			groups[seg] = g
			order = append(order, seg)
		}
		if deeper {
			e.Path = rest
			g.inside = append(g.inside, e)
		} else {
			g.own = &e
		}
	}
	return groups, order
}

// change gives the new value of the field; keep is false when the field is to go
// or to stay away.
func (g *branch) change(v bson.RawValue, found bool) (out bson.RawValue, keep bool, err error) {
	if found && IsNull(v) {
		found = false
	}
	if g.own != nil {
		return g.own.change(v, found)
	}
	if !found {
		if !creates(g.inside) {
			return v, false, nil
		}
		v = bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: newBuilder(0).done()}
	}
	if v.Type != bson.TypeEmbeddedDocument {
		if !creates(g.inside) {
			return v, true, nil
		}
		return v, false, fmt.Errorf("a %s has no fields", v.Type)
	}
	sub, err := Apply(bson.Raw(v.Value), g.inside)
	return bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: sub}, true, err
}

func creates(edits []Edit) bool {
	for _, e := range edits {
		if e.Kind != Unset && e.Kind != Pull {
			return true
		}
	}
	return false
}

func (e *Edit) change(v bson.RawValue, found bool) (out bson.RawValue, keep bool, err error) {
	switch e.Kind {
	case Set:
		return e.Value, true, nil
	case Unset:
		return v, false, nil
	case Inc:
		if !found {
			return e.Value, true, nil
		}
		out, err = increase(v, e.Value)
		return out, true, err
	case Push:
		if !found {
			v = bson.RawValue{Type: bson.TypeArray, Value: newBuilder(0).done()}
		}
		out, err = rebuild(v, nil, &e.Value)
		return out, true, err
	case Pull:
		if !found {
			return v, false, nil
		}
		out, err = rebuild(v, func(el bson.RawValue) bool { return !selects(el, e.Elem, e.Value) }, nil)
		return out, true, err
	}
	return v, false, fmt.Errorf("unknown edit %d", e.Kind)
}

func increase(v, by bson.RawValue) (bson.RawValue, error) {
	n, _ := by.AsInt64OK()
	switch v.Type {
	case bson.TypeInt32, bson.TypeInt64:
		old, _ := v.AsInt64OK()
		sum, ok := addInts(old, n)
		if !ok {
			return v, errors.New("the sum does not fit 64 bits")
		}
		return bson.RawValue{Type: bson.TypeInt64, Value: binary.LittleEndian.AppendUint64(nil, uint64(sum))}, nil
	case bson.TypeDouble:
		old, _ := v.DoubleOK()
		bits := math.Float64bits(old + float64(n))
		return bson.RawValue{Type: bson.TypeDouble, Value: binary.LittleEndian.AppendUint64(nil, bits)}, nil
	}
	return v, fmt.Errorf("a %s is no number", v.Type)
}

// rebuild copies an array with the elements that keep allows (all when nil) and
// one more at the end (unless nil).
func rebuild(arr bson.RawValue, keep func(bson.RawValue) bool, more *bson.RawValue) (bson.RawValue, error) {
	if arr.Type != bson.TypeArray {
		return arr, fmt.Errorf("a %s is no array", arr.Type)
	}
	w, n := newBuilder(len(arr.Value)), 0
	add := func(v bson.RawValue) {
		w.add(strconv.Itoa(n), v)
		n++
	}
	err := each(bson.Raw(arr.Value), func(e bson.RawElement) bool {
		if v := e.Value(); keep == nil || keep(v) {
			add(v)
		}
		return true
	})
	if more != nil {
		add(*more)
	}
	return bson.RawValue{Type: bson.TypeArray, Value: w.done()}, err
}

// CheckEdits refuses edits that would put something else than a scalar into a
// field of an index, as far as the edits alone can tell.
func CheckEdits(edits []Edit, fields []string) error {
	for _, e := range edits {
		for _, f := range fields {
			if err := e.checkField(f); err != nil {
				return fmt.Errorf("field %q: %w", f, err)
			}
		}
	}
	return nil
}

func (e *Edit) checkField(f string) error {
	switch {
	case e.Path == f && e.Kind == Set:
		_, err := AppendKey(nil, e.Value)
		return err
	case e.Path == f && (e.Kind == Push || e.Kind == Pull):
		return errors.New("an array cannot be indexed")
	case strings.HasPrefix(e.Path, f+".") && e.Kind != Unset:
		return errors.New("a document cannot be indexed")
	case e.Kind == Set && strings.HasPrefix(f, e.Path+".") && e.Value.Type == bson.TypeEmbeddedDocument:
		if v, ok := Lookup(bson.Raw(e.Value.Value), f[len(e.Path)+1:]); ok {
			_, err := AppendKey(nil, v)
			return err
		}
	}
	return nil
}
