package outbound

import (
	"context"
	"errors"
	"io"
)

// body is an answer's body under the bounds of its client.
type body struct {
	c      *Client
	ctx    context.Context //nolint:containedctx // the exchange's, which ends with the body
	cancel context.CancelFunc
	rc     io.ReadCloser
	left   int64
	over   bool // the answer was longer
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.over {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 { // one more, to tell a body that just fits from a longer one
		p = p[:b.left+1]
	}
	n, err := b.rc.Read(p)
	if int64(n) > b.left {
		n, b.left, b.over = int(b.left), 0, true
		return n, ErrTooLarge
	}
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.c.classify(b.ctx, err)
	}
	return n, err
}

// Close implements io.Closer; it ends the exchange.
func (b *body) Close() error {
	b.cancel()
	return b.rc.Close()
}
