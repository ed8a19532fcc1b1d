package settings

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// field is one setting of a schema.
type field struct {
	key   string // path in the file
	env   string // variable
	flag  string // "" when there is none
	doc   string
	index [][]int // path of reflect indexes
	typ   reflect.Type
}

// schema is what a settings struct declares, in the order of its fields.
type schema struct {
	fields []field
	byKey  map[string]*field
	byEnv  map[string]*field
	byFlag map[string]*field
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// schemaOf reads the tags of t, a struct. A clash of names is an error in the
// program and reported as one.
func schemaOf(t reflect.Type, prefix string) (*schema, error) {
	s := &schema{byKey: map[string]*field{}, byEnv: map[string]*field{}, byFlag: map[string]*field{}}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("settings of type %s: not a struct", t)
	}
	if err := s.walk(t, "", prefix, nil); err != nil {
		return nil, fmt.Errorf("settings of type %s: %w", t, err)
	}
	for i := range s.fields {
		f := &s.fields[i]
		if s.byKey[f.key] != nil || s.byEnv[f.env] != nil || (f.flag != "" && s.byFlag[f.flag] != nil) {
			return nil, fmt.Errorf("settings of type %s: %s is declared twice, by key, variable or flag", t, f.key)
		}
		s.byKey[f.key], s.byEnv[f.env] = f, f
		if f.flag != "" {
			s.byFlag[f.flag] = f
		}
	}
	return s, nil
}

func (s *schema) walk(t reflect.Type, path, prefix string, index [][]int) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		name, opts, _ := strings.Cut(sf.Tag.Get("koanf"), ",")
		at := append(index[:len(index):len(index)], sf.Index)
		switch {
		case name == "-":
			continue
		case !sf.IsExported():
			return fmt.Errorf("field %s is not exported", sf.Name)
		case opts == "squash":
			if err := s.walk(sf.Type, path, prefix, at); err != nil {
				return err
			}
			continue
		case name == "":
			return fmt.Errorf("field %s has no koanf tag", sf.Name)
		}
		key := name
		if path != "" {
			key = path + "." + name
		}
		if !isLeaf(sf.Type) {
			if err := s.walk(sf.Type, key, prefix, at); err != nil {
				return err
			}
			continue
		}
		if !supported(sf.Type) {
			return fmt.Errorf("field %s: type %s is not supported", sf.Name, sf.Type)
		}
		s.fields = append(s.fields, newField(sf, key, prefix, at))
	}
	return nil
}

func newField(sf reflect.StructField, key, prefix string, index [][]int) field {
	f := field{key: key, doc: sf.Tag.Get("doc"), index: index, typ: sf.Type, env: sf.Tag.Get("env"), flag: sf.Tag.Get("flag")}
	if f.env == "" {
		f.env = prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
	}
	switch f.flag {
	case "":
		f.flag = strings.NewReplacer(".", "-", "_", "-").Replace(key)
	case "-":
		f.flag = ""
	}
	return f
}

// isLeaf reports whether a field of type t is one setting rather than a group.
func isLeaf(t reflect.Type) bool {
	return t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(textUnmarshaler)
}

func supported(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return true
	case reflect.Slice:
		return t.Elem().Kind() != reflect.Slice && supported(t.Elem())
	default:
		return false
	}
}

// value returns the field's value in v, the struct of the schema.
func (f *field) value(v reflect.Value) reflect.Value {
	for _, i := range f.index {
		v = v.FieldByIndex(i)
	}
	return v
}

// text gives a value as it is written in files and variables; lists are joined
// by commas, secrets masked.
func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err == nil {
			return string(b)
		}
	case fmt.Stringer:
		return x.String()
	}
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = text(v.Index(i))
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v.Interface())
}
