package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// Viewer looks at a MongoDB installation from outside and changes nothing. It is
// safe for concurrent use.
type Viewer struct {
	client *driver.Client
	now    func() time.Time
}

// Server is what a MongoDB server says of itself.
type Server struct {
	Now     time.Time // its clock
	Before  time.Time // when it was asked, by the caller's clock
	After   time.Time // when it had answered
	SetName string    // of its replica set; empty: it stands alone
	Members int       // of the set, as its configuration has them
}

// NewViewer prepares a connection to uri; nothing is opened yet. No operation
// takes longer than timeout. now is the caller's clock; nil means the true time.
func NewViewer(uri string, timeout time.Duration, now func() time.Time) (*Viewer, error) {
	if now == nil {
		now = time.Now
	}
	co := options.Client().ApplyURI(uri).SetTimeout(timeout).SetServerSelectionTimeout(timeout).SetConnectTimeout(timeout).
		SetMaxPoolSize(2).SetReadPreference(readpref.Primary())
	client, err := driver.Connect(co)
	if err != nil {
		return nil, docstore.ErrInvalid.Msgf("the address of the document store is malformed").Because(err)
	}
	return &Viewer{client: client, now: now}, nil
}

// Server asks the primary.
func (v *Viewer) Server(ctx context.Context) (Server, error) {
	var hello struct {
		Now      time.Time `bson:"localTime"`
		SetName  string    `bson:"setName"`
		Hosts    []string  `bson:"hosts"`
		Arbiters []string  `bson:"arbiters"`
	}
	admin := v.client.Database("admin")
	if err := admin.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err(); err != nil { // so that hello measures no connecting
		return Server{}, fmt.Errorf("asking MongoDB: %w", mapRead(err))
	}
	before := v.now()
	if err := admin.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return Server{}, fmt.Errorf("asking MongoDB: %w", mapRead(err))
	}
	return Server{Now: hello.Now, Before: before, After: v.now(), SetName: hello.SetName, Members: len(hello.Hosts) + len(hello.Arbiters)}, nil
}

// Collections gives the collections of a database as they stand; none when the
// database does not exist.
func (v *Viewer) Collections(ctx context.Context, database string) ([]docstore.Actual, error) {
	db := v.client.Database(database)
	names, err := db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, fmt.Errorf("listing the collections of %s: %w", database, mapRead(err))
	}
	slices.Sort(names)
	var out []docstore.Actual
	for _, name := range names {
		if strings.HasPrefix(name, "system.") {
			continue
		}
		cur, err := db.Collection(name).Indexes().List(ctx)
		if err != nil && !notThere(err) {
			return nil, fmt.Errorf("listing the indexes of %s: %w", name, mapRead(err))
		}
		a := docstore.Actual{Spec: docstore.Spec{Name: name}}
		if err == nil {
			if err := readIndexes(ctx, cur, &a); err != nil {
				return nil, fmt.Errorf("listing the indexes of %s: %w", name, mapRead(err))
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// readIndexes reads the indexes of a collection.
func readIndexes(ctx context.Context, cur *driver.Cursor, a *docstore.Actual) error {
	var list []struct {
		Name   string `bson:"name"`
		Key    bson.D `bson:"key"`
		Unique bool   `bson:"unique"`
	}
	if err := cur.All(ctx, &list); err != nil && !notThere(err) {
		return err
	}
	for _, ix := range list {
		name, ours := strings.CutPrefix(ix.Name, indexPrefix)
		a.Outbox = a.Outbox || ix.Name == pendingIndex
		if !ours {
			continue
		}
		decl := docstore.Index{Name: name, Unique: ix.Unique}
		for _, k := range ix.Key {
			if f, ok := strings.CutPrefix(k.Key, "v."); ok {
				decl.Fields = append(decl.Fields, f)
			}
		}
		a.Indexes = append(a.Indexes, decl)
	}
	return nil
}

// Close ends the connections.
func (v *Viewer) Close(ctx context.Context) error {
	if err := v.client.Disconnect(ctx); err != nil && !errors.Is(err, driver.ErrClientDisconnected) {
		return fmt.Errorf("leaving MongoDB: %w", err)
	}
	return nil
}

// Wire is an index as MongoDB is told of it, for deployment files.
type Wire struct {
	Name   string
	Keys   []string // each ascending
	Filter string   // the field that must exist
	Unique bool
}

// Wires gives the indexes of a collection as Table makes them: first the one by
// which waiting events are found.
func Wires(spec docstore.Spec) []Wire {
	out := []Wire{{Name: pendingIndex, Keys: []string{"p"}, Filter: "p"}}
	for _, ix := range spec.Indexes {
		w := Wire{Name: indexPrefix + ix.Name, Filter: "v." + ix.Fields[0], Unique: ix.Unique}
		for _, k := range indexKeys(ix) {
			w.Keys = append(w.Keys, k.Key)
		}
		out = append(out, w)
	}
	return out
}
