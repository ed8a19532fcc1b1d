package dialect

import (
	"net/http"
	"time"
)

// piece is how many bytes go to a slow reader under one deadline.
const piece = 64 << 10

// response watches the answer: it renews the write deadline, remembers status
// and size, and lets before decide at the last moment, when the status is known
// and nothing of it is out yet, whether the answer may stand.
type response struct {
	http.ResponseWriter
	ctl    *http.ResponseController
	pace   Pace
	before func(status int) (instead func(http.ResponseWriter))
	moved  func(n int) // is told of bytes that went out

	status  int
	bytes   int64
	discard bool // the handler's answer was replaced
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status < http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if before := w.before; before != nil {
		w.before = nil
		if instead := before(status); instead != nil {
			w.replace(instead)
			return
		}
	}
	w.status = status
	w.arm()
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) replace(instead func(http.ResponseWriter)) {
	h := w.Header()
	for name := range h {
		if name != headerRequestID && name != "Strict-Transport-Security" {
			delete(h, name)
		}
	}
	instead(w)
	w.discard = true
}

func (w *response) arm() { _ = w.ctl.SetWriteDeadline(time.Now().Add(w.pace.Window)) }

// FlushError flushes under a deadline of its own, which the end of the answer
// needs as well: the one of the last write may be long over.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.discard {
		return nil
	}
	w.arm()
	return w.ctl.Flush() //nolint:wrapcheck // http.ResponseController gives it on
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.discard {
		return len(p), nil
	}
	done := 0
	for {
		part := p[done:]
		if len(part) > piece {
			part = part[:piece]
		}
		w.arm()
		n, err := w.ResponseWriter.Write(part)
		done += n
		w.bytes += int64(n)
		w.moved(n)
		if err != nil || done == len(p) {
			return done, err //nolint:wrapcheck // the io contract wants it as it is
		}
	}
}
