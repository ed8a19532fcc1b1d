package core

import (
	"context"
	"fmt"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// streamPlik hands a body on to the one reader that asks for it, and stores
// nothing. It waits as long as the uploader does.
func (c *Core) streamPlik(ctx context.Context, begin uploadv1.BeginPlikRequest, in PlikPut) (uploadv1.PlikFile, error) {
	stream, err := c.Relay.Open(ctx)
	if err != nil {
		return uploadv1.PlikFile{}, err //nolint:wrapcheck // it says what was being done
	}
	defer stream.Close()
	begin.Relay = stream.Subject()
	lease, err := c.Pliks.BeginPlik(ctx, begin)
	if err != nil {
		return uploadv1.PlikFile{}, fmt.Errorf("beginning a stream of a temporary upload: %w", err)
	}
	during, hold := c.holdPlik(ctx, lease)
	sent, err := stream.Send(during, transfer.StreamBody{Reader: in.Body, Interrupt: in.Interrupt, Gone: in.Gone})
	if err != nil {
		hold.end(ctx)
		return uploadv1.PlikFile{}, err //nolint:wrapcheck // as above
	}
	f, err := hold.finish(ctx, uploadv1.FinishPlikRequest{Size: sent.Size, MD5: sent.MD5, Type: sent.Type})
	if err != nil {
		hold.end(ctx)
		return uploadv1.PlikFile{}, err
	}
	hold.release()
	return f, nil
}
