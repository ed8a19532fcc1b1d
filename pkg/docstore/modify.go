package docstore

import (
	"sort"
	"strings"

	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// Mod is a guarded update: when every condition in If holds, all changes and
// events are applied, else nothing is. Condition and change are one statement in
// the store, so no other writer comes between them. No two changes may touch the
// same path or one inside the other.
type Mod struct {
	If    []Cond
	IfRev int64 // when not 0: ErrStale unless the document is at this revision

	Set   map[string]any   // path → value; nil is the same as Unset
	Unset []string         // paths to remove
	Inc   map[string]int64 // path → amount; an absent field counts as 0
	Push  map[string]any   // path of an array → element to append; an absent array counts as empty
	Pull  map[string]Elem  // path of an array → elements to remove

	// Upsert, when not nil, is the value (of the collection's type) that a
	// missing document counts as: conditions and changes apply to it, and the
	// result is inserted. Without it a missing document is ErrNotFound.
	Upsert any
	Events []Message
}

// Elem selects elements of an array: those whose Field equals Value, or the
// elements that are themselves equal to Value when Field is "".
type Elem struct {
	Field string
	Value any
}

// Cond is one condition on a document. Make it by the functions below.
// Values compare only with values of their own type (all numbers are one type);
// null counts as absent; an ordering with an absent field never holds.
type Cond struct {
	field string
	op    rawdoc.Op
	elem  string
	value any
}

// Eq holds when the field equals v; Eq(field, nil) is Absent.
func Eq(field string, v any) Cond { return Cond{field: field, op: rawdoc.Eq, value: v} }

// Ne holds when the field is absent or differs from v.
func Ne(field string, v any) Cond { return Cond{field: field, op: rawdoc.Ne, value: v} }

// Lt holds when the field is less than v.
func Lt(field string, v any) Cond { return Cond{field: field, op: rawdoc.Lt, value: v} }

// Lte holds when the field is at most v.
func Lte(field string, v any) Cond { return Cond{field: field, op: rawdoc.Lte, value: v} }

// Gt holds when the field is greater than v.
func Gt(field string, v any) Cond { return Cond{field: field, op: rawdoc.Gt, value: v} }

// Gte holds when the field is at least v.
func Gte(field string, v any) Cond { return Cond{field: field, op: rawdoc.Gte, value: v} }

// Exists holds when the field is there and not null.
func Exists(field string) Cond { return Cond{field: field, op: rawdoc.Ne} }

// Absent holds when the field is not there or null.
func Absent(field string) Cond { return Cond{field: field, op: rawdoc.Eq} }

// Has holds when the array has an element that e selects.
func Has(array string, e Elem) Cond {
	return Cond{field: array, op: rawdoc.Has, elem: e.Field, value: e.Value}
}

// HasNo holds when the array is absent or has no element that e selects.
func HasNo(array string, e Elem) Cond {
	return Cond{field: array, op: rawdoc.HasNo, elem: e.Field, value: e.Value}
}

// compile checks and encodes m for an engine. The result lists changes in the
// order of their paths.
func (m Mod) compile() (rawdoc.Change, error) {
	ch := rawdoc.Change{IfRev: m.IfRev}
	for _, c := range m.If {
		rc, err := c.compile()
		if err != nil {
			return ch, err
		}
		ch.If = append(ch.If, rc)
	}
	if err := m.compileChanges(&ch); err != nil {
		return ch, err
	}
	sort.Slice(ch.Edits, func(i, j int) bool { return ch.Edits[i].Path < ch.Edits[j].Path })
	if err := checkEdits(ch.Edits); err != nil {
		return ch, err
	}
	if m.Upsert != nil {
		v, err := encode(m.Upsert)
		if err != nil {
			return ch, err
		}
		ch.Initial = v
	}
	return ch, nil
}

func (m Mod) compileChanges(ch *rawdoc.Change) error {
	add := func(kind rawdoc.EditKind, path, elem string, v any) error {
		rv, err := encodeValue(v)
		if err != nil {
			return err
		}
		if kind == rawdoc.Set && rawdoc.IsNull(rv) {
			kind = rawdoc.Unset
		}
		ch.Edits = append(ch.Edits, rawdoc.Edit{Kind: kind, Path: path, Elem: elem, Value: rv})
		return nil
	}
	for p, v := range m.Set {
		if err := add(rawdoc.Set, p, "", v); err != nil {
			return err
		}
	}
	for _, p := range m.Unset {
		ch.Edits = append(ch.Edits, rawdoc.Edit{Kind: rawdoc.Unset, Path: p})
	}
	for p, n := range m.Inc {
		if err := add(rawdoc.Inc, p, "", n); err != nil {
			return err
		}
	}
	for p, v := range m.Push {
		if err := add(rawdoc.Push, p, "", v); err != nil {
			return err
		}
	}
	for p, e := range m.Pull {
		if err := checkElem(e.Field); err != nil {
			return err
		}
		if err := add(rawdoc.Pull, p, e.Field, e.Value); err != nil {
			return err
		}
	}
	return nil
}

// checkEdits refuses bad paths and changes that overlap; edits are sorted by path.
func checkEdits(edits []rawdoc.Edit) error {
	seen := make(map[string]bool, len(edits))
	for _, e := range edits {
		if err := checkPath(e.Path); err != nil {
			return err
		}
		if seen[e.Path] {
			return ErrInvalid.Msgf("two changes touch field %q", e.Path)
		}
		seen[e.Path] = true
	}
	for _, e := range edits {
		for i := strings.LastIndexByte(e.Path, '.'); i > 0; i = strings.LastIndexByte(e.Path[:i], '.') {
			if seen[e.Path[:i]] {
				return ErrInvalid.Msgf("changes of %q and %q overlap", e.Path[:i], e.Path)
			}
		}
	}
	return nil
}

// checkElem allows one plain field name, or none.
func checkElem(field string) error {
	if field == "" {
		return nil
	}
	return checkPath(field)
}

func (c Cond) compile() (rawdoc.Cond, error) {
	if err := checkPath(c.field); err != nil {
		return rawdoc.Cond{}, err
	}
	if err := checkElem(c.elem); err != nil {
		return rawdoc.Cond{}, err
	}
	rv, err := encodeValue(c.value)
	if err != nil {
		return rawdoc.Cond{}, err
	}
	return rawdoc.Cond{Path: c.field, Op: c.op, Elem: c.elem, Value: rv}, nil
}
