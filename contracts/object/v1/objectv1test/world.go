package objectv1test

import (
	"crypto/sha256"
	"errors"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// world is a service and an account that no other test uses.
type world struct {
	objectv1.Service
	who authv1.Principal
}

// key is the account limited to what a key may do.
func (w world) key(g authv1.Grant) world {
	w.who.KeyID, w.who.Grant = "LWAKAAAAAAAAAAAAAAAA", g
	return w
}

func (w world) bucketRequest(name string) objectv1.BucketRequest {
	return objectv1.BucketRequest{Principal: w.who, Bucket: name}
}

func (w world) bucket(t *testing.T, name string, versioning bool) objectv1.Bucket {
	t.Helper()
	b, err := w.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: w.who, Name: name, Versioning: versioning})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w world) begin(t *testing.T, bucket, key string, size int64) (objectv1.Ticket, error) {
	t.Helper()
	return w.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: w.who, Bucket: bucket, Key: key, Size: size})
}

func (w world) commit(bucket, key, body string, ticket objectv1.Ticket) objectv1.CommitPutRequest {
	sum := sha256.Sum256([]byte(body))
	return objectv1.CommitPutRequest{
		Principal: w.who, Ticket: ticket, Bucket: bucket, Key: key,
		Manifest: blob.Manifest{Size: int64(len(body)), Region: ticket.Region, Domain: ticket.KeyDomain},
		Digests:  map[blob.Algorithm][]byte{blob.SHA256: sum[:]},
		Metadata: objectv1.Metadata{ContentType: "text/plain", User: map[string]string{"mood": "fine"}},
	}
}

func (w world) tryPut(t *testing.T, bucket, key, body string, cond objectv1.Conditions) (objectv1.Object, error) {
	t.Helper()
	ticket, err := w.begin(t, bucket, key, int64(len(body)))
	if err != nil {
		return objectv1.Object{}, err
	}
	r := w.commit(bucket, key, body, ticket)
	r.Conditions = cond
	return w.CommitPut(t.Context(), r)
}

func (w world) put(t *testing.T, bucket, key, body string) objectv1.Object {
	t.Helper()
	o, err := w.tryPut(t, bucket, key, body, objectv1.Conditions{})
	if err != nil {
		t.Fatalf("putting %s/%s: %v", bucket, key, err)
	}
	return o
}

func (w world) stat(t *testing.T, bucket, key, version string) (objectv1.Object, error) {
	t.Helper()
	return w.StatObject(t.Context(), objectv1.StatObjectRequest{Principal: w.who, Bucket: bucket, Key: key, VersionID: version})
}

func (w world) delete(t *testing.T, bucket, key, version string) objectv1.DeleteObjectResponse {
	t.Helper()
	r, err := w.DeleteObject(t.Context(), objectv1.DeleteObjectRequest{Principal: w.who, Bucket: bucket, Key: key, VersionID: version})
	if err != nil {
		t.Fatalf("deleting %s/%s: %v", bucket, key, err)
	}
	return r
}

func (w world) used(t *testing.T) objectv1.Usage {
	t.Helper()
	u, err := w.GetUsage(t.Context(), objectv1.GetUsageRequest{AccountID: w.who.AccountID})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func wantErr(t *testing.T, got error, want *fault.Error) {
	t.Helper()
	if !errors.Is(got, want) || fault.KindOf(got) != want.Kind {
		t.Fatalf("got %v, want %v", got, want)
	}
}
