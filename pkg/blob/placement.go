package blob

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// ensure makes the object store where its region's placement says. A store that
// exists stays where it is, whatever the placement says now: JetStream would
// move all its bytes to other servers, which is the operator's to begin.
func (b *natsBackend) ensure(ctx context.Context, s storeSpec) error {
	js, where := b.conn(s.name).js, s.region.Placement
	stream, err := js.Stream(ctx, streamName(s.name))
	switch {
	case err == nil:
		where = stream.CachedInfo().Config.Placement
		if !samePlacement(where, s.region.Placement) {
			b.log.WarnContext(ctx, "an object store stays where it was made, although the placement of its region is another now",
				slog.String("region", s.region.Name), slog.String("store", s.name),
				slog.String("placement", describePlacement(where)), slog.String("wanted", describePlacement(s.region.Placement)))
		}
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("looking for object store %s: %w", s.name, natsFault(err))
	}
	_, err = js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: s.name, Description: "content of region " + s.region.Name, MaxBytes: s.bytes, Storage: jetstream.FileStorage,
		Replicas: s.copies, Placement: where,
	})
	if err != nil {
		return fmt.Errorf("making object store %s on servers of placement %s: %w", s.name, describePlacement(where), natsFault(err))
	}
	return nil
}

// samePlacement compares as a server does: tags in any order and case.
func samePlacement(a, b *jetstream.Placement) bool {
	return strings.EqualFold(describePlacement(a), describePlacement(b))
}

// describePlacement writes a placement as the setting blob.placement does.
func describePlacement(p *jetstream.Placement) string {
	var terms []string
	if p != nil {
		for _, tag := range p.Tags {
			terms = append(terms, "tag:"+strings.ToLower(tag))
		}
		slices.Sort(terms)
		if p.Cluster != "" {
			terms = append(terms, "cluster:"+p.Cluster)
		}
	}
	if len(terms) == 0 {
		return "anywhere"
	}
	return strings.Join(terms, ";")
}
