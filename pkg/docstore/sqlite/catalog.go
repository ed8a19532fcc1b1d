package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// physical is an index as it stands in the file: a column that holds the encoded
// tuple, and once it is ready an SQL index over it.
type physical struct {
	Name   string   `json:"name"`
	Fields []string `json:"fields"`
	Unique bool     `json:"unique,omitempty"`
	Column string   `json:"column"`
	Ready  bool     `json:"ready,omitempty"`
}

func (p physical) is(ix docstore.Index) bool {
	return p.Name == ix.Name && p.Unique == ix.Unique && slices.Equal(p.Fields, ix.Fields)
}

// layout is what is known of a collection in the file. Values do not change.
type layout struct {
	indexes []physical
	next    int // number of the next column
	sql     texts
}

// catalog holds the layouts of all collections of the file, whoever made them:
// a writer keeps up every index, also those that only another process declares.
type catalog struct {
	mu      sync.RWMutex
	layouts map[string]*layout
	gen     int64 // of the registry that was read; only the writer uses it
}

func newCatalog() *catalog { return &catalog{layouts: map[string]*layout{}, gen: -1} }

func (c *catalog) get(name string) (*layout, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	l, ok := c.layouts[name]
	return l, ok
}

func (c *catalog) names() []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]string, 0, len(c.layouts))
	for n := range c.layouts {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// initSchema makes the registry in a new file.
func initSchema(ctx context.Context, conn *sql.Conn) error {
	var have int
	err := conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'docstore_meta'`).Scan(&have)
	if err != nil || have == 1 {
		return err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, q := range []string{
		`CREATE TABLE IF NOT EXISTS docstore_meta (one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, gen INTEGER NOT NULL)`,
		`INSERT INTO docstore_meta VALUES (1, 1, 0) ON CONFLICT DO NOTHING`,
		`CREATE TABLE IF NOT EXISTS docstore_collections (name TEXT PRIMARY KEY, next INTEGER NOT NULL, indexes TEXT NOT NULL)`,
		"COMMIT",
	} {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			_, rerr := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			return errors.Join(err, rerr)
		}
	}
	return nil
}

// refresh reads the registry again when any process changed it. It runs inside
// each write transaction, so a write never misses an index.
func (w *writer) refresh() error {
	st, err := w.stmts.get(`SELECT gen FROM docstore_meta`)
	if err != nil {
		return err
	}
	var gen int64
	if err := st.QueryRowContext(w.stmts.ctx).Scan(&gen); err != nil {
		return fmt.Errorf("reading the registry: %w", mapError(err))
	}
	if gen == w.tables.gen {
		return nil
	}
	rows, err := w.conn.QueryContext(w.stmts.ctx, `SELECT name, next, indexes FROM docstore_collections`)
	if err != nil {
		return fmt.Errorf("reading the registry: %w", mapError(err))
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	layouts := map[string]*layout{}
	for rows.Next() {
		var name, indexes string
		l := &layout{}
		if err := rows.Scan(&name, &l.next, &indexes); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(indexes), &l.indexes); err != nil {
			return fmt.Errorf("reading the registry: %w", err)
		}
		l.sql = newTexts(name, l.indexes)
		layouts[name] = l
	}
	if err := rows.Err(); err != nil {
		return err
	}
	w.tables.mu.Lock()
	defer w.tables.mu.Unlock()
	w.tables.layouts, w.tables.gen = layouts, gen
	return nil
}
