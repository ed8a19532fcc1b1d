// Package endpoint answers webhook's calls.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

// Pages of lists: without a limit, and at most.
const (
	pageDefault = 50
	pageMax     = 200
)

// Deps is what the calls are answered from.
type Deps struct {
	Deliveries    domain.Deliveries
	Endpoints     domain.Endpoints
	Auth          authv1.Service
	Object        objectv1.Service
	Sealer        Sealer
	URLs          URLs
	Subscriptions domain.Subscriptions
	Offer         func(domain.Delivery) // has a due delivery attempted
	Clock         func() time.Time
}

// Sealer seals and opens signing secrets; *keys.Sealer is one.
type Sealer interface {
	Seal(plain, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
}

// URLs judges addresses; *outbound.Client is one.
type URLs interface {
	CheckURL(ctx context.Context, rawURL string) error
}

// Service implements webhookv1.Service.
type Service struct{ d Deps }

var _ webhookv1.Service = (*Service)(nil)

// New answers from d.
func New(d Deps) *Service { return &Service{d} }

// Secret implements webhookv1.Service.
func (s *Service) Secret(ctx context.Context, r webhookv1.SecretRequest) (webhookv1.SecretResponse, error) {
	if r.Username == "" || r.Bucket == "" || r.ConfigID == "" {
		return webhookv1.SecretResponse{}, fault.ErrInvalid.Msgf("account, bucket and config are needed")
	}
	account, err := s.d.Auth.GetAccount(ctx, authv1.GetAccountRequest{Username: r.Username})
	if err != nil {
		return webhookv1.SecretResponse{}, fmt.Errorf("looking the account up: %w", err)
	}
	n, err := s.d.Object.ResolveNotification(ctx, objectv1.ResolveNotificationRequest{
		AccountID: account.ID, Bucket: r.Bucket, ConfigID: r.ConfigID,
	})
	if err != nil {
		return webhookv1.SecretResponse{}, fmt.Errorf("looking the config up: %w", err)
	}
	secret, err := s.d.Sealer.Open(n.SealedSecret, []byte(n.Config.ID))
	if err != nil {
		return webhookv1.SecretResponse{}, fmt.Errorf("opening the secret: %w", err)
	}
	return webhookv1.SecretResponse{Secret: domain.ShowSecret(secret)}, nil
}

// ListDeliveries implements webhookv1.Service. Of each delivery's attempts, a
// page shows the last.
func (s *Service) ListDeliveries(ctx context.Context, r webhookv1.ListDeliveriesRequest) (webhookv1.ListDeliveriesResponse, error) {
	switch r.State {
	case "", webhookv1.Pending, webhookv1.Delivered, webhookv1.Dead:
	default:
		return webhookv1.ListDeliveriesResponse{}, fault.ErrInvalid.Msgf("state is %s, %s or %s", webhookv1.Pending, webhookv1.Delivered, webhookv1.Dead)
	}
	ds, next, err := s.d.Deliveries.List(ctx, r.EndpointID, r.State, r.Cursor, limit(r.Limit))
	if err != nil {
		return webhookv1.ListDeliveriesResponse{}, listing(err)
	}
	out := webhookv1.ListDeliveriesResponse{Deliveries: make([]webhookv1.Delivery, len(ds)), Cursor: next}
	for i := range ds {
		v := ds[i].View()
		v.Attempts = v.Attempts[max(len(v.Attempts)-1, 0):]
		out.Deliveries[i] = v
	}
	return out, nil
}

// GetDelivery implements webhookv1.Service.
func (s *Service) GetDelivery(ctx context.Context, r webhookv1.GetDeliveryRequest) (webhookv1.Delivery, error) {
	if r.ID == "" {
		return webhookv1.Delivery{}, webhookv1.ErrDeliveryNotFound
	}
	d, err := s.d.Deliveries.Get(ctx, r.ID)
	if err != nil {
		return webhookv1.Delivery{}, notFound(err)
	}
	return d.View(), nil
}

// Replay implements webhookv1.Service.
func (s *Service) Replay(ctx context.Context, r webhookv1.ReplayRequest) (webhookv1.Delivery, error) {
	if r.ID == "" {
		return webhookv1.Delivery{}, webhookv1.ErrDeliveryNotFound
	}
	d, err := s.d.Deliveries.Update(ctx, r.ID, func(d *domain.Delivery) bool {
		d.Replay(s.d.Clock().UTC())
		return true
	})
	if err != nil {
		return webhookv1.Delivery{}, notFound(err)
	}
	faultpoint.Hit("webhook.replay.due")
	s.d.Offer(d)
	return d.View(), nil
}

// ListEndpoints implements webhookv1.Service.
func (s *Service) ListEndpoints(ctx context.Context, r webhookv1.ListEndpointsRequest) (webhookv1.ListEndpointsResponse, error) {
	es, next, err := s.d.Endpoints.List(ctx, r.Cursor, limit(r.Limit))
	if err != nil {
		return webhookv1.ListEndpointsResponse{}, listing(err)
	}
	out := webhookv1.ListEndpointsResponse{Endpoints: make([]webhookv1.Endpoint, len(es)), Cursor: next}
	for i := range es {
		out.Endpoints[i] = es[i].View()
	}
	return out, nil
}

func limit(n int) int {
	if n <= 0 {
		return pageDefault
	}
	return min(n, pageMax)
}

func notFound(err error) error {
	if errors.Is(err, domain.ErrNoDocument) || errors.Is(err, docstore.ErrInvalid) {
		return webhookv1.ErrDeliveryNotFound.Because(err)
	}
	return fmt.Errorf("reading a delivery: %w", err)
}

// listing names the one thing about a list that the caller can get wrong.
func listing(err error) error {
	if errors.Is(err, docstore.ErrInvalid) {
		return fault.ErrInvalid.Msgf("the cursor does not belong to this list").Because(err)
	}
	return fmt.Errorf("listing: %w", err)
}
