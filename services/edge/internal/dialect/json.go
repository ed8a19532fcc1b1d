package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxJSON is the longest JSON body that a route takes, in bytes.
const MaxJSON = 1 << 20

// maxNesting bounds what ReadJSON follows; no body of ours nests deeper than 4.
const maxNesting = 64

// ReadJSON decodes the request's body, one JSON object, into the struct that
// into points to. Wrong types, names given twice, bad UTF-8 and anything after
// the object are refused with a sentence that names the place; unknown names
// are ignored, so that clients of a later version still work.
func ReadJSON(r *http.Request, into any) error { return ReadLongJSON(r, into, MaxJSON) }

// ReadLongJSON is ReadJSON of a body of limit bytes at most.
func ReadLongJSON(r *http.Request, into any, limit int64) error {
	body, err := readObject(r, limit)
	if err != nil {
		return err
	}
	return decode(body, into)
}

// DecodeJSON decodes a part of a body that ReadJSON took, one JSON object; what
// is no object is refused.
func DecodeJSON(part json.RawMessage, into any) error {
	if part = bytes.TrimSpace(part); len(part) == 0 || part[0] != '{' {
		return ErrBadJSON.Msgf("it must be a JSON object")
	}
	return decode(part, into)
}

func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return jsonFault(err)
	}
	return nil
}

// readObject reads a body and looks at its form.
func readObject(r *http.Request, limit int64) ([]byte, error) {
	tooLarge := ErrBodyTooLarge.Msgf("the body is larger than %d MiB", limit>>20)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	return body, checkObject(body, limit, tooLarge)
}

func checkObject(body []byte, limit int64, tooLarge error) error {
	switch {
	case int64(len(body)) > limit:
		return tooLarge
	case !utf8.Valid(body):
		return ErrBadJSON.Msgf("the body is not valid UTF-8")
	case len(bytes.TrimSpace(body)) == 0:
		return ErrBadJSON.Msgf("the body is empty; send a JSON object")
	case bytes.TrimSpace(body)[0] != '{':
		return ErrBadJSON.Msgf("the body must be a JSON object")
	}
	if err := checkNames(body); err != nil {
		return err
	}
	if !wholeRunes(body) {
		return ErrBadJSON.Msgf("the body has half of a surrogate pair in it, which is no character")
	}
	return nil
}

// wholeRunes reports whether every escape in a JSON text stands for a character:
// of half a surrogate pair encoding/json would make U+FFFD, which is another key.
func wholeRunes(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++
		if body[i] != 'u' {
			continue
		}
		c := escaped(body[i-1:])
		if !utf16.IsSurrogate(c) {
			continue
		}
		if utf16.DecodeRune(c, escaped(body[i+5:])) == utf8.RuneError {
			return false
		}
		i += 10
	}
	return true
}

// escaped reads the \u escape that b starts with; -1 where it starts with none.
func escaped(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// checkNames refuses an object that says the same name twice, since readers
// differ in which one they believe, and text after the first value.
func checkNames(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	type level struct {
		names map[string]bool // nil in an array
		value bool            // the next token of an object is a value
	}
	var stack []level
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && len(stack) == 0 {
			return nil
		}
		if err != nil {
			return jsonFault(err)
		}
		top := len(stack) - 1
		if t == nil && top >= 0 && stack[top].names == nil {
			return ErrBadJSON.Msgf("a list in the body has null in it")
		}
		if name, ok := t.(string); ok && top >= 0 && stack[top].names != nil && !stack[top].value {
			if stack[top].names[name] {
				return ErrBadJSON.Msgf("the body names %.64q twice", name)
			}
			stack[top].names[name] = true
			stack[top].value = true
			continue
		}
		if top >= 0 {
			stack[top].value = false
		}
		switch t {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
		}
		if len(stack) > maxNesting {
			return ErrBadJSON.Msgf("the body nests deeper than %d", maxNesting)
		}
		if len(stack) == 0 && d.More() {
			return ErrBadJSON.Msgf("there is text after the JSON object")
		}
	}
}

func jsonFault(err error) error {
	var typ *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &typ) && typ.Field != "":
		return ErrBadJSON.Msgf("%.64q must not be a JSON %s", typ.Field, typ.Value).Because(err)
	case errors.As(err, &syntax):
		return ErrBadJSON.Msgf("the body is not valid JSON at byte %d", syntax.Offset).Because(err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrBadJSON.Msgf("the JSON ends too early").Because(err)
	}
	// What is left are values of the right JSON type and a wrong form, such as times.
	return ErrBadJSON.Msgf("a value in the body has the wrong form").Because(err)
}

// WriteJSON answers status with v as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	return WriteJSONAs(w, status, "application/json", v)
}

// WriteJSONAs is WriteJSON with another media type.
func WriteJSONAs(w http.ResponseWriter, status int, mediaType string, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", fmt.Sprint(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client is gone; the access log says so
	return nil
}

// Query parses the query string strictly: bad escapes and bad UTF-8 are errors.
func Query(r *http.Request) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, ErrBadQuery.Because(err)
	}
	for name, values := range q {
		if !utf8.ValidString(name) {
			return nil, ErrBadQuery.Msgf("the query string is not valid UTF-8")
		}
		for _, v := range values {
			if !utf8.ValidString(v) {
				return nil, ErrBadQuery.Msgf("query parameter %.64q is not valid UTF-8", name)
			}
		}
		if len(values) > 1 {
			return nil, ErrBadQuery.Msgf("query parameter %.64q is given more than once", name)
		}
	}
	return q, nil
}
