package core

import (
	"context"
	"fmt"
	"slices"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// GetNotifications reads a bucket's notification configs.
func (c *Core) GetNotifications(ctx context.Context, p authv1.Principal, bucket string) ([]objectv1.NotificationConfig, error) {
	n, err := c.Objects.GetNotifications(ctx, objectv1.BucketRequest{Principal: p, Bucket: bucket})
	if err != nil {
		return nil, fmt.Errorf("reading notification configs: %w", err)
	}
	return n.Configs, nil
}

// SetNotifications replaces them. Each address must be one that outbound
// requests may go to, as far as that can be told now; the attempt decides again.
func (c *Core) SetNotifications(ctx context.Context, p authv1.Principal, bucket string, configs []objectv1.NotificationConfig) ([]objectv1.NotificationConfig, error) {
	if p.KeyID != "" && !slices.Contains(p.Grant.Scopes, authv1.ScopeAdmin) {
		return nil, objectv1.ErrAccessDenied // before any name is looked up for the caller
	}
	checked := map[string]bool{}
	for _, cfg := range configs {
		if checked[cfg.URL] {
			continue
		}
		if err := c.URLs.CheckURL(ctx, cfg.URL); err != nil {
			// Whatever keeps us from it, it is the configured address that cannot be used.
			return nil, fault.ErrInvalid.Msgf("the address of a notification cannot be used: %s", fault.From(err).Message).Because(err)
		}
		checked[cfg.URL] = true
	}
	n, err := c.Objects.SetNotifications(ctx, objectv1.SetNotificationsRequest{Principal: p, Bucket: bucket, Configs: configs})
	if err != nil {
		return nil, fmt.Errorf("setting notification configs: %w", err)
	}
	return n.Configs, nil
}
