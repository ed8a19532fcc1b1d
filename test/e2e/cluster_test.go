package e2e_test

import (
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// TestCluster runs the scenarios on three nats-servers, two copies of every
// service and a balancer. Those that CI has time for cross every service; a soak
// runs them all.
func TestCluster(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("starts 18 processes; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	inCI := map[string]bool{
		"FirstSteps": true, "Tenants": true, "TenantsOfLinks": true, "CurlLines": true, "Webhook": true, "Trace": true, "Operator": true,
		"Bus": true, "Routes": true, "AuditQueries": true, "WebhookSecrets": true, "SessionsOnObject": true, "Badges": true, "Fetches": true,
	}
	w := harness.Start(t, harness.Options{Topology: harness.Cluster})
	for _, s := range scenarios() {
		if inCI[s.name] || harness.Soak() {
			t.Run(s.name, func(t *testing.T) { s.run(t, w) })
		}
	}
}
