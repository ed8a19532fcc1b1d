package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// ReadStrictJSON is ReadJSON of a body of limit bytes at most that refuses
// unknown names too, for where a misspelt one would change what is allowed,
// kept or overwritten. Names count as they are written, "Effect" is not
// "effect".
func ReadStrictJSON(r *http.Request, into any, limit int64) error {
	body, err := readObject(r, limit)
	if err != nil {
		return err
	}
	if err := exactNames(json.NewDecoder(bytes.NewReader(body)), reflect.TypeOf(into)); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return jsonFault(err)
	}
	return nil
}

// exactNames looks for names that t does not have in the next value of d, which
// is well-formed. A value of another type than t is left to the decoder.
func exactNames(d *json.Decoder, t reflect.Type) error {
	token, err := d.Token()
	if err != nil {
		return jsonFault(err)
	}
	if token != json.Delim('{') && token != json.Delim('[') {
		return nil
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for d.More() {
		member := elementOf(t)
		if token == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				return jsonFault(err)
			}
			var known bool
			if member, known = memberOf(t, fmt.Sprint(name)); !known {
				return ErrBadJSON.Msgf("there is no field %.64q", name)
			}
		}
		if err := exactNames(d, member); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return jsonFault(err)
	}
	return nil
}

// elementOf gives the type of a list's elements; nil for what is no list.
func elementOf(t reflect.Type) reflect.Type {
	if t != nil && t.Kind() == reflect.Slice {
		return t.Elem()
	}
	return nil
}

// memberOf gives the type of a member of an object; nil where t is no object.
func memberOf(t reflect.Type, name string) (member reflect.Type, known bool) {
	switch {
	case t == nil:
		return nil, true
	case t.Kind() == reflect.Map:
		return t.Elem(), true
	case t.Kind() != reflect.Struct:
		return nil, true
	}
	for _, f := range reflect.VisibleFields(t) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name && f.IsExported() {
			return f.Type, true
		}
	}
	return nil, false
}
