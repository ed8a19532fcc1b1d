package objectv1test

import (
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// system is the same account, with somebody acting for the installation.
func (w world) system() world {
	w.who.System = true
	return w
}

// plikBucket: objects of temporary uploads are like others, for who acts for the
// installation.
func plikBucket(t *testing.T, w world) {
	sys := w.system()
	const key = "upload/file"
	o := sys.put(t, objectv1.PlikBucket, key, "body")
	if o.Bucket != objectv1.PlikBucket || o.Key != key || o.File != nil || o.Versioned {
		t.Fatalf("%+v", o)
	}
	sys.put(t, objectv1.PlikBucket, "other", "1")
	if got, err := sys.stat(t, objectv1.PlikBucket, key, ""); err != nil || got.Size != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	page, err := sys.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: sys.who, Bucket: objectv1.PlikBucket, Delimiter: "/", MaxKeys: 10})
	if err != nil || len(page.Objects) != 1 || len(page.CommonPrefixes) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	if u := w.used(t); u.Used != 5 {
		t.Fatalf("the account uses %d bytes", u.Used)
	}
	for range 2 {
		sys.delete(t, objectv1.PlikBucket, key, "")
	}
	_, err = sys.stat(t, objectv1.PlikBucket, key, "")
	wantErr(t, err, objectv1.ErrNotFound)
	if u := w.used(t); u.Used != 1 {
		t.Fatalf("the account uses %d bytes", u.Used)
	}
	_, err = sys.begin(t, objectv1.PlikBucket, "large", 501)
	wantErr(t, err, objectv1.ErrTooLarge)
}

// plikBucketHidden: for the account itself there is no such bucket.
func plikBucketHidden(t *testing.T, w world) {
	const name, key = objectv1.PlikBucket, "k"
	w.system().put(t, name, key, "body")
	w.bucket(t, "mine", false)
	w.put(t, "mine", key, "body")
	calls := func(w world) map[string]error {
		_, get := w.GetBucket(t.Context(), w.bucketRequest(name))
		_, remove := w.DeleteBucket(t.Context(), w.bucketRequest(name))
		_, begin := w.begin(t, name, key, 1)
		_, stat := w.stat(t, name, key, "")
		_, list := w.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: w.who, Bucket: name, MaxKeys: 1})
		_, versions := w.ListVersions(t.Context(), objectv1.ListVersionsRequest{Principal: w.who, Bucket: name, MaxKeys: 1})
		_, del := w.DeleteObject(t.Context(), objectv1.DeleteObjectRequest{Principal: w.who, Bucket: name, Key: key})
		_, batch := w.DeleteObjects(t.Context(), objectv1.DeleteObjectsRequest{Principal: w.who, Bucket: name, Objects: []objectv1.ObjectRef{{Key: key}}})
		_, from := w.CopyObject(t.Context(), objectv1.CopyObjectRequest{
			Principal: w.who, SourceBucket: name, SourceKey: key, Bucket: "mine", Key: "stolen", VersionID: objectv1.NewVersionID(),
		})
		_, to := w.CopyObject(t.Context(), objectv1.CopyObjectRequest{
			Principal: w.who, SourceBucket: "mine", SourceKey: key, Bucket: name, Key: key, VersionID: objectv1.NewVersionID(),
		})
		_, versioning := w.SetVersioning(t.Context(), objectv1.SetVersioningRequest{Principal: w.who, Bucket: name, Versioning: objectv1.Enabled})
		_, notifications := w.GetNotifications(t.Context(), w.bucketRequest(name))
		_, policy := w.GetPolicy(t.Context(), w.bucketRequest(name))
		_, tags := w.GetTags(t.Context(), objectv1.VersionRequest{Principal: w.who, Bucket: name, Key: key})
		_, may := w.Authorize(t.Context(), objectv1.AuthorizeRequest{Principal: w.who, Bucket: name, Action: objectv1.ActionGetObject, Key: key})
		return map[string]error{
			"GetBucket": get, "DeleteBucket": remove, "BeginPut": begin, "StatObject": stat, "ListObjects": list, "ListVersions": versions,
			"DeleteObject": del, "DeleteObjects": batch, "CopyObject from": from, "CopyObject to": to, "SetVersioning": versioning,
			"GetNotifications": notifications, "GetPolicy": policy, "GetTags": tags, "Authorize": may,
		}
	}
	key1 := w.key(authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete, authv1.ScopeAdmin}})
	for who, w := range map[string]world{"account": w, "key": key1} {
		for call, err := range calls(w) {
			t.Run(who+"/"+call, func(t *testing.T) { wantErr(t, err, objectv1.ErrBucketNotFound) })
		}
	}
	_, err := w.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: w.who, Name: name})
	wantErr(t, err, objectv1.ErrInvalidBucketName)
	_, err = w.ResolveNotification(t.Context(), objectv1.ResolveNotificationRequest{AccountID: w.who.AccountID, Bucket: name, ConfigID: "c"})
	wantErr(t, err, objectv1.ErrBucketNotFound)
	for _, who := range []world{w, w.system()} {
		all, err := who.ListBuckets(t.Context(), objectv1.ListBucketsRequest{Principal: who.who})
		if err != nil || len(all.Buckets) != 1 || all.Buckets[0].Name != "mine" {
			t.Fatalf("listed %+v, %v", all, err)
		}
	}
	sys := w.system()
	_, err = sys.DeleteBucket(t.Context(), sys.bucketRequest(name))
	wantErr(t, err, objectv1.ErrNotInDrive)
	_, err = sys.SetVersioning(t.Context(), objectv1.SetVersioningRequest{Principal: sys.who, Bucket: name, Versioning: objectv1.Enabled})
	wantErr(t, err, objectv1.ErrNotInDrive)
}
