package lockwell

import (
	"context"
	"net/http"
	"time"
)

// Versioning is the state of a bucket.
type Versioning string

// The states. A bucket begins Unversioned and never becomes it again.
const (
	Unversioned Versioning = "Unversioned"
	Enabled     Versioning = "Enabled"
	Suspended   Versioning = "Suspended"
)

// DefaultRetention protects each new object of an object-lock bucket.
type DefaultRetention struct {
	Mode RetentionMode `json:"mode"`
	Days int           `json:"days"`
}

// NewBucket says what a bucket shall be. ObjectLock, which holds for ever,
// implies versioning. An empty Region is the server's default one.
type NewBucket struct {
	Name             string            `json:"name"`
	Versioning       bool              `json:"versioning,omitempty"`
	ObjectLock       bool              `json:"objectLock,omitempty"`
	DefaultRetention *DefaultRetention `json:"defaultRetention,omitempty"`
	Region           string            `json:"region,omitempty"`
}

// Bucket is a bucket of the account. The counts may lag behind a little.
type Bucket struct {
	Name             string            `json:"name"`
	CreatedAt        time.Time         `json:"createdAt"`
	Versioning       Versioning        `json:"versioning"`
	ObjectLock       bool              `json:"objectLock"`
	DefaultRetention *DefaultRetention `json:"defaultRetention,omitempty"`
	Region           string            `json:"region"`
	ObjectCount      int64             `json:"objectCount"`
	Bytes            int64             `json:"bytes"`
}

// ListBuckets gives the account's buckets by name.
func (c *Client) ListBuckets(ctx context.Context) ([]Bucket, error) {
	var out struct {
		Buckets []Bucket `json:"buckets"`
	}
	err := c.json(ctx, request{op: "list buckets", method: http.MethodGet, path: "/buckets", idempotent: true}, nil, &out)
	return out.Buckets, err
}

// CreateBucket makes a bucket; ErrBucketExists when the account has one of that name.
func (c *Client) CreateBucket(ctx context.Context, b NewBucket) (Bucket, error) {
	var out Bucket
	err := c.json(ctx, request{op: "make bucket " + b.Name, method: http.MethodPost, path: "/buckets"}, b, &out)
	return out, err
}

// Bucket gives one bucket.
func (c *Client) Bucket(ctx context.Context, name string) (Bucket, error) {
	var out Bucket
	err := c.json(ctx, bucketRequest("look up bucket ", http.MethodGet, name, ""), nil, &out)
	return out, err
}

// DeleteBucket removes an empty bucket; ErrBucketNotEmpty while it has versions,
// delete markers or open uploads.
func (c *Client) DeleteBucket(ctx context.Context, name string) error {
	return c.json(ctx, bucketRequest("remove bucket ", http.MethodDelete, name, ""), nil, nil)
}

// Versioning gives the state of a bucket.
func (c *Client) Versioning(ctx context.Context, bucket string) (Versioning, error) {
	var out wireVersioning
	err := c.json(ctx, bucketRequest("look up versioning of ", http.MethodGet, bucket, "/versioning"), nil, &out)
	return out.Status, err
}

// SetVersioning makes a bucket Enabled or Suspended.
func (c *Client) SetVersioning(ctx context.Context, bucket string, v Versioning) error {
	return c.json(ctx, bucketRequest("set versioning of ", http.MethodPut, bucket, "/versioning"), wireVersioning{v}, nil)
}

type wireVersioning struct {
	Status Versioning `json:"status"`
}

// Effect of a Statement.
type Effect string

// The effects. A Deny that matches always wins.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Statement is one rule of a bucket's policy. Actions are names of operations
// ("getObject"), of scopes ("read"), or "*". Empty Prefixes and AccessKeyIDs
// mean all.
type Statement struct {
	Effect       Effect   `json:"effect"`
	Actions      []string `json:"actions"`
	Prefixes     []string `json:"prefixes,omitempty"`
	AccessKeyIDs []string `json:"accessKeyIds,omitempty"`
}

type wirePolicy struct {
	Statements []Statement `json:"statements"`
}

// Policy gives the statements of a bucket's policy; none when it has no policy.
func (c *Client) Policy(ctx context.Context, bucket string) ([]Statement, error) {
	var out wirePolicy
	err := c.json(ctx, bucketRequest("look up the policy of ", http.MethodGet, bucket, "/policy"), nil, &out)
	return out.Statements, err
}

// SetPolicy replaces a bucket's policy; no statements remove it.
func (c *Client) SetPolicy(ctx context.Context, bucket string, statements ...Statement) error {
	if statements == nil {
		statements = []Statement{}
	}
	return c.json(ctx, bucketRequest("set the policy of ", http.MethodPut, bucket, "/policy"), wirePolicy{statements}, nil)
}

// DeletePolicy removes a bucket's policy.
func (c *Client) DeletePolicy(ctx context.Context, bucket string) error {
	return c.json(ctx, bucketRequest("remove the policy of ", http.MethodDelete, bucket, "/policy"), nil, nil)
}

// The events of a Notification.
const (
	ObjectCreated = "object-created"
	ObjectRemoved = "object-removed"
)

// Notification is a webhook of a bucket. The server makes ID, unless it is
// given, and the signing secret, which only its operator can read.
type Notification struct {
	ID        string   `json:"id,omitempty"`
	Target    string   `json:"target,omitempty"` // "webhook" or empty
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	Prefix    string   `json:"prefix,omitempty"`
	Suffix    string   `json:"suffix,omitempty"`
	HasSecret bool     `json:"hasSecret,omitempty"` // of answers
}

type wireNotifications struct {
	Configs []Notification `json:"configs"`
}

// Notifications gives a bucket's webhooks.
func (c *Client) Notifications(ctx context.Context, bucket string) ([]Notification, error) {
	var out wireNotifications
	err := c.json(ctx, bucketRequest("look up notifications of ", http.MethodGet, bucket, "/notifications"), nil, &out)
	return out.Configs, err
}

// SetNotifications replaces a bucket's webhooks and gives them as stored. One
// whose ID stays keeps its secret.
func (c *Client) SetNotifications(ctx context.Context, bucket string, list ...Notification) ([]Notification, error) {
	in := wireNotifications{Configs: make([]Notification, len(list))}
	for i, n := range list {
		n.HasSecret = false // not the caller's to say
		in.Configs[i] = n
	}
	var out wireNotifications
	r := bucketRequest("set notifications of ", http.MethodPut, bucket, "/notifications")
	r.idempotent = false // each time, configs without an ID would get another one
	err := c.json(ctx, r, in, &out)
	return out.Configs, err
}

// ClearNotifications removes a bucket's webhooks.
func (c *Client) ClearNotifications(ctx context.Context, bucket string) error {
	return c.json(ctx, bucketRequest("clear notifications of ", http.MethodDelete, bucket, "/notifications"), nil, nil)
}

// bucketRequest is a request about a bucket that can be repeated.
func bucketRequest(doing, method, bucket, rest string) request {
	return request{op: doing + bucket, method: method, path: bucketPath(bucket, rest), idempotent: true}
}
