package docstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
)

// FuzzQuery_After gives resume keys as an outside caller may: each is refused as
// invalid or gives a page.
func FuzzQuery_After(f *testing.F) {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(f.TempDir(), "docs.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	type thing struct {
		A string `bson:"a"`
		N int64  `bson:"n"`
	}
	c, err := docstore.Open[thing](ctx, db, docstore.Spec{Name: "things", Indexes: []docstore.Index{{Name: "an", Fields: []string{"a", "n"}}}})
	if err != nil {
		f.Fatal(err)
	}
	for _, id := range []string{"x", "y", "z"} {
		if _, err := c.Insert(ctx, id, thing{A: id, N: 1}); err != nil {
			f.Fatal(err)
		}
	}
	for _, q := range []docstore.Query{{Limit: 1}, {Index: "an", Limit: 1}, {Index: "an", Limit: 2, Desc: true}} {
		p, err := c.Scan(ctx, q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.Next)
	}
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, after string) {
		for _, q := range []docstore.Query{{After: after}, {Index: "an", After: after}, {Index: "an", Desc: true, After: after}} {
			if _, err := c.Scan(ctx, q); err != nil && !errors.Is(err, docstore.ErrInvalid) {
				t.Fatal(err)
			}
		}
	})
}
