package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// noticed is how soon an end must know that the other one has died.
const noticed = 15 * time.Second

var errOwn = errors.New("of the test")

// under is a stream in the middle: 1 MiB has come, more may.
type under struct {
	link *edgetest.Link
	up   *transfer.Relay
	down *transfer.Relay
	w    *io.PipeWriter
	s    *running

	leave context.CancelCauseFunc // the uploader's context
	quit  context.CancelCauseFunc // the reader's
	got   bytes.Buffer
	took  chan error
}

// failing is a client that stops taking.
type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errOwn
	}
	return len(p), nil
}

// inTheMiddle starts a stream in a bubble; client gets it, nil: one that takes all.
func inTheMiddle(t *testing.T, client io.Writer) *under {
	t.Helper()
	u := &under{link: edgetest.NewLink(), took: make(chan error, 1)}
	u.up, u.down = &transfer.Relay{Link: u.link}, &transfer.Relay{Link: u.link}
	var sending, fetching context.Context
	sending, u.leave = context.WithCancelCause(t.Context())
	fetching, u.quit = context.WithCancelCause(t.Context())
	t.Cleanup(func() { u.leave(nil); u.quit(nil) })
	w, body := pipe()
	u.w, u.s = w, send(t, u.up, sending, body)
	fails := client != nil
	if !fails {
		client = &u.got
	}
	go func() { u.took <- fetch(fetching, u.down, u.s.subject, client) }()
	if _, err := u.w.Write(make([]byte, 1<<20)); err != nil && !fails {
		t.Fatal(err)
	}
	synctest.Wait()
	return u
}

func TestRelay_UploaderBreaksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := inTheMiddle(t, nil)
		begun := time.Now()
		_ = u.w.CloseWithError(errOwn)
		if <-u.s.done; !errors.Is(u.s.err, errOwn) {
			t.Errorf("uploader: %v", u.s.err)
		}
		if err := <-u.took; !errors.Is(err, transfer.ErrStreamBroken) {
			t.Errorf("reader: %v", err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestRelay_UploaderIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := inTheMiddle(t, nil)
		u.leave(errOwn) // as when the file was removed
		if <-u.s.done; !errors.Is(u.s.err, errOwn) {
			t.Errorf("uploader: %v", u.s.err)
		}
		if err := <-u.took; !errors.Is(err, transfer.ErrStreamBroken) {
			t.Errorf("reader: %v", err)
		}
	})
}

func TestRelay_CancelledBeforeAReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &transfer.Relay{Link: edgetest.NewLink()}
		ctx, cancel := context.WithCancel(t.Context())
		s := send(t, r, ctx, transfer.StreamBody{Reader: strings.NewReader("hello")})
		synctest.Wait()
		cancel()
		if <-s.done; !errors.Is(s.err, transfer.ErrStreamGone) {
			t.Errorf("got %v", s.err)
		}
	})
}

func TestRelay_UploadersClientHasGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &transfer.Relay{Link: edgetest.NewLink()}
		left := make(chan struct{})
		s := send(t, r, t.Context(), transfer.StreamBody{Reader: strings.NewReader("hello"), Gone: func() bool {
			select {
			case <-left:
				return true
			default:
				return false
			}
		}})
		time.Sleep(time.Hour)
		begun := time.Now()
		close(left)
		if <-s.done; !errors.Is(s.err, transfer.ErrStreamGone) || time.Since(begun) > 2*time.Second {
			t.Errorf("got %v after %v", s.err, time.Since(begun))
		}
	})
}

func TestRelay_ReaderBreaksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := inTheMiddle(t, nil)
		begun := time.Now()
		u.quit(errOwn)
		if err := <-u.took; !errors.Is(err, errOwn) {
			t.Errorf("reader: %v", err)
		}
		if <-u.s.done; !errors.Is(u.s.err, transfer.ErrStreamBroken) {
			t.Errorf("uploader: %v", u.s.err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestRelay_ReadersClientFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := inTheMiddle(t, &failing{after: 100})
		if err := <-u.took; !errors.Is(err, errOwn) {
			t.Errorf("reader: %v", err)
		}
		if <-u.s.done; !errors.Is(u.s.err, transfer.ErrStreamBroken) {
			t.Errorf("uploader: %v", u.s.err)
		}
	})
}

// TestRelay_LinkIsCut stands for the death of either edge, or of what is between.
func TestRelay_LinkIsCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := inTheMiddle(t, nil)
		begun := time.Now()
		u.link.SetDown(true)
		err := <-u.took
		<-u.s.done
		if !errors.Is(err, transfer.ErrStreamBroken) || !errors.Is(u.s.err, transfer.ErrStreamBroken) {
			t.Errorf("reader: %v, uploader: %v", err, u.s.err)
		}
		if took := time.Since(begun); took > noticed {
			t.Errorf("it took %v", took)
		}
	})
}

func TestRelay_LinkIsBackSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := inTheMiddle(t, nil)
		u.link.SetDown(true)
		go func() {
			_, _ = u.w.Write(make([]byte, 1<<20))
			_ = u.w.Close()
		}()
		time.Sleep(5 * time.Second)
		u.link.SetDown(false)
		if err := <-u.took; err != nil {
			t.Errorf("reader: %v", err)
		}
		if <-u.s.done; u.s.err != nil || u.got.Len() != 2<<20 {
			t.Errorf("uploader: %v, %d bytes", u.s.err, u.got.Len())
		}
	})
}

// TestRelay_TheEndIsLost has everything come but what says that it is everything.
func TestRelay_TheEndIsLost(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"E", "D", "W", "Q", "B"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				u := inTheMiddle(t, nil)
				lost := 0
				u.link.Fate = func(_ string, data []byte) (int, bool) {
					if string(data[:1]) == kind && lost < 3 {
						lost++
						return 0, false
					}
					return 1, false
				}
				begun := time.Now()
				breaks := kind == "B"
				switch kind {
				case "B":
					_ = u.w.CloseWithError(errOwn)
				case "Q":
					u.quit(errOwn)
				default:
					_ = u.w.Close()
				}
				err := <-u.took
				<-u.s.done
				switch {
				case breaks && !errors.Is(err, transfer.ErrStreamBroken),
					kind == "Q" && !errors.Is(u.s.err, transfer.ErrStreamBroken),
					!breaks && kind != "Q" && (err != nil || u.s.err != nil || u.got.Len() != 1<<20):
					t.Errorf("reader: %v, uploader: %v, %d bytes", err, u.s.err, u.got.Len())
				}
				if took := time.Since(begun); took > noticed {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
