package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// Names of our indexes in MongoDB; others' are left alone.
const (
	indexPrefix  = "sluice_"
	pendingIndex = "outbox" // cannot clash: declared ones have the prefix
)

// indexKeys gives the key of a declared index. One that is not unique ends with
// the id, so that it gives equal tuples in the order of their ids.
func indexKeys(ix docstore.Index) bson.D {
	var keys bson.D
	for _, f := range ix.Fields {
		keys = append(keys, e("v."+f, int32(1)))
	}
	if !ix.Unique {
		keys = append(keys, e("_id", int32(1)))
	}
	return keys
}

// reconcile makes the declared indexes, and drops ours that are declared no more
// or otherwise. MongoDB fills a new index itself, while others write.
func (t *table) reconcile(ctx context.Context, spec docstore.Spec) error {
	want := []driver.IndexModel{t.model(pendingIndex, bson.D{e("p", int32(1))}, "p", false)}
	for _, ix := range spec.Indexes {
		want = append(want, t.model(indexPrefix+ix.Name, indexKeys(ix), "v."+ix.Fields[0], ix.Unique))
	}
	have, err := t.indexes(ctx)
	if err != nil {
		return err
	}
	declared := map[string]string{}
	for i, ix := range spec.Indexes {
		declared[indexPrefix+ix.Name] = fingerprint(want[i+1].Keys.(bson.D), ix.Unique)
	}
	for name, print := range have {
		if strings.HasPrefix(name, indexPrefix) && declared[name] != print {
			if err := t.coll.Indexes().DropOne(ctx, name); err != nil && !notThere(err) {
				return fmt.Errorf("dropping index %s: %w", name, err)
			}
		}
	}
	for _, m := range want {
		if _, err := t.coll.Indexes().CreateOne(ctx, m); err != nil {
			if isDuplicate(err) {
				return docstore.ErrDuplicate.Msgf("documents of %s break a new unique index", t.name).Because(err)
			}
			return fmt.Errorf("creating an index: %w", err)
		}
	}
	return nil
}

func (t *table) model(name string, keys bson.D, first string, unique bool) driver.IndexModel {
	o := options.Index().SetName(name)
	if unique {
		o.SetUnique(true)
	}
	if !t.db.reduced {
		o.SetPartialFilterExpression(bson.D{e(first, bson.D{e("$exists", true)})})
	}
	return driver.IndexModel{Keys: keys, Options: o}
}

// indexes gives the fingerprints of the indexes that exist.
func (t *table) indexes(ctx context.Context) (map[string]string, error) {
	cur, err := t.coll.Indexes().List(ctx)
	if notThere(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing indexes: %w", err)
	}
	var list []struct {
		Name   string `bson:"name"`
		Key    bson.D `bson:"key"`
		Unique bool   `bson:"unique"`
	}
	if err := cur.All(ctx, &list); err != nil && !notThere(err) {
		return nil, fmt.Errorf("listing indexes: %w", err)
	}
	out := make(map[string]string, len(list))
	for _, ix := range list {
		out[ix.Name] = fingerprint(ix.Key, ix.Unique)
	}
	return out, nil
}

func fingerprint(keys bson.D, unique bool) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k.Key + "\x00")
	}
	if unique {
		b.WriteString("unique")
	}
	return b.String()
}

// notThere reports a collection or index that does not exist.
func notThere(err error) bool {
	var se driver.ServerError
	return errors.As(err, &se) && (se.HasErrorCode(26) || se.HasErrorCode(27))
}
