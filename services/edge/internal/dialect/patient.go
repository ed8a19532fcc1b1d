package dialect

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// linger is how long an interrupted body may still come in, so that the client
// gets to see its answer before the connection goes.
const linger = time.Second

type connKey struct{}

// ConnContext keeps the connection for Patient; it is http.Server's hook of that
// name.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// Patient takes the pace off a request's body: what it brings may come, and be
// read, as slowly as people like. interrupt makes a Read under way fail, and all
// later ones; it may be called while the handler runs. gone reports that the
// client has left, which nobody is told who does not read.
func Patient(r *http.Request) (interrupt func(), gone func() bool) {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	gone = func() bool { return hungUp(conn) }
	b, ok := r.Body.(*body)
	if !ok {
		return func() {}, gone // there is nothing to read
	}
	if b.patient = true; !b.done {
		_ = b.ctl.SetReadDeadline(time.Time{})
	}
	return b.interrupt, gone
}

// leave is for the end of the handler: the server reads some of what is left
// before the answer goes out, and of a patient body that would be for ever.
func (b *body) leave() {
	if b.patient && !b.done {
		_ = b.ctl.SetReadDeadline(time.Now().Add(linger))
	}
}

// interrupt makes reading fail, now and later.
func (b *body) interrupt() {
	b.interrupted.Store(true)
	_ = b.ctl.SetReadDeadline(time.Unix(1, 0))
}
