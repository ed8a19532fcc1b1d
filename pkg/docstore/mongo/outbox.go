package mongo

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// PendingOutbox implements docstore.DB. What it finds done but not tidied, since
// a ClearOutbox was cut off between its statements, it tidies.
func (d *DB) PendingOutbox(ctx context.Context, limit int) ([]docstore.Pending, error) {
	d.mu.RLock()
	names := slices.Clone(d.names)
	d.mu.RUnlock()
	type aged struct {
		docstore.Pending
		at int64
	}
	var all []aged
	for _, name := range names {
		envs, err := d.waiting(ctx, name, limit)
		if err != nil {
			return nil, fmt.Errorf("reading pending events of %s: %w", name, mapRead(err))
		}
		for _, env := range envs {
			if len(env.Outbox) == 0 {
				if err := d.tidy(ctx, name, env.ID); err != nil {
					return nil, err
				}
				continue
			}
			all = append(all, aged{at: env.Waiting, Pending: docstore.Pending{
				Collection: name, ID: decodeID(env.ID), Rev: env.Rev, Deleted: env.Tomb, Messages: env.Outbox,
			}})
		}
	}
	slices.SortStableFunc(all, func(a, b aged) int { return cmp.Compare(a.at, b.at) })
	out := make([]docstore.Pending, min(limit, len(all)))
	for i := range out {
		out[i] = all[i].Pending
	}
	return out, nil
}

func (d *DB) waiting(ctx context.Context, name string, limit int) ([]envelope, error) {
	opts := options.Find().SetSort(bson.D{e("p", 1)}).SetLimit(int64(limit)).SetProjection(bson.D{e("v", 0)})
	if d.reduced {
		opts.SetProjection(nil)
	}
	cur, err := d.db.Collection(name).Find(ctx, bson.D{e("p", bson.D{e("$exists", true)})}, opts)
	if err != nil {
		return nil, err
	}
	var envs []envelope
	err = cur.All(ctx, &envs)
	return envs, err
}

// ClearOutbox implements docstore.DB.
func (d *DB) ClearOutbox(ctx context.Context, collection, id string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	if err := d.pull(ctx, collection, encodeID(id), ids); err != nil {
		return fmt.Errorf("clearing published events of %s: %w", collection, mapWrite(err))
	}
	return d.tidy(ctx, collection, encodeID(id))
}

func (d *DB) pull(ctx context.Context, collection, id string, ids []string) error {
	coll := d.db.Collection(collection)
	if !d.reduced {
		_, err := coll.UpdateOne(ctx, bson.D{e("_id", id)},
			bson.D{e("$pull", bson.D{e("o", bson.D{e("id", bson.D{e("$in", ids)})})})})
		return err
	}
	// Such a server removes elements only by their whole value.
	var env struct {
		Outbox []bson.Raw `bson:"o"`
	}
	cur, err := coll.Find(ctx, bson.D{e("_id", id)})
	if err != nil {
		return err
	}
	for cur.Next(ctx) {
		if err := cur.Decode(&env); err != nil {
			return err
		}
	}
	for _, m := range env.Outbox {
		if !slices.Contains(ids, m.Lookup("id").StringValue()) {
			continue
		}
		if _, err := coll.UpdateOne(ctx, bson.D{e("_id", id)}, bson.D{e("$pull", bson.D{e("o", m)})}); err != nil {
			return err
		}
	}
	return cur.Err()
}

// tidy removes a tombstone without events, and the mark of a document without.
func (d *DB) tidy(ctx context.Context, collection, id string) error {
	coll := d.db.Collection(collection)
	empty := bson.D{e("_id", id), e("o.0", bson.D{e("$exists", false)}), e("p", bson.D{e("$exists", true)})}
	res, err := coll.DeleteOne(ctx, append(empty[:3:3], e("t", true)))
	if err == nil && res.DeletedCount == 0 {
		_, err = coll.UpdateOne(ctx, empty, bson.D{e("$unset", bson.D{e("o", ""), e("p", "")})})
	}
	if err != nil {
		return fmt.Errorf("tidying the outbox of %s: %w", collection, mapWrite(err))
	}
	return nil
}
