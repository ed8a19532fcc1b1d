package lockr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// File is a stored file.
type File struct {
	ID          string     `json:"id"` // REGION_ID_NAME
	Name        string     `json:"name"`
	Path        string     `json:"path,omitempty"` // in the account's drive; only in listings
	Size        int64      `json:"size"`
	Type        string     `json:"type"`
	Region      string     `json:"region"`
	HasKey      bool       `json:"hasKey"`
	SHA256      string     `json:"sha256,omitempty"` // lower-case hex; empty: unknown
	CreatedAt   time.Time  `json:"createdAt"`
	ExpiresAt   *time.Time `json:"expiresAt,omitempty"`
	Downloads   int64      `json:"downloads"`
	DownloadURL string     `json:"downloadUrl"` // the bytes
	URL         string     `json:"url"`         // the page

	// SignedURL needs no credential and no key until it expires; only in listings.
	SignedURL          string     `json:"signedUrl,omitempty"`
	SignedURLExpiresAt *time.Time `json:"signedUrlExpiresAt,omitempty"`
}

// KeyHash is what the server is told of a key: the lower-case hex SHA-256 of the
// phrase. The phrase itself never leaves the program.
func KeyHash(phrase string) string {
	sum := sha256.Sum256([]byte(phrase))
	return hex.EncodeToString(sum[:])
}

// pageSize is how many files one request of a listing asks for.
const pageSize = 500

// Files yields the account's files, newest first, until the first error.
func (c *Client) Files(ctx context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		for cursor := ""; ; {
			q := url.Values{"limit": {strconv.Itoa(pageSize)}}
			if cursor != "" {
				q.Set("cursor", cursor)
			}
			var page struct {
				Files      []File `json:"files"`
				NextCursor string `json:"nextCursor"`
			}
			if err := c.json(ctx, request{op: "list files", method: http.MethodGet, url: "/files?" + q.Encode(), idempotent: true}, nil, &page); err != nil {
				yield(File{}, err)
				return
			}
			for _, f := range page.Files {
				if !yield(f, nil) {
					return
				}
			}
			if page.NextCursor == "" || page.NextCursor == cursor {
				return
			}
			cursor = page.NextCursor
		}
	}
}

// SetKey gives a file of the account a key; an empty phrase takes it away.
// ErrNotFound.
func (c *Client) SetKey(ctx context.Context, id, phrase string) error {
	in := map[string]any{"key": nil}
	if phrase != "" {
		in = map[string]any{"keyHash": KeyHash(phrase)}
	}
	r := request{op: "set the key of " + id, method: http.MethodPost, url: "/files/" + url.PathEscape(id) + "/key", idempotent: true}
	return c.json(ctx, r, in, nil)
}

// Delete removes a file of the account. ErrNotFound.
func (c *Client) Delete(ctx context.Context, id string) error {
	return c.json(ctx, request{op: "delete " + id, method: http.MethodDelete, url: "/files/" + url.PathEscape(id)}, nil, nil)
}

// Register attaches a guest's file to the account: it counts for the quota from
// then on, and does not expire. ErrForbidden when another account has it.
func (c *Client) Register(ctx context.Context, id string) (File, error) {
	var out File
	r := request{op: "register " + id, method: http.MethodPost, url: "/files/register", idempotent: true}
	err := c.json(ctx, r, map[string]string{"id": id}, &out)
	return out, err
}
