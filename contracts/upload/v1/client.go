package uploadv1

import (
	"context"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// NewClient gives the Service that calls upload over c. Its methods add the
// faults of pkg/rpc to those of the contract.
func NewClient(c *rpc.Client) Service { return client{c} }

type client struct{ rpc *rpc.Client }

func (c client) Begin(ctx context.Context, r BeginRequest) (Ingest, error) {
	return rpc.Call(ctx, c.rpc, Begin, r)
}

func (c client) Renew(ctx context.Context, r RenewRequest) (Ingest, error) {
	return rpc.Call(ctx, c.rpc, Renew, r)
}

func (c client) End(ctx context.Context, r EndRequest) (EndResponse, error) {
	return rpc.Call(ctx, c.rpc, End, r)
}

func (c client) List(ctx context.Context, r ListRequest) (ListResponse, error) {
	return rpc.Call(ctx, c.rpc, List, r)
}
