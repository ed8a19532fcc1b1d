package harness

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

// Raw is a request written by hand on a connection of its own: for bodies that
// end early, stall or wait to be asked for.
type Raw struct {
	net.Conn
	r *bufio.Reader
}

// Raw sends a request's head: the token, headers as names and values in turn,
// and what else the caller names. The body is the caller's to write.
func (c *Client) Raw(t testing.TB, method, path string, headers ...string) *Raw {
	t.Helper()
	raw := c.Dial(t)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, strings.TrimPrefix(c.URL, "http://"))
	if c.Token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", c.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if _, err := io.WriteString(raw, b.String()+"\r\n"); err != nil {
		t.Fatal(err)
	}
	return raw
}

// Answer reads the next answer, which may be 100 Continue; ok is false when the
// server closed without one.
func (r *Raw) Answer() (a Response, ok bool) {
	resp, err := http.ReadResponse(r.r, nil)
	if err != nil {
		return Response{}, false
	}
	defer resp.Body.Close()
	a = Response{Status: resp.StatusCode, Header: resp.Header}
	if resp.StatusCode >= http.StatusOK {
		a.Body, err = io.ReadAll(resp.Body)
	}
	return a, err == nil
}

// CutOff ends the sending side in the middle of the body and gives the status
// of the answer; 0 is none.
func (r *Raw) CutOff() int {
	_ = r.Conn.(*net.TCPConn).CloseWrite()
	for {
		a, ok := r.Answer()
		if !ok || a.Status != http.StatusContinue {
			return a.Status
		}
	}
}

// Dial opens a connection on which nothing is written yet.
func (c *Client) Dial(t testing.TB) *Raw {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &Raw{Conn: conn, r: bufio.NewReader(conn)}
}
