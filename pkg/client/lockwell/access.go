package lockwell

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// SignedURL lets whoever has it do one thing to one object for a while.
type SignedURL struct {
	URL       string    `json:"url"`
	Method    string    `json:"method"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// SignURL makes a URL for GET (which allows HEAD) or PUT of an object, which
// need not exist. A ttl of 0 means the server's 15 minutes; it is cut to whole
// seconds, and by the server to its maximum. The URL never allows more than this
// client's key does when it is used.
func (c *Client) SignURL(ctx context.Context, method, bucket, key string, ttl time.Duration) (SignedURL, error) {
	in := struct {
		Method     string `json:"method"`
		Bucket     string `json:"bucket"`
		Key        string `json:"key"`
		TTLSeconds int64  `json:"ttlSeconds,omitempty"`
	}{method, bucket, key, int64(ttl / time.Second)}
	var out SignedURL
	r := request{op: "sign " + method + " " + bucket + "/" + key, method: http.MethodPost, path: "/sign-url", idempotent: true}
	if err := c.json(ctx, r, in, &out); err != nil {
		return SignedURL{}, err
	}
	out.URL = c.absolute(out.URL)
	return out, nil
}

// absolute completes a URL that the server gave without a host.
func (c *Client) absolute(u string) string {
	if !strings.HasPrefix(u, "/") {
		return u
	}
	base, err := url.Parse(c.base)
	if err != nil {
		return u // New has parsed it
	}
	return base.Scheme + "://" + base.Host + u
}

// Scope is what an access key may do.
type Scope string

// The scopes.
const (
	Read   Scope = "read"
	Write  Scope = "write"
	Remove Scope = "delete"
	Admin  Scope = "admin"
)

// NewAccessKey says what an access key shall be allowed. Empty Buckets and
// Prefixes mean all; a nil ExpiresAt means that it does not expire.
type NewAccessKey struct {
	Scopes    []Scope    `json:"scopes"`
	Buckets   []string   `json:"buckets,omitempty"`
	Prefixes  []string   `json:"prefixes,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// AccessKey is an access key of the account. SecretKey is only set by
// CreateAccessKey.
type AccessKey struct {
	AccessKeyID string     `json:"accessKeyId"`
	SecretKey   string     `json:"secretKey,omitempty"`
	Scopes      []Scope    `json:"scopes"`
	Buckets     []string   `json:"buckets,omitempty"`
	Prefixes    []string   `json:"prefixes,omitempty"`
	ExpiresAt   *time.Time `json:"expiresAt,omitempty"`
	CreatedAt   time.Time  `json:"createdAt"`
	RevokedAt   *time.Time `json:"revokedAt,omitempty"`
}

// AccessKeys lists the account's access keys; it takes the scope admin.
func (c *Client) AccessKeys(ctx context.Context) ([]AccessKey, error) {
	var out struct {
		AccessKeys []AccessKey `json:"accessKeys"`
	}
	err := c.json(ctx, request{op: "list access keys", method: http.MethodGet, path: "/account/access-keys", idempotent: true}, nil, &out)
	return out.AccessKeys, err
}

// CreateAccessKey makes an access key; its secret is in this answer and never again.
func (c *Client) CreateAccessKey(ctx context.Context, k NewAccessKey) (AccessKey, error) {
	var out AccessKey
	err := c.json(ctx, request{op: "make an access key", method: http.MethodPost, path: "/account/access-keys"}, k, &out)
	return out, err
}

// RevokeAccessKey ends an access key, its tokens and its signed URLs.
func (c *Client) RevokeAccessKey(ctx context.Context, id string) error {
	r := request{op: "revoke access key " + id, method: http.MethodDelete, path: "/account/access-keys/" + url.PathEscape(id), idempotent: true}
	return c.json(ctx, r, nil, nil)
}
