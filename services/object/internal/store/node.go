package store

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// nodes keeps drives. The note of a moving folder has a document per account.
type nodes struct {
	c     *docstore.Collection[domain.Node]
	moves *docstore.Collection[moving]
}

type moving struct {
	Move *domain.Move `bson:"move,omitempty"`
}

func openNodes(ctx context.Context, db docstore.DB) (domain.Nodes, error) {
	c, err := docstore.Open[domain.Node](ctx, db, docstore.Spec{Name: "nodes", Indexes: []docstore.Index{
		{Name: "name", Fields: []string{"account", "parent", "name"}, Unique: true},
		{Name: "sort", Fields: []string{"account", "parent", "sort"}},
		{Name: "files", Fields: []string{"files", "order"}},
		{Name: "due", Fields: []string{"sweepAt"}},
		{Name: "kind", Fields: []string{"account", "parent", "folder", "sort"}},
		{Name: "number", Fields: []string{"number", "folder"}, Unique: true},
		{Name: "short", Fields: []string{"short"}, Unique: true},
		{Name: "recount", Fields: []string{"recountAt"}},
	}})
	if err != nil {
		return nil, err
	}
	m, err := docstore.Open[moving](ctx, db, docstore.Spec{Name: "moves"})
	if err != nil {
		return nil, err
	}
	return nodes{c, m}, nil
}

func (s nodes) Insert(ctx context.Context, n domain.Node) error {
	_, err := s.c.Insert(ctx, n.ID, n)
	return ported(err)
}

func (s nodes) Get(ctx context.Context, id string) (domain.Node, int64, error) {
	if id == "" {
		return domain.Node{}, 0, domain.ErrNoDocument
	}
	d, err := s.c.Get(ctx, id)
	d.Value.ID = id
	return d.Value, d.Rev, ported(err)
}

func (s nodes) ByName(ctx context.Context, account, parent, name string) (domain.Node, int64, error) {
	return s.one(ctx, "name", account, parent, name)
}

func (s nodes) ByNumber(ctx context.Context, folder bool, number int64) (domain.Node, int64, error) {
	return s.one(ctx, "number", number, kindOf(folder))
}

func (s nodes) ByShort(ctx context.Context, short string) (domain.Node, int64, error) {
	return s.one(ctx, "short", short)
}

// one finds the node that a unique index has with these values.
func (s nodes) one(ctx context.Context, index string, values ...any) (domain.Node, int64, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: index, Equal: values, Limit: 1})
	if err != nil {
		return domain.Node{}, 0, ported(err)
	}
	if len(p.Docs) == 0 {
		return domain.Node{}, 0, domain.ErrNoDocument
	}
	n := p.Docs[0].Value
	n.ID = p.Docs[0].ID
	return n, p.Docs[0].Rev, nil
}

func (s nodes) Replace(ctx context.Context, n domain.Node, rev int64) error {
	_, err := s.c.Replace(ctx, docstore.Doc[domain.Node]{ID: n.ID, Rev: rev, Value: n})
	return gone(ported(err))
}

func (s nodes) Children(ctx context.Context, account, parent, from string, limit int) ([]domain.Node, error) {
	q := docstore.Query{Index: "sort", Equal: []any{account, parent}, Limit: limit}
	if from != "" {
		q.From = from
	}
	p, err := s.c.Scan(ctx, q)
	return values(p, nodeID), ported(err)
}

// kindOf is what indexes have as a node's folder field: files have none.
func kindOf(folder bool) any {
	if folder {
		return true
	}
	return nil
}

func (s nodes) OfKind(ctx context.Context, account, parent string, folders bool, from string, limit int) ([]domain.Node, error) {
	q := docstore.Query{Index: "kind", Equal: []any{account, parent, kindOf(folders)}, Limit: limit}
	if from != "" {
		q.From = from
	}
	p, err := s.c.Scan(ctx, q)
	return values(p, nodeID), ported(err)
}

func (s nodes) Delete(ctx context.Context, id string, rev int64) error {
	return gone(ported(s.c.Delete(ctx, id, docstore.DeleteOptions{IfRev: rev})))
}

func (s nodes) Files(ctx context.Context, account, before string, limit int) ([]domain.Node, error) {
	q := docstore.Query{Index: "files", Equal: []any{account}, Desc: true, Limit: limit}
	if before != "" {
		q.To, q.ToExclusive = before, true
	}
	p, err := s.c.Scan(ctx, q)
	return values(p, nodeID), ported(err)
}

func (s nodes) Downloaded(ctx context.Context, id string, n int64, at time.Time) error {
	for {
		m := docstore.Mod{If: []docstore.Cond{docstore.Exists("counted")}, Inc: map[string]int64{"downloads": n}, Set: map[string]any{"recountAt": at}}
		_, err := s.c.Modify(ctx, id, m)
		if !errors.Is(err, docstore.ErrGuard) {
			return ported(err)
		}
		m.If, m.Set = []docstore.Cond{docstore.Absent("counted")}, nil
		if _, err = s.c.Modify(ctx, id, m); !errors.Is(err, docstore.ErrGuard) {
			return ported(err)
		}
	}
}

func (s nodes) Mark(ctx context.Context, id string, at time.Time) error {
	_, err := s.c.Modify(ctx, id, docstore.Mod{Set: map[string]any{"recountAt": at}})
	return ported(err)
}

func (s nodes) Recounts(ctx context.Context, now time.Time, limit int) ([]domain.Found, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "recount", To: now, Limit: limit})
	return found(p), ported(err)
}

func (s nodes) All(ctx context.Context, after string, limit int) ([]domain.Found, error) {
	q := docstore.Query{Limit: limit}
	if after != "" {
		q.From, q.FromExclusive = after, true
	}
	p, err := s.c.Scan(ctx, q)
	return found(p), ported(err)
}

// found gives the nodes of a page with their revisions.
func found(p docstore.Page[domain.Node]) []domain.Found {
	out := make([]domain.Found, len(p.Docs))
	for i, d := range p.Docs {
		out[i] = domain.Found{Node: d.Value, Rev: d.Rev}
		out[i].ID = d.ID
	}
	return out
}

func (s nodes) Due(ctx context.Context, now time.Time, limit int) ([]domain.Node, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "due", To: now, Limit: limit})
	return values(p, nodeID), ported(err)
}

func nodeID(id string, n *domain.Node) { n.ID = id }

func (s nodes) Moving(ctx context.Context, account string) (*domain.Move, int64, error) {
	d, err := s.moves.Get(ctx, account)
	if errors.Is(err, docstore.ErrNotFound) {
		return nil, 0, nil
	}
	return d.Value.Move, d.Rev, ported(err)
}

func (s nodes) SetMoving(ctx context.Context, account string, m *domain.Move, rev int64) error {
	if rev == 0 {
		_, err := s.moves.Insert(ctx, account, moving{m})
		if errors.Is(err, docstore.ErrExists) {
			return domain.ErrStale
		}
		return ported(err)
	}
	_, err := s.moves.Replace(ctx, docstore.Doc[moving]{ID: account, Rev: rev, Value: moving{m}})
	return gone(ported(err))
}

func (s nodes) DropMoving(ctx context.Context, account string) error {
	return absent(ported(s.moves.Delete(ctx, account, docstore.DeleteOptions{})))
}
