package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// table is one collection.
type table struct {
	db     *DB
	name   string
	coll   *driver.Collection
	points *driver.Collection // the same, with the read concern of point reads
}

var _ docstore.Table = (*table)(nil)

// find reads the envelope of id, tombstones included; found is false when there is none.
func (t *table) find(ctx context.Context, id string) (env envelope, found bool, err error) {
	err = t.points.FindOne(ctx, bson.D{e("_id", encodeID(id))}).Decode(&env)
	if errors.Is(err, driver.ErrNoDocuments) {
		return env, false, nil
	}
	return env, err == nil, mapRead(err)
}

// Get implements docstore.Table.
func (t *table) Get(ctx context.Context, id string) (docstore.Raw, error) {
	env, found, err := t.find(ctx, id)
	if err != nil {
		return docstore.Raw{}, err
	}
	if !found || env.Tomb {
		return docstore.Raw{}, docstore.ErrNotFound
	}
	return env.raw(), nil
}

// Scan implements docstore.Table.
func (t *table) Scan(ctx context.Context, q rawdoc.Query) (docstore.RawPage, error) {
	var page docstore.RawPage
	filter, ok := selection(q)
	if !ok {
		return page, nil
	}
	opts := options.Find().SetSort(order(q)).SetLimit(int64(q.Limit) + 1).SetBatchSize(int32(min(q.Limit+1, 1000)))
	cur, err := t.coll.Find(ctx, filter, opts)
	if err != nil {
		return page, mapRead(err)
	}
	size := 0
	for cur.Next(ctx) {
		if len(page.Docs) == q.Limit || size > docstore.MaxPageBytes {
			page.More = true
			break
		}
		var env envelope
		if err := cur.Decode(&env); err != nil {
			return page, errors.Join(fmt.Errorf("decoding a document: %w", err), cur.Close(ctx))
		}
		size += len(env.Value)
		page.Docs = append(page.Docs, env.raw())
	}
	return page, mapRead(errors.Join(cur.Err(), cur.Close(ctx)))
}

// Count implements docstore.Table.
func (t *table) Count(ctx context.Context, q rawdoc.Query) (int64, error) {
	filter, ok := selection(q)
	if !ok {
		return 0, nil
	}
	n, err := t.coll.CountDocuments(ctx, filter)
	return n, mapRead(err)
}

// order is the sort of a scan. A unique index needs no id to order its tuples.
func order(q rawdoc.Query) bson.D {
	dir := int32(1)
	if q.Desc {
		dir = -1
	}
	var d bson.D
	for _, f := range q.Fields {
		d = append(d, e("v."+f, dir))
	}
	if !q.Unique {
		d = append(d, e("_id", dir))
	}
	return d
}

// selection is the filter of a scan; ok is false when nothing can match.
func selection(q rawdoc.Query) (filter bson.D, ok bool) {
	var all bson.A
	and := func(field string, cond any) { all = append(all, bson.D{e(field, cond)}) }
	if q.Index == "" {
		and("t", bson.D{e("$ne", true)})
		bounds(q, func(op string, v bson.RawValue) { and("_id", bson.D{e(op, encodeID(v.StringValue()))}) })
		if q.After != nil {
			and("_id", bson.D{e(beyond(q.Desc), encodeID(q.After.ID))})
		}
		return bson.D{e("$and", all)}, true
	}
	for i, v := range q.Equal {
		and("v."+q.Fields[i], bson.D{e("$eq", operand(v))})
	}
	if len(q.Equal) == 0 {
		// The planner takes a partial index only for a filter that implies its own.
		and("v."+q.Fields[0], bson.D{e("$exists", true)})
	}
	bounds(q, func(op string, v bson.RawValue) { and("v."+q.Fields[len(q.Equal)], bson.D{e(op, operand(v))}) })
	if q.After != nil {
		tail, any := after(q)
		if !any {
			return nil, false
		}
		all = append(all, tail...)
	}
	return bson.D{e("$and", all)}, true
}

// bounds calls add for the open or closed ends of the range.
func bounds(q rawdoc.Query, add func(op string, v bson.RawValue)) {
	if q.From != nil {
		op := "$gte"
		if q.FromExclusive {
			op = "$gt"
		}
		add(op, *q.From)
	}
	if q.To != nil {
		op := "$lte"
		if q.ToExclusive {
			op = "$lt"
		}
		add(op, *q.To)
	}
}

func beyond(desc bool) string {
	if desc {
		return "$lt"
	}
	return "$gt"
}

// operand passes null as nil, which MongoDB takes for absent too.
func operand(v bson.RawValue) any {
	if rawdoc.IsNull(v) {
		return nil
	}
	return v
}

// after is the filter for what follows a position: some field lies beyond it
// while those before are equal, or all are equal and the id lies beyond. A bound
// on the first free field is added although it follows from that, since it is
// what keeps the server from stepping over everything before the position.
func after(q rawdoc.Query) (all bson.A, any bool) {
	var branches bson.A
	var equal bson.D
	for i := len(q.Equal); i < len(q.Fields); i++ {
		field, v := "v."+q.Fields[i], q.After.Values[i]
		if step, ok := stepBeyond(field, v, q.Desc); ok {
			branches = append(branches, append(equal[:len(equal):len(equal)], step))
		}
		equal = append(equal, e(field, bson.D{e("$eq", operand(v))}))
	}
	if !q.Unique {
		branches = append(branches, append(equal[:len(equal):len(equal)], e("_id", bson.D{e(beyond(q.Desc), encodeID(q.After.ID))})))
	}
	if len(branches) == 0 {
		return nil, false
	}
	all = bson.A{bson.D{e("$or", branches)}}
	if i := len(q.Equal); i < len(q.Fields) && !rawdoc.IsNull(q.After.Values[i]) {
		far := "$lt"
		if q.Desc {
			far = "$gt"
		}
		all = append(all, bson.D{e("v."+q.Fields[i], bson.D{e("$not", bson.D{e(far, q.After.Values[i])})})})
	}
	return all, true
}

// stepBeyond is the condition of one field beyond a value. An absent field lies
// before all values: going up from it comes everything, going down nothing.
func stepBeyond(field string, v bson.RawValue, desc bool) (bson.E, bool) {
	switch {
	case rawdoc.IsNull(v) && desc:
		return bson.E{}, false
	case rawdoc.IsNull(v):
		return e(field, bson.D{e("$ne", nil)}), true
	case desc:
		return e(field, bson.D{e("$not", bson.D{e("$gte", v)})}), true
	}
	return e(field, bson.D{e("$gt", v)}), true
}
