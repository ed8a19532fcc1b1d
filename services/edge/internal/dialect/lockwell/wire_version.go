package lockwell

import (
	"encoding/json"
	"fmt"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

type wireVersioning struct {
	Status objectv1.Versioning `json:"status"`
}

type wireVersion struct {
	Key          string  `json:"key"`
	VersionID    string  `json:"versionId"`
	IsLatest     bool    `json:"isLatest"`
	DeleteMarker bool    `json:"deleteMarker"`
	Size         int64   `json:"size"`
	ETag         string  `json:"etag"` // empty for a marker
	LastModified instant `json:"lastModified"`
}

type wireVersions struct {
	Versions            []wireVersion `json:"versions"`
	IsTruncated         bool          `json:"isTruncated"`
	NextKeyMarker       string        `json:"nextKeyMarker,omitempty"`
	NextVersionIDMarker string        `json:"nextVersionIdMarker,omitempty"`
}

type wireTags struct {
	Tags texts `json:"tags"`
}

// texts is a map of names to strings that takes no null for "".
type texts map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(b []byte) error {
	var in map[string]*string
	if err := json.Unmarshal(b, &in); err != nil {
		return err //nolint:wrapcheck // the reader of the body tells it
	}
	*t = nil
	if in != nil {
		*t = make(texts, len(in))
	}
	for name, v := range in {
		if v == nil {
			return fmt.Errorf("%.64q is null", name)
		}
		(*t)[name] = *v
	}
	return nil
}

type wireNewRetention struct {
	Mode        string     `json:"mode"`
	RetainUntil *time.Time `json:"retainUntil"`
}

type wireRetention struct {
	Mode        string  `json:"mode"`
	RetainUntil instant `json:"retainUntil"`
}

type wireLegalHold struct {
	Status string `json:"status"`
}

type wireStatement struct {
	Effect       objectv1.Effect   `json:"effect"`
	Actions      []objectv1.Action `json:"actions"`
	Prefixes     []string          `json:"prefixes,omitempty"`
	AccessKeyIDs []string          `json:"accessKeyIds,omitempty"`
}

type wirePolicy struct {
	Statements []wireStatement `json:"statements"`
}

type wireObjectRef struct {
	Key       string `json:"key"`
	VersionID string `json:"versionId"`
}

type wireBatch struct {
	Objects []wireObjectRef `json:"objects"`
}

type wireItemError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// wireBatchResult repeats what was asked for and says what became of it.
type wireBatchResult struct {
	Key                   string         `json:"key"`
	VersionID             string         `json:"versionId,omitempty"`
	Deleted               bool           `json:"deleted,omitempty"`
	DeleteMarker          bool           `json:"deleteMarker,omitempty"` // a marker was put
	DeleteMarkerVersionID string         `json:"deleteMarkerVersionId,omitempty"`
	Error                 *wireItemError `json:"error,omitempty"`
}

type wireBatchResults struct {
	Results []wireBatchResult `json:"results"`
}

type wireCopy struct {
	SourceBucket      string `json:"sourceBucket"`
	SourceKey         string `json:"sourceKey"`
	SourceVersionID   string `json:"sourceVersionId"`
	MetadataDirective string `json:"metadataDirective"`
	ContentType       string `json:"contentType"`
	Metadata          texts  `json:"metadata"`
	IfMatch           string `json:"ifMatch"`
	IfNoneMatch       string `json:"ifNoneMatch"`
	IfModifiedSince   string `json:"ifModifiedSince"`
	IfUnmodifiedSince string `json:"ifUnmodifiedSince"`
	RequireAbsent     bool   `json:"requireAbsent"`
	RequireMatchEtag  string `json:"requireMatchEtag"`
}

type wireSign struct {
	Method     string `json:"method"`
	Bucket     string `json:"bucket"`
	Key        string `json:"key"`
	TTLSeconds *int64 `json:"ttlSeconds"`
}

type wireSigned struct {
	URL       string  `json:"url"`
	Method    string  `json:"method"`
	ExpiresAt instant `json:"expiresAt"`
}

func versionsToWire(l objectv1.ListVersionsResponse) wireVersions {
	out := wireVersions{
		Versions: make([]wireVersion, len(l.Versions)), IsTruncated: l.Truncated,
		NextKeyMarker: l.NextKeyMarker, NextVersionIDMarker: l.NextVersionIDMarker,
	}
	for i, v := range l.Versions {
		out.Versions[i] = wireVersion{
			Key: v.Key, VersionID: v.VersionID, IsLatest: v.Latest, DeleteMarker: v.DeleteMarker, Size: v.Size, ETag: v.ETag,
			LastModified: instant(v.LastModified),
		}
	}
	return out
}

func tagsToWire(t objectv1.Tags) wireTags {
	if t.Tags == nil {
		return wireTags{Tags: texts{}}
	}
	return wireTags{Tags: t.Tags}
}

func retentionToWire(r objectv1.Retention) wireRetention {
	return wireRetention{Mode: r.Mode, RetainUntil: instant(r.Until)}
}

func policyToWire(p objectv1.Policy) wirePolicy {
	out := wirePolicy{Statements: make([]wireStatement, len(p.Statements))}
	for i, s := range p.Statements {
		out.Statements[i] = wireStatement{Effect: s.Effect, Actions: s.Actions, Prefixes: s.Prefixes, AccessKeyIDs: s.AccessKeyIDs}
		if s.Actions == nil {
			out.Statements[i].Actions = []objectv1.Action{}
		}
	}
	return out
}

func batchResultToWire(asked wireObjectRef, d objectv1.DeleteResult) wireBatchResult {
	out := wireBatchResult{Key: asked.Key, VersionID: asked.VersionID}
	if d.Fault != nil {
		a, message := tell(fault.From(d.Fault.Err()))
		out.Error = &wireItemError{Code: a.code, Message: message}
		return out
	}
	out.Deleted = true
	if d.DeleteMarker && asked.VersionID == "" {
		out.DeleteMarker, out.DeleteMarkerVersionID = true, d.VersionID
	}
	return out
}
