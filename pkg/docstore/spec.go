package docstore

import (
	"regexp"
	"slices"
	"strings"
)

// Spec declares a collection.
type Spec struct {
	Name    string // lower case letters, digits and _, at most 48
	Indexes []Index
}

// Index declares an order to scan by, and with Unique a constraint.
//
// Fields are BSON paths ("owner", "target.region") of scalars: string, integers,
// time, bool, []byte; a field should hold one type in all documents. Null counts
// as absent. A document whose first field is absent is not in the index (and not
// bound by its uniqueness); an absent later field sorts before any value.
// Order: numbers, strings (by bytes), []byte (shorter first, then by bytes),
// false < true, times (by millisecond), as in MongoDB; equal tuples by id.
type Index struct {
	Name   string
	Fields []string
	Unique bool
}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,47}$`)

// Validate reports the first thing wrong with the declaration as ErrInvalid.
func (s Spec) Validate() error {
	if !namePattern.MatchString(s.Name) {
		return ErrInvalid.Msgf("collection name %q is not allowed", s.Name)
	}
	if len(s.Indexes) > 32 {
		return ErrInvalid.Msgf("collection %s declares more than 32 indexes", s.Name)
	}
	seen := make(map[string]bool, len(s.Indexes))
	for _, ix := range s.Indexes {
		if !namePattern.MatchString(ix.Name) || seen[ix.Name] {
			return ErrInvalid.Msgf("index name %q of collection %s is not allowed or not unique", ix.Name, s.Name)
		}
		seen[ix.Name] = true
		if len(ix.Fields) == 0 || len(ix.Fields) > 8 {
			return ErrInvalid.Msgf("index %s of collection %s needs one to eight fields", ix.Name, s.Name)
		}
		for i, f := range ix.Fields {
			if err := checkPath(f); err != nil {
				return err
			}
			if slices.Contains(ix.Fields[:i], f) {
				return ErrInvalid.Msgf("index %s of collection %s names a field twice", ix.Name, s.Name)
			}
		}
	}
	return nil
}

// index returns the declaration of the named index.
func (s Spec) index(name string) (Index, error) {
	for _, ix := range s.Indexes {
		if ix.Name == name {
			return ix, nil
		}
	}
	return Index{}, ErrInvalid.Msgf("collection %s declares no index %q", s.Name, name)
}

// checkPath refuses paths that MongoDB would read differently.
func checkPath(path string) error {
	for seg := range strings.SplitSeq(path, ".") {
		if seg == "" || seg[0] == '$' || strings.IndexByte(seg, 0) >= 0 {
			return ErrInvalid.Msgf("field path %q is not allowed", path)
		}
	}
	return nil
}
