// Package e2e_test drives whole systems over real HTTP. Every scenario runs on the
// topology of the run: in one process (make test), or as a process per service and, a
// part of them, on a cluster when SLUICE_TEST_FULL is set (make test-all). A soak runs
// all of it on all of them.
package e2e_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// scenario is one story; it shares its World with the others and so makes
// accounts of its own.
type scenario struct {
	name string
	run  func(t *testing.T, w *harness.World)
}

// scenarios are the stories that any topology is to tell.
func scenarios() []scenario {
	return []scenario{
		{"FirstSteps", firstSteps},
		{"SignUp", signUp},
		{"Tenants", tenants},
		{"TenantsOfFiles", tenantsOfFiles},
		{"TenantsOfPlik", tenantsOfPlik},
		{"TenantsOfLinks", tenantsOfLinks},
		{"CurlLines", curlLines},
		{"DriveCLI", driveCLI},
		{"Webhook", webhook},
		{"Trace", traceInLogs},
		{"Operator", operator},
		{"Bus", busIsVisible},
		{"Routes", ops},
		{"SDKObjects", sdkObjects},
		{"SDKManage", sdkManage},
		{"SDKLarge", sdkLarge},
		{"Files", filesCLI},
		{"AuditQueries", auditQueries},
		{"WebhookSecrets", webhookSecrets},
		{"SessionsOnObject", sessionsOnObject},
		{"Badges", badges},
		{"Fetches", fetches},
		{"TenantsOfHosting", tenantsOfHosting},
		{"FoldersMeet", foldersMeet},
	}
}

// topologies are those of this run. What make test has told in one process,
// make test-all does not tell again.
func topologies() []harness.Topology {
	if harness.Full() && !harness.Soak() {
		return []harness.Topology{harness.Processes}
	}
	return harness.Topologies()
}

func TestSystem(t *testing.T) {
	t.Parallel()
	for _, topology := range topologies() {
		t.Run(string(topology), func(t *testing.T) {
			t.Parallel()
			w := harness.Start(t, harness.Options{Topology: topology})
			for _, s := range scenarios() {
				t.Run(s.name, func(t *testing.T) { s.run(t, w) })
			}
			t.Run("Restart", func(t *testing.T) { restart(t, w) }) // last: it stops the World
		})
	}
}

var names atomic.Int64

// account makes a client with an account that no other scenario has.
func account(t *testing.T, w *harness.World) *harness.Client {
	t.Helper()
	base := strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, t.Name()))
	return harness.NewClient(t, w, fmt.Sprintf("%s-%d", base[max(0, len(base)-20):], names.Add(1)))
}

// randomBytes cannot be compressed or deduplicated.
func randomBytes(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}
