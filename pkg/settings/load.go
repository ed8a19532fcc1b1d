package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
	yamlv3 "go.yaml.in/yaml/v3"
)

// DefaultPrefix is what the names of variables begin with.
const DefaultPrefix = "SLUICE_"

// maxFile bounds a settings file; a larger one is a mistake.
const maxFile = 1 << 20

// Source says where values come from, weakest first: File, Env, Flags.
type Source struct {
	File   string         // path of a YAML file; "" for none
	Env    []string       // "KEY=value", as os.Environ gives; empty values count as unset
	Prefix string         // of the variables; "" means DefaultPrefix
	Flags  *pflag.FlagSet // parsed; only flags that were set count; may be nil
}

// Environ returns the environment of the process; only settings looks at it.
func Environ() []string { return os.Environ() }

// Validator is implemented by settings (or groups of them) that check more than
// types. Load calls it on the whole and on each group, outermost last.
type Validator interface{ Validate() error }

// Load returns def overlaid by the sources. An unknown key in the file, a value
// that does not fit its type, and a failed Validate are errors; unknown
// variables are not, because platforms set variables of their own (see Unknown).
func Load[T any](def T, src Source) (T, error) {
	var zero T
	sch, err := schemaOf(reflect.TypeFor[T](), src.prefix())
	if err != nil {
		return zero, err
	}
	k := koanf.NewWithConf(koanf.Conf{Delim: ".", StrictMerge: false})
	if err := sch.loadFile(k, src.File); err != nil {
		return zero, err
	}
	if err := k.Load(env.Provider(".", env.Opt{
		Prefix:      "", // variables may have names outside of the prefix by their env tag
		EnvironFunc: func() []string { return src.Env },
		TransformFunc: func(name, value string) (string, any) {
			f := sch.byEnv[name]
			if f == nil || value == "" {
				return "", nil
			}
			return f.key, value
		},
	}), nil); err != nil {
		return zero, fmt.Errorf("reading the environment: %w", err)
	}
	if err := sch.loadFlags(k, src.Flags); err != nil {
		return zero, err
	}
	out := def
	if err := decode(k, &out); err != nil {
		return zero, err
	}
	if err := validate(reflect.ValueOf(&out)); err != nil {
		return zero, err
	}
	return out, nil
}

func (s Source) prefix() string {
	if s.Prefix == "" {
		return DefaultPrefix
	}
	return s.Prefix
}

// Unknown lists the variables that have the prefix and name no setting of T,
// sorted, for a warning.
func Unknown[T any](src Source) []string {
	sch, err := schemaOf(reflect.TypeFor[T](), src.prefix())
	if err != nil {
		return nil
	}
	var out []string
	for _, kv := range src.Env {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, src.prefix()) && sch.byEnv[name] == nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (s *schema) loadFile(k *koanf.Koanf, path string) error {
	if path == "" {
		return nil
	}
	b, err := readFile(path)
	if err != nil {
		return fmt.Errorf("reading settings: %w", err)
	}
	m, err := s.parse(b)
	if err != nil {
		return fmt.Errorf("settings file %s: %w", path, err)
	}
	if err := k.Load(values(m), nil); err != nil {
		return fmt.Errorf("settings file %s: %w", path, err)
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %s", path, Bytes(maxFile))
	}
	return b, err
}

// parse reads a YAML document strictly: one document, a mapping, no key twice,
// only keys of the schema.
func (s *schema) parse(b []byte) (map[string]any, error) {
	dec := yamlv3.NewDecoder(strings.NewReader(string(b)))
	var doc yamlv3.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return map[string]any{}, nil
	case err != nil:
		return nil, fmt.Errorf("not YAML: %w", err)
	}
	if err := dec.Decode(new(yamlv3.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one YAML document")
	}
	m, err := yaml.Parser().Unmarshal(b)
	if err != nil {
		return nil, fmt.Errorf("not a mapping of settings: %w", err)
	}
	var unknown []string
	s.unknownKeys(m, "", &unknown)
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, fmt.Errorf("unknown settings: %s", strings.Join(unknown, ", "))
	}
	return m, nil
}

// unknownKeys collects the paths of m that name neither a setting nor a group.
// A key with a dot in it is unknown: nesting is written as nesting.
func (s *schema) unknownKeys(m map[string]any, path string, out *[]string) {
	for name, v := range m {
		key := name
		if path != "" {
			key = path + "." + name
		}
		sub, isMap := v.(map[string]any)
		switch {
		case strings.Contains(name, "."):
			*out = append(*out, key)
		case s.byKey[key] != nil && v == nil:
			delete(m, name) // "key:" without a value says nothing, it does not empty the setting
		case s.byKey[key] != nil:
		case s.isGroup(key) && (isMap || v == nil):
			s.unknownKeys(sub, key, out)
		default:
			*out = append(*out, key)
		}
	}
}

func (s *schema) isGroup(key string) bool {
	for k := range s.byKey {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

func (s *schema) loadFlags(k *koanf.Koanf, fs *pflag.FlagSet) error {
	if fs == nil {
		return nil
	}
	p := posflag.ProviderWithFlag(fs, ".", k, func(f *pflag.Flag) (string, any) {
		sf := s.byFlag[f.Name]
		if sf == nil || !f.Changed {
			return "", nil
		}
		return sf.key, f.Value.String()
	})
	if err := k.Load(p, nil); err != nil {
		return fmt.Errorf("reading flags: %w", err)
	}
	return nil
}

// decode writes what k holds over out, and leaves the rest of out as it is. It
// does not look for unknown names, as the sources have: two parts of a Config
// may share a group, and each then meets the other's settings there.
func decode(k *koanf.Koanf, out any) error {
	err := k.UnmarshalWithConf("", out, koanf.UnmarshalConf{Tag: "koanf", DecoderConfig: &mapstructure.DecoderConfig{
		Result: out, TagName: "koanf", WeaklyTypedInput: true, ZeroFields: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			refuseMask, numberToText, mapstructure.StringToTimeDurationHookFunc(), splitList, mapstructure.TextUnmarshallerHookFunc(),
		),
	}})
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

// refuseMask keeps the output of Print from becoming somebody's password.
func refuseMask(_, to reflect.Type, v any) (any, error) {
	if to == reflect.TypeFor[Secret]() && v == mask {
		return nil, errors.New(`a secret is "***", which is what a printed secret looks like`)
	}
	return v, nil
}

// numberToText lets YAML numbers stand for types that read text, as in
// "max: 4096", and refuses durations without a unit.
func numberToText(from, to reflect.Type, v any) (any, error) {
	switch from.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
	default:
		return v, nil
	}
	if to == durationType && !reflect.ValueOf(v).IsZero() {
		return nil, fmt.Errorf("%v: a duration has a unit, as in 250ms, 30s or 24h", v)
	}
	if reflect.PointerTo(to).Implements(textUnmarshaler) {
		return fmt.Sprint(v), nil
	}
	return v, nil
}

// splitList reads a comma list; spaces around its parts do not count.
func splitList(from, to reflect.Type, v any) (any, error) {
	s, ok := v.(string)
	if !ok || from.Kind() != reflect.String || to.Kind() != reflect.Slice || reflect.PointerTo(to).Implements(textUnmarshaler) {
		return v, nil
	}
	parts := []string{}
	for p := range strings.SplitSeq(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// validate calls Validate on the groups inside v and on v itself.
func validate(v reflect.Value) error {
	if v.Elem().Kind() != reflect.Struct {
		return nil
	}
	for i := range v.Elem().NumField() {
		if sf := v.Elem().Type().Field(i); sf.IsExported() && !isLeaf(sf.Type) {
			if err := validate(v.Elem().Field(i).Addr()); err != nil {
				return err
			}
		}
	}
	if x, ok := v.Interface().(Validator); ok {
		if err := x.Validate(); err != nil {
			return fmt.Errorf("settings: %w", err)
		}
	}
	return nil
}

// values hands a map to koanf.
type values map[string]any

// Read implements koanf.Provider.
func (v values) Read() (map[string]any, error) { return v, nil }

// ReadBytes implements koanf.Provider; there are none.
func (v values) ReadBytes() ([]byte, error) { return nil, errors.New("not bytes") }
