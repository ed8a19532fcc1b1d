package streams

import (
	"github.com/nats-io/nats.go/jetstream"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/bus"
)

// bucketMax bounds each bucket: some hundred bytes for every key, or container.
const bucketMax = 4 << 30

// Buckets gives the KV buckets for a cluster that keeps replicas copies. What is
// in them is written from the outboxes of one service and watched by the edges;
// their history lets readers see past a state that was published again late: they
// keep the highest revision of what is there.
func Buckets(replicas int) []jetstream.KeyValueConfig {
	return []jetstream.KeyValueConfig{
		{
			Bucket: authv1.KeyStateBucket, Description: "states of access keys and accounts, for the edges",
			History: 8, Storage: jetstream.FileStorage, MaxBytes: bucketMax, Replicas: max(replicas, 1),
		},
		{
			Bucket: linksv1.BadgeBucket, Description: "what the badges of containers show, for the edges",
			History: 4, Storage: jetstream.FileStorage, MaxBytes: bucketMax, Replicas: max(replicas, 1),
		},
	}
}

// Declared gives all that is declared on the nats-server of an installation that
// keeps replicas copies.
func Declared(replicas int) bus.Declaration {
	return bus.Declaration{Streams: All(replicas), Consumers: Consumers(), Buckets: Buckets(replicas)}
}
