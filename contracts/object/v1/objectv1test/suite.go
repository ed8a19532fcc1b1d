// Package objectv1test is what every implementation of objectv1.Service does: the
// endpoint called straight, and the same through NATS.
package objectv1test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Refused is a URL that the service under test has to refuse as a webhook's.
const Refused = "http://refused.example/"

// Run runs the suite; open gives a service. It is called once per test, and may
// give the same service each time: every test has an account of its own.
func Run(t *testing.T, open func(t *testing.T) objectv1.Service) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, w world)
	}{
		{"Buckets", buckets},
		{"Buckets_Refused", bucketsRefused},
		{"Buckets_OtherAccount", otherAccount},
		{"DeleteBucket", deleteBucket},
		{"Put_StatListDelete", putStatListDelete},
		{"Put_Conditions", conditions},
		{"Put_Race", race},
		{"Put_Repeated", repeated},
		{"Put_Limits", limits},
		{"Put_Held", held},
		{"Versions", versions},
		{"List_Pages", listPages},
		{"Notifications", notifications},
		{"Notifications_Refused", notificationsRefused},
		{"Scopes", scopes},
		{"Contents", contents},
		{"Versioning_States", versioningStates},
		{"ListVersions_Refused", listVersionsRefused},
		{"Tags", tags},
		{"Locks", locks},
		{"Locks_WithTheWrite", locksWithTheWrite},
		{"DeleteObjects", deleteObjects},
		{"Policies", policies},
		{"Authorize", authorize},
		{"List_Full", fullListing},
		{"Put_Staged", staged},
		{"Put_StagedAborted", stagedAborted},
		{"Put_Ahead", ahead},
		{"Copies", copies},
		{"Idempotency", idempotency},
		{"Files", files},
		{"Files_Refused", filesRefused},
		{"Files_Race", filesRace},
		{"Files_List", fileList},
		{"Files_Changed", fileChanges},
		{"Files_Registered", registration},
		{"Files_Staged", stagedFile},
		{"Folders", folders},
		{"Folders_Move", moves},
		{"Folders_Remove", removals},
		{"Drive_AsBucket", driveAsBucket},
		{"Plik_Bucket", plikBucket},
		{"Plik_BucketHidden", plikBucketHidden},
		{"CloseAccount", closing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			account := "acc-" + rand.Text()
			c.run(t, world{open(t), authv1.Principal{
				AccountID: account, Username: "u-" + account,
				Limits: authv1.Limits{StorageBytes: 1000, ObjectBytes: 500},
			}})
		})
	}
}

func buckets(t *testing.T, w world) {
	b := w.bucket(t, "first-bucket", false)
	if b.ID == "" || b.Name != "first-bucket" || b.Versioning != objectv1.Unversioned || b.Region == "" || b.CreatedAt.IsZero() {
		t.Fatalf("bucket %+v", b)
	}
	_, err := w.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: w.who, Name: "first-bucket"})
	wantErr(t, err, objectv1.ErrBucketExists)
	locked, err := w.CreateBucket(t.Context(), objectv1.CreateBucketRequest{
		Principal: w.who, Name: "a.locked", ObjectLock: true, DefaultRetention: &objectv1.DefaultRetention{Mode: "GOVERNANCE", Days: 1},
	})
	if err != nil || locked.Versioning != objectv1.Enabled {
		t.Fatalf("locked bucket %+v, %v", locked, err)
	}
	got, err := w.GetBucket(t.Context(), w.bucketRequest("a.locked"))
	if err != nil || got.DefaultRetention == nil || *got.DefaultRetention != *locked.DefaultRetention || got.ID != locked.ID {
		t.Fatalf("got %+v, %v", got, err)
	}
	list, err := w.ListBuckets(t.Context(), objectv1.ListBucketsRequest{Principal: w.who})
	if err != nil || len(list.Buckets) != 2 || list.Buckets[0].Name != "a.locked" || list.Buckets[1].Name != "first-bucket" {
		t.Fatalf("list %+v, %v", list, err)
	}
}

func bucketsRefused(t *testing.T, w world) {
	for _, name := range []string{
		"", "ab", strings.Repeat("x", 64), "Upper", "under_score", "-start", "end-", "a..b", "192.168.0.1", "999.1.1.1", "ü-mlaut", "a/b", "a b", "xn--a",
	} {
		_, err := w.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: w.who, Name: name})
		if !errors.Is(err, objectv1.ErrInvalidBucketName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, r := range []objectv1.CreateBucketRequest{
		{Region: "nowhere"},
		{DefaultRetention: &objectv1.DefaultRetention{Mode: "GOVERNANCE", Days: 1}},
		{ObjectLock: true, DefaultRetention: &objectv1.DefaultRetention{Mode: "governance", Days: 1}},
		{ObjectLock: true, DefaultRetention: &objectv1.DefaultRetention{Mode: "GOVERNANCE"}},
	} {
		r.Principal, r.Name = w.who, "good-name"
		if _, err := w.CreateBucket(t.Context(), r); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func otherAccount(t *testing.T, w world) {
	w.bucket(t, "mine", false)
	w.put(t, "mine", "k", "1")
	other := w
	other.who.AccountID += "-other"
	_, err := other.GetBucket(t.Context(), other.bucketRequest("mine"))
	wantErr(t, err, objectv1.ErrBucketNotFound)
	_, err = other.stat(t, "mine", "k", "")
	wantErr(t, err, objectv1.ErrBucketNotFound)
	_, err = other.begin(t, "mine", "k", 1)
	wantErr(t, err, objectv1.ErrBucketNotFound)
	ticket, err := w.begin(t, "mine", "k", 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.CommitPut(t.Context(), other.commit("mine", "k", "2", ticket))
	wantErr(t, err, objectv1.ErrBucketNotFound)
	_, err = other.DeleteObject(t.Context(), objectv1.DeleteObjectRequest{Principal: other.who, Bucket: "mine", Key: "k"})
	wantErr(t, err, objectv1.ErrBucketNotFound)
	_, err = other.DeleteBucket(t.Context(), other.bucketRequest("mine"))
	wantErr(t, err, objectv1.ErrBucketNotFound)
	other.bucket(t, "mine", false) // names are unique per account only
}

func deleteBucket(t *testing.T, w world) {
	b := w.bucket(t, "files", false)
	w.put(t, "files", "k", "1")
	_, err := w.DeleteBucket(t.Context(), w.bucketRequest("files"))
	wantErr(t, err, objectv1.ErrBucketNotEmpty)
	w.put(t, "files", "k", "still writable")
	w.delete(t, "files", "k", "")
	if _, err := w.DeleteBucket(t.Context(), w.bucketRequest("files")); err != nil {
		t.Fatal(err)
	}
	_, err = w.DeleteBucket(t.Context(), w.bucketRequest("files"))
	wantErr(t, err, objectv1.ErrBucketNotFound)
	if again := w.bucket(t, "files", false); again.ID == b.ID {
		t.Fatal("the id of a bucket was used again")
	}
	_, err = w.stat(t, "files", "k", "")
	wantErr(t, err, objectv1.ErrNotFound)
}

func putStatListDelete(t *testing.T, w world) {
	w.bucket(t, "files", false)
	key := "a//../b %2F+ü"
	o := w.put(t, "files", key, "hello")
	sum := sha256.Sum256([]byte("hello"))
	if want := fmt.Sprintf(`"%x-1"`, sum[:16]); o.ETag != want || o.Size != 5 || o.StorageClass != "STANDARD" || o.VersionID == "" {
		t.Fatalf("answer %+v", o)
	}
	got, err := w.stat(t, "files", key, "")
	if err != nil || got.ETag != o.ETag || got.VersionID != o.VersionID || !got.CreatedAt.Equal(o.CreatedAt) ||
		got.Metadata.User["mood"] != "fine" || got.Manifest.Size != 5 || string(got.Digests[blob.SHA256]) != string(sum[:]) {
		t.Fatalf("stat %+v, %v", got, err)
	}
	list, err := w.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: w.who, Bucket: "files", MaxKeys: 10})
	if err != nil || len(list.Objects) != 1 || list.Objects[0].Key != key || list.Objects[0].ETag != o.ETag ||
		!list.Objects[0].LastModified.Equal(o.CreatedAt) || list.Objects[0].ContentType != "text/plain" {
		t.Fatalf("list %+v, %v", list, err)
	}
	b, err := w.GetBucket(t.Context(), w.bucketRequest("files"))
	if err != nil || b.ObjectCount != 1 || b.Bytes != 5 {
		t.Fatalf("bucket %+v, %v", b, err)
	}
	if r := w.delete(t, "files", key, ""); r.DeleteMarker {
		t.Fatalf("delete %+v", r)
	}
	w.delete(t, "files", key, "")
	_, err = w.stat(t, "files", key, "")
	wantErr(t, err, objectv1.ErrNotFound)
	if u := w.used(t); u != (objectv1.Usage{}) {
		t.Fatalf("usage %+v", u)
	}
}

func conditions(t *testing.T, w world) {
	w.bucket(t, "files", false)
	o := w.put(t, "files", "k", "1")
	for _, c := range []objectv1.Conditions{{IfNoneMatchAny: true}, {IfMatch: []string{`"x"`}}} {
		_, err := w.tryPut(t, "files", "k", "2", c)
		wantErr(t, err, objectv1.ErrPrecondition)
		// Also when it only turns out at the commit.
		ticket, err := w.begin(t, "files", "k", 1)
		if err != nil {
			t.Fatal(err)
		}
		r := w.commit("files", "k", "2", ticket)
		r.Conditions = c
		_, err = w.CommitPut(t.Context(), r)
		wantErr(t, err, objectv1.ErrPrecondition)
	}
	if _, err := w.tryPut(t, "files", "k", "3", objectv1.Conditions{IfMatch: []string{`"x"`, o.ETag}}); err != nil {
		t.Fatal(err)
	}
	_, err := w.tryPut(t, "files", "absent", "1", objectv1.Conditions{IfMatch: []string{"*"}})
	wantErr(t, err, objectv1.ErrPrecondition)
}

func race(t *testing.T, w world) {
	w.bucket(t, "files", false)
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		ticket, err := w.begin(t, "files", "k", 4)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			r := w.commit("files", "k", "body", ticket)
			r.Conditions.IfNoneMatchAny = true
			switch _, err := w.CommitPut(t.Context(), r); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, objectv1.ErrPrecondition):
				lost.Add(1)
			default:
				t.Errorf("racing: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 19 {
		t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
	}
}

func repeated(t *testing.T, w world) {
	w.bucket(t, "files", false)
	ticket, err := w.begin(t, "files", "k", 4)
	if err != nil {
		t.Fatal(err)
	}
	r := w.commit("files", "k", "body", ticket)
	r.Conditions.IfNoneMatchAny = true
	first, err := w.CommitPut(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.CommitPut(t.Context(), r)
	if err != nil || again.VersionID != first.VersionID || !again.CreatedAt.Equal(first.CreatedAt) || again.ETag != first.ETag {
		t.Fatalf("again %+v, %v", again, err)
	}
	a, err := w.AbortPut(t.Context(), objectv1.AbortPutRequest{AccountID: w.who.AccountID, VersionID: ticket.VersionID})
	if err != nil || !a.Committed {
		t.Fatalf("abort %+v, %v", a, err)
	}
	if u := w.used(t); u.Used != 4 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

func limits(t *testing.T, w world) {
	w.bucket(t, "files", false)
	_, err := w.begin(t, "files", "k", 501)
	wantErr(t, err, objectv1.ErrTooLarge)
	w.put(t, "files", "a", strings.Repeat("x", 500))
	w.put(t, "files", "b", strings.Repeat("x", 400))
	_, err = w.begin(t, "files", "c", 101)
	wantErr(t, err, objectv1.ErrQuotaExceeded)
	for _, key := range []string{"", strings.Repeat("x", 1025), "a\x00b"} {
		_, err = w.begin(t, "files", key, 1)
		wantErr(t, err, objectv1.ErrInvalidKey)
	}
	w.put(t, "files", "c", strings.Repeat("x", 100))
	if u := w.used(t); u.Used != 1000 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
	// Several at once cannot take the last bytes twice.
	w.delete(t, "files", "a", "")
	w.used(t)
	var tickets []objectv1.Ticket
	for i := range 10 {
		ticket, err := w.begin(t, "files", fmt.Sprint("k", i), 100)
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, ticket)
	}
	var ok atomic.Int64
	var wg sync.WaitGroup
	for i, ticket := range tickets {
		wg.Go(func() {
			_, err := w.CommitPut(t.Context(), w.commit("files", fmt.Sprint("k", i), strings.Repeat("y", 100), ticket))
			if err == nil {
				ok.Add(1)
			} else if !errors.Is(err, objectv1.ErrQuotaExceeded) {
				t.Errorf("commit: %v", err)
			}
		})
	}
	wg.Wait()
	if ok.Load() != 5 {
		t.Fatalf("%d of 5 fitted", ok.Load())
	}
}

func held(t *testing.T, w world) {
	w.bucket(t, "files", false)
	begin := func() objectv1.Ticket {
		ticket, err := w.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: w.who, Bucket: "files", Key: "k", Size: -1, Hold: true})
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	ticket := begin()
	if u := w.used(t); !ticket.Held || ticket.Reserved != 500 || u.Reserved != 500 {
		t.Fatalf("ticket %+v, usage %+v", ticket, u)
	}
	_, err := w.DeleteBucket(t.Context(), w.bucketRequest("files"))
	wantErr(t, err, objectv1.ErrBucketNotEmpty)
	renew := objectv1.RenewPutRequest{AccountID: w.who.AccountID, VersionID: ticket.VersionID, Bytes: 500}
	renewed, err := w.RenewPut(t.Context(), renew)
	if err != nil || renewed.VersionID != ticket.VersionID || renewed.Reserved != 500 || renewed.LeaseTill.Before(ticket.LeaseTill) {
		t.Fatalf("renewed %+v, %v", renewed, err)
	}
	renew.Bytes = 501
	_, err = w.RenewPut(t.Context(), renew)
	wantErr(t, err, objectv1.ErrTooLarge)
	if _, err := w.CommitPut(t.Context(), w.commit("files", "k", "body", ticket)); err != nil {
		t.Fatal(err)
	}
	if u := w.used(t); u.Used != 4 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
	ticket = begin()
	abort := objectv1.AbortPutRequest{AccountID: w.who.AccountID, VersionID: ticket.VersionID}
	for range 2 {
		if a, err := w.AbortPut(t.Context(), abort); err != nil || a.Committed {
			t.Fatalf("abort %+v, %v", a, err)
		}
	}
	_, err = w.CommitPut(t.Context(), w.commit("files", "k", "late", ticket))
	wantErr(t, err, objectv1.ErrUploadGone)
	renew.VersionID = ticket.VersionID
	_, err = w.RenewPut(t.Context(), renew)
	wantErr(t, err, objectv1.ErrUploadGone)
	if u := w.used(t); u.Used != 4 || u.Reserved != 0 {
		t.Fatalf("usage %+v", u)
	}
}

func versions(t *testing.T, w world) {
	w.bucket(t, "files", true)
	v1, v2 := w.put(t, "files", "k", "1"), w.put(t, "files", "k", "22")
	if o, err := w.stat(t, "files", "k", v1.VersionID); err != nil || o.Size != 1 || !o.Versioned {
		t.Fatalf("old version %+v, %v", o, err)
	}
	m := w.delete(t, "files", "k", "")
	if !m.DeleteMarker || m.VersionID == "" {
		t.Fatalf("delete %+v", m)
	}
	_, err := w.stat(t, "files", "k", "")
	wantErr(t, err, objectv1.ErrDeleteMarker)
	w.delete(t, "files", "k", m.VersionID)
	w.delete(t, "files", "k", v2.VersionID)
	if o, err := w.stat(t, "files", "k", ""); err != nil || o.VersionID != v1.VersionID {
		t.Fatalf("current %+v, %v", o, err)
	}
	_, err = w.stat(t, "files", "k", v2.VersionID)
	wantErr(t, err, objectv1.ErrNotFound)
	_, err = w.stat(t, "files", "other", v1.VersionID)
	wantErr(t, err, objectv1.ErrNotFound)
	_, err = w.DeleteBucket(t.Context(), w.bucketRequest("files"))
	wantErr(t, err, objectv1.ErrBucketNotEmpty)
}

func listPages(t *testing.T, w world) {
	w.bucket(t, "files", false)
	want := []string{"a", "b/1", "b/2", "b/3", "c", "d/x", "é"}
	for _, k := range want {
		w.put(t, "files", k, "1")
	}
	var got []string
	r := objectv1.ListObjectsRequest{Principal: w.who, Bucket: "files", MaxKeys: 2}
	for range len(want) {
		p, err := w.ListObjects(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range p.Objects {
			got = append(got, o.Key)
		}
		if r.Token = p.NextToken; r.Token == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("listed %q", got)
	}
	p, err := w.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: w.who, Bucket: "files", Delimiter: "/", MaxKeys: 1000})
	if err != nil || !slices.Equal(p.CommonPrefixes, []string{"b/", "d/"}) || len(p.Objects) != 3 || p.NextToken != "" {
		t.Fatalf("folders %+v, %v", p, err)
	}
	for _, r := range []objectv1.ListObjectsRequest{{MaxKeys: 0}, {MaxKeys: 1001}, {MaxKeys: 1, Token: "e30"}} {
		r.Principal, r.Bucket = w.who, "files"
		_, err := w.ListObjects(t.Context(), r)
		wantErr(t, err, fault.ErrInvalid)
	}
}

func notifications(t *testing.T, w world) {
	b := w.bucket(t, "files", false)
	none, err := w.GetNotifications(t.Context(), w.bucketRequest("files"))
	if err != nil || none.Configs == nil || len(none.Configs) != 0 {
		t.Fatalf("unset %+v, %v", none, err)
	}
	set := func(configs ...objectv1.NotificationConfig) objectv1.Notifications {
		n, err := w.SetNotifications(t.Context(), objectv1.SetNotificationsRequest{Principal: w.who, Bucket: "files", Configs: configs})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	c := objectv1.NotificationConfig{URL: "https://hooks.example/x", Events: []string{objectv1.EventObjectCreated}, Prefix: "in/", Suffix: ".txt"}
	first := set(c).Configs[0]
	if first.ID == "" || first.Target != "webhook" {
		t.Fatalf("config %+v", first)
	}
	resolve := func(id string) (objectv1.NotificationTarget, error) {
		return w.ResolveNotification(t.Context(), objectv1.ResolveNotificationRequest{BucketID: b.ID, ConfigID: id})
	}
	before, err := resolve(first.ID)
	if err != nil || len(before.SealedSecret) == 0 || before.Bucket != "files" || before.Config.URL != c.URL {
		t.Fatalf("target %+v, %v", before, err)
	}
	c.ID = first.ID
	set(objectv1.NotificationConfig{ID: "mine", URL: c.URL, Events: []string{objectv1.EventObjectRemoved}}, c)
	after, err := w.ResolveNotification(t.Context(), objectv1.ResolveNotificationRequest{AccountID: w.who.AccountID, Bucket: "files", ConfigID: c.ID})
	if err != nil || string(after.SealedSecret) != string(before.SealedSecret) {
		t.Fatal("the secret of a config that stayed is another one now")
	}
	if n, err := w.GetNotifications(t.Context(), w.bucketRequest("files")); err != nil || len(n.Configs) != 2 || n.Configs[0].ID != "mine" {
		t.Fatalf("configs %+v, %v", n, err)
	}
	set()
	_, err = resolve(first.ID)
	wantErr(t, err, objectv1.ErrConfigNotFound)
	_, err = w.ResolveNotification(t.Context(), objectv1.ResolveNotificationRequest{BucketID: "gone", ConfigID: "x"})
	wantErr(t, err, objectv1.ErrConfigNotFound)
}

func notificationsRefused(t *testing.T, w world) {
	w.bucket(t, "files", false)
	good := objectv1.NotificationConfig{URL: "https://hooks.example/x", Events: []string{objectv1.EventObjectCreated}}
	with := func(change func(c *objectv1.NotificationConfig)) []objectv1.NotificationConfig {
		c := good
		change(&c)
		return []objectv1.NotificationConfig{c}
	}
	type config = objectv1.NotificationConfig
	for name, c := range map[string]struct {
		configs []config
		want    *fault.Error
	}{
		"sns":        {with(func(c *config) { c.Target = "sns" }), objectv1.ErrTargetNotImplemented},
		"arn":        {with(func(c *config) { c.URL = "arn:aws:sns:x" }), objectv1.ErrTargetNotImplemented},
		"target":     {with(func(c *config) { c.Target = "mail" }), fault.ErrInvalid},
		"scheme":     {with(func(c *config) { c.URL = "ftp://x/" }), fault.ErrInvalid},
		"no host":    {with(func(c *config) { c.URL = "http:///x" }), fault.ErrInvalid},
		"no events":  {with(func(c *config) { c.Events = nil }), fault.ErrInvalid},
		"events":     {with(func(c *config) { c.Events = []string{"object-read"} }), fault.ErrInvalid},
		"id":         {with(func(c *config) { c.ID = "a b" }), fault.ErrInvalid},
		"same id":    {[]config{{ID: "x", URL: good.URL, Events: good.Events}, {ID: "x", URL: good.URL, Events: good.Events}}, fault.ErrInvalid},
		"too many":   {make([]config, 101), fault.ErrInvalid},
		"not public": {with(func(c *config) { c.URL = Refused }), nil},
	} {
		_, err := w.SetNotifications(t.Context(), objectv1.SetNotificationsRequest{Principal: w.who, Bucket: "files", Configs: c.configs})
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func scopes(t *testing.T, w world) {
	w.bucket(t, "files", false)
	w.bucket(t, "other", false)
	w.put(t, "files", "in/a", "1")
	reader := w.key(authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}, Buckets: []string{"files"}, Prefixes: []string{"in/"}})
	if _, err := reader.stat(t, "files", "in/a", ""); err != nil {
		t.Fatal(err)
	}
	list := func(w world, bucket, prefix string) error {
		_, err := w.ListObjects(t.Context(), objectv1.ListObjectsRequest{Principal: w.who, Bucket: bucket, Prefix: prefix, MaxKeys: 1})
		return err
	}
	if err := list(reader, "files", "in/"); err != nil {
		t.Fatal(err)
	}
	_, outside := reader.stat(t, "files", "out/a", "")
	_, otherBucket := reader.stat(t, "other", "in/a", "")
	_, writing := reader.tryPut(t, "files", "in/b", "1", objectv1.Conditions{})
	_, deleting := reader.DeleteObject(t.Context(), objectv1.DeleteObjectRequest{Principal: reader.who, Bucket: "files", Key: "in/a"})
	_, creating := reader.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: reader.who, Name: "third"})
	_, notifying := reader.GetNotifications(t.Context(), reader.bucketRequest("files"))
	for name, err := range map[string]error{
		"outside": outside, "other bucket": otherBucket, "writing": writing, "deleting": deleting, "creating": creating,
		"notifications": notifying, "listing all": list(reader, "files", ""), "listing elsewhere": list(reader, "files", "i"),
	} {
		if !errors.Is(err, objectv1.ErrAccessDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	seen, err := reader.ListBuckets(t.Context(), objectv1.ListBucketsRequest{Principal: reader.who})
	if err != nil || len(seen.Buckets) != 1 || seen.Buckets[0].Name != "files" {
		t.Fatalf("buckets %+v, %v", seen, err)
	}
	writer := w.key(authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeWrite}})
	writer.put(t, "files", "k", "1")
	if _, err := writer.stat(t, "files", "k", ""); !errors.Is(err, objectv1.ErrAccessDenied) {
		t.Fatalf("a writer reads: %v", err)
	}
}

func contents(t *testing.T, w world) {
	w.bucket(t, "files", false)
	var stamp int64
	for _, c := range rand.Text() {
		stamp = stamp*31 + int64(c)
	}
	for i := range 5 {
		ticket, err := w.begin(t, "files", fmt.Sprint(i), 1)
		if err != nil {
			t.Fatal(err)
		}
		r := w.commit("files", fmt.Sprint(i), "1", ticket)
		r.Manifest.Stored = stamp
		if _, err := w.CommitPut(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for r := (objectv1.ListContentsRequest{Limit: 2}); ; {
		p, err := w.ListContents(t.Context(), r)
		if err != nil || len(p.Manifests) > 2 {
			t.Fatalf("page %+v, %v", p, err)
		}
		for _, m := range p.Manifests {
			if m.Stored == stamp {
				n++
			}
		}
		if r.After = p.Next; r.After == "" {
			break
		}
	}
	if n != 5 {
		t.Fatalf("%d of 5 contents", n)
	}
}
