package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// What stands in documents, events and records came from clients. It goes to a
// terminal, where control characters move the cursor, answer for the user and
// turn lines around; so they are shown, not sent.

// visible writes the runes that a terminal might act on as escapes.
func visible(s string) string {
	if !strings.ContainsFunc(s, acts) && utf8.ValidString(s) {
		return s
	}
	q := strconv.QuoteToGraphic(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// acts reports whether a terminal may do something else with r than show it.
func acts(r rune) bool { return !strconv.IsGraphic(r) }

// plain makes the arguments of a format harmless.
func plain(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case string:
			out[i] = visible(v)
		case error:
			out[i] = visible(v.Error())
		case fmt.Stringer:
			out[i] = visible(v.String())
		default:
			out[i] = a
			if reflect.ValueOf(a).Kind() == reflect.String {
				out[i] = visible(reflect.ValueOf(a).String())
			}
		}
	}
	return out
}

// printf writes a line for people, its arguments made harmless.
func printf(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format, plain(args)...)
	return err
}

// printJSON writes v as one indented document.
func printJSON(w io.Writer, v any) error { return encodeJSON(w, v, "  ") }

// printJSONLine writes v on one line.
func printJSONLine(w io.Writer, v any) error { return encodeJSON(w, v, "") }

func encodeJSON(w io.Writer, v any, indent string) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetIndent("", indent)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	_, err := io.WriteString(w, asciiControls(b.String()))
	return err
}

// asciiControls writes what JSON leaves as it is and a terminal may act on (from
// DEL on: JSON itself escapes what is below a space) as \u escapes. Outside of
// strings JSON is ASCII, so every other rune stands in one.
func asciiControls(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x7f && acts(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x7f || !acts(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			_, _ = fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			_, _ = fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// table writes rows in columns under a head; what rows hold is made harmless.
func table(w io.Writer, head string, rows func(row func(format string, args ...any))) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, head)
	rows(func(format string, args ...any) { _, _ = fmt.Fprintf(tw, format+"\n", plain(args)...) })
	return tw.Flush()
}
