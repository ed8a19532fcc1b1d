package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"
)

const generated = "Made by `make gen` from the contracts; do not edit."

// ErrorsDoc renders ERRORS.md.
func ErrorsDoc() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Errors of the services\n\n%s A dialect maps kinds and codes to its own statuses and bodies.\n\n", generated)
	b.WriteString("| code | kind | message |\n|---|---|---|\n")
	for _, e := range Errors() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Code, e.Kind, e.Message)
	}
	return b.Bytes()
}

// EventsDoc renders EVENTS.md.
func EventsDoc() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Events\n\n%s They are CloudEvents 1.0: attributes in `ce-` headers, data as JSON, delivered at least once in no promised order. "+
		"The type is the subject on stream EVENTS.\n", generated)
	for _, e := range Events() {
		fmt.Fprintf(&b, "\n## %s\n\n%s. Source `%s`.\n\n| field | type |\n|---|---|\n", e.Type, e.Summary, e.Source)
		for f := range reflect.TypeOf(e.Data).Fields() {
			name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
			optional := ""
			if strings.Contains(opts, "omit") {
				optional = ", optional"
			}
			fmt.Fprintf(&b, "| `%s` | %s%s |\n", name, f.Type, optional)
		}
	}
	return b.Bytes()
}

// AsyncAPI renders asyncapi.yaml, an AsyncAPI 3.0 document.
func AsyncAPI() ([]byte, error) {
	channels, operations, messages := map[string]any{}, map[string]any{}, map[string]any{}
	for _, e := range Events() {
		schema, err := schemaOf(e.Data)
		if err != nil {
			return nil, fmt.Errorf("describing %s: %w", e.Type, err)
		}
		name := strings.TrimPrefix(e.Type, "evt.")
		messages[name] = map[string]any{
			"name": e.Type, "title": e.Summary, "contentType": "application/json", "payload": schema,
			"headers": map[string]any{"type": "object", "properties": map[string]any{
				"ce-id": str(""), "ce-type": str(e.Type), "ce-source": str(e.Source), "ce-specversion": str("1.0"), "ce-time": str(""), "ce-subject": str(""),
			}},
		}
		channels[name] = map[string]any{"address": e.Type, "messages": map[string]any{name: ref("components/messages/" + name)}}
		operations["publish."+name] = map[string]any{"action": "send", "channel": ref("channels/" + name)}
	}
	doc := map[string]any{
		"asyncapi":           "3.0.0",
		"info":               map[string]any{"title": "Sluice events", "version": "1", "description": generated},
		"defaultContentType": "application/json",
		"channels":           channels, "operations": operations,
		"components": map[string]any{"messages": messages},
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("encoding asyncapi.yaml: %w", err)
	}
	return b.Bytes(), nil
}

func ref(path string) map[string]any { return map[string]any{"$ref": "#/" + path} }

func str(constant string) map[string]any {
	m := map[string]any{"type": "string"}
	if constant != "" {
		m["const"] = constant
	}
	return m
}

// schemaOf gives the JSON schema of data as plain values, so that YAML sorts it.
func schemaOf(data any) (any, error) {
	r := jsonschema.Reflector{Anonymous: true, DoNotReference: true, AllowAdditionalProperties: true}
	enc, err := json.Marshal(r.Reflect(data))
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the event
	}
	var plain map[string]any
	if err := json.Unmarshal(enc, &plain); err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	delete(plain, "$schema")
	return plain, nil
}
