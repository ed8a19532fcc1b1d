// Package statsv1 is the contract of the stats service: clicks on containers, by
// day and by where they came from.
package statsv1

import (
	"context"
	"errors"
	"time"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// Service is stats.
type Service interface {
	// GetClicks reads the clicks on one subject; one that nobody clicked has zeros.
	GetClicks(ctx context.Context, r ClicksRequest) (Clicks, error)
	// DropClicks forgets a subject, now and for what comes late. Idempotent.
	DropClicks(ctx context.Context, r DropClicksRequest) (Empty, error)
}

// Clicked is what the edge tells about a view of a page or a successful unlock.
// It is at least once, in any order; whether it counts is decided by stats
// (locknex.md: one per visitor, subject and 30 minutes). It has a stream of its own,
// which drops the oldest ones when it is full: a flood of clicks must not keep
// events from anybody.
var Clicked = bus.EventType[ClickEvent]{Type: "click.v1.container.clicked", Source: "/sluice/edge"}

// ClickWindow is how long a visitor's further clicks on a subject do not count.
const ClickWindow = 30 * time.Minute

// ClickEvent is the data of Clicked. Bots are left out by the edge.
type ClickEvent struct {
	Subject string `json:"subject"` // a container's id
	// Visitor is a salted daily hash of address and agent, 16 bytes of base64url.
	Visitor  string    `json:"visitor"`
	Referrer string    `json:"referrer,omitempty"` // host without "www."; empty: none, or our own
	Time     time.Time `json:"time"`
}

// ClicksRequest names a subject. Days asks for the last days too, 0 to 400.
type ClicksRequest struct {
	Subject   string `json:"subject"`
	Days      int    `json:"days,omitempty"`
	Referrers int    `json:"referrers,omitempty"` // how many of the top ones, 0 to 100
}

// Clicks is what was counted. Days are UTC.
type Clicks struct {
	Today     int64      `json:"today"`
	Yesterday int64      `json:"yesterday"`
	ThisMonth int64      `json:"thisMonth"`
	Total     int64      `json:"total"`
	Days      []Day      `json:"days,omitempty"` // newest last, without gaps
	Referrers []Referrer `json:"referrers,omitempty"`
}

// Day is the count of one day, "2006-01-02".
type Day struct {
	Day    string `json:"day"`
	Clicks int64  `json:"clicks"`
}

// Referrer is a host that clicks came from.
type Referrer struct {
	Host   string `json:"host"`
	Clicks int64  `json:"clicks"`
}

// DropClicksRequest names a subject that is gone.
type DropClicksRequest struct {
	Subject string `json:"subject"`
}

// Empty is an answer without content.
type Empty struct{}

// The calls of stats.
var (
	GetClicks  = rpc.Method[ClicksRequest, Clicks]{Subject: "stats.v1.get_clicks", Idempotent: true}
	DropClicks = rpc.Method[DropClicksRequest, Empty]{Subject: "stats.v1.drop_clicks", Idempotent: true}
)

// NewClient gives the Service that is called over c. Its methods add the faults of
// pkg/rpc to those of the contract.
func NewClient(c *rpc.Client) Service { return client{c} }

type client struct{ rpc *rpc.Client }

func (c client) GetClicks(ctx context.Context, r ClicksRequest) (Clicks, error) {
	return rpc.Call(ctx, c.rpc, GetClicks, r)
}

func (c client) DropClicks(ctx context.Context, r DropClicksRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, DropClicks, r)
}

// Register serves svc on s.
func Register(s *rpc.Server, svc Service) error {
	return errors.Join(
		rpc.Handle(s, GetClicks, svc.GetClicks),
		rpc.Handle(s, DropClicks, svc.DropClicks),
	)
}
