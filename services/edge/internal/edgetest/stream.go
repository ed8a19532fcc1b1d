package edgetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Send sends a request that a test made itself, without any credential of the
// World's.
func (w *World) Send(t testing.TB, req *http.Request) Response {
	t.Helper()
	resp, err := w.Server.Client().Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	return readAll(t, resp)
}

func readAll(t testing.TB, resp *http.Response) Response {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading an answer: %v", err)
	}
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: string(b)}
}

// Stream is a request whose body a test writes piece by piece, over a connection
// of its own that it may cut.
type Stream struct{ conn *net.TCPConn }

// Stream begins a request with a body of length bytes. Nothing of the World's
// credentials goes with it; empty headers are left out.
func (w *World) Stream(t testing.TB, method, path string, length int64, header http.Header) *Stream {
	t.Helper()
	host := strings.TrimPrefix(w.URL, "http://")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", method, path, host, length)
	for name, values := range header {
		for _, v := range values {
			if v != "" {
				fmt.Fprintf(&head, "%s: %s\r\n", name, v)
			}
		}
	}
	s := &Stream{conn: conn.(*net.TCPConn)}
	s.Write(t, head.String()+"\r\n")
	return s
}

// Write sends the next bytes of the body.
func (s *Stream) Write(t testing.TB, body string) {
	t.Helper()
	if _, err := io.WriteString(s.conn, body); err != nil {
		t.Fatal(err)
	}
}

// Cut resets the connection.
func (s *Stream) Cut() {
	_ = s.conn.SetLinger(0)
	_ = s.conn.Close()
}

// Response waits for the answer.
func (s *Stream) Response(t testing.TB) Response {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(s.conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return readAll(t, resp)
}

// Eventually waits until a condition holds, for a minute at most.
func Eventually(t testing.TB, holds func() bool) {
	t.Helper()
	ticks := time.NewTicker(2 * time.Millisecond)
	defer ticks.Stop()
	give := time.After(time.Minute)
	for !holds() {
		select {
		case <-ticks.C:
		case <-give:
			t.Fatal("it did not become so within a minute")
		}
	}
}
