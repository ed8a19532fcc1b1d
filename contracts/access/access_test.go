package access_test

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sluicehq/sluice/contracts/access"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/rpc"
)

// stores are the object stores of an installation of two regions.
func stores() []string { return access.Stores([]string{"us-central1", "eu"}, 2) }

// covers reports whether an allowed subject takes all that another one names.
func covers(allowed, subject string) bool {
	a, s := strings.Split(allowed, "."), strings.Split(subject, ".")
	for i, t := range a {
		switch {
		case t == ">":
			return len(s) > i
		case i >= len(s) || s[i] == ">":
			return false
		case t != "*" && t != s[i]:
			return false
		}
	}
	return len(a) == len(s)
}

func allowed(list []string, subject string) bool {
	return slices.ContainsFunc(list, func(a string) bool { return covers(a, subject) })
}

// plain is a subject without wildcards that an allowed one takes.
func plain(subject string) string {
	t := strings.Split(subject, ".")
	for i := range t {
		switch t[i] {
		case "*":
			t[i] = "x"
		case ">":
			t[i] = "x.y"
		}
	}
	return strings.Join(t, ".")
}

// natsUsers are the operator and all services.
func natsUsers() []natsd.User {
	out := []natsd.User{{Name: rpc.Operator, Password: "o"}}
	for _, name := range access.Services() {
		may := access.Of(name, stores())
		out = append(out, natsd.User{Name: name, Password: "p-" + name, Publish: may.Publish, Subscribe: may.Subscribe})
	}
	return out
}

var refusedSubject = regexp.MustCompile(`Permissions Violation for (Publish|Subscription) to "([^"]+)"`)

// refusals tries to publish on some subjects and to subscribe to others, on a real
// server, and gives what it refused.
func refusals(t *testing.T, srv *natsd.Server, user string, publish, subscribe []string) (pub, sub map[string]bool) {
	t.Helper()
	const last = "the.end" // nobody's subject: its refusal is the last one
	var mu sync.Mutex
	got := map[string]map[string]bool{"Publish": {}, "Subscription": {}}
	done := make(chan struct{})
	nc, err := srv.ConnectAs(user, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		m := refusedSubject.FindStringSubmatch(err.Error())
		if !errors.Is(err, nats.ErrPermissionViolation) || m == nil {
			t.Errorf("%s: %v", user, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		got[m[1]][m[2]] = true
		if m[2] == last {
			close(done)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, s := range subscribe {
		if _, err := nc.SubscribeSync(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range append(slices.Clone(publish), last) {
		if err := nc.Publish(s, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s may do what is nobody's", user)
	}
	mu.Lock()
	defer mu.Unlock()
	delete(got["Publish"], last)
	return got["Publish"], got["Subscription"]
}

// subjects gives what any service may do, and what is left over of the streams and
// of the server's own interfaces, as subjects to try.
func subjects() (publish, subscribe []string) {
	for _, name := range access.Services() {
		may := access.Of(name, stores())
		for _, s := range may.Publish {
			publish = append(publish, plain(s))
			subscribe = append(subscribe, plain(s), s) // who may send does not listen
		}
		for _, s := range may.Subscribe {
			publish = append(publish, plain(s))
			subscribe = append(subscribe, plain(s), s)
		}
	}
	for _, s := range streams.All(1) {
		for _, own := range s.Subjects {
			publish, subscribe = append(publish, plain(own)), append(subscribe, own, plain(own))
		}
	}
	publish = append(publish, administration()...)
	subscribe = append(subscribe, ">", "*", "*.>", "_INBOX.>", "_INBOX.*", "_INBOX_edge.>", "_INBOX_auth.>", "$JS.>", "$JS.ACK.>", "$SYS.>", "$KV.>", "$O.>", "$SRV.>", "*.v1.*")
	sort := func(s []string) []string { slices.Sort(s); return slices.Compact(s) }
	return sort(publish), sort(subscribe)
}

// TestOf_OnAServer tries everything as every user: exactly what the table grants is
// taken, so everything of another service is refused.
func TestOf_OnAServer(t *testing.T) {
	t.Parallel()
	srv := natstest.StartWith(t, natsd.Options{Users: natsUsers(), Addr: natsd.Off})
	publish, subscribe := subjects()
	if len(publish) < 300 || len(subscribe) < 300 {
		t.Fatalf("only %d and %d subjects to try", len(publish), len(subscribe))
	}
	for _, user := range access.Services() {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			may := access.Of(user, stores())
			pub, sub := refusals(t, srv, user, publish, subscribe)
			for what, c := range map[string]struct {
				tried, may []string
				refused    map[string]bool
			}{"publish on": {publish, may.Publish, pub}, "subscribe to": {subscribe, may.Subscribe, sub}} {
				n := 0
				for _, s := range c.tried {
					want := !allowed(c.may, s)
					if c.refused[s] != want {
						t.Errorf("%s %s: refused %v, want %v", what, s, c.refused[s], want)
					}
					if want {
						n++
					}
				}
				if n < len(c.tried)/2 {
					t.Errorf("only %d of %d are refused", n, len(c.tried))
				}
			}
		})
	}
}

// TestOf_EachDoesWhatIsItsOwn: for every pair of services, what the one has for
// itself is refused to the other.
func TestOf_EachDoesWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	for _, a := range access.Services() {
		may := access.Of(a, stores())
		if !slices.IsSorted(may.Publish) || len(slices.Compact(slices.Clone(may.Publish))) != len(may.Publish) {
			t.Errorf("%s: the list is no sorted set", a)
		}
		for _, b := range access.Services() {
			if a == b {
				continue
			}
			other := access.Of(b, stores())
			own := 0
			for _, s := range may.Subscribe {
				if !allowed(other.Subscribe, s) {
					own++
				}
			}
			if own == 0 {
				t.Errorf("%s hears all that %s does", b, a)
			}
			if allowed(other.Subscribe, rpc.InboxPrefix(a)+".x.y") {
				t.Errorf("%s hears the answers to %s", b, a)
			}
		}
	}
	if none := access.Of("nobody", stores()); len(none.Publish)+len(none.Subscribe) != 0 || none.Publish == nil || none.Subscribe == nil {
		t.Errorf("a service that there is not: %+v", none)
	}
}

// administration is what only an operator does.
func administration() []string {
	names := map[string]bool{"KV_KEYS": true}
	for _, s := range streams.All(1) {
		names[s.Name] = true
	}
	for _, b := range streams.Buckets(1) {
		names["KV_"+b.Bucket] = true
	}
	for _, s := range stores() {
		names["OBJ_"+s] = true
	}
	out := []string{
		"$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES", "$JS.API.META.LEADER.STEPDOWN", "$JS.API.ACCOUNT.PURGE.x",
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.USER.INFO", "$SRV.PING", "$SRV.STATS", "$SRV.INFO",
	}
	for name := range maps.Keys(names) {
		for _, verb := range []string{"CREATE", "UPDATE", "DELETE", "SNAPSHOT", "RESTORE", "MSG.DELETE", "PEER.REMOVE", "LEADER.STEPDOWN"} {
			out = append(out, "$JS.API.STREAM."+verb+"."+name)
		}
		for _, verb := range []string{"CREATE", "DURABLE.CREATE", "LIST", "NAMES"} {
			out = append(out, "$JS.API.CONSUMER."+verb+"."+name)
		}
	}
	for _, c := range streams.Consumers() {
		of := c.Stream + "." + c.Durable
		for _, verb := range []string{"CREATE", "CREATE.x", "DURABLE.CREATE", "DELETE", "PAUSE", "RESET", "UNPIN", "LEADER.STEPDOWN"} {
			out = append(out, "$JS.API.CONSUMER."+verb+"."+of)
		}
	}
	return out
}

func TestOf_NobodyAdministers(t *testing.T) {
	t.Parallel()
	for _, user := range access.Services() {
		may := access.Of(user, stores())
		for _, s := range administration() {
			if allowed(may.Publish, s) {
				t.Errorf("%s may publish on %s", user, s)
			}
		}
		for _, s := range streams.All(1) {
			for _, read := range []string{"$JS.API.STREAM.MSG.GET.", "$JS.API.DIRECT.GET.", "$JS.API.STREAM.PURGE."} {
				if allowed(may.Publish, read+s.Name) {
					t.Errorf("%s may %s%s", user, read, s.Name)
				}
			}
		}
	}
}
