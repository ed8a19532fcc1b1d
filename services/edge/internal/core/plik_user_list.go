package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// listedAtOnce is how many uploads of a list have their files read at a time:
// what bounds the memory that a page takes.
const listedAtOnce = 8

// PlikQuery says which temporary uploads a list or a count is of.
type PlikQuery struct {
	All    bool   // of everybody, with the rights of an administrator; else the caller's own
	UserID string // with All: only this user's
	Token  string // only those that this upload token made
	BySize bool   // else by time of creation
	Page   paging.Request
}

// PlikListed is an upload in a list.
type PlikListed struct {
	uploadv1.PlikUpload
	Files  []uploadv1.PlikFile
	UserID string // empty: nobody's
	// Made is the upload token that made it, while it holds, and only where it is
	// the owner's or the caller's: a token is as good as a password.
	Made string
}

// ListPliks pages through temporary uploads. The sequence reads their files as it
// goes; it ends with its first error. Codes: auth.token_not_found (not the
// caller's), those of pkg/paging.
func (c *Core) ListPliks(ctx context.Context, by Caller, q PlikQuery) (iter.Seq2[PlikListed, error], paging.Place, error) {
	accountID, tokenID, none, err := c.plikScope(ctx, by, q)
	if err != nil || none {
		return func(func(PlikListed, error) bool) {}, paging.Place{}, errors.Join(err, q.Page.Check())
	}
	caller := uploadv1.PlikCaller{Principal: by.Principal}
	l, err := c.Pliks.ListPlik(ctx, uploadv1.ListPlikRequest{Caller: caller, AccountID: accountID, TokenID: tokenID, BySize: q.BySize, Page: q.Page})
	if err != nil {
		return nil, paging.Place{}, fmt.Errorf("listing temporary uploads: %w", err)
	}
	owners, err := c.plikOwners(ctx, l.Uploads)
	if err != nil {
		return nil, paging.Place{}, err
	}
	var mine map[string]string // by which an administrator acted as somebody
	if q.All && slices.ContainsFunc(l.Uploads, func(u uploadv1.PlikUpload) bool { return u.TokenID != "" }) {
		if mine, err = c.plikTokens(ctx, by.Acting().AccountID); err != nil {
			return nil, paging.Place{}, err
		}
	}
	return func(yield func(PlikListed, error) bool) {
		for at := 0; at < len(l.Uploads); at += listedAtOnce {
			some := l.Uploads[at:min(at+listedAtOnce, len(l.Uploads))]
			files, err := c.filesOfAll(ctx, caller, some)
			if err != nil {
				yield(PlikListed{}, err)
				return
			}
			for i, u := range some {
				o := owners[u.AccountID]
				if !yield(PlikListed{PlikUpload: u, Files: files[i], UserID: o.userID, Made: cmp.Or(o.tokens[u.TokenID], mine[u.TokenID])}, nil) {
					return
				}
			}
		}
	}, l.Place, nil
}

// plikScope turns the names of a query into ids. none says that nothing can match.
func (c *Core) plikScope(ctx context.Context, by Caller, q PlikQuery) (accountID, tokenID string, none bool, err error) {
	if !q.All {
		accountID = by.Principal.AccountID
	} else if q.UserID != "" {
		a, err := c.PlikUser(ctx, q.UserID)
		if errors.Is(err, authv1.ErrAccountNotFound) {
			return "", "", true, nil
		}
		if err != nil {
			return "", "", false, err
		}
		accountID = a.ID
	}
	if q.Token == "" {
		return accountID, "", false, nil
	}
	// An administrator who acts as somebody by a token makes uploads that are not
	// the token's owner's (plik-wire.md 13.6), so only one's own list asks for that.
	owner, tokenID, err := c.PlikTokenID(ctx, q.Token)
	switch {
	case err == nil && (q.All || owner == accountID):
		return accountID, tokenID, false, nil
	case err != nil && !errors.Is(err, authv1.ErrTokenNotFound):
		return "", "", false, err
	case q.All:
		return "", "", true, nil
	}
	return "", "", false, authv1.ErrTokenNotFound
}

// plikOwner is what a list shows of an upload's owner.
type plikOwner struct {
	userID string
	tokens map[string]string // by id
}

// plikOwners reads the owners of uploads, each once. One that is gone meanwhile
// shows nothing.
func (c *Core) plikOwners(ctx context.Context, uploads []uploadv1.PlikUpload) (map[string]plikOwner, error) {
	out := map[string]plikOwner{objectv1.GuestAccount: {}}
	for _, u := range uploads {
		o, known := out[u.AccountID]
		if !known {
			a, err := c.Auth.GetAccount(ctx, authv1.GetAccountRequest{ID: u.AccountID})
			if err != nil && !errors.Is(err, authv1.ErrAccountNotFound) {
				return nil, fmt.Errorf("reading the owner of an upload: %w", err)
			}
			if err == nil {
				o.userID = PlikUserID(a)
			}
			out[u.AccountID] = o
		}
		if u.TokenID != "" && o.tokens == nil && o.userID != "" {
			var err error
			if o.tokens, err = c.plikTokens(ctx, u.AccountID); err != nil {
				return nil, err
			}
			out[u.AccountID] = o
		}
	}
	return out, nil
}

// filesOfAll reads the files of a few uploads at once.
func (c *Core) filesOfAll(ctx context.Context, by uploadv1.PlikCaller, uploads []uploadv1.PlikUpload) ([][]uploadv1.PlikFile, error) {
	out, errs := make([][]uploadv1.PlikFile, len(uploads)), make([]error, len(uploads))
	var wait sync.WaitGroup
	for i, u := range uploads {
		if u.Entries == 0 {
			continue
		}
		wait.Go(func() { out[i], errs[i] = c.filesOf(ctx, by, u.ID) })
	}
	wait.Wait()
	return out, errors.Join(errs...)
}

func (c *Core) filesOf(ctx context.Context, by uploadv1.PlikCaller, uploadID string) ([]uploadv1.PlikFile, error) {
	var out []uploadv1.PlikFile
	for from := 0; ; {
		l, err := c.Pliks.ListPlikFiles(ctx, uploadv1.ListPlikFilesRequest{Caller: by, UploadID: uploadID, From: from, Listed: true})
		if errors.Is(err, uploadv1.ErrPlikNotFound) {
			return out, nil // it was removed behind the list
		}
		if err != nil {
			return nil, fmt.Errorf("listing the files of a temporary upload: %w", err)
		}
		out = append(out, l.Files...)
		if l.Next <= from {
			return out, nil
		}
		from = l.Next
	}
}

// RemoveMyPliks removes the caller's uploads, or those that one of its upload
// tokens made, and counts them. Codes: auth.token_not_found.
func (c *Core) RemoveMyPliks(ctx context.Context, by Caller, token string) (int64, error) {
	accountID, tokenID, _, err := c.plikScope(ctx, by, PlikQuery{Token: token})
	if err != nil {
		return 0, err
	}
	return c.closing().RemovePliks(ctx, uploadv1.RemovePliksRequest{AccountID: accountID, TokenID: tokenID})
}

// PlikCounts is what GetPlikStats says, and how many accounts there are.
type PlikCounts struct {
	uploadv1.PlikStats
	Users int64
}

// CountPliks counts uploads: the caller's own, those of a token of its, or with
// All everything. Codes: auth.token_not_found, auth.not_admin.
func (c *Core) CountPliks(ctx context.Context, by Caller, q PlikQuery) (PlikCounts, error) {
	accountID, tokenID, _, err := c.plikScope(ctx, by, q)
	if err != nil {
		return PlikCounts{}, err
	}
	var out PlikCounts
	out.PlikStats, err = c.Pliks.GetPlikStats(ctx, uploadv1.PlikStatsRequest{
		Caller: uploadv1.PlikCaller{Principal: by.Principal}, AccountID: accountID, TokenID: tokenID,
	})
	if err != nil {
		return PlikCounts{}, fmt.Errorf("counting temporary uploads: %w", err)
	}
	if q.All {
		users, err := c.ListPlikUsers(ctx, by, paging.Request{Limit: 1})
		if err != nil {
			return PlikCounts{}, err
		}
		out.Users = users.Place.Total
	}
	return out, nil
}
