package access

import (
	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/catalog"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/keys/natskv"
)

// Role is what a service does over NATS, in the words of the contracts.
type Role struct {
	User     string // the service's name, and its user's
	Serves   string // the name that its calls begin with; empty: it serves none
	Calls    []string
	Pings    []string       // services whose presence it asks for
	Emits    []string       // subjects of streams that it publishes on, events included
	Consumes []bus.Consumer // durables that it reads
	Timers   []string       // owners of the timers that it sets
	Outbox   bool           // it has documents whose outboxes are published
	Tells    []string       // what it says outside any stream
	Hears    []string       // what it listens to outside any stream
	Looks    []string       // KV buckets that it asks how they are
	Reads    []string       // KV buckets, key by key; no rights for who does not need them (README)
	Watches  []string       // KV buckets, each change of them
	Writes   []string       // subjects of KV buckets
	Bytes    bool           // it reads and writes contents in the object stores
}

// relays is what streams of bytes between edges go over; edges pick the last token.
const relays = "edge.v1.relay.*"

// Roles gives what every service does, in the order of their start.
func Roles() []Role {
	return []Role{auth(), object(), upload(), linkchecker(), stats(), webhook(), edge()}
}

func auth() Role {
	return Role{
		User: "auth", Serves: "auth", Outbox: true,
		Tells: []string{authv1.BeatSubject}, Looks: []string{authv1.KeyStateBucket}, Writes: []string{kv(authv1.KeyStateBucket, ">")},
	}
}

func object() Role {
	return Role{
		User: "object", Serves: "object", Outbox: true, Emits: events("/sluice/object"), Bytes: true,
		Reads:  []string{natskv.Bucket, blob.Bucket(blob.DefaultPrefix)},
		Writes: []string{kv(natskv.Bucket, ">"), kv(blob.Bucket(blob.DefaultPrefix), blob.CollectorKey)},
	}
}

func upload() Role {
	return Role{
		User: "upload", Serves: "upload", Outbox: true, Emits: []string{uploadv1.FetchSubject}, Timers: []string{"fetches"},
		Consumes: []bus.Consumer{streams.FetchesDue()}, Calls: uploadCalls(),
	}
}

func linkchecker() Role {
	return Role{
		User: "linkchecker", Serves: linksv1.Name, Outbox: true, Timers: []string{"links"},
		Emits:    append(events("/sluice/links"), streams.CheckSubjects),
		Consumes: []bus.Consumer{streams.LinksDue(), streams.LinksChecks()},
		Looks:    []string{linksv1.BadgeBucket}, Writes: []string{kv(linksv1.BadgeBucket, ">")},
	}
}

func stats() Role {
	return Role{User: "stats", Serves: "stats", Consumes: []bus.Consumer{streams.StatsClicks(), streams.StatsContainers()}}
}

func webhook() Role {
	return Role{
		User: "webhook", Serves: "webhook", Outbox: true, Emits: events("/sluice/webhook"), Timers: []string{"webhook"},
		Consumes: []bus.Consumer{streams.WebhookObjects(), streams.WebhookLinks(), streams.WebhookDue()}, Calls: webhookCalls(),
	}
}

func edge() Role {
	return Role{
		User: "edge", Pings: []string{"auth", "object", "upload", linksv1.Name, "stats", "webhook"},
		Emits:    append(events("/sluice/edge"), auditv1.SubjectV1),
		Consumes: []bus.Consumer{streams.EdgeFetches()}, Calls: edgeCalls(),
		Tells: []string{relays, inbox("edge")}, Hears: []string{relays, authv1.BeatSubject}, // the ends of a stream answer each other's inbox
		Reads:   []string{natskv.Bucket, blob.Bucket(blob.DefaultPrefix)},
		Watches: []string{authv1.KeyStateBucket, linksv1.BadgeBucket},
		Writes:  []string{kv(natskv.Bucket, ">")}, Bytes: true,
	}
}

// events gives the types that a source publishes.
func events(source string) []string {
	var out []string
	for _, e := range catalog.Events() {
		if e.Source == source {
			out = append(out, e.Type)
		}
	}
	return out
}

func kv(bucket, key string) string { return "$KV." + bucket + "." + key }
