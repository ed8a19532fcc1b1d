package lockwell

import (
	"encoding/base64"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

type wireCredentials struct {
	AccessKeyID string `json:"accessKeyId"`
	SecretKey   string `json:"secretKey"`
}

type wireToken struct {
	AccessToken string    `json:"accessToken"`
	TokenType   string    `json:"tokenType"`
	ExpiresIn   int64     `json:"expiresIn"`
	ExpiresAt   time.Time `json:"expiresAt"`
}

type wireNewAccessKey struct {
	Scopes    []authv1.Scope `json:"scopes"`
	Buckets   []string       `json:"buckets"`
	Prefixes  []string       `json:"prefixes"`
	ExpiresAt *time.Time     `json:"expiresAt"`
}

type wireAccessKey struct {
	AccessKeyID string         `json:"accessKeyId"`
	SecretKey   string         `json:"secretKey,omitempty"` // only in the answer that made it
	Scopes      []authv1.Scope `json:"scopes"`
	Buckets     []string       `json:"buckets,omitempty"`
	Prefixes    []string       `json:"prefixes,omitempty"`
	ExpiresAt   *time.Time     `json:"expiresAt,omitempty"`
	CreatedAt   time.Time      `json:"createdAt"`
	RevokedAt   *time.Time     `json:"revokedAt,omitempty"`
}

type wireAccessKeys struct {
	AccessKeys []wireAccessKey `json:"accessKeys"`
}

type wireRetention struct {
	Mode string `json:"mode"`
	Days int    `json:"days"`
}

type wireNewBucket struct {
	Name             string         `json:"name"`
	Versioning       bool           `json:"versioning"`
	ObjectLock       bool           `json:"objectLock"`
	DefaultRetention *wireRetention `json:"defaultRetention"`
	Region           string         `json:"region"`
}

type wireBucket struct {
	Name             string              `json:"name"`
	CreatedAt        time.Time           `json:"createdAt"`
	Versioning       objectv1.Versioning `json:"versioning"`
	ObjectLock       bool                `json:"objectLock"`
	DefaultRetention *wireRetention      `json:"defaultRetention,omitempty"`
	Region           string              `json:"region"`
	ObjectCount      int64               `json:"objectCount"`
	Bytes            int64               `json:"bytes"`
}

type wireBuckets struct {
	Buckets []wireBucket `json:"buckets"`
}

type wireObject struct {
	Bucket       string            `json:"bucket"`
	Key          string            `json:"key"`
	VersionID    string            `json:"versionId"`
	ETag         string            `json:"etag"`
	Size         int64             `json:"size"`
	ContentType  string            `json:"contentType"`
	Checksums    map[string]string `json:"checksums"`
	Encryption   string            `json:"encryption"`
	Compression  string            `json:"compression"`
	StorageClass string            `json:"storageClass"`
	CreatedAt    time.Time         `json:"createdAt"`
}

type wireListed struct {
	Key          string    `json:"key"`
	Size         int64     `json:"size"`
	ETag         string    `json:"etag"`
	LastModified time.Time `json:"lastModified"`
	VersionID    string    `json:"versionId"`
	StorageClass string    `json:"storageClass"`
	ContentType  string    `json:"contentType"`
}

type wireListing struct {
	Objects               []wireListed `json:"objects"`
	CommonPrefixes        []string     `json:"commonPrefixes"`
	KeyCount              int          `json:"keyCount"`
	IsTruncated           bool         `json:"isTruncated"`
	NextContinuationToken string       `json:"nextContinuationToken,omitempty"`
}

type wireDeleted struct {
	DeleteMarker bool   `json:"deleteMarker"`
	VersionID    string `json:"versionId"`
}

type wireConfig struct {
	ID        string   `json:"id,omitempty"`
	Target    string   `json:"target"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	Prefix    string   `json:"prefix,omitempty"`
	Suffix    string   `json:"suffix,omitempty"`
	HasSecret bool     `json:"hasSecret"`
}

type wireNotifications struct {
	Configs []wireConfig `json:"configs"`
}

type wireHealth struct {
	Status string `json:"status"`
}

func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func utcPtr(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := utc(*t)
	return &u
}

func accessKeyToWire(k authv1.AccessKey) wireAccessKey {
	return wireAccessKey{
		AccessKeyID: k.ID, Scopes: k.Grant.Scopes, Buckets: k.Grant.Buckets, Prefixes: k.Grant.Prefixes,
		ExpiresAt: utcPtr(k.ExpiresAt), CreatedAt: utc(k.CreatedAt), RevokedAt: utcPtr(k.RevokedAt),
	}
}

func bucketToWire(b objectv1.Bucket) wireBucket {
	out := wireBucket{
		Name: b.Name, CreatedAt: utc(b.CreatedAt), Versioning: b.Versioning, ObjectLock: b.ObjectLock,
		Region: b.Region, ObjectCount: b.ObjectCount, Bytes: b.Bytes,
	}
	if d := b.DefaultRetention; d != nil {
		out.DefaultRetention = &wireRetention{Mode: d.Mode, Days: d.Days}
	}
	return out
}

func objectToWire(o objectv1.Object) wireObject {
	return wireObject{
		Bucket: o.Bucket, Key: o.Key, VersionID: o.VersionID, ETag: o.ETag, Size: o.Size, ContentType: contentType(o),
		Checksums: checksums(o.Digests), Encryption: encryption, Compression: compression(o), StorageClass: o.StorageClass,
		CreatedAt: utc(o.CreatedAt),
	}
}

// encryption is what every content has: chunks are sealed with AES-256-GCM.
const encryption = "AES256"

func compression(o objectv1.Object) string {
	if o.Compressed {
		return "zstd"
	}
	return "none"
}

func contentType(o objectv1.Object) string {
	if o.Metadata.ContentType == "" {
		return "application/octet-stream"
	}
	return o.Metadata.ContentType
}

func checksums(digests map[blob.Algorithm][]byte) map[string]string {
	out := make(map[string]string, len(digests))
	for alg, sum := range digests {
		out[string(alg)] = base64.StdEncoding.EncodeToString(sum)
	}
	return out
}

func configsToWire(configs []objectv1.NotificationConfig) wireNotifications {
	out := wireNotifications{Configs: make([]wireConfig, len(configs))}
	for i, c := range configs {
		out.Configs[i] = wireConfig{ID: c.ID, Target: c.Target, URL: c.URL, Events: c.Events, Prefix: c.Prefix, Suffix: c.Suffix, HasSecret: true}
	}
	return out
}

func listingToWire(l objectv1.ListObjectsResponse) wireListing {
	out := wireListing{
		Objects: make([]wireListed, len(l.Objects)), CommonPrefixes: l.CommonPrefixes, KeyCount: len(l.Objects) + len(l.CommonPrefixes),
		IsTruncated: l.NextToken != "", NextContinuationToken: l.NextToken,
	}
	if out.CommonPrefixes == nil {
		out.CommonPrefixes = []string{}
	}
	for i, o := range l.Objects {
		typ := o.ContentType
		if typ == "" {
			typ = "application/octet-stream"
		}
		out.Objects[i] = wireListed{
			Key: o.Key, Size: o.Size, ETag: o.ETag, LastModified: utc(o.LastModified), VersionID: o.VersionID,
			StorageClass: o.StorageClass, ContentType: typ,
		}
	}
	return out
}
