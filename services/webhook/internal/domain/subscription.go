package domain

import (
	"slices"
	"time"

	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// oldSecretFor is how long a secret signs beside the one that took its place.
const oldSecretFor = 24 * time.Hour

// maxOldSecrets bounds them; beyond it the oldest ends early.
const maxOldSecrets = 4

// Subscription is an address that an account wants its events sent to. All of an
// account are one document.
type Subscription struct {
	ID          string    `bson:"id"`
	URL         string    `bson:"url"`
	Events      []string  `bson:"events,omitempty"` // none: all
	Description string    `bson:"description,omitempty"`
	CreatedAt   time.Time `bson:"created"`
	Disabled    bool      `bson:"disabled,omitempty"` // by its owner
	Secret      []byte    `bson:"secret"`             // sealed
	// Old are the sealed secrets of before, newest first, that still sign.
	Old []OldSecret `bson:"old,omitempty"`
}

// OldSecret signs until Until.
type OldSecret struct {
	Secret []byte    `bson:"secret"`
	Until  time.Time `bson:"until"`
}

// Wants reports whether events of that name are sent.
func (s *Subscription) Wants(event string) bool {
	return !s.Disabled && (len(s.Events) == 0 || slices.Contains(s.Events, event))
}

// Renew gives the subscription a new secret; the one before signs for a day more.
func (s *Subscription) Renew(sealed []byte, now time.Time) {
	old := append([]OldSecret{{Secret: s.Secret, Until: now.Add(oldSecretFor)}}, s.signing(now)...)
	s.Secret, s.Old = sealed, old[:min(len(old), maxOldSecrets)]
}

// signing gives the old secrets that sign at now.
func (s *Subscription) signing(now time.Time) []OldSecret {
	return slices.DeleteFunc(slices.Clone(s.Old), func(o OldSecret) bool { return !now.Before(o.Until) })
}

// Sealed gives all secrets that sign at now, the newest first.
func (s *Subscription) Sealed(now time.Time) [][]byte {
	out := [][]byte{s.Secret}
	for _, o := range s.signing(now) {
		out = append(out, o.Secret)
	}
	return out
}

// View is the subscription as the contract shows it, with the health of its
// endpoint, of which health knows nothing when the address is another one.
func (s *Subscription) View(accountID string, health Endpoint) webhookv1.Subscription {
	v := webhookv1.Subscription{
		ID: s.ID, AccountID: accountID, URL: s.URL, Events: append([]string{}, s.Events...), Description: s.Description,
		CreatedAt: s.CreatedAt.UTC(), Disabled: s.Disabled,
	}
	if health.URL == s.URL {
		v.Disabled, v.DisabledWhy, v.FailingSince = v.Disabled || health.Off, health.OffWhy, health.Failing
	}
	return v
}
