package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// table is one collection.
type table struct {
	db   *DB
	name string
}

var _ docstore.Table = (*table)(nil)

// texts are the statements of a collection that do not depend on the request.
type texts struct {
	get, load, loadDoc, insert, remove string
}

func newTexts(name string, ps []physical) texts {
	t := tableName(name)
	var cols, marks strings.Builder
	for _, p := range ps {
		cols.WriteString(", " + p.Column)
		marks.WriteString(", ?")
	}
	return texts{
		get:     `SELECT rev, outbox, doc FROM ` + t + ` WHERE id = ? AND tomb = 0`,
		load:    `SELECT rev, tomb, outbox` + cols.String() + ` FROM ` + t + ` WHERE id = ?`,
		loadDoc: `SELECT rev, tomb, outbox` + cols.String() + `, doc FROM ` + t + ` WHERE id = ?`,
		insert: `INSERT INTO ` + t + ` (id, rev, tomb, pend` + cols.String() + `, outbox, doc) VALUES (?, ?, 0, ?` + marks.String() +
			`, ?, ?) ON CONFLICT (id) DO NOTHING`,
		remove: `DELETE FROM ` + t + ` WHERE id = ?`,
	}
}

// layout gives the collection's layout; it is there since Table returned.
func (t *table) layout() (*layout, error) {
	l, ok := t.db.tables.get(t.name)
	if !ok {
		return nil, docstore.ErrInvalid.Msgf("collection %s is gone", t.name)
	}
	return l, nil
}

// Get implements docstore.Table.
func (t *table) Get(ctx context.Context, id string) (_ docstore.Raw, err error) {
	defer t.db.tel.read(ctx, "get", t.name).end(&err)
	l, err := t.layout()
	if err != nil {
		return docstore.Raw{}, err
	}
	out := docstore.Raw{ID: id}
	err = t.db.r.with(ctx, func(r *reader) error {
		st, err := r.prepare(l.sql.get)
		if err != nil {
			return err
		}
		var outbox, doc []byte
		// A point read is over before a context could matter, and one that can be
		// cancelled costs a goroutine.
		if err := st.QueryRowContext(context.WithoutCancel(ctx), []byte(id)).Scan(&out.Rev, &outbox, &doc); err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return docstore.ErrNotFound
			}
			return err
		}
		out.Value = doc
		out.Pending, err = decodeOutbox(outbox)
		return err
	})
	return out, err
}

// limited ends a statement that takes its bound as a parameter. Of a bare
// LIMIT ? SQLite makes a plan for the value that is bound, and parses and plans
// the statement anew at every binding; of an expression it does not.
const limited = ` LIMIT ? + 0`

// Scan implements docstore.Table.
func (t *table) Scan(ctx context.Context, q rawdoc.Query) (_ docstore.RawPage, err error) {
	defer t.db.tel.read(ctx, "scan", t.name).end(&err)
	var page docstore.RawPage
	l, err := t.layout()
	if err != nil {
		return page, err
	}
	where, args, order, ok, err := selection(l, q)
	if err != nil || !ok {
		return page, err
	}
	text := `SELECT id, rev, outbox, doc FROM ` + tableName(t.name) + where + order + limited
	args = append(args, q.Limit+1)
	err = t.db.r.with(ctx, func(r *reader) error {
		st, err := r.prepare(text)
		if err != nil {
			return err
		}
		rows, err := st.QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // Err tells what matters
		if err := fillPage(rows, q.Limit, &page); err != nil {
			return err
		}
		return rows.Err()
	})
	return page, err
}

// fillPage reads rows until the page is full in number or bytes.
func fillPage(rows *sql.Rows, limit int, page *docstore.RawPage) error {
	size := 0
	for rows.Next() {
		if len(page.Docs) == limit || size > docstore.MaxPageBytes {
			page.More = true
			return nil
		}
		var id, outbox, doc []byte
		var d docstore.Raw
		if err := rows.Scan(&id, &d.Rev, &outbox, &doc); err != nil {
			return err
		}
		var err error
		if d.Pending, err = decodeOutbox(outbox); err != nil {
			return err
		}
		d.ID, d.Value = string(id), doc
		size += len(doc)
		page.Docs = append(page.Docs, d)
	}
	return nil
}

// Count implements docstore.Table.
func (t *table) Count(ctx context.Context, q rawdoc.Query) (_ int64, err error) {
	defer t.db.tel.read(ctx, "count", t.name).end(&err)
	l, err := t.layout()
	if err != nil {
		return 0, err
	}
	where, args, _, ok, err := selection(l, q)
	if err != nil || !ok {
		return 0, err
	}
	var n int64
	err = t.db.r.with(ctx, func(r *reader) error {
		st, err := r.prepare(`SELECT count(*) FROM ` + tableName(t.name) + where)
		if err != nil {
			return err
		}
		return st.QueryRowContext(ctx, args...).Scan(&n)
	})
	return n, err
}

// selection turns a query into SQL. ok is false when nothing can match.
//
// A resume position replaces the bound that it lies beyond: with both in the
// statement SQLite may start at the wider one and step over all rows before.
func selection(l *layout, q rawdoc.Query) (where string, args []any, order string, ok bool, err error) {
	if q.Index == "" {
		where, args, ok = idSelection(q)
		return where, args, direction(` ORDER BY id`, q.Desc), ok, nil
	}
	p := find(l.indexes, q.Index)
	if p == nil || !p.Ready {
		return "", nil, "", false, docstore.ErrInvalid.Msgf("index %s is not there", q.Index)
	}
	lo, hi, err := rawdoc.KeyRange(q)
	if err != nil {
		return "", nil, "", false, docstore.ErrInvalid.Because(err)
	}
	if bytes.Compare(lo, hi) >= 0 {
		return "", nil, "", false, nil
	}
	order = direction(` ORDER BY `+p.Column, q.Desc)
	if !p.Unique {
		order += direction(`, id`, q.Desc)
	}
	low, high := p.Column+` >= ?`, p.Column+` < ?`
	lows, highs := []any{lo}, []any{hi}
	if a := q.After; a != nil {
		beyond := resume{column: p.Column, key: a.Key, id: []byte(a.ID), unique: p.Unique}
		switch {
		case !q.Desc && bytes.Compare(a.Key, hi) >= 0, q.Desc && bytes.Compare(a.Key, lo) < 0:
			return "", nil, "", false, nil
		case !q.Desc && bytes.Compare(a.Key, lo) >= 0:
			low, lows = beyond.condition(">")
		case q.Desc && bytes.Compare(a.Key, hi) < 0:
			high, highs = beyond.condition("<")
		}
	}
	return ` WHERE ` + low + ` AND ` + high, append(lows, highs...), order, true, nil
}

type resume struct {
	column  string
	key, id []byte
	unique  bool
}

func (r resume) condition(op string) (string, []any) {
	if r.unique {
		return r.column + ` ` + op + ` ?`, []any{r.key}
	}
	return `(` + r.column + `, id) ` + op + ` (?, ?)`, []any{r.key, r.id}
}

func direction(order string, desc bool) string {
	if desc {
		return order + ` DESC`
	}
	return order
}

func idSelection(q rawdoc.Query) (where string, args []any, ok bool) {
	where = ` WHERE tomb = 0`
	add := func(op string, id []byte) {
		where += ` AND id ` + op + ` ?`
		args = append(args, id)
	}
	from, fromOp := idBound(q.From), `>=`
	if q.FromExclusive {
		fromOp = `>`
	}
	to, toOp := idBound(q.To), `<=`
	if q.ToExclusive {
		toOp = `<`
	}
	if q.After != nil {
		at := []byte(q.After.ID)
		if !q.Desc && (from == nil || bytes.Compare(at, from) >= 0) {
			from, fromOp = at, `>`
		}
		if q.Desc && (to == nil || bytes.Compare(at, to) <= 0) {
			to, toOp = at, `<`
		}
	}
	if from != nil {
		add(fromOp, from)
	}
	if to != nil {
		add(toOp, to)
	}
	return where, args, true
}

func idBound(v *bson.RawValue) []byte {
	if v == nil {
		return nil
	}
	return []byte(v.StringValue())
}
