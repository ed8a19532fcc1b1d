package domain

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	maxConfigs   = 100
	maxConfigID  = 255
	maxURL       = 2048
	secretLength = 32 // bytes; Standard Webhooks asks for 24 to 64
)

// matching gives the ids of the configs that want to hear of it.
func (b Bucket) matching(event, key string) []string {
	var ids []string
	for _, c := range b.Configs {
		if slices.Contains(c.Events, event) && strings.HasPrefix(key, c.Prefix) && strings.HasSuffix(key, c.Suffix) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// notifications is the configs as their owner sees them.
func (b Bucket) notifications() objectv1.Notifications {
	out := objectv1.Notifications{Configs: make([]objectv1.NotificationConfig, len(b.Configs))}
	for i, c := range b.Configs {
		out.Configs[i] = c.NotificationConfig
	}
	return out
}

// GetNotifications reads the configs of a bucket.
func (s *Service) GetNotifications(ctx context.Context, r objectv1.BucketRequest) (objectv1.Notifications, error) {
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionNotifications, "")
	if err != nil {
		return objectv1.Notifications{}, err
	}
	return b.notifications(), nil
}

// SetNotifications replaces the configs of a bucket. A config whose id stays
// keeps its secret; a new one gets a secret that is sealed at once.
func (s *Service) SetNotifications(ctx context.Context, r objectv1.SetNotificationsRequest) (objectv1.Notifications, error) {
	// What the request says is judged, and its addresses looked up, for those only
	// who may set it.
	if _, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionNotifications, ""); err != nil {
		return objectv1.Notifications{}, err
	}
	configs, err := s.checkConfigs(ctx, r.Configs)
	if err != nil {
		return objectv1.Notifications{}, err
	}
	for range casAttempts {
		b, rev, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionNotifications, "")
		if err != nil {
			return objectv1.Notifications{}, err
		}
		if err := s.keepSecrets(b, configs); err != nil {
			return objectv1.Notifications{}, err
		}
		b.Configs = configs
		err = s.st.Buckets.Replace(ctx, b, rev)
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return objectv1.Notifications{}, fmt.Errorf("storing the notifications: %w", err)
		}
		return b.notifications(), nil
	}
	return objectv1.Notifications{}, fault.ErrUnavailable.After(time.Second)
}

// keepSecrets gives each config the secret of its id, or a new one.
func (s *Service) keepSecrets(b Bucket, configs []Config) error {
	for i := range configs {
		c := &configs[i]
		old := slices.IndexFunc(b.Configs, func(o Config) bool { return o.ID == c.ID })
		if old >= 0 {
			c.SealedSecret = b.Configs[old].SealedSecret
			continue
		}
		secret := make([]byte, secretLength)
		_, _ = rand.Read(secret) // never fails
		sealed, err := s.d.Sealer.Seal(secret, []byte(c.ID))
		if err != nil {
			return fmt.Errorf("sealing a signing secret: %w", err)
		}
		c.SealedSecret = sealed
	}
	return nil
}

func (s *Service) checkConfigs(ctx context.Context, in []objectv1.NotificationConfig) ([]Config, error) {
	if len(in) > maxConfigs {
		return nil, fault.ErrInvalid.Msgf("a bucket has at most %d notification configs", maxConfigs)
	}
	out := make([]Config, len(in))
	seen := make(map[string]bool, len(in))
	for i, c := range in {
		if err := s.checkConfig(ctx, &c); err != nil {
			return nil, err
		}
		if c.ID == "" {
			c.ID = s.newID()
		}
		if seen[c.ID] {
			return nil, fault.ErrInvalid.Msgf("two configs have the id %q", c.ID)
		}
		seen[c.ID] = true
		out[i].NotificationConfig = c
	}
	return out, nil
}

func (s *Service) checkConfig(ctx context.Context, c *objectv1.NotificationConfig) error {
	if c.Target == "" {
		c.Target = "webhook"
	}
	if c.Target == "sns" || c.Target == "sqs" || c.Target == "lambda" || strings.HasPrefix(c.URL, "arn:") {
		return objectv1.ErrTargetNotImplemented
	}
	u, err := url.Parse(c.URL)
	switch {
	case c.Target != "webhook":
		return fault.ErrInvalid.Msgf("target is webhook")
	case len(c.ID) > maxConfigID || strings.ContainsFunc(c.ID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fault.ErrInvalid.Msgf("a config's id is at most %d visible ASCII characters", maxConfigID)
	case err != nil || len(c.URL) > maxURL || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fault.ErrInvalid.Msgf("url is an absolute http or https URL of at most %d bytes", maxURL)
	case len(c.Events) == 0:
		return fault.ErrInvalid.Msgf("events names at least one event")
	case len(c.Prefix) > objectv1.MaxKey || len(c.Suffix) > objectv1.MaxKey:
		return fault.ErrInvalid.Msgf("prefix and suffix are at most %d bytes", objectv1.MaxKey)
	}
	for _, e := range c.Events {
		if e != objectv1.EventObjectCreated && e != objectv1.EventObjectRemoved {
			return fault.ErrInvalid.Msgf("events are %s and %s", objectv1.EventObjectCreated, objectv1.EventObjectRemoved)
		}
	}
	slices.Sort(c.Events)
	c.Events = slices.Compact(c.Events)
	if err := s.d.URLs.CheckURL(ctx, c.URL); err != nil {
		if fault.KindOf(err) == fault.Internal {
			return fault.ErrInvalid.Msgf("the url may not be reached from here").Because(err)
		}
		return err
	}
	return nil
}

// ResolveNotification gives one config with its sealed secret.
func (s *Service) ResolveNotification(
	ctx context.Context, r objectv1.ResolveNotificationRequest,
) (objectv1.NotificationTarget, error) {
	b, err := s.resolveBucket(ctx, r)
	if errors.Is(err, objectv1.ErrBucketNotFound) && r.BucketID != "" {
		return objectv1.NotificationTarget{}, objectv1.ErrConfigNotFound
	}
	if err != nil {
		return objectv1.NotificationTarget{}, err
	}
	i := slices.IndexFunc(b.Configs, func(c Config) bool { return c.ID == r.ConfigID })
	if i < 0 {
		return objectv1.NotificationTarget{}, objectv1.ErrConfigNotFound
	}
	return objectv1.NotificationTarget{
		Config: b.Configs[i].NotificationConfig, AccountID: b.Account, BucketID: b.ID, Bucket: b.Name,
		SealedSecret: b.Configs[i].SealedSecret,
	}, nil
}

func (s *Service) resolveBucket(ctx context.Context, r objectv1.ResolveNotificationRequest) (Bucket, error) {
	if r.BucketID == "" {
		b, _, err := s.bucketFor(ctx, authv1.Principal{AccountID: r.AccountID}, r.Bucket)
		return b, err
	}
	b, _, err := s.st.Buckets.Get(ctx, r.BucketID)
	if errors.Is(err, ErrNoDocument) {
		return b, objectv1.ErrBucketNotFound
	}
	return b, err
}
