package settings

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	yamlv3 "go.yaml.in/yaml/v3"
)

// Bind declares a flag on fs for each setting of def, with its doc line, or only
// for the settings named by key. The values are read from fs by Load.
func Bind[T any](fs *pflag.FlagSet, def T, only ...string) error {
	sch, err := schemaOf(reflect.TypeFor[T](), DefaultPrefix)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(def)
	for i := range sch.fields {
		f := &sch.fields[i]
		if f.flag == "" || (len(only) > 0 && !slices.Contains(only, f.key)) {
			continue
		}
		fl := &flagValue{text: text(f.value(v)), kind: kindName(f.typ)}
		fs.Var(fl, f.flag, f.doc)
		if f.typ.Kind() == reflect.Bool {
			fs.Lookup(f.flag).NoOptDefVal = "true"
		}
	}
	return nil
}

// flagValue keeps the text of a flag; Load converts it, so that flags, files
// and variables are read by the same rules.
type flagValue struct{ text, kind string }

// String implements pflag.Value.
func (f *flagValue) String() string { return f.text }

// Set implements pflag.Value.
func (f *flagValue) Set(s string) error { f.text = s; return nil }

// Type implements pflag.Value.
func (f *flagValue) Type() string { return f.kind }

func kindName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t == reflect.TypeFor[Bytes]():
		return "bytes"
	case t == reflect.TypeFor[Secret]():
		return "secret"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Bool:
		return "bool"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64:
		return "number"
	}
	return "string"
}

// Print writes v as a settings file, each setting under its doc line, secrets masked.
func Print[T any](w io.Writer, v T) error {
	return printFields(w, v, func(*field) bool { return true })
}

// Diff writes those settings of v that differ from def, in the form of Print.
func Diff[T any](w io.Writer, def, v T) error {
	dv, vv := reflect.ValueOf(def), reflect.ValueOf(v)
	return printFields(w, v, func(f *field) bool {
		d, v := f.value(dv), f.value(vv)
		if d.Kind() == reflect.Slice && d.Len() == 0 && v.Len() == 0 {
			return false // nil and empty mean the same
		}
		return !reflect.DeepEqual(d.Interface(), v.Interface())
	})
}

func printFields[T any](w io.Writer, v T, keep func(*field) bool) error {
	sch, err := schemaOf(reflect.TypeFor[T](), DefaultPrefix)
	if err != nil {
		return err
	}
	root := &yamlv3.Node{Kind: yamlv3.MappingNode}
	rv := reflect.ValueOf(v)
	for i := range sch.fields {
		f := &sch.fields[i]
		if !keep(f) {
			continue
		}
		m := root
		path := strings.Split(f.key, ".")
		for _, group := range path[:len(path)-1] {
			m = child(m, group)
		}
		m.Content = append(m.Content,
			&yamlv3.Node{Kind: yamlv3.ScalarNode, Value: path[len(path)-1], HeadComment: f.doc}, node(f.value(rv)))
	}
	if len(root.Content) == 0 {
		return nil
	}
	enc := yamlv3.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("printing settings: %w", err)
	}
	return enc.Close()
}

// child finds or makes the mapping of a group.
func child(m *yamlv3.Node, name string) *yamlv3.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == name {
			return m.Content[i+1]
		}
	}
	c := &yamlv3.Node{Kind: yamlv3.MappingNode}
	m.Content = append(m.Content, &yamlv3.Node{Kind: yamlv3.ScalarNode, Value: name}, c)
	return c
}

func node(v reflect.Value) *yamlv3.Node {
	if v.Kind() == reflect.Slice {
		n := &yamlv3.Node{Kind: yamlv3.SequenceNode, Style: yamlv3.FlowStyle}
		for i := range v.Len() {
			n.Content = append(n.Content, node(v.Index(i)))
		}
		return n
	}
	n := &yamlv3.Node{}
	switch v.Kind() {
	case reflect.Bool, reflect.Float32, reflect.Float64:
		n.Kind, n.Value = yamlv3.ScalarNode, text(v)
	default:
		n.SetString(text(v))
		if kindName(v.Type()) == "number" {
			n.Tag = "!!int"
		}
	}
	return n
}

// Table gives the settings of def as a Markdown table: setting, variable, flag,
// default, meaning.
func Table[T any](def T) (string, error) {
	sch, err := schemaOf(reflect.TypeFor[T](), DefaultPrefix)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| setting | variable | flag | default | meaning |\n|---|---|---|---|---|\n")
	v := reflect.ValueOf(def)
	for i := range sch.fields {
		f := &sch.fields[i]
		flag := ""
		if f.flag != "" {
			flag = "`--" + f.flag + "`"
		}
		dflt := text(f.value(v))
		if dflt != "" {
			dflt = "`" + dflt + "`"
		}
		_, _ = fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", f.key, f.env, flag, cell(dflt), cell(f.doc))
	}
	return b.String(), nil
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(s) }
