package rawdoc

import (
	"bytes"
	"cmp"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Holds reports whether doc meets the condition.
func (c Cond) Holds(doc bson.Raw) bool {
	v, found := Lookup(doc, c.Path)
	switch c.Op {
	case Eq:
		return holdsEqual(v, found, c.Value)
	case Ne:
		return !holdsEqual(v, found, c.Value)
	case Has:
		return found && contains(v, c.Elem, c.Value)
	case HasNo:
		return !found || !contains(v, c.Elem, c.Value)
	}
	if !found {
		return false
	}
	n, ok := Compare(v, c.Value)
	if !ok {
		return false
	}
	switch c.Op {
	case Lt:
		return n < 0
	case Lte:
		return n <= 0
	case Gt:
		return n > 0
	case Gte:
		return n >= 0
	}
	return false
}

func holdsEqual(v bson.RawValue, found bool, want bson.RawValue) bool {
	if IsNull(want) {
		return !found
	}
	return found && Equal(v, want)
}

// contains reports whether an array has an element whose field (or that itself) equals want.
func contains(arr bson.RawValue, elem string, want bson.RawValue) bool {
	if arr.Type != bson.TypeArray {
		return false
	}
	hit := false
	_ = each(bson.Raw(arr.Value), func(e bson.RawElement) bool {
		hit = selects(e.Value(), elem, want)
		return !hit
	})
	return hit
}

// selects reports whether an element of an array is meant by (field, want).
func selects(el bson.RawValue, field string, want bson.RawValue) bool {
	if field == "" {
		return Equal(el, want)
	}
	if el.Type != bson.TypeEmbeddedDocument {
		return false
	}
	v, found := Lookup(bson.Raw(el.Value), field)
	return holdsEqual(v, found, want)
}

// Equal compares two values as MongoDB does: numbers by value, all else by type and bytes.
func Equal(a, b bson.RawValue) bool {
	if n, ok := Compare(a, b); ok {
		return n == 0
	}
	return a.Type == b.Type && bytes.Equal(a.Value, b.Value)
}

// Compare orders two scalars of one type; ok is false when there is no order.
func Compare(a, b bson.RawValue) (order int, ok bool) {
	if isNumber(a.Type) && isNumber(b.Type) {
		return compareNumbers(a, b)
	}
	if a.Type != b.Type {
		return 0, false
	}
	switch a.Type {
	case bson.TypeString, bson.TypeBinary, bson.TypeBoolean, bson.TypeDateTime:
		ka, errA := AppendKey(nil, a)
		kb, errB := AppendKey(nil, b)
		if errA != nil || errB != nil {
			return 0, false
		}
		return bytes.Compare(ka, kb), true
	}
	return 0, false
}

func isNumber(t bson.Type) bool {
	return t == bson.TypeInt32 || t == bson.TypeInt64 || t == bson.TypeDouble
}

func compareNumbers(a, b bson.RawValue) (int, bool) {
	if a.Type != bson.TypeDouble && b.Type != bson.TypeDouble {
		x, okX := a.AsInt64OK()
		y, okY := b.AsInt64OK()
		return cmp.Compare(x, y), okX && okY
	}
	x, okX := asFloat(a)
	y, okY := asFloat(b)
	return cmp.Compare(x, y), okX && okY
}

func asFloat(v bson.RawValue) (float64, bool) {
	if v.Type == bson.TypeDouble {
		return v.DoubleOK()
	}
	n, ok := v.AsInt64OK()
	return float64(n), ok
}

// addInts adds without wrapping around.
func addInts(a, b int64) (int64, bool) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, false
	}
	return a + b, true
}
