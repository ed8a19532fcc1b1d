package wire

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrStalled says that a connection moved nothing for the idle time.
var ErrStalled = errors.New("the connection stalled")

// Watch ends a request that moves nothing for a while. Time in which the caller
// does not read, or the source of a body gives nothing, does not count.
type Watch struct {
	Context context.Context // of the request
	cancel  context.CancelCauseFunc
	idle    time.Duration
	timer   *time.Timer // nil: never
}

// NewWatch begins to watch; idle ≤ 0 never ends the request.
func NewWatch(ctx context.Context, idle time.Duration) *Watch {
	w := &Watch{idle: idle}
	w.Context, w.cancel = context.WithCancelCause(ctx)
	if idle > 0 {
		w.timer = time.AfterFunc(idle, func() { w.cancel(ErrStalled) })
	}
	return w
}

// Pause stops the clock.
func (w *Watch) Pause() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// Resume lets it begin anew.
func (w *Watch) Resume() {
	if w.timer != nil {
		w.timer.Reset(w.idle)
	}
}

// Stop ends the request and the watch.
func (w *Watch) Stop() {
	w.Pause()
	w.cancel(nil)
}

// Stalled reports whether the watch has ended the request.
func (w *Watch) Stalled() bool { return errors.Is(context.Cause(w.Context), ErrStalled) }

// Body watches the body of an answer; its Close stops the watch.
func (w *Watch) Body(body io.ReadCloser) io.ReadCloser { return &watchedBody{body, w} }

type watchedBody struct {
	io.ReadCloser
	w *Watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.w.Resume()
	n, err := b.ReadCloser.Read(p)
	b.w.Pause()
	if err != nil && err != io.EOF && b.w.Stalled() { //nolint:errorlint // a reader's EOF is never wrapped
		err = ErrStalled
	}
	return n, err
}

func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.w.Stop()
	return err
}
