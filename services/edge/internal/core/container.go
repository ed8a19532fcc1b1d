package core

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// staleView is how old what is known of a container may be before a look at it
// asks for a check (locknex.md, Link checker).
const staleView = time.Hour

// checkAgain is how old it may be when its owner asks for one.
const checkAgain = time.Minute

// NewContainer is a container that somebody wants.
type NewContainer struct {
	Title    string
	Password string // empty: open
	Options  linksv1.Options
	Links    []linksv1.LinkInput // any number; linkchecker bounds it
	Once     string              // an idempotency key: the same again makes no other one; "": none
}

// once gives what linkchecker tells repetitions by.
func (n NewContainer) once() (*linksv1.Idempotency, error) {
	if n.Once == "" {
		return nil, nil
	}
	said, err := json.Marshal(struct {
		Title   string
		Options linksv1.Options
		Links   []linksv1.LinkInput
	}{n.Title, n.Options, n.Links})
	if err != nil {
		return nil, fmt.Errorf("fingerprinting a container: %w", err)
	}
	sum := sha256.Sum256(said)
	return &linksv1.Idempotency{Key: n.Once, Fingerprint: sum[:]}, nil
}

// ContainerChange changes what is not nil.
type ContainerChange struct {
	ID       string
	Title    *string
	Password *string // empty: open from now on
	Options  linksv1.OptionsChange
	Links    []linksv1.LinkInput // of the list that takes the place of the old one
}

// MayContainers refuses an access key without a scope, and one that is limited to
// buckets or prefixes: containers are in none. Codes: object.access_denied.
func MayContainers(p authv1.Principal, scope authv1.Scope) error {
	switch {
	case p.KeyID == "":
		return nil
	case !slices.Contains(p.Grant.Scopes, scope):
		return objectv1.ErrAccessDenied.Msgf("this takes an access key with the scope %s", scope)
	case len(p.Grant.Buckets) > 0 || len(p.Grant.Prefixes) > 0:
		return objectv1.ErrAccessDenied.Msgf("an access key that is limited to buckets or prefixes opens nothing here")
	}
	return nil
}

func quotaOf(p authv1.Principal) linksv1.Quota {
	return linksv1.Quota{ContainersPerDay: p.Limits.ContainersPerDay, Links: p.Limits.Links}
}

// CreateContainer makes a container of the caller's, in as many messages as its
// links need; before the last one there is none. With n.Once it answers with the
// one that a request before made. Codes: as
// linksv1.Service.CreateContainer and AddLinks, object.access_denied.
func (c *Core) CreateContainer(ctx context.Context, by Caller, n NewContainer) (linksv1.Container, error) {
	if err := MayContainers(by.Principal, authv1.ScopeWrite); err != nil {
		return linksv1.Container{}, err
	}
	once, err := n.once()
	if err != nil {
		return linksv1.Container{}, err
	}
	k := linksv1.Batch(n.Links)
	w, err := c.Links.CreateContainer(ctx, linksv1.CreateRequest{
		Principal: by.Principal, Title: n.Title, Password: n.Password, Options: n.Options, Links: n.Links[:k], More: k < len(n.Links),
		Quota: quotaOf(by.Principal), Idempotency: once,
	})
	if err != nil {
		return linksv1.Container{}, fmt.Errorf("making a container: %w", err)
	}
	if w.Edit == "" { // nothing is under way: these are all links, or it was there
		return w.Container, nil
	}
	return c.addLinks(ctx, by, w, n.Links, k)
}

// UpdateContainer changes a container of the caller's. Codes: as CreateContainer,
// links.container_not_found.
func (c *Core) UpdateContainer(ctx context.Context, by Caller, n ContainerChange) (linksv1.Container, error) {
	if err := MayContainers(by.Principal, authv1.ScopeWrite); err != nil {
		return linksv1.Container{}, err
	}
	r := linksv1.UpdateRequest{Principal: by.Principal, ID: n.ID, Title: n.Title, Password: n.Password, Quota: quotaOf(by.Principal)}
	if n.Options != (linksv1.OptionsChange{}) {
		r.Options = &n.Options
	}
	k := linksv1.Batch(n.Links)
	r.Links, r.More = n.Links[:k], k < len(n.Links)
	w, err := c.Links.UpdateContainer(ctx, r)
	if err != nil {
		return linksv1.Container{}, fmt.Errorf("changing a container: %w", err)
	}
	return c.addLinks(ctx, by, w, n.Links, k)
}

// addLinks brings the links from the sent-th on.
func (c *Core) addLinks(ctx context.Context, by Caller, w linksv1.Written, links []linksv1.LinkInput, sent int) (linksv1.Container, error) {
	for sent < len(links) {
		k := linksv1.Batch(links[sent:])
		next, err := c.Links.AddLinks(ctx, linksv1.AddLinksRequest{
			Principal: by.Principal, ID: w.ID, Edit: w.Edit, From: sent, Links: links[sent : sent+k], More: sent+k < len(links),
		})
		if err != nil {
			return linksv1.Container{}, fmt.Errorf("adding links to a container: %w", err)
		}
		sent += k
		w.Container = next.Container
	}
	return w.Container, nil
}

// Container reads anybody's container, without its links; what is known of it for
// long is checked again. Codes: links.container_not_found.
func (c *Core) Container(ctx context.Context, id string) (linksv1.Container, error) {
	if !linksv1.ValidID(id) {
		return linksv1.Container{}, linksv1.ErrNotFound
	}
	v, err := c.Links.GetContainer(ctx, linksv1.ContainerRequest{ID: id})
	if err != nil {
		return linksv1.Container{}, fmt.Errorf("reading a container: %w", err)
	}
	c.refresh(ctx, v)
	return v, nil
}

// refresh asks for a check of what is known for long. Whether it is asked for
// changes nothing for who looks, so that no error does.
func (c *Core) refresh(ctx context.Context, v linksv1.Container) {
	if v.CheckedAt != nil && c.Now().Sub(*v.CheckedAt) > staleView {
		_, _ = c.Links.Recheck(ctx, linksv1.RecheckRequest{ID: v.ID, Within: staleView})
	}
}

// CheckContainer has the links of a container of the caller's checked that were not
// within checkAgain. Codes: as OwnContainer.
func (c *Core) CheckContainer(ctx context.Context, by Caller, id string) (linksv1.Container, error) {
	if err := MayContainers(by.Principal, authv1.ScopeWrite); err != nil {
		return linksv1.Container{}, err
	}
	v, err := c.OwnContainer(ctx, by, id)
	if err != nil {
		return linksv1.Container{}, err
	}
	if _, err := c.Links.Recheck(ctx, linksv1.RecheckRequest{ID: v.ID, Within: checkAgain}); err != nil {
		return linksv1.Container{}, fmt.Errorf("asking for a check: %w", err)
	}
	return v, nil
}

// OwnContainer reads a container of the caller's. Codes:
// links.container_not_found, also for another account's; object.access_denied.
func (c *Core) OwnContainer(ctx context.Context, by Caller, id string) (linksv1.Container, error) {
	if err := MayContainers(by.Principal, authv1.ScopeRead); err != nil {
		return linksv1.Container{}, err
	}
	if !linksv1.ValidID(id) {
		return linksv1.Container{}, linksv1.ErrNotFound
	}
	v, err := c.Links.GetContainer(ctx, linksv1.ContainerRequest{Principal: by.Principal, ID: id})
	if err != nil {
		return linksv1.Container{}, fmt.Errorf("reading a container of an account: %w", err)
	}
	return v, nil
}

// ListContainers pages through the caller's; r's Principal is set here. Codes:
// those of pkg/paging, object.access_denied.
func (c *Core) ListContainers(ctx context.Context, by Caller, r linksv1.ListRequest) (linksv1.ListResponse, error) {
	if err := MayContainers(by.Principal, authv1.ScopeRead); err != nil {
		return linksv1.ListResponse{}, err
	}
	r.Principal = by.Principal
	l, err := c.Links.ListContainers(ctx, r)
	if err != nil {
		return linksv1.ListResponse{}, fmt.Errorf("listing containers: %w", err)
	}
	return l, nil
}

// DeleteContainer ends a container of the caller's. Codes: as OwnContainer.
func (c *Core) DeleteContainer(ctx context.Context, by Caller, id string) error {
	if err := MayContainers(by.Principal, authv1.ScopeDelete); err != nil {
		return err
	}
	if !linksv1.ValidID(id) {
		return linksv1.ErrNotFound
	}
	if _, err := c.Links.DeleteContainer(ctx, linksv1.ContainerRequest{Principal: by.Principal, ID: id}); err != nil {
		return fmt.Errorf("deleting a container: %w", err)
	}
	return nil
}

// UnlockContainer opens anybody's container and tells of the view v, whose
// ContainerID is set here. Codes: links.container_not_found,
// links.wrong_password, links.throttled.
func (c *Core) UnlockContainer(ctx context.Context, id, password string, v View) (linksv1.Unlocked, error) {
	if !linksv1.ValidID(id) {
		return linksv1.Unlocked{}, linksv1.ErrNotFound
	}
	if len(password) > linksv1.MaxPassword {
		return linksv1.Unlocked{}, linksv1.ErrWrongPassword
	}
	u, err := c.Links.Unlock(ctx, linksv1.UnlockRequest{ID: id, Password: password, Source: v.Source})
	if err != nil {
		return linksv1.Unlocked{}, fmt.Errorf("unlocking a container: %w", err)
	}
	c.refresh(ctx, u.Container)
	v.ContainerID = u.ID
	c.Viewed(v)
	return u, nil
}

// ContainerLinks gives all links of a container in their order: to its owner, and
// to who has the pass of an unlocked one. Codes: links.locked,
// links.container_not_found.
func (c *Core) ContainerLinks(ctx context.Context, by Caller, id, pass string) ([]linksv1.Link, error) {
	out := []linksv1.Link{}
	for from := 0; ; {
		l, err := c.Links.ListLinks(ctx, linksv1.ListLinksRequest{Principal: by.Principal, ID: id, Pass: pass, From: from})
		if err != nil {
			return nil, fmt.Errorf("reading the links of a container: %w", err)
		}
		out = append(out, l.Links...)
		if l.Next == 0 {
			return out, nil
		}
		if l.Next <= from || len(out) > linksv1.MaxLinks {
			return nil, fault.ErrInternal.Because(fmt.Errorf("links of %s go on at %d after %d", id, l.Next, from))
		}
		from = l.Next
	}
}

// ContainerClicks reads the clicks on a container: those of the last days too,
// and where most came from.
func (c *Core) ContainerClicks(ctx context.Context, v linksv1.Container, days, referrers int) (statsv1.Clicks, error) {
	s, err := c.Stats.GetClicks(ctx, statsv1.ClicksRequest{Subject: v.ID, Days: days, Referrers: referrers})
	if err != nil {
		return statsv1.Clicks{}, fmt.Errorf("reading the clicks on a container: %w", err)
	}
	return s, nil
}
