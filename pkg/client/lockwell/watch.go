package lockwell

import (
	"context"
	"errors"
	"io"
	"time"
)

// watch ends a request that moves nothing for a while. Time in which the caller
// does not read, or the source of a body gives nothing, does not count.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	idle   time.Duration
	timer  *time.Timer // nil: never
}

func newWatch(ctx context.Context, idle time.Duration) *watch {
	w := &watch{idle: idle}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	if idle > 0 {
		w.timer = time.AfterFunc(idle, func() { w.cancel(ErrStalled) })
	}
	return w
}

func (w *watch) pause() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *watch) resume() {
	if w.timer != nil {
		w.timer.Reset(w.idle)
	}
}

func (w *watch) stop() {
	w.pause()
	w.cancel(nil)
}

func (w *watch) stalled() bool { return errors.Is(context.Cause(w.ctx), ErrStalled) }

// watchedBody is the body of an answer; its Close ends the watch.
type watchedBody struct {
	io.ReadCloser
	w *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.w.resume()
	n, err := b.ReadCloser.Read(p)
	b.w.pause()
	if err != nil && err != io.EOF && b.w.stalled() { //nolint:errorlint // a reader's EOF is never wrapped
		err = ErrStalled
	}
	return n, err
}

func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.w.stop()
	return err
}
