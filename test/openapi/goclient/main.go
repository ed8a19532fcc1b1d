// Command goclient makes a round trip with the client that oapi-codegen makes
// from the OpenAPI document: token, bucket, put, get, list, tags, copy,
// multipart, delete. It is a module of its own, so that the generator's needs
// are nobody else's; scripts/codegen.sh go generates and builds it.
package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/sluicehq/sluice/test/openapi/goclient/lockwell"
)

const bucket, key = "generated-go", "a dir/ünï.txt"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Getenv("SLUICE_URL"), os.Getenv("SLUICE_ACCESS_KEY_ID"), os.Getenv("SLUICE_SECRET_KEY")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("round trip done")
}

func run(ctx context.Context, url, id, secret string) error {
	c, err := connect(ctx, url+"/api/v1", id, secret)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, *lockwell.ClientWithResponses) error{objects, copies, multipart, remove} {
		if err := step(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// connect exchanges the access key for a token that the client then sends.
func connect(ctx context.Context, url, id, secret string) (*lockwell.ClientWithResponses, error) {
	c, err := lockwell.NewClientWithResponses(url)
	if err != nil {
		return nil, err
	}
	t, err := want("mintToken", func(r *lockwell.MintTokenResponse) bool {
		return r.JSON200 != nil
	})(c.MintTokenWithResponse(ctx, lockwell.Credentials{AccessKeyId: id, SecretKey: secret}))
	if err != nil {
		return nil, err
	}
	token := "Bearer " + t.JSON200.AccessToken
	return lockwell.NewClientWithResponses(url, lockwell.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", token)
		return nil
	}))
}

func objects(ctx context.Context, c *lockwell.ClientWithResponses) error {
	if _, err := want("createBucket", func(r *lockwell.CreateBucketResponse) bool {
		return r.JSON201 != nil && r.JSON201.Versioning == "Unversioned"
	})(c.CreateBucketWithResponse(ctx, lockwell.NewBucket{Name: bucket})); err != nil {
		return err
	}
	absent, tags := lockwell.PutObjectParamsIfNoneMatch("*"), "team=a"
	if _, err := want("putObject", func(r *lockwell.PutObjectResponse) bool {
		return r.JSON201 != nil && r.JSON201.Key == key && r.Headers201.ETag == r.JSON201.Etag
	})(c.PutObjectWithBodyWithResponse(ctx, bucket, key, &lockwell.PutObjectParams{IfNoneMatch: &absent, XLockwellTags: &tags}, "text/plain", bytes.NewReader([]byte("hello")))); err != nil {
		return err
	}
	if _, err := want("putObject of what is there", func(r *lockwell.PutObjectResponse) bool {
		return r.ApplicationproblemJSON412 != nil && r.ApplicationproblemJSON412.Code == "precondition_failed"
	})(c.PutObjectWithBodyWithResponse(ctx, bucket, key, &lockwell.PutObjectParams{IfNoneMatch: &absent}, "text/plain", bytes.NewReader(nil))); err != nil {
		return err
	}
	if _, err := want("getObject", func(r *lockwell.GetObjectResponse) bool {
		return string(r.Body) == "hello" && r.Headers200 != nil && r.Headers200.XLockwellTagCount == 1
	})(c.GetObjectWithResponse(ctx, bucket, key, &lockwell.GetObjectParams{})); err != nil {
		return err
	}
	some := "bytes=1-3"
	if _, err := want("getObject by range", func(r *lockwell.GetObjectResponse) bool {
		return string(r.Body) == "ell" && r.StatusCode() == http.StatusPartialContent
	})(c.GetObjectWithResponse(ctx, bucket, key, &lockwell.GetObjectParams{Range: &some})); err != nil {
		return err
	}
	prefix := "a dir/"
	if _, err := want("listObjects", func(r *lockwell.ListObjectsResponse) bool {
		return r.JSON200 != nil && len(r.JSON200.Objects) == 1 && r.JSON200.Objects[0].Key == key
	})(c.ListObjectsWithResponse(ctx, bucket, &lockwell.ListObjectsParams{Prefix: &prefix})); err != nil {
		return err
	}
	_, err := want("setObjectTags", func(r *lockwell.SetObjectTagsResponse) bool {
		return r.JSON200 != nil && r.JSON200.Tags["team"] == "b"
	})(c.SetObjectTagsWithResponse(ctx, bucket, key, &lockwell.SetObjectTagsParams{}, lockwell.Tags{Tags: map[string]string{"team": "b"}}))
	return err
}

func copies(ctx context.Context, c *lockwell.ClientWithResponses) error {
	absent := true
	if _, err := want("copyObject", func(r *lockwell.CopyObjectResponse) bool {
		return r.JSON201 != nil && r.JSON201.Size == 5
	})(c.CopyObjectWithResponse(ctx, bucket, "copy", &lockwell.CopyObjectParams{}, lockwell.CopySource{SourceBucket: bucket, SourceKey: key, RequireAbsent: &absent})); err != nil {
		return err
	}
	_, err := want("getObjectTags", func(r *lockwell.GetObjectTagsResponse) bool {
		return r.JSON200 != nil && r.JSON200.Tags["team"] == "b"
	})(c.GetObjectTagsWithResponse(ctx, bucket, "copy", &lockwell.GetObjectTagsParams{}))
	return err
}

func multipart(ctx context.Context, c *lockwell.ClientWithResponses) error {
	film := "video/x-matroska"
	up, err := want("createMultipartUpload", func(r *lockwell.CreateMultipartUploadResponse) bool {
		return r.JSON201 != nil
	})(c.CreateMultipartUploadWithResponse(ctx, bucket, "big", &lockwell.CreateMultipartUploadParams{}, lockwell.NewUpload{ContentType: &film}))
	if err != nil {
		return err
	}
	var list lockwell.Completion
	for n, body := range [][]byte{bytes.Repeat([]byte("part"), 5<<18), []byte("the end")} {
		p, err := want("uploadPart", func(r *lockwell.UploadPartResponse) bool {
			return r.JSON200 != nil && r.JSON200.Size == int64(len(body))
		})(c.UploadPartWithBodyWithResponse(ctx, bucket, up.JSON201.UploadId, n+1, "big", &lockwell.UploadPartParams{}, "application/octet-stream", bytes.NewReader(body)))
		if err != nil {
			return err
		}
		list.Parts = append(list.Parts, lockwell.CompletedPart{PartNumber: n + 1, Etag: p.JSON200.Etag})
	}
	_, err = want("completeMultipartUpload", func(r *lockwell.CompleteMultipartUploadResponse) bool {
		return r.JSON200 != nil && r.JSON200.Size == 5<<20+7 && r.JSON200.ContentType == film
	})(c.CompleteMultipartUploadWithResponse(ctx, bucket, up.JSON201.UploadId, "big", &lockwell.CompleteMultipartUploadParams{}, list))
	return err
}

func remove(ctx context.Context, c *lockwell.ClientWithResponses) error {
	if _, err := want("deleteObject", func(r *lockwell.DeleteObjectResponse) bool {
		return r.StatusCode() == http.StatusNoContent
	})(c.DeleteObjectWithResponse(ctx, bucket, "big", &lockwell.DeleteObjectParams{})); err != nil {
		return err
	}
	if _, err := want("batchDeleteObjects", func(r *lockwell.BatchDeleteObjectsResponse) bool {
		return r.JSON200 != nil && len(r.JSON200.Results) == 2
	})(c.BatchDeleteObjectsWithResponse(ctx, bucket, lockwell.BatchDelete{Objects: []lockwell.ObjectRef{{Key: key}, {Key: "copy"}}})); err != nil {
		return err
	}
	_, err := want("deleteBucket", func(r *lockwell.DeleteBucketResponse) bool {
		return r.StatusCode() == http.StatusNoContent
	})(c.DeleteBucketWithResponse(ctx, bucket))
	return err
}

// answer is what all answers of the client have.
type answer interface {
	Status() string
	GetBody() []byte
}

// want passes an answer on when it is as it should be.
func want[R answer](what string, ok func(R) bool) func(R, error) (R, error) {
	return func(r R, err error) (R, error) {
		if err != nil {
			return r, fmt.Errorf("%s: %w", what, err)
		}
		if !ok(r) {
			return r, fmt.Errorf("%s: an unexpected answer, %s: %.500s", what, r.Status(), r.GetBody())
		}
		return r, nil
	}
}
