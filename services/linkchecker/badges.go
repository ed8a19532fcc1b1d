package linkchecker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

const (
	// badgeHistory lets readers see past a state that was published again late:
	// they keep the highest revision of what is there.
	badgeHistory = 4
	badgesMax    = 4 << 30
)

// openBadges makes the bucket of badges on first start. The states in it are
// written from the containers' outboxes.
func openBadges(ctx context.Context, js jetstream.JetStream, replicas int) error {
	_, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: linksv1.BadgeBucket, Description: "what the badges of containers show, for the edges",
		History: badgeHistory, Storage: jetstream.FileStorage, MaxBytes: badgesMax, Replicas: max(replicas, 1),
	})
	if err != nil && !errors.Is(err, jetstream.ErrBucketExists) { // with other settings, which are the operator's
		return fmt.Errorf("making KV bucket %s: %w", linksv1.BadgeBucket, err)
	}
	return nil
}
