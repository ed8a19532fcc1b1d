// Package mongowire_test runs the docstore suite of the mongo engine over the
// MongoDB wire protocol.
//
// Two peers: a FerretDB v1 inside the test, always, and the server that
// SLUICE_TEST_MONGODB_URI names, when it does. This is the only package that
// imports FerretDB, and only in a test, so that no binary links it.
//
// FerretDB is there for correctness of what we send and read, with few documents.
// What it cannot show, because it is not MongoDB:
//   - races: its find-and-modify is a read, a filter in its process and a write,
//     not atomic, so two callers can both match one guard. The turnstile in front
//     of it lets one command through at a time; with that our own loops can be
//     raced, but only MongoDB shows that its statements have one winner;
//   - durability and isolation: it ignores write and read concerns, it has no
//     replica set, so majority writes and linearizable reads are not exercised;
//   - indexes: it has no partial ones, builds what it has over JSON in SQLite and
//     filters and sorts in its own process. Whether MongoDB's planner takes our
//     partial indexes for our filters (cost of a page, of the outbox sweep) is not
//     shown, nor is uniqueness that depends on the partial filter;
//   - $pull and $elemMatch by a field of the elements, and projections of
//     findAndModify: Options.Reduced goes around them, so those translations run
//     on MongoDB only;
//   - speed: it reads a whole collection for most filters.
//
// So a change of the mongo engine wants a run with SLUICE_TEST_MONGODB_URI
// against a replica set before it is trusted.
package mongowire_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/mongo"
	"github.com/sluicehq/sluice/pkg/docstore/storetest"
)

// uriEnv names the server of TestMongo_Server.
const uriEnv = "SLUICE_TEST_MONGODB_URI"

var databases atomic.Int64

// opener gives each test an empty database of its own, dropped at its end.
func opener(uri string, opts mongo.Options) func(t testing.TB) docstore.DB {
	return func(t testing.TB) docstore.DB {
		t.Helper()
		name := fmt.Sprintf("sluice_test_%d_%d", time.Now().UnixNano(), databases.Add(1))
		db, err := mongo.Open(t.Context(), uri, name, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { drop(t, uri, name) })
		return db
	}
}

func drop(t testing.TB, uri, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Error(err)
		return
	}
	if err := errors.Join(client.Database(name).Drop(ctx), client.Disconnect(ctx)); err != nil {
		t.Errorf("dropping the test's database: %v", err)
	}
}

// startFerret runs FerretDB over SQLite files in a temporary folder.
func startFerret(t *testing.T) (uri string) {
	t.Helper()
	dir := url.URL{Scheme: "file", Opaque: t.TempDir() + "/"}
	f, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Logger:    slog.New(slog.DiscardHandler),
		Handler:   "sqlite",
		SQLiteURL: dir.String(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f.MongoDBURI()
}

func TestMongo_Ferret(t *testing.T) {
	uri := startTurnstile(t, startFerret(t))
	storetest.Run(t, opener(uri, mongo.Options{Reduced: true}), storetest.Limits{
		Documents: 60, Serial: true,
		Skip: map[string]string{
			"Index_UniqueSparseTail": "its indexes leave out a document when any field is absent, not only the first",
		},
	})
}

func TestMongo_Server(t *testing.T) {
	uri := os.Getenv(uriEnv)
	if uri == "" {
		t.Skip(uriEnv + " names no server; a replica set shows what FerretDB cannot")
	}
	storetest.Run(t, opener(uri, mongo.Options{}))
}

// TestMongo_TwoHandles opens one database twice on the real server.
func TestMongo_TwoHandles(t *testing.T) {
	uri := os.Getenv(uriEnv)
	if uri == "" {
		t.Skip(uriEnv + " names no server; a replica set shows what FerretDB cannot")
	}
	name := fmt.Sprintf("sluice_test_%d", time.Now().UnixNano())
	t.Cleanup(func() { drop(t, uri, name) })
	var dbs [2]docstore.DB
	for i := range dbs {
		db, err := mongo.Open(t.Context(), uri, name, mongo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		dbs[i] = db
	}
	storetest.TwoHandles(t, dbs[0], dbs[1])
}
