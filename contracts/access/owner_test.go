package access_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/contracts/access"
	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/catalog"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/streams"
)

// who gives the services that may publish on a subject.
func who(subject string) []string {
	var out []string
	for _, name := range access.Services() {
		if allowed(access.Of(name, stores()).Publish, subject) {
			out = append(out, name)
		}
	}
	return out
}

// hearers gives those that may subscribe to it.
func hearers(subject string) []string {
	var out []string
	for _, name := range access.Services() {
		if allowed(access.Of(name, stores()).Subscribe, subject) {
			out = append(out, name)
		}
	}
	return out
}

func only(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// contractCalls reads the subjects of all calls from the contracts' source.
func contractCalls(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../*/v1/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			kv, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			k, ok := kv.Key.(*ast.Ident)
			v, lit := kv.Value.(*ast.BasicLit)
			if ok && lit && k.Name == "Subject" && v.Kind == token.STRING {
				if s, err := strconv.Unquote(v.Value); err == nil && strings.Contains(s, ".v1.") {
					out = append(out, s)
				}
			}
			return true
		})
	}
	return out
}

// TestOwners_OfCalls: a call is heard by its service alone.
func TestOwners_OfCalls(t *testing.T) {
	t.Parallel()
	calls := contractCalls(t)
	if len(calls) < 120 {
		t.Fatalf("found only %d calls", len(calls))
	}
	of := map[string]string{}
	for _, r := range access.Roles() {
		if r.Serves != "" {
			of[r.Serves] = r.User
		}
	}
	for _, s := range calls {
		root, _, _ := strings.Cut(s, ".")
		only(t, "who serves "+s, hearers(s), of[root])
		if owner := of[root]; slices.Contains(who(s), owner) {
			t.Errorf("%s calls itself by %s", owner, s)
		}
	}
}

// TestOwners_OfStreams: what a stream takes comes from one service, and a durable
// has one reader.
func TestOwners_OfStreams(t *testing.T) {
	t.Parallel()
	sources := map[string]string{"/sluice/links": "linkchecker"}
	for _, e := range catalog.Events() {
		source, ok := sources[e.Source]
		if !ok {
			source = strings.TrimPrefix(e.Source, "/sluice/")
		}
		only(t, "who says "+e.Type, who(e.Type), source)
		only(t, "who listens past the stream to "+e.Type, hearers(e.Type))
	}
	only(t, "who keeps the audit trail", who(auditv1.SubjectV1), "edge")
	only(t, "who orders checks", who(streams.CheckSubject("example.com")), "linkchecker")
	only(t, "who orders fetches", who("fetch.run"), "upload")
	for _, c := range streams.Consumers() {
		var owner []string
		for _, r := range access.Roles() {
			for _, own := range r.Consumes {
				if own.Durable == c.Durable {
					owner = append(owner, r.User)
				}
			}
		}
		if len(owner) != 1 {
			t.Errorf("durable %s is read by %v", c.Durable, owner)
			continue
		}
		of := c.Stream + "." + c.Durable
		only(t, "who takes from "+of, who("$JS.API.CONSUMER.MSG.NEXT."+of), owner...)
		only(t, "who acknowledges for "+of, who("$JS.ACK."+of+".1.2.3.4.5"), owner...)
		only(t, "who acknowledges for "+of+" (format 2)", who("$JS.ACK._.hash."+of+".1.2.3.4.5"), owner...)
		for _, o := range streams.Consumers() { // one of whose tokens is taken for another one's name
			only(t, "who acknowledges for "+of+" in the name of another", who("$JS.ACK."+of+"."+o.Stream+"."+o.Durable+".3.4.5"), owner...)
		}
		only(t, "who buries for "+of, who("dead."+c.Durable), owner...)
		only(t, "who replays for "+of, who("replay."+of))
	}
	for _, owner := range []string{"webhook", "links", "fetches"} {
		only(t, "who makes things due", who("due."+owner), []string(nil)...)
		if n := len(who("sched." + owner + ".x")); n != 1 {
			t.Errorf("%d services set the timers of %s", n, owner)
		}
	}
	only(t, "who sets timers without an owner", who("sched.x"))
}

// TestOwners_OfStates: states have one writer, and bytes go through edge and object.
func TestOwners_OfStates(t *testing.T) {
	t.Parallel()
	only(t, "who writes states of keys", who("$KV."+authv1.KeyStateBucket+".key.x"), "auth")
	only(t, "who writes badges", who("$KV."+linksv1.BadgeBucket+".x"), "linkchecker")
	only(t, "who watches states of keys", who("$JS.API.CONSUMER.CREATE.KV_"+authv1.KeyStateBucket+".x.$KV.authstate.>"), "edge")
	only(t, "who reads key domains", who("$JS.API.DIRECT.GET.KV_KEYS.$KV.KEYS.domain.x"), "object", "edge")
	only(t, "who reads badges by key", who("$JS.API.DIRECT.GET.KV_badges.$KV.badges.x"))
	only(t, "who reads states of keys by key", who("$JS.API.DIRECT.GET.KV_authstate.$KV.authstate.x"))
	only(t, "who lists key domains", who("$JS.API.CONSUMER.CREATE.KV_KEYS.x.$KV.KEYS.>"))
	only(t, "who writes key domains", who("$KV.KEYS.domain.x"), "object", "edge")
	only(t, "who lays out object stores", who("$KV.sluice-blob.shards.eu"))
	only(t, "who leases the collector", who("$KV.sluice-blob.collector"), "object")
	only(t, "who says that auth is there", who(authv1.BeatSubject), "auth")
	only(t, "who hears that auth is there", hearers(authv1.BeatSubject), "auth", "edge") // auth's own calls begin like it
	for _, s := range stores() {
		only(t, "who writes to "+s, who("$O."+s+".C.x"), "object", "edge")
		only(t, "who reads "+s, who("$JS.API.DIRECT.GET.OBJ_"+s), "object", "edge")
	}
	only(t, "who writes to somebody's own object store", who("$O.mine.C.x"))
}

// TestOwners_OfWhatComesBackAsItIs: JetStream sends what DIRECT.GET finds to any
// subject that the request names, its own interface included; so only who has to
// read may ask it, and who writes what it would find has no other way to.
func TestOwners_OfWhatComesBackAsItIs(t *testing.T) {
	t.Parallel()
	for _, name := range access.Services() {
		asks := slices.ContainsFunc(access.Of(name, stores()).Publish, func(s string) bool { return strings.HasPrefix(s, "$JS.API.DIRECT.GET.") })
		if may := name == "edge" || name == "object"; asks != may {
			t.Errorf("%s reads as it is: %v", name, asks)
		}
	}
}
