package transfer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// source puts an object that can be copied.
func source(t *testing.T, e *transfer.Engine, o *edgetest.Object, body string) objectv1.Object {
	t.Helper()
	if _, err := o.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: who, Name: "far"}); err != nil {
		t.Fatal(err)
	}
	in := put(int64(len(body)), strings.NewReader(body))
	in.Key = "source"
	in.Metadata = objectv1.Metadata{ContentType: "text/plain", Tags: map[string]string{"a": "b"}}
	out, err := e.Put(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.Object
}

func copyOf() objectv1.CopyObjectRequest {
	return objectv1.CopyObjectRequest{Principal: who, Bucket: "far", Key: "copy", SourceBucket: "box", SourceKey: "source"}
}

// noting notes what commits say that they are.
type noting struct {
	*edgetest.Object
	operation string
}

func (n *noting) CommitPut(ctx context.Context, r objectv1.CommitPutRequest) (objectv1.Object, error) {
	n.operation = r.Operation
	return n.Object.CommitPut(ctx, r)
}

func TestCopyAcross(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"hello", ""} {
		e, o, _ := engine(t)
		src := source(t, e, o, body)
		noted := &noting{Object: o}
		e.Objects = noted
		obj, err := e.CopyAcross(t.Context(), copyOf())
		if noted.operation != objectv1.OperationCopy {
			t.Errorf("committed as %q", noted.operation)
		}
		if err != nil || obj.Size != src.Size || obj.ETag != src.ETag || obj.Metadata.ContentType != "text/plain" || obj.Metadata.Tags["a"] != "b" {
			t.Errorf("%q: %+v, %v", body, obj, err)
		}
		r := copyOf()
		r.Metadata = &objectv1.Metadata{ContentType: "image/png", Tags: map[string]string{"c": "d"}}
		if obj, err = e.CopyAcross(t.Context(), r); err != nil || obj.Metadata.ContentType != "image/png" || obj.Metadata.Tags["a"] != "b" || obj.Metadata.Tags["c"] != "" {
			t.Errorf("%q: %+v, %v", body, obj, err)
		}
	}
}

func TestCopyAcross_Refused(t *testing.T) {
	t.Parallel()
	e, o, b := engine(t)
	src := source(t, e, o, "hello")
	before, after := src.CreatedAt.Add(-time.Hour), src.CreatedAt.Add(time.Hour)
	for name, c := range map[string]objectv1.SourceConditions{
		"if-match": {IfMatch: []string{`"x"`}}, "if-none-match": {IfNoneMatch: []string{src.ETag}}, "any": {IfNoneMatch: []string{"*"}},
		"unmodified": {IfUnmodifiedSince: &before}, "modified": {IfModifiedSince: &after},
	} {
		r := copyOf()
		r.SourceConditions = c
		if _, err := e.CopyAcross(t.Context(), r); !errors.Is(err, objectv1.ErrPrecondition) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]objectv1.SourceConditions{
		"if-match": {IfMatch: []string{`"x"`, src.ETag}, IfUnmodifiedSince: &before}, "if-none-match": {IfNoneMatch: []string{`"x"`}, IfModifiedSince: &after},
		"any": {IfMatch: []string{"*"}}, "dates": {IfUnmodifiedSince: &after, IfModifiedSince: &before},
	} {
		r := copyOf()
		r.Key, r.SourceConditions = "other", c
		if _, err := e.CopyAcross(t.Context(), r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := copyOf()
	r.SourceKey = "nothing"
	if _, err := e.CopyAcross(t.Context(), r); !errors.Is(err, objectv1.ErrNotFound) {
		t.Errorf("no source: %v", err)
	}
	b.Damaged = true
	if _, err := e.CopyAcross(t.Context(), copyOf()); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("a damaged source: %v", err)
	}
	if keys := o.Keys("acc", "far"); len(keys) != 1 {
		t.Errorf("visible: %v", keys)
	}
}
