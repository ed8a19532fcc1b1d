package sqlite_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/telemetry/telemetrytest"
)

const operations = "db_client_operation_duration_seconds"

// TestTelemetry_WritesAreSpansOfTheirCallers writes under a request that is recorded
// and under none.
func TestTelemetry_WritesAreSpansOfTheirCallers(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "object")
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "object.db"), sqlite.Options{Sync: sqlite.SyncNormal, Tel: rec.Telemetry})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	type thing struct {
		N int `bson:"n"`
	}
	things, err := docstore.Open[thing](t.Context(), db, docstore.Spec{Name: "things"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := things.Insert(t.Context(), "unseen", thing{0}); err != nil {
		t.Fatal(err)
	}
	if n := len(rec.Spans()); n != 0 {
		t.Errorf("%d spans of what nobody records", n)
	}
	ctx, request := rec.Tracer("test").Start(t.Context(), "request")
	if _, err := things.Insert(ctx, "a", thing{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := things.Insert(ctx, "a", thing{2}); !errors.Is(err, docstore.ErrExists) {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "not-there-secret"} {
		if _, err := things.Get(ctx, id); err != nil && !errors.Is(err, docstore.ErrNotFound) {
			t.Fatal(err)
		}
	}
	request.End()
	var inserts []string
	for _, s := range rec.Spans() {
		if s.Name() != "insert things" {
			continue
		}
		if s.Parent().SpanID() != request.SpanContext().SpanID() {
			t.Errorf("a child of %v", s.Parent())
		}
		for key, want := range map[string]string{"db.system.name": "sqlite", "db.namespace": "object", "db.operation.name": "insert", "db.collection.name": "things"} {
			if got := telemetrytest.Attribute(s, key); got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
		inserts = append(inserts, telemetrytest.Attribute(s, "error.type"))
	}
	if !slices.Equal(inserts, []string{"", "conflict"}) || len(rec.Spans()) != 3 {
		t.Errorf("writes %q of %d spans; reads have none", inserts, len(rec.Spans()))
	}
	if sum, _ := rec.Sum(t, operations, map[string]string{"db_operation_name": "insert", "db_collection_name": "things", "db_namespace": "object"}); sum != 3 {
		t.Errorf("%v inserts", sum)
	}
	if sum, _ := rec.Sum(t, operations, map[string]string{"db_operation_name": "get", "error_type": ""}); sum < 2 {
		t.Errorf("%v reads that were answered; that there is none is an answer", sum)
	}
	for _, name := range []string{"sluice_docstore_batch_size", "sluice_docstore_commit_duration_seconds"} {
		if sum, _ := rec.Sum(t, name, map[string]string{"db_namespace": "object"}); sum < 2 {
			t.Errorf("%s counts %v", name, sum)
		}
	}
}
