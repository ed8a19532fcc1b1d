package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// backfillBatch is the number of documents that get a new index's key in one
// transaction; other writers come between two.
const backfillBatch = 256

// Table implements docstore.DB.
func (d *DB) Table(ctx context.Context, spec docstore.Spec) (docstore.Table, error) {
	var changed bool
	declare := &op{alone: true, run: func(w *writer) (err error) {
		changed, err = w.declare(spec)
		return err
	}}
	if err := d.w.do(ctx, declare); err != nil {
		return nil, fmt.Errorf("declaring indexes: %w", err)
	}
	if changed {
		if err := d.build(ctx, spec.Name); err != nil {
			return nil, err
		}
	}
	// The registry is read at the start of a transaction: an empty one takes up
	// what was just declared.
	if err := d.w.do(ctx, &op{run: func(*writer) error { return nil }}); err != nil {
		return nil, fmt.Errorf("declaring indexes: %w", err)
	}
	return &table{db: d, name: spec.Name}, nil
}

// declare brings the registry in line with spec. changed is true when an index
// is not ready, so that it must be built. Indexes that are no longer declared go;
// their columns stay empty, since dropping one would rewrite the whole table.
func (w *writer) declare(spec docstore.Spec) (changed bool, err error) {
	l, exists := w.tables.get(spec.Name)
	if !exists {
		return false, w.create(spec)
	}
	var keep []physical
	dirty := false
	for _, p := range l.indexes {
		declared := false
		for _, ix := range spec.Indexes {
			declared = declared || p.is(ix)
		}
		if declared {
			keep = append(keep, p)
			continue
		}
		dirty = true
		if err := w.exec(`DROP INDEX IF EXISTS ` + indexName(spec.Name, p)); err != nil {
			return false, err
		}
	}
	next := l.next
	for _, ix := range spec.Indexes {
		if find(keep, ix.Name) != nil {
			continue
		}
		dirty = true
		p := physical{Name: ix.Name, Fields: ix.Fields, Unique: ix.Unique, Column: fmt.Sprintf("k%d", next)}
		next++
		if err := w.exec(`ALTER TABLE ` + tableName(spec.Name) + ` ADD COLUMN ` + p.Column + ` BLOB`); err != nil {
			return false, err
		}
		keep = append(keep, p)
	}
	for _, p := range keep {
		changed = changed || !p.Ready
	}
	if dirty {
		err = w.register(spec.Name, next, keep)
	}
	return changed, err
}

// create makes the table of a new collection, with the keys in front of the
// document so that they are read without it.
func (w *writer) create(spec docstore.Spec) error {
	var b strings.Builder
	b.WriteString(`CREATE TABLE ` + tableName(spec.Name) + ` (id BLOB PRIMARY KEY NOT NULL, rev INTEGER NOT NULL, tomb INTEGER NOT NULL, pend INTEGER`)
	var ps []physical
	for i, ix := range spec.Indexes {
		p := physical{Name: ix.Name, Fields: ix.Fields, Unique: ix.Unique, Column: fmt.Sprintf("k%d", i+1), Ready: true}
		b.WriteString(`, ` + p.Column + ` BLOB`)
		ps = append(ps, p)
	}
	b.WriteString(`, outbox BLOB, doc BLOB)`)
	if err := w.exec(b.String()); err != nil {
		return err
	}
	if err := w.exec(`CREATE INDEX ` + quote("p_"+spec.Name) + ` ON ` + tableName(spec.Name) + ` (pend) WHERE pend IS NOT NULL`); err != nil {
		return err
	}
	for _, p := range ps {
		if err := w.exec(createIndex(spec.Name, p)); err != nil {
			return err
		}
	}
	return w.register(spec.Name, len(ps)+1, ps)
}

func (w *writer) register(name string, next int, ps []physical) error {
	if ps == nil {
		ps = []physical{}
	}
	j, err := json.Marshal(ps)
	if err != nil {
		return err
	}
	err = w.exec(`INSERT INTO docstore_collections VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET next = excluded.next, indexes = excluded.indexes`,
		name, next, string(j))
	if err != nil {
		return err
	}
	return w.exec(`UPDATE docstore_meta SET gen = gen + 1`)
}

// build fills the columns of indexes that are not ready and then makes the SQL
// indexes. It may be cut off anywhere, or run in two processes at once: every
// write since the declaration keeps the new columns up, and filling one twice
// gives the same.
func (d *DB) build(ctx context.Context, name string) error {
	after := []byte{}
	for after != nil {
		fill := &op{run: func(w *writer) (err error) {
			after, err = w.backfill(name, after)
			return err
		}}
		if err := d.w.do(ctx, fill); err != nil {
			return fmt.Errorf("filling a new index: %w", err)
		}
	}
	finish := &op{alone: true, run: func(w *writer) error { return w.finish(name) }}
	if err := d.w.do(ctx, finish); err != nil {
		return fmt.Errorf("making a new index: %w", err)
	}
	return nil
}

// backfill fills the keys of one batch of documents behind an id and returns the
// last id, nil at the end.
func (w *writer) backfill(name string, after []byte) ([]byte, error) {
	l, ok := w.tables.get(name)
	if !ok {
		return nil, docstore.ErrInvalid.Msgf("collection %s is gone", name)
	}
	type item struct{ id, doc []byte }
	var items []item
	rows, err := w.conn.QueryContext(w.stmts.ctx,
		`SELECT id, doc FROM `+tableName(name)+` WHERE id > ? AND tomb = 0 ORDER BY id`+limited, after, backfillBatch) //nolint:gosec // the name was checked by Spec.Validate
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var it item
		if err := rows.Scan(&it.id, &it.doc); err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, it := range items {
		for _, p := range l.indexes {
			if p.Ready {
				continue
			}
			key, err := indexKey(it.doc, p)
			if err != nil {
				return nil, err
			}
			if err := w.exec(`UPDATE `+tableName(name)+` SET `+p.Column+` = ? WHERE id = ?`, key, it.id); err != nil {
				return nil, err
			}
		}
	}
	if len(items) < backfillBatch {
		return nil, nil
	}
	return items[len(items)-1].id, nil
}

// finish makes the SQL indexes. A unique one that the documents break stays
// undone, and so does the opening of the collection.
func (w *writer) finish(name string) error {
	l, ok := w.tables.get(name)
	if !ok {
		return docstore.ErrInvalid.Msgf("collection %s is gone", name)
	}
	ps := append([]physical(nil), l.indexes...)
	for i := range ps {
		if ps[i].Ready {
			continue
		}
		if err := w.exec(createIndex(name, ps[i])); err != nil {
			if isUnique(err) {
				return docstore.ErrDuplicate.Msgf("documents of %s break the new unique index %s", name, ps[i].Name).Because(err)
			}
			return err
		}
		ps[i].Ready = true
	}
	return w.register(name, l.next, ps)
}

// indexKey gives the column value of an index: nil when the document is not in it.
func indexKey(doc []byte, p physical) ([]byte, error) {
	key, ok, err := rawdoc.IndexKey(bson.Raw(doc), p.Fields)
	if err != nil {
		return nil, docstore.ErrInvalid.Msgf("the document does not fit index %s", p.Name).Because(err)
	}
	if !ok {
		return nil, nil
	}
	return key, nil
}

func find(ps []physical, name string) *physical {
	for i := range ps {
		if ps[i].Name == name {
			return &ps[i]
		}
	}
	return nil
}

func createIndex(table string, p physical) string {
	if p.Unique {
		return `CREATE UNIQUE INDEX IF NOT EXISTS ` + indexName(table, p) + ` ON ` + tableName(table) + ` (` + p.Column + `) WHERE ` + p.Column + ` IS NOT NULL`
	}
	return `CREATE INDEX IF NOT EXISTS ` + indexName(table, p) + ` ON ` + tableName(table) + ` (` + p.Column + `, id) WHERE ` + p.Column + ` IS NOT NULL`
}

func quote(name string) string           { return `"` + name + `"` }
func tableName(collection string) string { return quote("c_" + collection) }
func indexName(collection string, p physical) string {
	return quote("i_" + collection + "_" + p.Column)
}

// asUnique turns a broken unique index into ErrDuplicate, naming the index.
func asUnique(err error, ps []physical) error {
	if !isUnique(err) {
		return err
	}
	var name string
	for _, p := range ps {
		if strings.HasSuffix(strings.TrimSuffix(err.Error(), " (2067)"), "."+p.Column) {
			name = p.Name
		}
	}
	return docstore.ErrDuplicate.Msgf("another document has the same %s", name).Because(errors.Unwrap(err))
}
