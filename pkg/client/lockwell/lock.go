package lockwell

import (
	"context"
	"net/http"
	"time"
)

// RetentionMode says how strict a retention is.
type RetentionMode string

// The modes; neither can be shortened or bypassed.
const (
	Governance RetentionMode = "GOVERNANCE"
	Compliance RetentionMode = "COMPLIANCE"
)

// Retention keeps a version from being deleted until a time.
type Retention struct {
	Mode  RetentionMode `json:"mode"`
	Until time.Time     `json:"retainUntil"`
}

// versionRequest is a request about a version's sub-resource; an empty
// versionID means the current one.
func versionRequest(doing, method, bucket, collection, key, versionID string) request {
	return request{
		op: doing + bucket + "/" + key, method: method, path: keyPath(bucket, collection, key),
		query: query("versionId", versionID), idempotent: true,
	}
}

type wireTags struct {
	Tags map[string]string `json:"tags"`
}

// Tags gives the tags of a version; an empty versionID means the current one.
func (c *Client) Tags(ctx context.Context, bucket, key, versionID string) (map[string]string, error) {
	var out wireTags
	err := c.json(ctx, versionRequest("look up tags of ", http.MethodGet, bucket, "object-tags", key, versionID), nil, &out)
	return out.Tags, err
}

// SetTags replaces the tags of a version.
func (c *Client) SetTags(ctx context.Context, bucket, key, versionID string, tags map[string]string) error {
	if tags == nil {
		tags = map[string]string{}
	}
	return c.json(ctx, versionRequest("set tags of ", http.MethodPut, bucket, "object-tags", key, versionID), wireTags{tags}, nil)
}

// ClearTags removes the tags of a version.
func (c *Client) ClearTags(ctx context.Context, bucket, key, versionID string) error {
	return c.json(ctx, versionRequest("clear tags of ", http.MethodDelete, bucket, "object-tags", key, versionID), nil, nil)
}

// Retention gives what protects a version; ErrNoRetention when nothing does.
func (c *Client) Retention(ctx context.Context, bucket, key, versionID string) (Retention, error) {
	var out Retention
	err := c.json(ctx, versionRequest("look up retention of ", http.MethodGet, bucket, "object-retention", key, versionID), nil, &out)
	return out, err
}

// SetRetention protects a version, or extends its protection; ErrObjectLocked
// for less than there is.
func (c *Client) SetRetention(ctx context.Context, bucket, key, versionID string, r Retention) error {
	r.Until = r.Until.UTC()
	return c.json(ctx, versionRequest("set retention of ", http.MethodPut, bucket, "object-retention", key, versionID), r, nil)
}

type wireLegalHold struct {
	Status string `json:"status"`
}

const holdOn, holdOff = "ON", "OFF"

// LegalHold reports whether a version is held.
func (c *Client) LegalHold(ctx context.Context, bucket, key, versionID string) (bool, error) {
	var out wireLegalHold
	err := c.json(ctx, versionRequest("look up the legal hold of ", http.MethodGet, bucket, "object-legal-hold", key, versionID), nil, &out)
	return out.Status == holdOn, err
}

// SetLegalHold holds a version, or lets it go.
func (c *Client) SetLegalHold(ctx context.Context, bucket, key, versionID string, on bool) error {
	in := wireLegalHold{holdOff}
	if on {
		in.Status = holdOn
	}
	return c.json(ctx, versionRequest("set the legal hold of ", http.MethodPut, bucket, "object-legal-hold", key, versionID), in, nil)
}
