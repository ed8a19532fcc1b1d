package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// attempts bounds the loops that look again because a document came, went or
// changed between two statements.
const attempts = 64

// told calls the hooks when a write added events.
func (t *table) told(raw docstore.Raw, err error, events []docstore.Message) (docstore.Raw, error) {
	if err == nil && len(events) > 0 {
		t.db.Committed(t.name, raw.ID, raw.Pending)
	}
	return raw, err
}

// Insert implements docstore.Table.
func (t *table) Insert(ctx context.Context, id string, value bson.Raw, events []docstore.Message) (docstore.Raw, error) {
	raw, err := t.insert(ctx, id, value, events)
	return t.told(raw, err, events)
}

func (t *table) insert(ctx context.Context, id string, value bson.Raw, events []docstore.Message) (docstore.Raw, error) {
	if len(events) > docstore.MaxPending {
		return docstore.Raw{}, docstore.ErrOutboxFull
	}
	env := envelope{ID: encodeID(id), Rev: 1, Value: value, Outbox: events}
	if len(events) > 0 {
		env.Waiting = events[0].Time.UnixMilli()
	}
	for range attempts {
		_, err := t.coll.InsertOne(ctx, env)
		if err == nil {
			return env.raw(), nil
		}
		if !driver.IsDuplicateKeyError(err) {
			return docstore.Raw{}, mapWrite(err)
		}
		// The server says "duplicate" for the id and for unique indexes alike.
		old, found, ferr := t.find(ctx, id)
		switch {
		case ferr != nil:
			return docstore.Raw{}, ferr
		case !found:
			return docstore.Raw{}, docstore.ErrDuplicate.Because(err)
		case !old.Tomb:
			return docstore.Raw{}, docstore.ErrExists
		}
		raw, done, err := t.revive(ctx, old, value, events)
		if done || err != nil {
			return raw, err
		}
	}
	return docstore.Raw{}, docstore.ErrContention
}

// revive writes a new value over a tombstone; done is false when that went away.
func (t *table) revive(ctx context.Context, tomb envelope, value bson.Raw, events []docstore.Message) (raw docstore.Raw, done bool, err error) {
	filter := append(bson.D{e("_id", tomb.ID), e("t", true)}, room(events)...)
	update := withEvents(bson.D{e("$inc", bson.D{e("r", int64(1))}), e("$set", bson.D{e("v", value)}), e("$unset", bson.D{e("t", "")})}, events)
	raw, done, err = t.findAndUpdate(ctx, filter, update, false)
	if err == nil && !done && len(tomb.Outbox)+len(events) > docstore.MaxPending {
		return raw, false, docstore.ErrOutboxFull
	}
	raw.Value = value
	return raw, done, err
}

// room is a filter that keeps the pending list within its bound: the element
// that would be pushed out of it must not be there.
func room(events []docstore.Message) bson.D {
	if len(events) == 0 {
		return nil
	}
	return bson.D{e("o."+itoa(max(0, docstore.MaxPending-len(events))), bson.D{e("$exists", false)})}
}

// withEvents adds the events to an update, and since when they wait. $push must
// not be in the update yet.
func withEvents(update bson.D, events []docstore.Message) bson.D {
	if len(events) == 0 {
		return update
	}
	return append(update,
		e("$push", bson.D{e("o", bson.D{e("$each", events)})}),
		e("$min", bson.D{e("p", events[0].Time.UnixMilli())}))
}

// findAndUpdate is one guarded statement; found is false when the filter matched
// nothing. Without whole, the value is left out of the answer where possible.
func (t *table) findAndUpdate(ctx context.Context, filter, update bson.D, whole bool) (raw docstore.Raw, found bool, err error) {
	opts := options.FindOneAndUpdate().SetReturnDocument(options.After)
	if !whole && !t.db.reduced {
		opts.SetProjection(bson.D{e("v", 0)})
	}
	var env envelope
	err = t.coll.FindOneAndUpdate(ctx, filter, update, opts).Decode(&env)
	if errors.Is(err, driver.ErrNoDocuments) {
		return raw, false, nil
	}
	if err != nil {
		return raw, false, mapWrite(err)
	}
	return env.raw(), true, nil
}

// Replace implements docstore.Table.
func (t *table) Replace(ctx context.Context, id string, rev int64, value bson.Raw, events []docstore.Message) (docstore.Raw, error) {
	raw, err := t.replace(ctx, id, rev, value, events)
	return t.told(raw, err, events)
}

func (t *table) replace(ctx context.Context, id string, rev int64, value bson.Raw, events []docstore.Message) (docstore.Raw, error) {
	filter := append(append(live(id), e("r", rev)), room(events)...)
	update := withEvents(bson.D{e("$inc", bson.D{e("r", int64(1))}), e("$set", bson.D{e("v", value)})}, events)
	raw, found, err := t.findAndUpdate(ctx, filter, update, false)
	if err != nil {
		return raw, err
	}
	if !found {
		_, err := t.whyNot(ctx, id, rev, len(events))
		if err == nil {
			err = docstore.ErrStale
		}
		return raw, err
	}
	raw.Value = value
	return raw, nil
}

// whyNot tells why a guarded statement matched nothing, as far as revision and
// pending list go; nil means that neither was it, or is any more.
func (t *table) whyNot(ctx context.Context, id string, rev int64, events int) (envelope, error) {
	env, found, err := t.find(ctx, id)
	switch {
	case err != nil:
		return env, err
	case !found || env.Tomb:
		return env, docstore.ErrNotFound
	case rev != 0 && env.Rev != rev:
		return env, docstore.ErrStale
	case events > 0 && len(env.Outbox)+events > docstore.MaxPending:
		return env, docstore.ErrOutboxFull
	}
	return env, nil
}

// Delete implements docstore.Table.
func (t *table) Delete(ctx context.Context, id string, opts docstore.DeleteOptions) error {
	filter := live(id)
	if opts.IfRev != 0 {
		filter = append(filter, e("r", opts.IfRev))
	}
	for range attempts {
		raw, done, err := t.deleteOnce(ctx, filter, opts.Events)
		if err != nil {
			return err
		}
		if done {
			raw.ID = id
			_, err := t.told(raw, nil, opts.Events)
			return err
		}
		if _, err := t.whyNot(ctx, id, opts.IfRev, len(opts.Events)); err != nil {
			return err
		}
	}
	return docstore.ErrContention
}

// deleteOnce removes a document that no event waits in, or leaves a tombstone.
func (t *table) deleteOnce(ctx context.Context, filter bson.D, events []docstore.Message) (raw docstore.Raw, done bool, err error) {
	filter = filter[:len(filter):len(filter)]
	if len(events) == 0 {
		res, err := t.coll.DeleteOne(ctx, append(filter, e("o.0", bson.D{e("$exists", false)})))
		if err != nil {
			return raw, false, mapWrite(err)
		}
		if res.DeletedCount == 1 {
			return raw, true, nil
		}
		filter = append(filter, e("o.0", bson.D{e("$exists", true)}))
	}
	update := withEvents(bson.D{
		e("$inc", bson.D{e("r", int64(1))}), e("$set", bson.D{e("t", true)}), e("$unset", bson.D{e("v", "")}),
	}, events)
	return t.findAndUpdate(ctx, append(filter, room(events)...), update, false)
}
