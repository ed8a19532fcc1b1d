package faults_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// unit is what the edge may hold of an upload that is not durable. On the way to
// it more lies in the buffers of the sockets: Linux lets them grow to 32 MiB where
// a receiver is slow, and 4 MiB where a sender is fast.
const (
	unit    = 8 << 20
	buffers = (32 + 4) << 20
)

// TestSession_Interrupted uploads one file through a session that is interrupted
// 50 times: the connection is cut, the edge is killed, the upload service is
// killed, wherever they are. It ends byte-identical, and what has to be sent
// again is never more than what was not flushed yet: a unit on average, and what
// lay in buffers beside it at most.
func TestSession_Interrupted(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("kills processes during an upload of 256 MiB; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	for _, topology := range harness.Topologies() {
		t.Run(string(topology), func(t *testing.T) {
			size := int64(256 << 20)
			if harness.Soak() {
				size = 5_000_000_000
			}
			interrupted(t, topology, size)
		})
	}
}

type interruption struct {
	w       *harness.World
	c       *harness.Client
	s       harness.LockrSession
	rnd     *rand.Rand
	content func(from int64) io.Reader
	size    int64
}

func interrupted(t *testing.T, topology harness.Topology, size int64) {
	seed := harness.Seed(t)
	w := harness.Start(t, harness.Options{Topology: topology})
	c := harness.NewClient(t, w, "resumer")
	c.HTTP.Timeout = time.Hour
	x := &interruption{w: w, c: c, rnd: rand.New(rand.NewPCG(seed, 1)), size: size}
	x.content = func(from int64) io.Reader { return pattern(size, from) }
	x.s = c.Lockr().Session(t, "large.bin", size)
	var sent, most int64
	const times = 50
	began := time.Now()
	for n := 0; ; {
		off, file := x.state(t)
		if file != nil {
			t.Logf("%d interruptions, %d bytes sent for %d, at most %d again, %v", n, sent, size, most, time.Since(began).Round(time.Second))
			x.check(t, *file)
			if n < times {
				t.Errorf("only %d interruptions", n)
			}
			if again := sent - size; again > times*unit {
				t.Errorf("%d bytes were sent again, more than a unit for each interruption", again)
			}
			return
		}
		rest := size - off
		stretch := rest
		if n < times {
			// As much as leaves something for every interruption to come.
			stretch = x.rnd.Int64N(max(1, min(rest-1, 2*rest/int64(times-n+1)))) + 1
			if stretch == rest {
				stretch--
			}
		}
		reached, cut := x.send(t, off, stretch, n < times)
		if !cut {
			// Refused, most likely: a killed writer's lease runs for ten seconds.
			time.Sleep(100 * time.Millisecond)
			continue
		}
		sent += reached
		if n++; n <= times {
			now, _ := x.state(t)
			if lost := off + reached - now; lost > unit+buffers {
				t.Errorf("interruption %d at %d: %d bytes have to be sent again", n, off+reached, lost)
			} else {
				most = max(most, lost)
			}
			if now < off {
				t.Fatalf("interruption %d: %d bytes were durable, and now %d", n, off, now)
			}
		}
	}
}

// state asks the session how far it is, until the system answers.
func (x *interruption) state(t *testing.T) (int64, *harness.File) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	l := &harness.Lockr{HTTP: x.c.HTTP, URL: x.c.URL}
	for {
		r, err := l.Try(t.Context(), http.MethodPut, x.s.UploadURL, nil, "Content-Range", harness.ContentRange(0, 0, x.size))
		if err == nil {
			switch r.Status {
			case http.StatusPermanentRedirect:
				return r.Stored(t), nil
			case http.StatusCreated:
				f := r.File(t)
				return x.size, &f
			case http.StatusConflict, http.StatusServiceUnavailable, http.StatusTooManyRequests: // the last writer's lease, or a service that starts
			default:
				t.Fatalf("asking for the state: %d %s", r.Status, r.Body)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no state of the session: %v, %d %s", err, r.Status, r.Body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// send puts the bytes from off on and interrupts when stretch of them are sent:
// by cutting the connection or by killing a process, which starts again. It
// gives how many bytes were handed to the connection, and whether it came so far.
func (x *interruption) send(t *testing.T, off, stretch int64, interrupt bool) (reached int64, cut bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var handed atomic.Int64
	due := make(chan struct{})
	body := &counted{r: x.content(off), n: &handed, at: stretch, due: due, stop: interrupt, gone: ctx.Done()}
	answered := make(chan error, 1)
	go func() {
		l := &harness.Lockr{HTTP: x.c.HTTP, URL: x.c.URL}
		r, err := l.Try(ctx, http.MethodPut, x.s.UploadURL, body, "Content-Range", harness.ContentRange(off, int(x.size-off), x.size), "Content-Length", fmt.Sprint(x.size-off))
		if err == nil && r.Status != http.StatusCreated && r.Status != http.StatusConflict && r.Status < 500 {
			t.Errorf("at %d: %d %s", off, r.Status, r.Body)
		}
		answered <- err
	}()
	select {
	case <-due:
	case <-answered:
		return handed.Load(), false
	}
	victims := []string{""}
	for _, v := range x.w.Victims() {
		if v == "edge" || v == "upload" || v == "up" || v == "object" {
			victims = append(victims, v)
		}
	}
	victim := ""
	if x.rnd.IntN(3) == 0 {
		victim = victims[x.rnd.IntN(len(victims))]
	}
	if victim != "" {
		x.w.Kill(victim)
	}
	cancel()
	<-answered
	x.c.HTTP.CloseIdleConnections()
	if victim != "" {
		if err := x.w.StartProc(t.Context(), victim); err != nil {
			t.Fatal(err)
		}
		if err := x.w.WaitReady(t.Context(), 3*time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	return handed.Load(), true
}

// check downloads the file and compares.
func (x *interruption) check(t *testing.T, f harness.File) {
	t.Helper()
	want := sha256.New()
	if _, err := io.Copy(want, x.content(0)); err != nil {
		t.Fatal(err)
	}
	if sum := hex.EncodeToString(want.Sum(nil)); f.SHA256 != sum || f.Size != x.size {
		t.Errorf("the file is %d bytes of %s, want %d of %s", f.Size, f.SHA256, x.size, sum)
	}
	resp, err := x.c.HTTP.Get(f.DownloadURL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got := sha256.New()
	if _, err := io.Copy(got, resp.Body); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("what is downloaded is not what was sent")
	}
}

// counted tells by due that at bytes were read, and then, if it is to stop, reads
// no more until gone.
type counted struct {
	r    io.Reader
	n    *atomic.Int64
	at   int64
	due  chan struct{}
	said bool
	stop bool
	gone <-chan struct{}
}

func (c *counted) Read(p []byte) (int, error) {
	if left := c.at - c.n.Load(); c.stop && left <= 0 {
		if !c.said {
			c.said = true
			close(c.due)
		}
		<-c.gone
		return 0, io.ErrUnexpectedEOF
	} else if c.stop && int64(len(p)) > left {
		p = p[:left]
	}
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// pattern is size bytes from offset from on, the same whenever they are read and
// not compressible.
func pattern(size, from int64) io.Reader {
	const block = 1 << 20
	return &blocks{size: size, at: from, block: block}
}

type blocks struct {
	size, at int64
	block    int64
	cur      []byte
	curAt    int64
}

func (b *blocks) Read(p []byte) (int, error) {
	if b.at >= b.size {
		return 0, io.EOF
	}
	i := b.at / b.block
	if b.cur == nil || b.curAt != i {
		if b.cur == nil {
			b.cur = make([]byte, b.block)
		}
		_, _ = rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, i))).Read(b.cur)
		b.curAt = i
	}
	n := copy(p[:min(int64(len(p)), b.size-b.at)], b.cur[b.at%b.block:])
	b.at += int64(n)
	return n, nil
}
