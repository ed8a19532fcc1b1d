package plik

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// answerJSON answers 200 with v as clients cut it to pieces: compact, on one line
// and without an end of it (plik-wire.md 1).
func answerJSON(w http.ResponseWriter, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	write(w, http.StatusOK, "application/json", bytes.TrimRight(b.Bytes(), "\n"))
	return nil
}

// answerText answers 200 with a text as it is.
func answerText(w http.ResponseWriter, text string) error {
	write(w, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
	return nil
}

func write(w http.ResponseWriter, status int, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // never HTML; the client that is gone is in the access log
}
