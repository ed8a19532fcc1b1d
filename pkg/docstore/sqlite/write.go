package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	msqlite "modernc.org/sqlite"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// row is a document inside a write transaction.
type row struct {
	rev     int64
	tomb    bool
	pending []docstore.Message
	keys    [][]byte // by layout.indexes; nil: not in that index
	doc     bson.Raw
}

// load reads the row of id, with the document when wanted.
func (w *writer) load(l *layout, id string, withDoc bool) (r row, found bool, err error) {
	text := l.sql.load
	if withDoc {
		text = l.sql.loadDoc
	}
	st, err := w.stmts.get(text)
	if err != nil {
		return r, false, err
	}
	var outbox, doc []byte
	r.keys = make([][]byte, len(l.indexes))
	dest := make([]any, 0, 4+len(r.keys))
	dest = append(dest, &r.rev, &r.tomb, &outbox)
	for i := range r.keys {
		dest = append(dest, &r.keys[i])
	}
	if withDoc {
		dest = append(dest, &doc)
	}
	if err := st.QueryRowContext(w.stmts.ctx, []byte(id)).Scan(dest...); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return r, false, nil
		}
		return r, false, err
	}
	r.doc = doc
	r.pending, err = decodeOutbox(outbox)
	return r, true, err
}

// fill computes the keys of the row's document.
func (r *row) fill(l *layout) error {
	r.keys = make([][]byte, len(l.indexes))
	for i, p := range l.indexes {
		key, err := indexKey(r.doc, p)
		if err != nil {
			return err
		}
		r.keys[i] = key
	}
	return nil
}

// insert writes a row that is not there; ok is false when it is.
func (w *writer) insert(l *layout, id string, r row) (ok bool, err error) {
	outbox, pend, err := encodeOutbox(r.pending)
	if err != nil {
		return false, err
	}
	args := make([]any, 0, 5+len(r.keys))
	args = append(args, []byte(id), r.rev, pend)
	for _, k := range r.keys {
		args = append(args, blob(k))
	}
	args = append(args, blob(outbox), []byte(r.doc))
	n, err := w.execN(l.sql.insert, args...)
	return n == 1, asUnique(err, l.indexes)
}

// update writes a row over the one that was loaded. Key columns that did not
// change are left out, since SQLite would write their indexes again.
func (w *writer) update(l *layout, name, id string, old, r row) error {
	outbox, pend, err := encodeOutbox(r.pending)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(`UPDATE ` + tableName(name) + ` SET rev = ?, tomb = ?, pend = ?, outbox = ?, doc = ?`)
	args := []any{r.rev, r.tomb, pend, blob(outbox), blob(r.doc)}
	for i, p := range l.indexes {
		var k []byte
		if r.keys != nil {
			k = r.keys[i]
		}
		if (k == nil) != (old.keys[i] == nil) || !bytes.Equal(k, old.keys[i]) {
			b.WriteString(`, ` + p.Column + ` = ?`)
			args = append(args, blob(k))
		}
	}
	b.WriteString(` WHERE id = ?`)
	args = append(args, []byte(id))
	return asUnique(w.exec(b.String(), args...), l.indexes)
}

// blob passes nil as NULL and everything else as it is.
func blob(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// write runs one op on a row of the table and calls the hooks after it.
func (t *table) write(ctx context.Context, verb, id string, told bool, run func(w *writer, l *layout) (docstore.Raw, error)) (_ docstore.Raw, err error) {
	defer t.db.tel.write(ctx, verb, t.name).end(&err)
	o := &op{}
	var out docstore.Raw
	o.run = func(w *writer) (err error) {
		l, err := t.layout()
		if err != nil {
			return err
		}
		out, err = run(w, l)
		return err
	}
	if told {
		o.after = func() { t.db.Committed(t.name, id, out.Pending) }
	}
	if err := t.db.w.do(ctx, o); err != nil {
		return docstore.Raw{}, err
	}
	return out, nil
}

// Insert implements docstore.Table.
func (t *table) Insert(ctx context.Context, id string, value bson.Raw, events []docstore.Message) (docstore.Raw, error) {
	return t.write(ctx, "insert", id, len(events) > 0, func(w *writer, l *layout) (docstore.Raw, error) {
		r := row{rev: 1, doc: value, pending: events}
		return w.insertOver(t, l, id, r, docstore.ErrExists)
	})
}

// insertOver writes a new document, over a tombstone if there is one; taken is
// the answer when there is a document.
func (w *writer) insertOver(t *table, l *layout, id string, r row, taken error) (docstore.Raw, error) {
	if err := r.fill(l); err != nil {
		return docstore.Raw{}, err
	}
	if len(r.pending) > docstore.MaxPending {
		return docstore.Raw{}, docstore.ErrOutboxFull
	}
	ok, insertErr := w.insert(l, id, r)
	if ok {
		return r.raw(id), nil
	}
	if insertErr != nil && !errors.Is(insertErr, docstore.ErrDuplicate) {
		return docstore.Raw{}, insertErr
	}
	// A repeated insert breaks the id and the unique indexes; the id is the answer.
	old, found, err := w.load(l, id, false)
	switch {
	case err != nil:
		return docstore.Raw{}, err
	case !found:
		return docstore.Raw{}, insertErr
	case !old.tomb:
		return docstore.Raw{}, taken
	}
	r.rev = old.rev + 1
	if r.pending, err = appendEvents(old.pending, r.pending); err != nil {
		return docstore.Raw{}, err
	}
	return r.raw(id), w.update(l, t.name, id, old, r)
}

func (r row) raw(id string) docstore.Raw {
	return docstore.Raw{ID: id, Rev: r.rev, Value: r.doc, Pending: r.pending}
}

// Replace implements docstore.Table.
func (t *table) Replace(ctx context.Context, id string, rev int64, value bson.Raw, events []docstore.Message) (docstore.Raw, error) {
	return t.write(ctx, "replace", id, len(events) > 0, func(w *writer, l *layout) (docstore.Raw, error) {
		old, err := w.current(l, id, rev, false)
		if err != nil {
			return docstore.Raw{}, err
		}
		return w.overwrite(t, l, id, old, value, events)
	})
}

// current loads a document that is to be changed; rev 0 accepts any revision.
func (w *writer) current(l *layout, id string, rev int64, withDoc bool) (row, error) {
	old, found, err := w.load(l, id, withDoc)
	switch {
	case err != nil:
		return old, err
	case !found || old.tomb:
		return old, docstore.ErrNotFound
	case rev != 0 && old.rev != rev:
		return old, docstore.ErrStale
	}
	return old, nil
}

func (w *writer) overwrite(t *table, l *layout, id string, old row, doc bson.Raw, events []docstore.Message) (docstore.Raw, error) {
	r := row{rev: old.rev + 1, doc: doc}
	if err := r.fill(l); err != nil {
		return docstore.Raw{}, err
	}
	var err error
	if r.pending, err = appendEvents(old.pending, events); err != nil {
		return docstore.Raw{}, err
	}
	return r.raw(id), w.update(l, t.name, id, old, r)
}

// Modify implements docstore.Table.
func (t *table) Modify(ctx context.Context, id string, ch rawdoc.Change, events []docstore.Message) (docstore.Raw, error) {
	return t.write(ctx, "modify", id, len(events) > 0, func(w *writer, l *layout) (docstore.Raw, error) {
		old, err := w.current(l, id, ch.IfRev, true)
		missing := errors.Is(err, docstore.ErrNotFound)
		if missing && ch.Initial != nil {
			old.doc = ch.Initial
		} else if err != nil {
			return docstore.Raw{}, err
		}
		doc, err := docstore.Evaluate(old.doc, ch)
		if err != nil {
			return docstore.Raw{}, err
		}
		if missing {
			return w.insertOver(t, l, id, row{rev: 1, doc: doc, pending: events}, docstore.ErrContention)
		}
		return w.overwrite(t, l, id, old, doc, events)
	})
}

// Delete implements docstore.Table.
func (t *table) Delete(ctx context.Context, id string, opts docstore.DeleteOptions) error {
	_, err := t.write(ctx, "delete", id, len(opts.Events) > 0, func(w *writer, l *layout) (docstore.Raw, error) {
		old, err := w.current(l, id, opts.IfRev, false)
		if err != nil {
			return docstore.Raw{}, err
		}
		r := row{rev: old.rev + 1, tomb: true}
		if r.pending, err = appendEvents(old.pending, opts.Events); err != nil {
			return docstore.Raw{}, err
		}
		if len(r.pending) == 0 {
			return docstore.Raw{}, w.exec(l.sql.remove, []byte(id))
		}
		return r.raw(id), w.update(l, t.name, id, old, r)
	})
	return err
}

// isUnique reports a broken unique index.
func isUnique(err error) bool {
	var se *msqlite.Error
	return errors.As(err, &se) && se.Code() == codeUnique
}
