// Package linksv1 is the contract of the link checker: containers of links, and
// what is known of each link. It imports only pkg and authv1's Principal.
package linksv1

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// Service is linkchecker. Whoever names a container may get
// links.container_not_found, also for one of another account where its owner is
// asked for.
type Service interface {
	// CreateContainer makes a container; its links are checked at once. Codes:
	// links.bad_title, links.bad_link (which one is in the message),
	// links.too_many_links, links.quota_exceeded (with RetryAfter where a day ends
	// it), invalid_request; with Idempotency also links.idempotency_conflict and,
	// with RetryAfter, links.idempotency_in_progress.
	CreateContainer(ctx context.Context, r CreateRequest) (Written, error)
	// AddLinks brings further links. Idempotent. Codes: as CreateContainer,
	// links.edit_gone.
	AddLinks(ctx context.Context, r AddLinksRequest) (Written, error)
	// GetContainer reads a container: anybody's without its links.
	GetContainer(ctx context.Context, r ContainerRequest) (Container, error)
	// ListContainers pages through an account's. Codes: those of pkg/paging.
	ListContainers(ctx context.Context, r ListRequest) (ListResponse, error)
	// UpdateContainer changes one's own. Codes: as CreateContainer.
	UpdateContainer(ctx context.Context, r UpdateRequest) (Written, error)
	// DeleteContainer ends one's own, under both its ids.
	DeleteContainer(ctx context.Context, r ContainerRequest) (Empty, error)
	// Unlock opens a container. Codes: links.wrong_password, links.throttled (with
	// RetryAfter).
	Unlock(ctx context.Context, r UnlockRequest) (Unlocked, error)
	// ListLinks gives a container's links. Codes: links.locked.
	ListLinks(ctx context.Context, r ListLinksRequest) (ListLinksResponse, error)
	// Recheck asks for a check. Idempotent.
	Recheck(ctx context.Context, r RecheckRequest) (Empty, error)
	// ImportContainer takes an old one over. Codes: links.id_taken, and as
	// CreateContainer, but no quota.
	ImportContainer(ctx context.Context, r ImportRequest) (Written, error)
}

// The errors of linkchecker.
var (
	ErrNotFound      = fault.New(fault.NotFound, "links.container_not_found", "there is no such container")
	ErrBadTitle      = fault.New(fault.Invalid, "links.bad_title", "a title has 1 to 200 characters, without control characters")
	ErrBadLink       = fault.New(fault.Invalid, "links.bad_link", "a link is an http or https URL of at most 2048 bytes")
	ErrTooManyLinks  = fault.New(fault.Invalid, "links.too_many_links", "a container has 1 to 1000 links")
	ErrQuota         = fault.New(fault.RateLimited, "links.quota_exceeded", "the plan allows no more containers today, or no more links")
	ErrEditGone      = fault.New(fault.Conflict, "links.edit_gone", "the list was not finished in time, or another edit took its place")
	ErrWrongPassword = fault.New(fault.Forbidden, "links.wrong_password", "the password is wrong")
	ErrThrottled     = fault.New(fault.RateLimited, "links.throttled", "too many wrong passwords; wait before the next one")
	ErrLocked        = fault.New(fault.Forbidden, "links.locked", "the container is protected by a password")
	// ErrIdempotencyConflict is of a key that another container was made with,
	// ErrIdempotencyBusy of one whose first request is not done, or was left undone a
	// moment ago.
	ErrIdempotencyConflict = fault.New(fault.Conflict, "links.idempotency_conflict", "the idempotency key was used for another container")
	ErrIdempotencyBusy     = fault.New(fault.Conflict, "links.idempotency_in_progress", "the first request with this idempotency key is still running")

	ErrIDTaken = fault.New(fault.Conflict, "links.id_taken", "another container has this id")
)

// The events of linkchecker.
var (
	ContainerCreated       = bus.EventType[ContainerEvent]{Type: "evt.links.v1.container.created", Source: "/sluice/links"}
	ContainerStatusChanged = bus.EventType[ContainerEvent]{Type: "evt.links.v1.container.status_changed", Source: "/sluice/links"}
	ContainerDeleted       = bus.EventType[ContainerEvent]{Type: "evt.links.v1.container.deleted", Source: "/sluice/links"}
	LinkStatusChanged      = bus.EventType[LinkEvent]{Type: "evt.links.v1.link.status_changed", Source: "/sluice/links"}
)

// ContainerEvent is the data of a container's events. Was is its status before.
type ContainerEvent struct {
	Container Container `json:"container"`
	Was       Status    `json:"was,omitempty"`
	Time      time.Time `json:"time"`
}

// LinkEvent tells of a link in one container; those that share a URL have one
// each.
type LinkEvent struct {
	ContainerID string    `json:"containerId"`
	AccountID   string    `json:"accountId"`
	Title       string    `json:"title"`
	Link        Link      `json:"link"`
	Was         Status    `json:"was"`
	Time        time.Time `json:"time"`
}

// Name is what linkchecker's calls begin with, and what answers a ping.
const Name = "links"

// The calls of linkchecker.
var (
	CreateContainer = rpc.Method[CreateRequest, Written]{Subject: "links.v1.create_container"}
	AddLinks        = rpc.Method[AddLinksRequest, Written]{Subject: "links.v1.add_links", Idempotent: true}
	GetContainer    = rpc.Method[ContainerRequest, Container]{Subject: "links.v1.get_container", Idempotent: true}
	ListContainers  = rpc.Method[ListRequest, ListResponse]{Subject: "links.v1.list_containers", Idempotent: true}
	UpdateContainer = rpc.Method[UpdateRequest, Written]{Subject: "links.v1.update_container"}
	DeleteContainer = rpc.Method[ContainerRequest, Empty]{Subject: "links.v1.delete_container"}
	Unlock          = rpc.Method[UnlockRequest, Unlocked]{Subject: "links.v1.unlock"}
	ListLinks       = rpc.Method[ListLinksRequest, ListLinksResponse]{Subject: "links.v1.list_links", Idempotent: true}
	Recheck         = rpc.Method[RecheckRequest, Empty]{Subject: "links.v1.recheck", Idempotent: true}
	ImportContainer = rpc.Method[ImportRequest, Written]{Subject: "links.v1.import_container"}
)

// NewClient gives the Service that is called over c. Its methods add the faults of
// pkg/rpc to those of the contract.
func NewClient(c *rpc.Client) Service { return client{c} }

type client struct{ rpc *rpc.Client }

func (c client) CreateContainer(ctx context.Context, r CreateRequest) (Written, error) {
	return rpc.Call(ctx, c.rpc, CreateContainer, r)
}

func (c client) AddLinks(ctx context.Context, r AddLinksRequest) (Written, error) {
	return rpc.Call(ctx, c.rpc, AddLinks, r)
}

func (c client) GetContainer(ctx context.Context, r ContainerRequest) (Container, error) {
	return rpc.Call(ctx, c.rpc, GetContainer, r)
}

func (c client) ListContainers(ctx context.Context, r ListRequest) (ListResponse, error) {
	return rpc.Call(ctx, c.rpc, ListContainers, r)
}

func (c client) UpdateContainer(ctx context.Context, r UpdateRequest) (Written, error) {
	return rpc.Call(ctx, c.rpc, UpdateContainer, r)
}

func (c client) DeleteContainer(ctx context.Context, r ContainerRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, DeleteContainer, r)
}

func (c client) Unlock(ctx context.Context, r UnlockRequest) (Unlocked, error) {
	return rpc.Call(ctx, c.rpc, Unlock, r)
}

func (c client) ListLinks(ctx context.Context, r ListLinksRequest) (ListLinksResponse, error) {
	return rpc.Call(ctx, c.rpc, ListLinks, r)
}

func (c client) Recheck(ctx context.Context, r RecheckRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, Recheck, r)
}

func (c client) ImportContainer(ctx context.Context, r ImportRequest) (Written, error) {
	return rpc.Call(ctx, c.rpc, ImportContainer, r)
}

// Register serves svc on s.
func Register(s *rpc.Server, svc Service) error {
	return errors.Join(
		rpc.Handle(s, CreateContainer, svc.CreateContainer),
		rpc.Handle(s, AddLinks, svc.AddLinks),
		rpc.Handle(s, GetContainer, svc.GetContainer),
		rpc.Handle(s, ListContainers, svc.ListContainers),
		rpc.Handle(s, UpdateContainer, svc.UpdateContainer),
		rpc.Handle(s, DeleteContainer, svc.DeleteContainer),
		rpc.Handle(s, Unlock, svc.Unlock),
		rpc.Handle(s, ListLinks, svc.ListLinks),
		rpc.Handle(s, Recheck, svc.Recheck),
		rpc.Handle(s, ImportContainer, svc.ImportContainer),
	)
}
