package doctor

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Writable asks s as the checks of streams and stores do, of a server in no cluster.
func Writable(ctx context.Context, s jetstream.Stream) []Finding {
	d, l := &doctor{nc: &nats.Conn{}}, &list{check: "streams"}
	d.writable(ctx, l, s)
	return l.found
}
