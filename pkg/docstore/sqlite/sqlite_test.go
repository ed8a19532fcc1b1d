package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/docstore/storetest"
)

func openAt(t testing.TB, path string) docstore.DB {
	t.Helper()
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestSQLite_Conformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) docstore.DB {
		return openAt(t, filepath.Join(t.TempDir(), "a dir with ?#%", "docs.db"))
	})
}

func TestSQLite_TwoHandles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "docs.db")
	a, b := openAt(t, path), openAt(t, path)
	storetest.TwoHandles(t, a, b)
	for _, db := range []docstore.DB{a, b} {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
