// Package store keeps linkchecker's documents: the domain's ports over
// pkg/docstore.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/pkg/paging/docpage"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

const (
	// maxWaiting bounds the events that one container may have waiting, in bytes:
	// far more than a healthy bus lets come together, far below what a document holds.
	maxWaiting = 3 << 20
	// maxPage bounds a page of containers, bytes of JSON: it has to fit a message.
	maxPage  = 700 << 10
	busyWait = time.Second
)

// errBusy says that a container's events have to go out first.
var errBusy = fault.ErrUnavailable.Msgf("too many events of this container wait to be published; repeat it shortly").After(busyWait)

// Containers implements domain.Containers.
type Containers struct {
	c *docstore.Collection[domain.Container]
}

var _ domain.Containers = (*Containers)(nil)

// OpenContainers opens the collection.
func OpenContainers(ctx context.Context, db docstore.DB) (*Containers, error) {
	c, err := docstore.Open[domain.Container](ctx, db, docstore.Spec{Name: "containers", Indexes: []docstore.Index{
		{Name: "numeric", Fields: []string{"numeric"}, Unique: true},
		{Name: "due", Fields: []string{"due_at"}},
		{Name: "owner", Fields: []string{"owner", "created_at"}},
		{Name: "owner_status", Fields: []string{"owner", "status", "created_at"}},
		{Name: "owner_group", Fields: []string{"owner", "options.group", "created_at"}},
		{Name: "owner_both", Fields: []string{"owner", "options.group", "status", "created_at"}},
	}})
	if err != nil {
		return nil, fmt.Errorf("opening the containers: %w", err)
	}
	return &Containers{c}, nil
}

func container(d docstore.Doc[domain.Container], err error) (domain.Container, error) {
	if err != nil {
		return domain.Container{}, answer(err)
	}
	c := d.Value
	c.ID = d.ID
	return c, nil
}

// Insert implements domain.Containers.
func (s *Containers) Insert(ctx context.Context, c domain.Container) error {
	_, err := s.c.Insert(ctx, c.ID, c)
	return answer(err)
}

// Get implements domain.Containers.
func (s *Containers) Get(ctx context.Context, id string) (domain.Container, error) {
	return container(s.c.Get(ctx, id))
}

// ByNumeric implements domain.Containers.
func (s *Containers) ByNumeric(ctx context.Context, numeric string) (domain.Container, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "numeric", Equal: []any{numeric}, Limit: 1})
	if err != nil {
		return domain.Container{}, answer(err)
	}
	if len(p.Docs) == 0 {
		return domain.Container{}, domain.ErrNoDocument
	}
	return container(p.Docs[0], nil)
}

// Update implements domain.Containers.
func (s *Containers) Update(
	ctx context.Context, id string, change func(*domain.Container) (domain.News, error),
) (domain.Container, error) {
	return container(s.c.UpdateDoc(ctx, id, func(d *docstore.Doc[domain.Container]) ([]docstore.Message, error) {
		c := &d.Value
		c.ID = id
		n, err := change(c)
		if errors.Is(err, domain.ErrUnchanged) {
			return nil, docstore.Unchanged
		}
		if err != nil {
			return nil, err
		}
		ms, err := messages(ctx, *c, n)
		if err != nil {
			return nil, err
		}
		if waiting(d.Pending)+waiting(ms) > maxWaiting || len(d.Pending)+len(ms) > docstore.MaxPending {
			return nil, errBusy
		}
		return ms, nil
	}))
}

func waiting(ms []docstore.Message) (n int) {
	for _, m := range ms {
		n += len(m.Data)
	}
	return n
}

// Delete implements domain.Containers.
func (s *Containers) Delete(ctx context.Context, id string) error {
	d, err := s.c.Get(ctx, id)
	if err == nil && d.Value.Phase == domain.Gone {
		err = s.c.Delete(ctx, id, docstore.DeleteOptions{IfRev: d.Rev})
	}
	if errors.Is(err, docstore.ErrNotFound) {
		return nil
	}
	return err
}

// Due implements domain.Containers.
func (s *Containers) Due(ctx context.Context, by time.Time, limit int) ([]domain.Container, error) {
	p, err := s.c.Scan(ctx, docstore.Query{Index: "due", To: by, Limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]domain.Container, len(p.Docs))
	for i, d := range p.Docs {
		out[i], _ = container(d, nil)
	}
	return out, nil
}

// List implements domain.Containers.
func (s *Containers) List(ctx context.Context, r linksv1.ListRequest) ([]linksv1.Container, paging.Place, error) {
	q := docstore.Query{Index: "owner", Equal: []any{r.Principal.AccountID}}
	switch {
	case r.Status != "" && r.Group != "":
		q = docstore.Query{Index: "owner_both", Equal: []any{r.Principal.AccountID, r.Group, string(r.Status)}}
	case r.Status != "":
		q = docstore.Query{Index: "owner_status", Equal: []any{r.Principal.AccountID, string(r.Status)}}
	case r.Group != "":
		q = docstore.Query{Index: "owner_group", Equal: []any{r.Principal.AccountID, r.Group}}
	}
	list := docpage.List(s.c, q, func(c domain.Container) time.Time { return c.CreatedAt })
	docs, place, err := list.Within(maxPage, size).Page(ctx, r.Page)
	if err != nil {
		return nil, paging.Place{}, err
	}
	out := make([]linksv1.Container, len(docs))
	for i, d := range docs {
		c, _ := container(d, nil)
		out[i] = c.View()
	}
	return out, place, nil
}

// size is what a container takes of a page.
func size(d docstore.Doc[domain.Container]) int {
	b, _ := json.Marshal(d.Value.View()) // nothing in it that JSON does not hold
	return len(b)
}

// linksPage is how many containers are summed up at once.
const linksPage = 1000

// Links implements domain.Containers.
func (s *Containers) Links(ctx context.Context, owner string) (sum int64, err error) {
	for after := ""; ; {
		p, err := s.c.Scan(ctx, docstore.Query{Index: "owner", Equal: []any{owner}, After: after, Limit: linksPage})
		if err != nil {
			return 0, err
		}
		for _, d := range p.Docs {
			sum += int64(d.Value.List.Size())
		}
		if after = p.Next; after == "" {
			return sum, nil
		}
	}
}

// messages is what a change of a container is told with. Ids name the change, so
// that whoever publishes it again publishes the same.
func messages(ctx context.Context, c domain.Container, n domain.News) ([]docstore.Message, error) {
	var out []docstore.Message
	var errs []error
	add := func(e bus.Envelope, err error) {
		out, errs = append(out, e.Message()), append(errs, err)
	}
	revision := strconv.FormatInt(c.Revision, 10)
	for _, l := range n.Links {
		id := fmt.Sprintf("%s.%d.%s.%d", c.ID, l.Link.Index, l.URLID, l.Stamp)
		add(bus.NewEnvelope(ctx, linksv1.LinkStatusChanged, id, c.ID, c.Revision, c.UpdatedAt, linksv1.LinkEvent{
			ContainerID: c.ID, AccountID: c.Account, Title: c.Title, Link: l.Link, Was: l.Was, Time: c.UpdatedAt.UTC(),
		}))
	}
	event := linksv1.ContainerEvent{Container: c.View(), Was: n.Was, Time: c.UpdatedAt.UTC()}
	if n.Created {
		add(bus.NewEnvelope(ctx, linksv1.ContainerCreated, c.ID+".created."+revision, c.ID, c.Revision, c.UpdatedAt, event))
	}
	if n.Status {
		add(bus.NewEnvelope(ctx, linksv1.ContainerStatusChanged, c.ID+".status."+revision, c.ID, c.Revision, c.UpdatedAt, event))
	}
	if n.Deleted {
		add(bus.NewEnvelope(ctx, linksv1.ContainerDeleted, c.ID+".deleted."+revision, c.ID, c.Revision, c.UpdatedAt, event))
	}
	if n.Badge {
		b, err := json.Marshal(c.Badge())
		errs = append(errs, err)
		out = append(out, docstore.Message{
			ID: c.ID + ".badge." + revision, Subject: "$KV." + linksv1.BadgeBucket + "." + linksv1.BadgeKey(c.ID), Data: b, Time: c.UpdatedAt,
		})
	}
	return out, errors.Join(errs...)
}

// answer turns the store's errors into the ports' ones.
func answer(err error) error {
	switch {
	case errors.Is(err, docstore.ErrNotFound):
		return domain.ErrNoDocument
	case errors.Is(err, docstore.ErrDuplicate), errors.Is(err, docstore.ErrExists):
		return domain.ErrTaken
	}
	return err
}
