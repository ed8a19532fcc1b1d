package paging

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"time"
)

// Value is what a list is sorted by.
type Value interface{ int64 | string | time.Time }

// Position is where an entry stands in a list: by its value, and among those of
// the same value by its id.
type Position[V Value] struct {
	Value V
	ID    string
}

// maxCursor bounds what is decoded; an id has 2048 bytes at most, and each may
// take six in JSON.
const maxCursor = 32 << 10

// Cursor is the text of a position for clients, who only hand it back: standard
// base64 of a JSON array of value and id (plik-wire.md 14.4).
func (p Position[V]) Cursor() string {
	b, _ := json.Marshal([2]any{p.Value, p.ID}) // times of a store are within the years that JSON has
	return base64.StdEncoding.EncodeToString(b)
}

// ParseCursor is the reverse of Cursor, for text from outside. ErrBadCursor also
// for the cursor of a list that is sorted by values of another type.
func ParseCursor[V Value](s string) (Position[V], error) {
	var p Position[V]
	if len(s) > maxCursor {
		return p, ErrBadCursor
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return p, ErrBadCursor.Because(err)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return p, ErrBadCursor.Because(err)
	}
	if len(parts) != 2 || bytes.Equal(parts[0], []byte("null")) || bytes.Equal(parts[1], []byte("null")) {
		return p, ErrBadCursor
	}
	if err := json.Unmarshal(parts[0], &p.Value); err != nil {
		return Position[V]{}, ErrBadCursor.Because(err)
	}
	if err := json.Unmarshal(parts[1], &p.ID); err != nil || p.ID == "" {
		return Position[V]{}, ErrBadCursor.Because(err)
	}
	return p, nil
}
