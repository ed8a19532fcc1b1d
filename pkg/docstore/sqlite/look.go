package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// Look gives the collections of the file at path as they stand, without changing
// anything: the file is opened for reading only, and one that nobody has open is
// read as it lies there. fs.ErrNotExist when there is none.
func Look(ctx context.Context, path string) (_ []docstore.Actual, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("looking at the document store: %w", err)
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(1000)", "query_only(1)"}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		q.Set("immutable", "1") // nobody has it open; without this SQLite would make files beside it
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("looking at the document store: %w", mapError(err))
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	present, err := sqlIndexes(ctx, db)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT name, indexes FROM docstore_collections ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("reading the registry: %w", mapError(err))
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	var out []docstore.Actual
	for rows.Next() {
		var name, indexes string
		if err := rows.Scan(&name, &indexes); err != nil {
			return nil, fmt.Errorf("reading the registry: %w", mapError(err))
		}
		var ps []physical
		if err := json.Unmarshal([]byte(indexes), &ps); err != nil {
			return nil, fmt.Errorf("reading the registry: %w", err)
		}
		out = append(out, actual(name, ps, present))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the registry: %w", mapError(err))
	}
	return out, nil
}

// sqlIndexes gives the names of the SQL indexes in the file.
func sqlIndexes(ctx context.Context, db *sql.DB) (map[string]bool, error) {
	rows, err := db.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'index'`)
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", mapError(err))
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	out := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("reading the schema: %w", mapError(err))
		}
		out[name] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", mapError(err))
	}
	return out, nil
}

// actual joins what the registry says of a collection with what is there.
func actual(name string, ps []physical, present map[string]bool) docstore.Actual {
	a := docstore.Actual{Spec: docstore.Spec{Name: name}, Outbox: present["p_"+name]}
	for _, p := range ps {
		switch {
		case !p.Ready:
			a.Filling = append(a.Filling, p.Name)
		case present[strings.Trim(indexName(name, p), `"`)]:
			a.Indexes = append(a.Indexes, docstore.Index{Name: p.Name, Fields: p.Fields, Unique: p.Unique})
		}
	}
	return a
}
