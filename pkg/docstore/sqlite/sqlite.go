// Package sqlite is the docstore engine over one SQLite file (pure Go, no cgo).
//
// One goroutine writes: it gathers the writes that are waiting into one
// transaction, so that many callers share one fsync, and answers after the
// commit. Reads go to a small pool of connections and never wait for writers.
// Several processes may open the same file.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	msqlite "modernc.org/sqlite"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// Sync says what an acknowledged write survives.
type Sync string

// The levels of Options.Sync.
const (
	SyncFull   Sync = "full"   // a power cut: fsync before each acknowledgement
	SyncNormal Sync = "normal" // a crash of the process, not a power cut
)

// busyTimeout is how long one process waits for a lock that another one holds.
const busyTimeout = 10 * time.Second

// Options of Open. The zero value is durable and small.
type Options struct {
	Sync    Sync // "" is SyncFull
	Readers int  // connections for reading at most; 0 is 8
	// CacheKiB bounds the page cache of each reader; 0 is 1024. The writer has eight times as much.
	CacheKiB int
	Tel      Telemetry
}

// DB is the engine. Use docstore.DB; the type is exported for its tests only.
type DB struct {
	docstore.Hooks

	w       *writer
	r       *readers
	pool    *sql.DB // of the writer's connection
	tables  *catalog
	tel     *instruments
	closing sync.Once
	closed  error
}

var _ docstore.DB = (*DB)(nil)

// Open opens the file at path, making it and its folder when they are missing.
func Open(ctx context.Context, path string, opts Options) (docstore.DB, error) {
	switch opts.Sync {
	case "":
		opts.Sync = SyncFull
	case SyncFull, SyncNormal:
	default:
		return nil, docstore.ErrInvalid.Msgf("unknown sync level %q", opts.Sync)
	}
	if opts.Readers <= 0 {
		opts.Readers = 8
	}
	if opts.CacheKiB <= 0 {
		opts.CacheKiB = 1024
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the document store: %w", err)
	}
	tel, err := newInstruments(opts.Tel, strings.TrimSuffix(filepath.Base(path), ".db"))
	if err != nil {
		return nil, fmt.Errorf("setting up telemetry of the document store: %w", err)
	}
	pool, err := sql.Open("sqlite", dsn(path, opts, true))
	if err != nil {
		return nil, fmt.Errorf("opening the document store: %w", mapError(err))
	}
	d := &DB{pool: pool, tables: newCatalog(), tel: tel}
	if d.w, err = d.firstWriter(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the document store: %w", mapError(err)), pool.Close())
	}
	if d.r, err = newReaders(dsn(path, opts, false), opts.Readers); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the document store: %w", mapError(err)), d.w.close(), pool.Close())
	}
	return d, nil
}

// firstWriter starts the writer. When several processes make the file at once,
// the switch to WAL is refused without waiting for busy_timeout: SQLite does not
// call its busy handler there. So we wait for the other process ourselves.
func (d *DB) firstWriter(ctx context.Context) (*writer, error) {
	for until := time.Now().Add(busyTimeout); ; {
		w, err := startWriter(ctx, d.pool, d.tables, d.tel)
		if err == nil || !errors.Is(mapError(err), docstore.ErrContention) || time.Now().After(until) {
			return w, err
		}
		t := time.NewTimer(10 * time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, errors.Join(err, ctx.Err())
		case <-t.C:
		}
	}
}

// dsn names the file and the settings of a connection. Readers are kept from
// writing; the writer checkpoints every 8 MiB of log and cuts the log to 32 MiB.
func dsn(path string, opts Options, writer bool) string {
	q := url.Values{}
	add := func(pragma string) { q.Add("_pragma", pragma) }
	add(fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))
	if writer {
		add("journal_mode(WAL)")
		add("synchronous(" + string(opts.Sync) + ")")
		add("wal_autocheckpoint(2048)")
		add("journal_size_limit(33554432)")
		add(fmt.Sprintf("cache_size(-%d)", 8*opts.CacheKiB))
	} else {
		add("query_only(1)")
		add(fmt.Sprintf("cache_size(-%d)", opts.CacheKiB))
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// Ping implements docstore.DB.
func (d *DB) Ping(ctx context.Context) error {
	return d.r.with(ctx, func(r *reader) error {
		_, err := r.prepare("SELECT 1")
		return err
	})
}

// Close implements docstore.DB. It answers the writes that were accepted first.
func (d *DB) Close() error {
	d.closing.Do(func() {
		d.closed = errors.Join(d.w.close(), d.r.close(), d.pool.Close())
	})
	return d.closed
}

// Primary result codes of SQLite that callers can do something about.
const (
	codeBusy      = 5
	codeLocked    = 6
	codeInterrupt = 9
	codeIOErr     = 10
	codeFull      = 13
	codeCantOpen  = 14
)

// codeUnique is the extended result code of a broken unique index.
const codeUnique = 2067

// mapError gives SQLite's errors a kind. Errors of other origin stay as they are.
func mapError(err error) error {
	var se *msqlite.Error
	if !errors.As(err, &se) {
		return err
	}
	switch se.Code() & 0xff {
	case codeBusy, codeLocked:
		return docstore.ErrContention.Because(err)
	case codeInterrupt:
		return context.Canceled
	case codeIOErr, codeFull, codeCantOpen:
		return errStorage.Because(err)
	}
	return err
}
