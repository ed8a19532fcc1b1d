package mongowire_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// turnstile stands in front of a server and lets one command through at a time,
// its answer included. FerretDB's commands are not atomic; behind a turnstile
// they are, so that the engine's own loops can be raced. What MongoDB itself
// does with commands at once it cannot show.
type turnstile struct {
	server string
	l      net.Listener
	turn   sync.Mutex
	conns  sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]bool
}

// startTurnstile gives the URI to use instead of uri.
func startTurnstile(t *testing.T, uri string) string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts := &turnstile{server: u.Host, l: l, open: map[net.Conn]bool{}}
	ts.conns.Go(ts.accept)
	t.Cleanup(ts.close)
	u.Host = l.Addr().String()
	return u.String()
}

func (ts *turnstile) accept() {
	for {
		c, err := ts.l.Accept()
		if err != nil {
			return
		}
		ts.conns.Go(func() { ts.serve(c) })
	}
}

// serve passes commands and answers of one connection in turn. The driver sends
// no command on a connection before it has the answer to the one before.
func (ts *turnstile) serve(client net.Conn) {
	server, err := net.Dial("tcp", ts.server)
	if err != nil {
		_ = client.Close()
		return
	}
	if !ts.hold(client, server) {
		return
	}
	for {
		msg, err := readMessage(client)
		if err != nil || ts.pass(server, client, msg) != nil {
			break
		}
	}
	_ = client.Close()
	_ = server.Close()
}

func (ts *turnstile) pass(server, client net.Conn, msg []byte) error {
	ts.turn.Lock()
	defer ts.turn.Unlock()
	if _, err := server.Write(msg); err != nil {
		return err
	}
	answer, err := readMessage(server)
	if err != nil {
		return err
	}
	_, err = client.Write(answer)
	return err
}

// hold notes connections for close; false when that has begun.
func (ts *turnstile) hold(conns ...net.Conn) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, c := range conns {
		if ts.open == nil {
			_ = c.Close()
			continue
		}
		ts.open[c] = true
	}
	return ts.open != nil
}

func (ts *turnstile) close() {
	_ = ts.l.Close()
	ts.mu.Lock()
	for c := range ts.open {
		_ = c.Close()
	}
	ts.open = nil
	ts.mu.Unlock()
	ts.conns.Wait()
}

// readMessage reads one message of the wire protocol: its length comes first.
func readMessage(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n < 16 || n > 64<<20 {
		return nil, errors.New("not a message")
	}
	msg := make([]byte, n)
	copy(msg, head[:])
	_, err := io.ReadFull(r, msg[4:])
	return msg, err
}
