// Package mongo is the docstore engine over MongoDB.
//
// Writes are acknowledged by a majority. Reads go to the primary: of one
// document linearizable, so that what a compare-and-set builds on was never rolled
// back, of many with read concern majority. Every operation is one statement on
// one document; there are no transactions.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Options of Open.
type Options struct {
	// Reduced adapts the engine to a server that speaks the wire protocol but
	// lacks partial indexes, projections of findAndModify, and $pull and
	// $elemMatch by a field of the elements (FerretDB v1). What those do is then
	// done by compare-and-set or left to the server's own idea of sparse indexes.
	// It is for tests; production is MongoDB.
	Reduced bool
	// Timeout bounds an operation whose context has no deadline; 0 is 10 s.
	Timeout time.Duration
	// MaxConns bounds the connections per server; 0 is 64.
	MaxConns uint64
	Tel      Telemetry
}

// DB is the engine; see docstore.DB.
type DB struct {
	docstore.Hooks

	client  *driver.Client
	db      *driver.Database
	reduced bool
	point   *readconcern.ReadConcern // of reads of one document

	mu    sync.RWMutex
	names []string // collections, whoever made them

	closing sync.Once
	closed  error
}

var _ docstore.DB = (*DB)(nil)

var errAway = fault.New(fault.Unavailable, "docstore.storage", "the document store does not answer; repeat shortly")

// Open connects to uri and uses the named database. It fails when the server
// does not answer. Whether the server is part of a replica set is asked once:
// one that stands alone has no linearizable reads, and needs none.
func Open(ctx context.Context, uri, database string, opts Options) (docstore.DB, error) {
	if opts.Timeout <= 0 {
		opts.Timeout = 10 * time.Second
	}
	if opts.MaxConns == 0 {
		opts.MaxConns = 64
	}
	monitor, err := newMonitor(opts.Tel)
	if err != nil {
		return nil, fmt.Errorf("setting up telemetry of the document store: %w", err)
	}
	co := options.Client().ApplyURI(uri).SetTimeout(opts.Timeout).SetMaxPoolSize(opts.MaxConns).
		SetWriteConcern(writeconcern.Majority()).SetReadPreference(readpref.Primary()).SetReadConcern(readconcern.Majority()).
		SetMonitor(monitor)
	if opts.Reduced {
		co.SetReadConcern(readconcern.Local()).SetRetryWrites(false)
	}
	client, err := driver.Connect(co)
	if err != nil {
		return nil, docstore.ErrInvalid.Msgf("the address of the document store is malformed").Because(err)
	}
	d := &DB{client: client, db: client.Database(database), reduced: opts.Reduced, point: readconcern.Local()}
	if err := d.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the document store: %w", mapRead(err)), client.Disconnect(context.WithoutCancel(ctx)))
	}
	return d, nil
}

func (d *DB) prepare(ctx context.Context) error {
	var hello struct {
		SetName string `bson:"setName"`
	}
	if err := d.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return err
	}
	if hello.SetName != "" {
		d.point = readconcern.Linearizable()
	}
	names, err := d.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return err
	}
	for _, n := range names {
		d.know(n)
	}
	return nil
}

// know remembers a collection for PendingOutbox.
func (d *DB) know(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.names, name) {
		d.names = append(d.names, name)
	}
}

// Table implements docstore.DB.
func (d *DB) Table(ctx context.Context, spec docstore.Spec) (docstore.Table, error) {
	t := &table{
		db:     d,
		name:   spec.Name,
		coll:   d.db.Collection(spec.Name),
		points: d.db.Collection(spec.Name, options.Collection().SetReadConcern(d.point)),
	}
	if err := t.reconcile(ctx, spec); err != nil {
		return nil, fmt.Errorf("declaring indexes: %w", mapRead(err))
	}
	d.know(spec.Name)
	return t, nil
}

// Ping implements docstore.DB.
func (d *DB) Ping(ctx context.Context) error {
	return mapRead(d.client.Ping(ctx, readpref.Primary()))
}

// Close implements docstore.DB.
func (d *DB) Close() error {
	d.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		d.closed = d.client.Disconnect(ctx)
	})
	return d.closed
}

// codeInternal is the server's "internal error".
const codeInternal = 1

// Server error codes that mean a mistake in the request, and a document that grew too large.
var (
	codesInvalid  = []int{2, 9, 14, 28, 40, 16837}
	codesTooLarge = []int{10334, 17280, 17419, 17420}
)

// mapRead gives errors of reads a kind.
func mapRead(err error) error {
	if err == nil {
		return nil
	}
	var se driver.ServerError
	switch {
	case errors.As(err, new(*fault.Error)):
		return err
	case errors.Is(err, driver.ErrClientDisconnected):
		return docstore.ErrClosed
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &se) && hasCode(se, codesInvalid):
		return docstore.ErrInvalid.Msgf("a change does not fit the document").Because(err)
	case errors.As(err, &se) && hasCode(se, codesTooLarge):
		return docstore.ErrTooLarge.Because(err)
	case driver.IsTimeout(err):
		return fault.ErrTimeout.Because(err)
	case driver.IsNetworkError(err):
		return errAway.Because(err)
	}
	return err
}

// mapWrite gives errors of writes a kind. A write that was cut off may have
// happened; only the choice of a server fails for sure before it.
func mapWrite(err error) error {
	if err == nil {
		return nil
	}
	var we driver.WriteException
	switch {
	case errors.As(err, new(*fault.Error)), errors.Is(err, driver.ErrClientDisconnected):
		return mapRead(err)
	case isDuplicate(err):
		return docstore.ErrDuplicate.Because(err)
	case errors.As(err, new(topology.ServerSelectionError)):
		return errAway.Because(err)
	case errors.As(err, &we) && we.WriteConcernError != nil,
		driver.IsNetworkError(err), driver.IsTimeout(err), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return docstore.ErrUnknown.Because(err)
	}
	return mapRead(err)
}

// isDuplicate reports a broken unique index. FerretDB says so in its own words
// when an update breaks one.
func isDuplicate(err error) bool {
	var ce driver.CommandError
	return driver.IsDuplicateKeyError(err) ||
		errors.As(err, &ce) && ce.Code == codeInternal && strings.Contains(ce.Message, "UNIQUE constraint failed")
}

func hasCode(se driver.ServerError, codes []int) bool {
	return slices.ContainsFunc(codes, se.HasErrorCode)
}
