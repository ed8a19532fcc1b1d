package dialect

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
)

// Pace is the least progress that a client must make while bytes move: Bytes in
// each Window. There is no limit on a whole transfer.
type Pace struct {
	Window time.Duration
	Bytes  int64
}

// body renews the connection's read deadline as bytes arrive and says what went
// wrong in terms of faults.
type body struct {
	io.ReadCloser
	ctl   *http.ResponseController
	pace  Pace
	moved int64     // since armed
	armed time.Time // when the deadline was renewed
	until time.Time // the deadline
	back  time.Time // when the last Read returned
	done  bool
	came  func(n int) // is told of bytes that came in; may be nil

	patient     bool // without a pace
	interrupted atomic.Bool
}

// newBody arms the deadline at once: a handler that never reads leaves the rest
// to the server, which would wait for it.
func newBody(rc io.ReadCloser, ctl *http.ResponseController, pace Pace) *body {
	b := &body{ReadCloser: rc, ctl: ctl, pace: pace}
	b.arm(time.Now())
	return b
}

func (b *body) arm(now time.Time) {
	b.armed, b.moved, b.until, b.back = now, 0, now.Add(b.pace.Window), now
	_ = b.ctl.SetReadDeadline(b.until) // a recorder in a test has none
}

// forgive gives the client back the time in which nobody read: how long the
// store takes is not its fault.
func (b *body) forgive() {
	if b.done || b.patient {
		return
	}
	if gap := time.Since(b.back); gap > b.pace.Window/64 {
		b.until = b.until.Add(gap)
		_ = b.ctl.SetReadDeadline(b.until)
	}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.forgive()
	n, err := b.ReadCloser.Read(p)
	b.moved += int64(n)
	if b.came != nil {
		b.came(n)
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			b.finish()
			return n, io.EOF
		}
		if b.interrupted.Load() {
			_ = b.ctl.SetReadDeadline(time.Now().Add(linger))
		}
		return n, bodyFault(err)
	}
	b.back = time.Now()
	if !b.patient && b.moved >= b.pace.Bytes && b.back.Sub(b.armed) > b.pace.Window/16 {
		b.arm(b.back)
	}
	return n, nil
}

// finish takes the deadline away: from here on the server reads only to notice
// that the client left, and a time-out would look like that.
func (b *body) finish() {
	if !b.done {
		b.done = true
		_ = b.ctl.SetReadDeadline(time.Time{})
	}
}

func bodyFault(err error) error {
	var ne net.Error
	var fe *fault.Error
	switch {
	case errors.As(err, &fe):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return ErrSlowBody.Because(err)
	}
	// An early end, a reset, a malformed chunk: whatever it was, the rest of the
	// body will not come.
	return ErrIncompleteBody.Because(err)
}
