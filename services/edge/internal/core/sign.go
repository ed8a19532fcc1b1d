package core

import (
	"context"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// PurposeSignedURL is the keys purpose that signs URLs, SignedURLPrefix what
// their tokens start with (lockwell.md, Signed URLs).
const (
	PurposeSignedURL = "lockwell-signed-url"
	SignedURLPrefix  = "lwurl_"
)

// PurposePages is the keys purpose that seals what the pages keep in cookies.
const PurposePages = "edge-pages"

// Access is what a signed URL allows: one method on one object.
type Access struct {
	Method string // GET, which covers HEAD, or PUT
	Bucket string
	Key    string
}

// urlClaims is what the token of a signed URL says.
type urlClaims struct {
	KeyID     string `json:"kid"`
	AccountID string `json:"tid"`
	Method    string `json:"m"`
	Bucket    string `json:"b"`
	Key       []byte `json:"k"` // as bytes: JSON would escape some keys to six times their length
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
}

// action is what the method does, in the terms of policies.
func (a Access) action() objectv1.Action {
	if a.Method == "PUT" {
		return objectv1.ActionPutObject
	}
	return objectv1.ActionGetObject
}

// SignURL mints the token of a URL that lets its bearer do what the caller may
// do now, for ttl, MaxPresign at most, and not beyond the caller's access key.
func (c *Core) SignURL(ctx context.Context, by Caller, a Access, ttl time.Duration) (token string, ends time.Time, err error) {
	p := by.Principal
	if _, err := c.Objects.Authorize(ctx, objectv1.AuthorizeRequest{Principal: p, Bucket: a.Bucket, Key: a.Key, Action: a.action()}); err != nil {
		return "", time.Time{}, fmt.Errorf("authorising a signed URL: %w", err)
	}
	now := c.Now()
	ends = now.Add(min(ttl, c.MaxPresign))
	if by.KeyEnds != nil && by.KeyEnds.Before(ends) {
		ends = *by.KeyEnds
	}
	ends = ends.Truncate(time.Second)
	token, err = c.Signer.Mint(urlClaims{
		KeyID: p.KeyID, AccountID: p.AccountID, Method: a.Method, Bucket: a.Bucket, Key: []byte(a.Key), IssuedAt: now.Unix(), ExpiresAt: ends.Unix(),
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("signing a URL: %w", err)
	}
	return token, ends, nil
}

// FromSignedURL identifies the access key behind the token of a signed URL and
// tells what the URL allows. The token, its key and account are looked at as
// FromAccessToken does; what the key may do is decided where it is done.
func (c *Core) FromSignedURL(ctx context.Context, token string) (Caller, Access, error) {
	var claims urlClaims
	if err := c.Signer.Parse(token, &claims); err != nil {
		return Caller{}, Access{}, errBadURL.Because(err)
	}
	caller, err := c.fromClaims(ctx, authv1.TokenClaims{KeyID: claims.KeyID, AccountID: claims.AccountID, IssuedAt: claims.IssuedAt, ExpiresAt: claims.ExpiresAt})
	if err != nil {
		return Caller{}, Access{}, err
	}
	return caller, Access{Method: claims.Method, Bucket: claims.Bucket, Key: string(claims.Key)}, nil
}

// Covers refuses what a signed URL was not made for.
func (a Access) Covers(method, bucket, key string) error {
	if method == "HEAD" {
		method = "GET"
	}
	if a.Method != method || a.Bucket != bucket || a.Key != key {
		return objectv1.ErrAccessDenied.Msgf("the signed URL was made for another method, bucket or key")
	}
	return nil
}

var errBadURL = authv1.ErrBadToken.Msgf("the signed URL is not valid, or not any more")
