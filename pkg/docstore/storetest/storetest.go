// Package storetest is the conformance suite of pkg/docstore: what every engine
// does, and does in the same way.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
)

// Limits describe what an engine's peer cannot show. The zero value has none.
type Limits struct {
	// Skip maps names of tests to the reason why they are left out. Each is
	// reported as skipped; a name that the suite does not have is a failure.
	Skip map[string]string
	// Documents bounds the number that a test works with; 0 is no bound.
	Documents int
	// Serial keeps tests from running beside each other.
	Serial bool
}

// world is what a test of the suite works in: a database of its own.
type world struct {
	testing.TB
	db     docstore.DB
	limits Limits
}

// few is n within the bound of documents.
func (w *world) few(n int) int {
	if w.limits.Documents > 0 {
		return min(n, w.limits.Documents)
	}
	return n
}

type test struct {
	name string
	run  func(w *world)
}

// Run runs the suite. open gives an empty database; the suite closes it.
func Run(t *testing.T, open func(t testing.TB) docstore.DB, limits ...Limits) {
	t.Helper()
	var l Limits
	if len(limits) > 0 {
		l = limits[0]
	}
	tests := all()
	known := map[string]bool{}
	for _, c := range tests {
		known[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			if reason, ok := l.Skip[c.name]; ok {
				t.Skip("this peer cannot show it: " + reason)
			}
			if !l.Serial {
				t.Parallel()
			}
			db := open(t)
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Errorf("closing: %v", err)
				}
			})
			c.run(&world{TB: t, db: db, limits: l})
		})
	}
	for name := range l.Skip {
		if !known[name] {
			t.Errorf("the suite has no test %q to skip", name)
		}
	}
}

func all() []test {
	var out []test
	for _, group := range [][]test{documentTests(), valueTests(), scanTests(), modifyTests(), outboxTests(), indexTests(), raceTests()} {
		out = append(out, group...)
	}
	return out
}

// item is the document of most tests.
type item struct {
	Owner string            `bson:"owner,omitempty"`
	Name  string            `bson:"name,omitempty"`
	Size  int64             `bson:"size"`
	At    time.Time         `bson:"at,omitempty"`
	Hash  []byte            `bson:"hash,omitempty"`
	Done  *bool             `bson:"done,omitempty"`
	Limit *int64            `bson:"limit"`
	Holds []hold            `bson:"holds"`
	Tags  []string          `bson:"tags"`
	Meta  map[string]string `bson:"meta,omitempty"`
	Place place             `bson:"place"`
}

type hold struct {
	ID    string `bson:"id"`
	Bytes int64  `bson:"bytes"`
}

type place struct {
	Region string `bson:"region,omitempty"`
	Shard  int64  `bson:"shard,omitempty"`
}

func itemSpec() docstore.Spec {
	return docstore.Spec{Name: "items", Indexes: []docstore.Index{
		{Name: "owner_size", Fields: []string{"owner", "size"}},
		{Name: "name", Fields: []string{"name"}, Unique: true},
		{Name: "region", Fields: []string{"place.region", "at"}},
	}}
}

func (w *world) items() *docstore.Collection[item] {
	w.Helper()
	return open[item](w, itemSpec())
}

func open[T any](w *world, spec docstore.Spec) *docstore.Collection[T] {
	w.Helper()
	return must1(docstore.Open[T](w.ctx(), w.db, spec))(w)
}

// ctx bounds a test's operations, so that a hang has a name.
func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.Cleanup(cancel)
	return ctx
}

// must1 fails the test on an error and else gives the value.
func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

var lastEvent atomic.Int64

// event makes a message with an id of its own.
func event(subject string) docstore.Message {
	return docstore.Message{
		ID: fmt.Sprintf("ev-%d", lastEvent.Add(1)), Subject: subject, Header: map[string]string{"ce-type": subject},
		Data: []byte(`{"n":1}`), Time: time.Now(),
	}
}

func subjects(ms []docstore.Message) string {
	s := ""
	for _, m := range ms {
		s += m.Subject + " "
	}
	return s
}

func ids(ms []docstore.Message) []string {
	var out []string
	for _, m := range ms {
		out = append(out, m.ID)
	}
	return out
}
