package domain_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/services/object/internal/domain"
	"github.com/sluicehq/sluice/services/object/internal/store"
)

// oneByOne skips, under the race detector (make race is -short), what does one
// thing after the other: make test has it without.
func oneByOne(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("one thing after the other: make test has it without the race detector")
	}
}

// patience bounds what must happen; only failures take it.
const patience = 2 * time.Minute

// env is a domain service on a real store, with a clock that tests can move.
type env struct {
	*domain.Service
	t      testing.TB
	db     docstore.DB
	st     domain.Store
	master *keys.Master
	ahead  *atomic.Int64 // of the real clock, ns
	stop   func()        // ends the background work
	idle   bool          // there is none
}

type envOptions struct {
	path     string // of the database; "" is a fresh one
	sync     sqlite.Sync
	wrap     func(domain.Store) domain.Store
	idle     bool // no background work: everything is left to the sweep
	urls     domain.URLChecker
	backlog  func() int64
	composed func() // called behind each composition
	hasty    bool   // take over pending versions almost at once

	listSteps int // of a drive's listing
}

func newEnv(t testing.TB, o envOptions) *env {
	t.Helper()
	if o.path == "" {
		o.path = filepath.Join(t.TempDir(), "object.db")
	}
	if o.sync == "" {
		o.sync = sqlite.SyncNormal
	}
	if o.urls == nil {
		o.urls = urlFunc(func(string) error { return nil })
	}
	db, err := sqlite.Open(t.Context(), o.path, sqlite.Options{Sync: o.sync})
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if o.wrap != nil {
		st = o.wrap(st)
	}
	e := &env{t: t, db: db, st: st, master: keystest.Master(t), ahead: new(atomic.Int64), idle: o.idle}
	// Counts are to be right, however slow the background is; where there is none, there
	// is nothing to wait for.
	options := domain.Options{Regions: []string{"local", "far"}, MaxBacklog: 10, Workers: 2, Queue: 1024, CatchUp: patience}
	options.ListSteps = o.listSteps
	if o.idle {
		options.CatchUp = time.Millisecond
	}
	if o.hasty {
		options.Patience = 10 * time.Millisecond
	}
	e.Service = domain.New(options, domain.Deps{
		Store: st, URLs: o.urls, Sealer: e.master.Sealer(objectv1.PurposeWebhookSecret), Signer: e.master.Signer("list"), Composer: composer{o.composed},
		Log: slog.New(slog.DiscardHandler), Backlog: o.backlog,
		Clock: func() time.Time { return time.Now().Add(time.Duration(e.ahead.Load())) },
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	if !o.idle {
		wg.Go(func() { e.Run(ctx) })
	}
	e.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(e.stop)
	return e
}

type urlFunc func(url string) error

func (f urlFunc) CheckURL(_ context.Context, url string) error { return f(url) }

// advance moves the clock.
func (e *env) advance(d time.Duration) { e.ahead.Add(int64(d)) }

func owner(account string) authv1.Principal {
	return authv1.Principal{
		AccountID: account, Username: account,
		Limits: authv1.Limits{StorageBytes: 1 << 40, ObjectBytes: 1 << 30},
	}
}

var alice = owner("alice")

// bucket makes a bucket of alice's.
func (e *env) bucket(name string, versioning bool) objectv1.Bucket {
	e.t.Helper()
	b, err := e.CreateBucket(e.t.Context(), objectv1.CreateBucketRequest{Principal: alice, Name: name, Versioning: versioning})
	if err != nil {
		e.t.Fatal(err)
	}
	return b
}

// commitOf is a commit of body under a ticket.
func commitOf(p authv1.Principal, bucket, key, body string, ticket objectv1.Ticket) objectv1.CommitPutRequest {
	sum := sha256.Sum256([]byte(body))
	return objectv1.CommitPutRequest{
		Principal: p, Ticket: ticket, Bucket: bucket, Key: key,
		Manifest: blob.Manifest{Size: int64(len(body)), Region: ticket.Region, Domain: ticket.KeyDomain},
		Digests:  map[blob.Algorithm][]byte{blob.SHA256: sum[:], blob.CRC64NVME: sum[:8]},
		Metadata: objectv1.Metadata{ContentType: "text/plain"},
	}
}

func (e *env) begin(bucket, key string, size int64) (objectv1.Ticket, error) {
	return e.BeginPut(e.t.Context(), objectv1.BeginPutRequest{Principal: alice, Bucket: bucket, Key: key, Size: size})
}

// tryPut writes an object of alice's.
func (e *env) tryPut(bucket, key, body string, cond objectv1.Conditions) (objectv1.Object, error) {
	ticket, err := e.begin(bucket, key, int64(len(body)))
	if err != nil {
		return objectv1.Object{}, err
	}
	r := commitOf(alice, bucket, key, body, ticket)
	r.Conditions = cond
	return e.CommitPut(e.t.Context(), r)
}

func (e *env) put(bucket, key, body string) objectv1.Object {
	e.t.Helper()
	o, err := e.tryPut(bucket, key, body, objectv1.Conditions{})
	if err != nil {
		e.t.Fatalf("putting %q: %v", key, err)
	}
	return o
}

func (e *env) stat(bucket, key, version string) (objectv1.Object, error) {
	return e.StatObject(e.t.Context(), objectv1.StatObjectRequest{Principal: alice, Bucket: bucket, Key: key, VersionID: version})
}

func (e *env) tryDelete(bucket, key, version string) (objectv1.DeleteObjectResponse, error) {
	return e.DeleteObject(e.t.Context(), objectv1.DeleteObjectRequest{Principal: alice, Bucket: bucket, Key: key, VersionID: version})
}

func (e *env) delete(bucket, key, version string) objectv1.DeleteObjectResponse {
	e.t.Helper()
	r, err := e.tryDelete(bucket, key, version)
	if err != nil {
		e.t.Fatalf("deleting %q: %v", key, err)
	}
	return r
}

// keys lists all keys of a bucket, page by page.
func (e *env) keys(bucket string) []string {
	e.t.Helper()
	var all []string
	r := objectv1.ListObjectsRequest{Principal: alice, Bucket: bucket, MaxKeys: 7}
	for {
		p, err := e.ListObjects(e.t.Context(), r)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, o := range p.Objects {
			all = append(all, o.Key)
		}
		if r.Token = p.NextToken; r.Token == "" {
			return all
		}
	}
}

func (e *env) usage() objectv1.Usage {
	e.t.Helper()
	u, err := e.GetUsage(e.t.Context(), objectv1.GetUsageRequest{AccountID: "alice"})
	if err != nil {
		e.t.Fatal(err)
	}
	return u
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

// headOf is a visible head, as far as listings look.
func headOf(bucket, key string) domain.Head {
	return domain.Head{Bucket: bucket, Key: key, ListBucket: bucket, Seq: 1, Current: "v", Size: 1, ETag: `"x"`}
}
