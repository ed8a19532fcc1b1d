package lockwell

import (
	"encoding/base64"
	"slices"
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
	AccessToken string  `json:"accessToken"`
	TokenType   string  `json:"tokenType"`
	ExpiresIn   int64   `json:"expiresIn"`
	ExpiresAt   instant `json:"expiresAt"`
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
	ExpiresAt   *instant       `json:"expiresAt,omitempty"`
	CreatedAt   instant        `json:"createdAt"`
	RevokedAt   *instant       `json:"revokedAt,omitempty"`
}

type wireAccessKeys struct {
	AccessKeys []wireAccessKey `json:"accessKeys"`
}

type wireDefaultRetention struct {
	Mode string `json:"mode"`
	Days int    `json:"days"`
}

type wireNewBucket struct {
	Name             string                `json:"name"`
	Versioning       bool                  `json:"versioning"`
	ObjectLock       bool                  `json:"objectLock"`
	DefaultRetention *wireDefaultRetention `json:"defaultRetention"`
	Region           string                `json:"region"`
}

type wireBucket struct {
	Name             string                `json:"name"`
	CreatedAt        instant               `json:"createdAt"`
	Versioning       objectv1.Versioning   `json:"versioning"`
	ObjectLock       bool                  `json:"objectLock"`
	DefaultRetention *wireDefaultRetention `json:"defaultRetention,omitempty"`
	Region           string                `json:"region"`
	ObjectCount      int64                 `json:"objectCount"`
	Bytes            int64                 `json:"bytes"`
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
	ChecksumType map[string]string `json:"checksumType,omitempty"` // of multipart objects
	Encryption   string            `json:"encryption"`
	Compression  string            `json:"compression"`
	StorageClass string            `json:"storageClass"`
	CreatedAt    instant           `json:"createdAt"`
}

type wireListed struct {
	Key          string  `json:"key"`
	Size         int64   `json:"size"`
	ETag         string  `json:"etag"`
	LastModified instant `json:"lastModified"`
	VersionID    string  `json:"versionId"`
	StorageClass string  `json:"storageClass"`
	ContentType  string  `json:"contentType"`
	*wireDetails
}

// wireDetails is what ?fields=full adds to an entry.
type wireDetails struct {
	Checksums    map[string]string `json:"checksums"`
	ChecksumType map[string]string `json:"checksumType,omitempty"`
	Encryption   string            `json:"encryption"`
	Compression  string            `json:"compression"`
	Retention    *wireRetention    `json:"retention,omitempty"`
	LegalHold    bool              `json:"legalHold"`
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

// instant is a time as the wire has it: RFC 3339, UTC, milliseconds.
type instant time.Time

const instantFormat = "2006-01-02T15:04:05.000Z"

func (t instant) String() string { return time.Time(t).UTC().Format(instantFormat) }

// MarshalJSON implements json.Marshaler.
func (t instant) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

func instantPtr(t *time.Time) *instant {
	if t == nil {
		return nil
	}
	i := instant(*t)
	return &i
}

func accessKeyToWire(k authv1.AccessKey) wireAccessKey {
	return wireAccessKey{
		AccessKeyID: k.ID, Scopes: k.Grant.Scopes, Buckets: k.Grant.Buckets, Prefixes: k.Grant.Prefixes,
		ExpiresAt: instantPtr(k.ExpiresAt), CreatedAt: instant(k.CreatedAt), RevokedAt: instantPtr(k.RevokedAt),
	}
}

func bucketToWire(b objectv1.Bucket) wireBucket {
	out := wireBucket{
		Name: b.Name, CreatedAt: instant(b.CreatedAt), Versioning: b.Versioning, ObjectLock: b.ObjectLock,
		Region: b.Region, ObjectCount: b.ObjectCount, Bytes: b.Bytes,
	}
	if d := b.DefaultRetention; d != nil {
		out.DefaultRetention = &wireDefaultRetention{Mode: d.Mode, Days: d.Days}
	}
	return out
}

func objectToWire(o objectv1.Object) wireObject {
	return wireObject{
		Bucket: o.Bucket, Key: o.Key, VersionID: o.VersionID, ETag: o.ETag, Size: o.Size, ContentType: contentType(o),
		Checksums: checksums(o.Digests), ChecksumType: checksumTypes(o.Digests, o.Composite),
		Encryption: encryption, Compression: compression(o.Compressed), StorageClass: o.StorageClass,
		CreatedAt: instant(o.CreatedAt),
	}
}

// encryption is what every content has: chunks are sealed with AES-256-GCM.
const encryption = "AES256"

func compression(compressed bool) string {
	if compressed {
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
		if alg == blob.MD5 {
			continue // L-6; WebDAV's files have one
		}
		out[string(alg)] = base64.StdEncoding.EncodeToString(sum)
	}
	return out
}

// checksumTypes says which digests of a multipart object are of its bytes and
// which of the parts' digests; nil for any other object.
func checksumTypes(digests map[blob.Algorithm][]byte, composite []blob.Algorithm) map[string]string {
	if len(composite) == 0 {
		return nil
	}
	out := make(map[string]string, len(digests))
	for alg := range digests {
		if alg == blob.MD5 {
			continue
		}
		out[string(alg)] = "FULL_OBJECT"
		if slices.Contains(composite, alg) {
			out[string(alg)] = "COMPOSITE"
		}
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
			Key: o.Key, Size: o.Size, ETag: o.ETag, LastModified: instant(o.LastModified), VersionID: o.VersionID,
			StorageClass: o.StorageClass, ContentType: typ, wireDetails: detailsToWire(o.Details),
		}
	}
	return out
}

func detailsToWire(d *objectv1.Details) *wireDetails {
	if d == nil {
		return nil
	}
	out := &wireDetails{
		Checksums: checksums(d.Digests), ChecksumType: checksumTypes(d.Digests, d.Composite), Encryption: encryption,
		Compression: compression(d.Compressed), LegalHold: d.LegalHold,
	}
	if d.Retention != nil {
		r := retentionToWire(*d.Retention)
		out.Retention = &r
	}
	return out
}
