package mongowire_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/docstore/mongo"
)

// TestViewer_SeesWhatTableMade: what looks from outside finds the declared
// indexes, over the wire, and none where nothing was made.
func TestViewer_SeesWhatTableMade(t *testing.T) {
	uri := startTurnstile(t, startFerret(t))
	name := "sluice_look"
	db, err := mongo.Open(t.Context(), uri, name, mongo.Options{Reduced: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	spec := docstore.Spec{Name: "things", Indexes: []docstore.Index{
		{Name: "name", Fields: []string{"account", "name"}, Unique: true}, {Name: "due", Fields: []string{"due_at"}},
	}}
	if _, err := db.Table(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	v, err := mongo.NewViewer(uri, 5*time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close(t.Context()) })
	s, err := v.Server(t.Context())
	if err != nil || s.Now.Before(s.Before.Add(-time.Minute)) || s.Now.After(s.After.Add(time.Minute)) {
		t.Errorf("%+v, %v", s, err)
	}
	have, err := v.Collections(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(have, func(a docstore.Actual) bool { return a.Name == spec.Name })
	if i < 0 || !have[i].Outbox {
		t.Fatalf("found %+v", have)
	}
	byName := func(a, b docstore.Index) int { return len(b.Name) - len(a.Name) }
	slices.SortFunc(have[i].Indexes, byName)
	if d := cmp.Diff(spec.Indexes, have[i].Indexes); d != "" {
		t.Error(d)
	}
	if none, err := v.Collections(t.Context(), "sluice_nobody"); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
	if _, err := mongo.NewViewer("http://x", time.Second, nil); err == nil {
		t.Error("a malformed address is taken")
	}
}
