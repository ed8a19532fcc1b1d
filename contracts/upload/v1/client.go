package uploadv1

import (
	"context"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
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

func (c client) CreateMultipart(ctx context.Context, r CreateMultipartRequest) (Multipart, error) {
	return rpc.Call(ctx, c.rpc, CreateMultipart, r)
}

func (c client) BeginPart(ctx context.Context, r BeginPartRequest) (PartTicket, error) {
	return rpc.Call(ctx, c.rpc, BeginPart, r)
}

func (c client) CommitPart(ctx context.Context, r CommitPartRequest) (Part, error) {
	return rpc.Call(ctx, c.rpc, CommitPart, r)
}

func (c client) ListParts(ctx context.Context, r ListPartsRequest) (ListPartsResponse, error) {
	return rpc.Call(ctx, c.rpc, ListParts, r)
}

func (c client) CompleteMultipart(ctx context.Context, r CompleteMultipartRequest) (objectv1.Object, error) {
	return rpc.Call(ctx, c.rpc, CompleteMultipart, r)
}

func (c client) AbortMultipart(ctx context.Context, r MultipartRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, AbortMultipart, r)
}

func (c client) ListMultiparts(ctx context.Context, r ListMultipartsRequest) (ListMultipartsResponse, error) {
	return rpc.Call(ctx, c.rpc, ListMultiparts, r)
}

func (c client) CreateSession(ctx context.Context, r CreateSessionRequest) (CreatedSession, error) {
	return rpc.Call(ctx, c.rpc, CreateSession, r)
}

func (c client) GetSession(ctx context.Context, r SessionRequest) (Session, error) {
	return rpc.Call(ctx, c.rpc, GetSession, r)
}

func (c client) AcquireSession(ctx context.Context, r AcquireSessionRequest) (SessionLease, error) {
	return rpc.Call(ctx, c.rpc, AcquireSession, r)
}

func (c client) AppendSession(ctx context.Context, r AppendSessionRequest) (SessionLease, error) {
	return rpc.Call(ctx, c.rpc, AppendSession, r)
}

func (c client) ReleaseSession(ctx context.Context, r ReleaseSessionRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, ReleaseSession, r)
}

func (c client) FinishSession(ctx context.Context, r FinishSessionRequest) (objectv1.Object, error) {
	return rpc.Call(ctx, c.rpc, FinishSession, r)
}

func (c client) CancelSession(ctx context.Context, r SessionRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, CancelSession, r)
}
