package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// box is the form of the pending list in its column.
type box struct {
	Messages []docstore.Message `bson:"o"`
}

// encodeOutbox gives the column values of a pending list: its bytes and the time
// of its oldest event in milliseconds, both NULL when it is empty.
func encodeOutbox(pending []docstore.Message) (outbox []byte, pend any, err error) {
	if len(pending) == 0 {
		return nil, nil, nil
	}
	outbox, err = bson.Marshal(box{pending})
	if err != nil {
		return nil, nil, docstore.ErrInvalid.Msgf("an event cannot be encoded").Because(err)
	}
	return outbox, pending[0].Time.UnixMilli(), nil
}

func decodeOutbox(outbox []byte) ([]docstore.Message, error) {
	if len(outbox) == 0 {
		return nil, nil
	}
	var b box
	if err := bson.Unmarshal(outbox, &b); err != nil {
		return nil, fmt.Errorf("decoding pending events: %w", err)
	}
	return b.Messages, nil
}

// appendEvents joins a pending list and new events without touching either.
func appendEvents(pending, events []docstore.Message) ([]docstore.Message, error) {
	if len(events) == 0 {
		return pending, nil
	}
	if len(pending)+len(events) > docstore.MaxPending {
		return nil, docstore.ErrOutboxFull
	}
	return slices.Concat(pending, events), nil
}

// PendingOutbox implements docstore.DB.
func (d *DB) PendingOutbox(ctx context.Context, limit int) (_ []docstore.Pending, err error) {
	defer d.tel.read(ctx, "pending", "").end(&err)
	type aged struct {
		docstore.Pending
		at int64
	}
	var all []aged
	read := func(r *reader, name string) error {
		st, err := r.prepare(`SELECT id, rev, tomb, outbox, pend FROM ` + tableName(name) + ` WHERE pend IS NOT NULL ORDER BY pend` + limited)
		if err != nil {
			return err
		}
		rows, err := st.QueryContext(ctx, limit)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // Err tells what matters
		for rows.Next() {
			var id, outbox []byte
			a := aged{Pending: docstore.Pending{Collection: name}}
			if err := rows.Scan(&id, &a.Rev, &a.Deleted, &outbox, &a.at); err != nil {
				return err
			}
			if a.Messages, err = decodeOutbox(outbox); err != nil {
				return err
			}
			a.ID = string(id)
			all = append(all, a)
		}
		return rows.Err()
	}
	for _, name := range d.tables.names() {
		if err := d.r.with(ctx, func(r *reader) error { return read(r, name) }); err != nil {
			return nil, fmt.Errorf("reading pending events of %s: %w", name, err)
		}
	}
	slices.SortStableFunc(all, func(a, b aged) int { return cmp.Compare(a.at, b.at) })
	out := make([]docstore.Pending, min(limit, len(all)))
	for i := range out {
		out[i] = all[i].Pending
	}
	return out, nil
}

// ClearOutbox implements docstore.DB.
func (d *DB) ClearOutbox(ctx context.Context, collection, id string, ids []string) (err error) {
	defer d.tel.write(ctx, "clear", collection).end(&err)
	o := &op{run: func(w *writer) error {
		l, ok := d.tables.get(collection)
		if !ok {
			return nil
		}
		return w.clear(l, collection, id, ids)
	}}
	if err := d.w.do(ctx, o); err != nil {
		return fmt.Errorf("clearing published events of %s: %w", collection, err)
	}
	return nil
}

func (w *writer) clear(l *layout, collection, id string, ids []string) error {
	old, found, err := w.load(l, id, false)
	if err != nil || !found {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(old.pending), func(m docstore.Message) bool { return slices.Contains(ids, m.ID) })
	if len(left) == len(old.pending) {
		return nil
	}
	if len(left) == 0 && old.tomb {
		return w.exec(l.sql.remove, []byte(id))
	}
	outbox, pend, err := encodeOutbox(left)
	if err != nil {
		return err
	}
	return w.exec(`UPDATE `+tableName(collection)+` SET pend = ?, outbox = ? WHERE id = ?`, pend, blob(outbox), []byte(id))
}
