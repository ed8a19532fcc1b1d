package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// tallies keeps shards, the sums of roots by account, and graves by node.
type tallies struct {
	shards *docstore.Collection[domain.Shard]
	roots  *docstore.Collection[root]
	graves *docstore.Collection[domain.Grave]
}

// root is what a folder's node has of sums.
type root struct {
	Tally  domain.Sum `bson:"tally,omitempty"`
	Shards []byte     `bson:"shards,omitempty"`
}

func openTallies(ctx context.Context, db docstore.DB) (domain.Tallies, domain.Words, error) {
	s, err := docstore.Open[domain.Shard](ctx, db, docstore.Spec{Name: "shards", Indexes: []docstore.Index{
		{Name: "look", Fields: []string{"lookAt"}},
	}})
	if err != nil {
		return nil, nil, err
	}
	r, err := docstore.Open[root](ctx, db, docstore.Spec{Name: "roots"})
	if err != nil {
		return nil, nil, err
	}
	g, err := docstore.Open[domain.Grave](ctx, db, docstore.Spec{Name: "graves", Indexes: []docstore.Index{
		{Name: "look", Fields: []string{"lookAt"}},
	}})
	if err != nil {
		return nil, nil, err
	}
	w, err := docstore.Open[word](ctx, db, docstore.Spec{Name: "words", Indexes: []docstore.Index{
		{Name: "node", Fields: []string{"node"}},
	}})
	if err != nil {
		return nil, nil, err
	}
	return tallies{s, r, g}, words{w}, nil
}

func (s tallies) UpdateShard(ctx context.Context, id string, change func(s *domain.Shard) bool) (domain.Shard, int64, error) {
	d, err := s.shards.Upsert(ctx, id, func(v *domain.Shard, _ bool) ([]docstore.Message, error) {
		if !change(v) {
			return nil, docstore.Unchanged
		}
		return nil, nil
	})
	return d.Value, d.Rev, absent(ported(err))
}

func (s tallies) Shards(ctx context.Context, prefix string, limit int) ([]string, error) {
	p, err := s.shards.Scan(ctx, prefixed(prefix, limit))
	ids := make([]string, len(p.Docs))
	for i, d := range p.Docs {
		ids[i] = d.ID
	}
	return ids, ported(err)
}

// prefixed is a scan of the ids that begin with prefix.
func prefixed(prefix string, limit int) docstore.Query {
	q := docstore.Query{From: prefix, Limit: limit}
	if end, ok := docstore.PrefixEnd(prefix); ok {
		q.To, q.ToExclusive = end, true
	}
	return q
}

func (s tallies) DropShard(ctx context.Context, id string) error {
	return absent(ported(s.shards.Delete(ctx, id, docstore.DeleteOptions{})))
}

func (s tallies) Lookable(ctx context.Context, now time.Time, limit int) ([]domain.Shard, error) {
	p, err := s.shards.Scan(ctx, docstore.Query{Index: "look", To: now, Limit: limit})
	return values(p, func(id string, v *domain.Shard) { v.ID = id }), ported(err)
}

func (s tallies) Root(ctx context.Context, account string) (domain.Node, int64, error) {
	n := domain.Node{ID: domain.Root, Account: account, Folder: true}
	d, err := s.roots.Get(ctx, account)
	n.Tally, n.Shards = d.Value.Tally, d.Value.Shards
	return n, d.Rev, absent(ported(err))
}

func (s tallies) SetRoot(ctx context.Context, n domain.Node, rev int64) error {
	v := root{n.Tally, n.Shards}
	if rev == 0 {
		_, err := s.roots.Insert(ctx, n.Account, v)
		if errors.Is(err, docstore.ErrExists) {
			return domain.ErrStale
		}
		return ported(err)
	}
	_, err := s.roots.Replace(ctx, docstore.Doc[root]{ID: n.Account, Rev: rev, Value: v})
	return gone(ported(err))
}

func (s tallies) DropRoot(ctx context.Context, account string) error {
	return absent(ported(s.roots.Delete(ctx, account, docstore.DeleteOptions{})))
}

func (s tallies) Bury(ctx context.Context, g domain.Grave) error {
	_, err := s.graves.Upsert(ctx, g.ID, func(v *domain.Grave, _ bool) ([]docstore.Message, error) {
		*v = g
		return nil, nil
	})
	return ported(err)
}

func (s tallies) Graves(ctx context.Context, now time.Time, limit int) ([]domain.Grave, error) {
	p, err := s.graves.Scan(ctx, docstore.Query{Index: "look", To: now, Limit: limit})
	return values(p, func(id string, v *domain.Grave) { v.ID = id }), ported(err)
}

func (s tallies) Forget(ctx context.Context, id string) error {
	return absent(ported(s.graves.Delete(ctx, id, docstore.DeleteOptions{})))
}

// words keeps an entry per word and node, whose id is both.
type words struct {
	c *docstore.Collection[word]
}

type word struct {
	Node string `bson:"node"`
}

// wordID is unique: words hold no NUL.
func wordID(word, node string) string { return word + "\x00" + node }

// wordOf is the entry of an id.
func wordOf(id string) domain.Word {
	text, node, _ := strings.Cut(id, "\x00")
	return domain.Word{Text: text, Node: node}
}

func (s words) Put(ctx context.Context, text, node string) error {
	_, err := s.c.Insert(ctx, wordID(text, node), word{node})
	if errors.Is(err, docstore.ErrExists) {
		return nil
	}
	return ported(err)
}

func (s words) Drop(ctx context.Context, text, node string) error {
	return absent(ported(s.c.Delete(ctx, wordID(text, node), docstore.DeleteOptions{})))
}

// wordsOfNode bounds a scan; a node has far fewer words.
const wordsOfNode = 1000

func (s words) Of(ctx context.Context, node string) ([]string, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "node", Equal: []any{node}, Limit: wordsOfNode})
	out := make([]string, len(p.Docs))
	for i, d := range p.Docs {
		out[i] = wordOf(d.ID).Text
	}
	return out, ported(err)
}

func (s words) Scan(ctx context.Context, prefix string, after domain.Word, limit int) ([]domain.Word, error) {
	q := prefixed(prefix, limit)
	if after.Node != "" {
		q.From, q.FromExclusive = wordID(after.Text, after.Node), true
	}
	p, err := s.c.Scan(ctx, q)
	out := make([]domain.Word, len(p.Docs))
	for i, d := range p.Docs {
		out[i] = wordOf(d.ID)
	}
	return out, ported(err)
}
