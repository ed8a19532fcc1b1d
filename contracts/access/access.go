// Package access says what each service may do on the nats-server: a user per
// service, whose rights follow from the contracts. What is not listed is refused.
//
// Everything that stands between a service and another one's business is in
// Roles; Of turns a role into subjects, and Conf those into a configuration of
// nats-server. The package knows no password and no server.
package access

import (
	"slices"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/keys/natskv"
	"github.com/sluicehq/sluice/pkg/rpc"
)

//go:generate go run ./gen ../../deploy/nats

// Permissions are the subjects that a user may publish on and subscribe to;
// everything else is refused to it. Sorted, without repetitions.
type Permissions struct{ Publish, Subscribe []string }

// Services gives the users of services, in the order of their start. Beside them
// there is rpc.Operator, who may do everything.
func Services() []string {
	var out []string
	for _, r := range Roles() {
		out = append(out, r.User)
	}
	return out
}

// Stores gives the names of the object stores of some regions, shards each.
func Stores(regions []string, shards int) []string {
	var out []string
	for _, region := range regions {
		for n := range shards {
			out = append(out, blob.StoreName(blob.DefaultPrefix, region, n))
		}
	}
	return out
}

// Of gives the permissions of a service's user; stores are the object stores of
// the installation. A service that there is not may do nothing.
func Of(service string, stores []string) Permissions {
	roles := Roles()
	i := slices.IndexFunc(roles, func(r Role) bool { return r.User == service })
	if i < 0 {
		return Permissions{Publish: []string{}, Subscribe: []string{}}
	}
	r := roles[i]
	g := &grants{}
	g.subscribe(inbox(r.User))
	g.look()
	g.calls(r, roles)
	g.bus(r)
	g.publish(r.Tells...)
	g.subscribe(r.Hears...)
	g.buckets(r)
	if r.Bytes {
		g.bytes(stores)
	}
	return Permissions{Publish: sorted(g.pub), Subscribe: sorted(g.sub)}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// inbox is where a user gets its answers.
func inbox(user string) string { return rpc.InboxPrefix(user) + ".>" }

type grants struct{ pub, sub []string }

func (g *grants) publish(subjects ...string)   { g.pub = append(g.pub, subjects...) }
func (g *grants) subscribe(subjects ...string) { g.sub = append(g.sub, subjects...) }

// look lets everybody see whether what is declared is there and how full it is,
// and whether there are key domains: a start waits for the one and refuses a lost
// key file by the other. No message is seen by that.
func (g *grants) look() {
	for _, s := range streams.All(1) {
		g.publish("$JS.API.STREAM.INFO." + s.Name)
	}
	for _, c := range streams.Consumers() {
		g.publish("$JS.API.CONSUMER.INFO." + c.Stream + "." + c.Durable)
	}
	g.publish("$JS.API.STREAM.INFO.KV_" + natskv.Bucket)
}

// calls lets a service serve its own, answer whoever may call or ask for it, and
// call others. Answers go to the inboxes of those callers and to no other subject,
// so that nobody can have a service say something in its name.
func (g *grants) calls(r Role, roles []Role) {
	g.publish(r.Calls...)
	for _, name := range r.Pings {
		g.publish("$SRV.PING." + name)
	}
	if r.Serves == "" {
		return
	}
	g.subscribe(r.Serves + ".v1.*")
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		g.subscribe("$SRV."+verb, "$SRV."+verb+"."+r.Serves, "$SRV."+verb+"."+r.Serves+".*")
	}
	g.publish(inbox(rpc.Operator))
	for _, other := range roles {
		if other.User != r.User && other.callsOn(r.Serves) {
			g.publish(inbox(other.User))
		}
	}
}

// callsOn reports whether the role calls the service of that name, or pings it.
func (r Role) callsOn(name string) bool {
	return slices.Contains(r.Pings, name) || slices.ContainsFunc(r.Calls, func(subject string) bool { return belongs(subject, name) })
}

// belongs reports whether a call's subject is of the service of that name.
func belongs(subject, name string) bool {
	return len(subject) > len(name) && subject[:len(name)] == name && subject[len(name)] == '.'
}

// bus lets a service publish what it emits, set its own timers, and take and
// answer deliveries of its own durables, whose dead letters are its own too.
func (g *grants) bus(r Role) {
	g.publish(r.Emits...)
	for _, owner := range r.Timers {
		g.publish("sched." + owner + ".*")
	}
	for _, c := range r.Consumes {
		of := c.Stream + "." + c.Durable
		g.publish("$JS.API.CONSUMER.MSG.NEXT."+of, bus.DeadSubject(c.Durable))
		// The server's formats 1 and 2, each with all its tokens: a shorter one would
		// also be format 1 of another durable, to which "+NXT" hands out its messages.
		g.publish("$JS.ACK."+of+".*.*.*.*.*", "$JS.ACK.*.*."+of+".*.*.*.*.>")
	}
	if r.Outbox {
		g.publish(bus.DeadSubject(bus.OutboxDurable(r.User)))
	}
}

// buckets lets a service read KV buckets key by key, watch some, and write its own keys.
func (g *grants) buckets(r Role) {
	for _, b := range r.Looks {
		g.publish("$JS.API.STREAM.INFO.KV_" + b)
	}
	for _, b := range r.Reads {
		g.publish("$JS.API.STREAM.INFO.KV_"+b, "$JS.API.DIRECT.GET.KV_"+b+"."+kv(b, ">"))
	}
	for _, b := range r.Watches {
		stream := "KV_" + b
		g.publish("$JS.API.STREAM.INFO."+stream, "$JS.API.CONSUMER.CREATE."+stream+".*."+kv(b, ">"), "$JS.API.CONSUMER.DELETE."+stream+".*",
			"$JS.API.CONSUMER.INFO."+stream+".*", "$JS.FC."+stream+".>", "$JS.FC.*.*."+stream+".>")
	}
	g.publish(r.Writes...)
}

// bytes lets a service read and write the object stores. Who may write there can
// also remove: a message may replace all others of its subject.
func (g *grants) bytes(stores []string) {
	for _, store := range stores {
		stream := blob.StreamOfStore(store)
		g.publish("$O."+store+".>", "$JS.API.STREAM.INFO."+stream, "$JS.API.STREAM.MSG.GET."+stream,
			"$JS.API.DIRECT.GET."+stream, "$JS.API.DIRECT.GET."+stream+".$O."+store+".>", "$JS.API.STREAM.PURGE."+stream)
	}
}
