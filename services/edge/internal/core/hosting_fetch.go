package core

import (
	"context"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
)

// AddFetch queues a remote URL that is to become a file in a folder of the caller's;
// "" is the root. Codes: upload.bad_fetch_url, upload.too_many_fetches.
func (c *Core) AddFetch(ctx context.Context, by Caller, url, folderID string) (uploadv1.Fetch, error) {
	f, err := c.Fetches.AddFetch(ctx, uploadv1.AddFetchRequest{Principal: by.Principal, URL: url, FolderID: folderID, Limit: c.Hosting.FetchLimit})
	return f, doing("queueing a fetch", err)
}

// Fetch reads one of the caller's. Codes: upload.fetch_not_found.
func (c *Core) Fetch(ctx context.Context, by Caller, id int64) (uploadv1.Fetch, error) {
	f, err := c.Fetches.GetFetch(ctx, uploadv1.FetchRequest{Principal: by.Principal, ID: id})
	return f, doing("reading a fetch", err)
}

// ListFetches gives the caller's, newest first.
func (c *Core) ListFetches(ctx context.Context, by Caller) ([]uploadv1.Fetch, error) {
	l, err := c.Fetches.ListFetches(ctx, uploadv1.ListFetchesRequest{Principal: by.Principal})
	return l.Fetches, doing("listing fetches", err)
}

// CancelFetch ends one of the caller's that has not ended. Codes:
// upload.fetch_not_found.
func (c *Core) CancelFetch(ctx context.Context, by Caller, id int64) (uploadv1.Fetch, error) {
	f, err := c.Fetches.CancelFetch(ctx, uploadv1.FetchRequest{Principal: by.Principal, ID: id})
	return f, doing("cancelling a fetch", err)
}
