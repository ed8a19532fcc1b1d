package lockwell

import (
	"net/http"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// The metadata directives of a copy.
const (
	directiveCopy    = "COPY"
	directiveReplace = "REPLACE"
)

// CopyObject answers POST /buckets/{bucket}/object-copy/{key...}.
func (h *Handler) CopyObject(w http.ResponseWriter, r *http.Request) error {
	key, err := objectKey(r)
	if err != nil {
		return err
	}
	var body wireCopy
	if err := readBody(r, &body); err != nil {
		return err
	}
	req := objectv1.CopyObjectRequest{
		Principal: principal(r), Bucket: r.PathValue("bucket"), Key: key, SourceBucket: body.SourceBucket, SourceKey: body.SourceKey,
		SourceVersionID: body.SourceVersionID, Origin: origin(r),
	}
	if req.Conditions, err = putConditions(r.Header); err != nil {
		return err
	}
	if err := body.into(&req); err != nil {
		return err
	}
	o, err := h.core.CopyObject(r.Context(), req)
	if err != nil {
		return err
	}
	return answerObject(w, http.StatusCreated, o)
}

// into checks the body and fills in what it asks for.
func (b wireCopy) into(req *objectv1.CopyObjectRequest) error {
	switch {
	case b.SourceBucket == "" || len(b.SourceBucket) > objectv1.MaxKey:
		return fault.ErrInvalid.Msgf("sourceBucket is needed")
	case objectv1.CheckKey(b.SourceKey) != nil:
		return objectv1.ErrInvalidKey.Msgf("sourceKey is needed; keys are 1-1024 bytes of UTF-8 without NUL")
	case !validVersion(b.SourceVersionID):
		return fault.ErrInvalid.Msgf("sourceVersionId is malformed")
	}
	switch b.MetadataDirective {
	case "", directiveCopy:
		if b.ContentType != "" || b.Metadata != nil {
			return fault.ErrInvalid.Msgf("contentType and metadata need metadataDirective %s", directiveReplace)
		}
	case directiveReplace:
		m := objectv1.Metadata{ContentType: b.ContentType}
		var err error
		if m.User, err = userMetadata(b.Metadata); err != nil {
			return err
		}
		if err := checkStored("contentType", m.ContentType); err != nil {
			return err
		}
		req.Metadata = &m
	default:
		return fault.ErrInvalid.Msgf("metadataDirective is %s or %s", directiveCopy, directiveReplace)
	}
	return b.conditions(req)
}

func (b wireCopy) conditions(req *objectv1.CopyObjectRequest) error {
	for _, f := range []struct {
		name, value string
		to          *[]string
	}{
		{"ifMatch", b.IfMatch, &req.SourceConditions.IfMatch}, {"ifNoneMatch", b.IfNoneMatch, &req.SourceConditions.IfNoneMatch},
		{"requireMatchEtag", b.RequireMatchEtag, &req.Conditions.IfMatch},
	} {
		if f.value == "" {
			continue
		}
		tags, ok := transfer.Tags([]string{f.value})
		if !ok {
			return fault.ErrInvalid.Msgf("%s must be * or a list of entity tags in quotes", f.name)
		}
		*f.to = tags
	}
	for _, f := range []struct {
		name, value string
		to          **time.Time
	}{
		{"ifModifiedSince", b.IfModifiedSince, &req.SourceConditions.IfModifiedSince}, {"ifUnmodifiedSince", b.IfUnmodifiedSince, &req.SourceConditions.IfUnmodifiedSince},
	} {
		if f.value == "" {
			continue
		}
		t, ok := parseTime(f.value)
		if !ok {
			return fault.ErrInvalid.Msgf("%s must be a time by RFC 3339, or as in Last-Modified", f.name)
		}
		*f.to = &t
	}
	req.Conditions.IfNoneMatchAny = req.Conditions.IfNoneMatchAny || b.RequireAbsent
	return nil
}

// parseTime takes a time as JSON or as Last-Modified says it.
func parseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), true
	}
	t, err := http.ParseTime(strings.TrimSpace(s))
	return t.UTC(), err == nil
}
