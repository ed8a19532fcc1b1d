package mongo

import (
	"context"
	"errors"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Modify implements docstore.Table.
func (t *table) Modify(ctx context.Context, id string, ch rawdoc.Change, events []docstore.Message) (docstore.Raw, error) {
	raw, err := t.modify(ctx, id, ch, events)
	return t.told(raw, err, events)
}

// modify sends the guarded update as one statement. Only when that matches
// nothing it looks why, and goes round again when the reason went away.
func (t *table) modify(ctx context.Context, id string, ch rawdoc.Change, events []docstore.Message) (docstore.Raw, error) {
	if t.db.reduced && needsPull(ch) {
		return t.modifyByRevision(ctx, id, ch, events)
	}
	filter := live(id)
	if ch.IfRev != 0 {
		filter = append(filter, e("r", ch.IfRev))
	}
	filter = append(filter, room(events)...)
	if conds := t.conditions(ch.If); len(conds) > 0 {
		filter = append(filter, e("$and", conds))
	}
	update := changes(ch.Edits, events)
	for range attempts {
		raw, found, err := t.findAndUpdate(ctx, filter, update, true)
		if err != nil || found {
			return raw, err
		}
		env, err := t.whyNot(ctx, id, ch.IfRev, len(events))
		if errors.Is(err, docstore.ErrNotFound) && ch.Initial != nil {
			raw, err := t.insertInitial(ctx, id, ch, events)
			if errors.Is(err, docstore.ErrExists) {
				continue
			}
			return raw, err
		}
		if err != nil {
			return docstore.Raw{}, err
		}
		if _, err := docstore.Evaluate(env.Value, ch); err != nil {
			return docstore.Raw{}, err
		}
	}
	return docstore.Raw{}, docstore.ErrContention
}

// insertInitial applies a change to the value that a missing document counts as.
func (t *table) insertInitial(ctx context.Context, id string, ch rawdoc.Change, events []docstore.Message) (docstore.Raw, error) {
	doc, err := docstore.Evaluate(ch.Initial, ch)
	if err != nil {
		return docstore.Raw{}, err
	}
	return t.insert(ctx, id, doc, events)
}

// modifyByRevision is modify for servers that cannot pull by a field: the change
// is made here and written if the revision is still the same.
func (t *table) modifyByRevision(ctx context.Context, id string, ch rawdoc.Change, events []docstore.Message) (docstore.Raw, error) {
	for range attempts {
		env, err := t.whyNot(ctx, id, ch.IfRev, len(events))
		if errors.Is(err, docstore.ErrNotFound) && ch.Initial != nil {
			raw, err := t.insertInitial(ctx, id, ch, events)
			if errors.Is(err, docstore.ErrExists) {
				continue
			}
			return raw, err
		}
		if err != nil {
			return docstore.Raw{}, err
		}
		doc, err := docstore.Evaluate(env.Value, ch)
		if err != nil {
			return docstore.Raw{}, err
		}
		raw, err := t.replace(ctx, id, env.Rev, doc, events)
		if !errors.Is(err, docstore.ErrStale) {
			return raw, err
		}
	}
	return docstore.Raw{}, docstore.ErrContention
}

func needsPull(ch rawdoc.Change) bool {
	for _, ed := range ch.Edits {
		if ed.Kind == rawdoc.Pull {
			return true
		}
	}
	return false
}

// conditions translates guards into filters.
func (t *table) conditions(conds []rawdoc.Cond) bson.A {
	var out bson.A
	for _, c := range conds {
		out = append(out, t.condition(c))
	}
	return out
}

var operators = map[rawdoc.Op]string{
	rawdoc.Eq: "$eq", rawdoc.Ne: "$ne", rawdoc.Lt: "$lt", rawdoc.Lte: "$lte", rawdoc.Gt: "$gt", rawdoc.Gte: "$gte",
}

func (t *table) condition(c rawdoc.Cond) bson.D {
	field := "v." + c.Path
	if op, ok := operators[c.Op]; ok {
		return bson.D{e(field, bson.D{e(op, operand(c.Value))})}
	}
	if t.db.reduced {
		// An equality on a path through an array holds when it does for any element.
		if c.Elem != "" {
			field += "." + c.Elem
		}
		has := bson.D{e(field, bson.D{e("$eq", operand(c.Value))})}
		if c.Op == rawdoc.HasNo {
			return bson.D{e("$nor", bson.A{has})}
		}
		return has
	}
	match := bson.D{e("$eq", operand(c.Value))}
	if c.Elem != "" {
		match = bson.D{e(c.Elem, match)}
	}
	match = bson.D{e("$elemMatch", match)}
	if c.Op == rawdoc.HasNo {
		match = bson.D{e("$not", match)}
	}
	return bson.D{e(field, match)}
}

// changes translates edits into update operators; the revision goes up in the
// same statement, and the events go in.
func changes(edits []rawdoc.Edit, events []docstore.Message) bson.D {
	inc := bson.D{e("r", int64(1))}
	var set, unset, push, pull bson.D
	for _, ed := range edits {
		field := "v." + ed.Path
		switch ed.Kind {
		case rawdoc.Set:
			set = append(set, e(field, ed.Value))
		case rawdoc.Unset:
			unset = append(unset, e(field, ""))
		case rawdoc.Inc:
			inc = append(inc, e(field, ed.Value))
		case rawdoc.Push:
			push = append(push, e(field, bson.D{e("$each", bson.A{ed.Value})}))
		case rawdoc.Pull:
			match := bson.D{e("$eq", operand(ed.Value))}
			if ed.Elem != "" {
				match = bson.D{e(ed.Elem, match)}
			}
			pull = append(pull, e(field, match))
		}
	}
	update := bson.D{e("$inc", inc)}
	if len(events) > 0 {
		push = append(push, e("o", bson.D{e("$each", events)}))
		update = append(update, e("$min", bson.D{e("p", events[0].Time.UnixMilli())}))
	}
	for _, op := range []struct {
		name string
		args bson.D
	}{{"$set", set}, {"$unset", unset}, {"$push", push}, {"$pull", pull}} {
		if len(op.args) > 0 {
			update = append(update, e(op.name, op.args))
		}
	}
	return update
}
