package browser_test

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// cutter stands between browser and edge and cuts connections. It counts what
// goes to the edge.
type cutter struct {
	url string
	to  string
	ln  net.Listener

	mu    sync.Mutex
	moved sync.Cond // on mu: gate or away have changed
	conns map[net.Conn]bool
	sent  int64 // bytes to the edge
	limit int64 // sent at which all is cut; 0: never
	gate  int64 // sent at which all waits; 0: never
	away  bool  // what is cut stays cut
	cuts  int
	wg    sync.WaitGroup
}

// newCutter starts one in front of an edge; the end of the test stops it.
func newCutter(t *testing.T, edge string) *cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{url: "http://" + ln.Addr().String(), to: strings.TrimPrefix(edge, "http://"), ln: ln, conns: map[net.Conn]bool{}}
	c.moved.L = &c.mu
	c.wg.Go(c.accept)
	t.Cleanup(func() {
		ln.Close()
		c.goAway()
		c.wg.Wait()
	})
	return c
}

func (c *cutter) accept() {
	for {
		in, err := c.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", c.to)
		if err != nil {
			in.Close()
			continue
		}
		c.mu.Lock()
		if c.away {
			in.Close()
			out.Close()
		}
		c.conns[in], c.conns[out] = true, true
		c.mu.Unlock()
		c.wg.Go(func() { c.pass(in, out, true) })
		c.wg.Go(func() { c.pass(out, in, false) })
	}
}

func (c *cutter) pass(from, to net.Conn, up bool) {
	defer func() {
		from.Close()
		to.Close()
		c.mu.Lock()
		delete(c.conns, from)
		c.mu.Unlock()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if up && c.count(n) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// count adds bytes to the edge, waits at the gate and cuts at the limit.
func (c *cutter) count(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.gate != 0 && c.sent >= c.gate && !c.away {
		c.moved.Wait()
	}
	c.sent += int64(n)
	if c.limit == 0 || c.sent < c.limit {
		return false
	}
	c.limit = 0
	c.cuts++
	c.cut()
	return true
}

// cut closes everything, with c.mu held.
func (c *cutter) cut() {
	for conn := range c.conns {
		conn.Close()
	}
}

// cutAt cuts once, when so many bytes went to the edge.
func (c *cutter) cutAt(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = n
}

// holdAt lets no more go to the edge when so many bytes did, until another call.
func (c *cutter) holdAt(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gate = n
	c.moved.Broadcast()
}

// held reports whether as many bytes went to the edge as may.
func (c *cutter) held() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gate != 0 && c.sent >= c.gate
}

// goAway kills the line until back.
func (c *cutter) goAway() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away, c.gate = true, 0
	c.cut()
	c.moved.Broadcast()
}

func (c *cutter) back() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = false
}

func (c *cutter) state() (sent int64, cuts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent, c.cuts
}
