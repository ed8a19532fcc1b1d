package docstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/sluicehq/sluice/pkg/docstore/internal/rawdoc"
)

// Actual is a collection as it stands in a store, for those who compare it with
// its declaration.
type Actual struct {
	Spec             // with the indexes that are in use
	Filling []string // names of indexes that are there and not filled yet
	Outbox  bool     // there is the index by which waiting events are found
}

// Declared gives what open declares, by name, without a store: open gets a
// database that only notes down the collections, in which nothing is found and
// nothing can be written. It is for those who look at a store from outside.
func Declared(ctx context.Context, open func(ctx context.Context, db DB) error) ([]Spec, error) {
	n := &notebook{specs: map[string]Spec{}}
	if err := open(ctx, n); err != nil {
		return nil, fmt.Errorf("collecting the declared collections: %w", err)
	}
	out := make([]Spec, 0, len(n.specs))
	for _, s := range n.specs {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Spec) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// notebook is the database of Declared. Opening is done by one goroutine.
type notebook struct{ specs map[string]Spec }

// Table implements DB.
func (n *notebook) Table(_ context.Context, spec Spec) (Table, error) {
	n.specs[spec.Name] = spec
	return blank{}, nil
}

// PendingOutbox implements DB.
func (*notebook) PendingOutbox(context.Context, int) ([]Pending, error) { return nil, nil }

// ClearOutbox implements DB.
func (*notebook) ClearOutbox(context.Context, string, string, []string) error { return nil }

// OnCommit implements DB.
func (*notebook) OnCommit(func(collection, id string, pending []Message)) {}

// Ping implements DB.
func (*notebook) Ping(context.Context) error { return nil }

// Close implements DB.
func (*notebook) Close() error { return nil }

// blank is a table that holds nothing and takes nothing.
type blank struct{}

// Get implements Table.
func (blank) Get(context.Context, string) (Raw, error) { return Raw{}, ErrNotFound }

// Insert implements Table.
func (blank) Insert(context.Context, string, bson.Raw, []Message) (Raw, error) {
	return Raw{}, ErrClosed
}

// Replace implements Table.
func (blank) Replace(context.Context, string, int64, bson.Raw, []Message) (Raw, error) {
	return Raw{}, ErrClosed
}

// Modify implements Table.
func (blank) Modify(context.Context, string, rawdoc.Change, []Message) (Raw, error) {
	return Raw{}, ErrClosed
}

// Delete implements Table.
func (blank) Delete(context.Context, string, DeleteOptions) error { return ErrClosed }

// Scan implements Table.
func (blank) Scan(context.Context, rawdoc.Query) (RawPage, error) { return RawPage{}, nil }

// Count implements Table.
func (blank) Count(context.Context, rawdoc.Query) (int64, error) { return 0, nil }
