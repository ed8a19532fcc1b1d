package doctor_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	_ "modernc.org/sqlite" // breaks what the services made

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/sluice"
	"github.com/sluicehq/sluice/services/sluice/internal/doctor"
)

func platformSecret(s string) settings.Secret { return settings.Secret(s) }

// edit changes a stream that exists.
func edit(t *testing.T, js jetstream.JetStream, name string, change func(c *jetstream.StreamConfig)) {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	change(&c)
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func breakStreams(t *testing.T, c sluice.Config, js jetstream.JetStream) {
	t.Helper()
	// Other limits, and full up to the last message.
	edit(t, js, streams.Audit, func(c *jetstream.StreamConfig) { c.MaxBytes = 4 << 10 })
	for range 3 {
		if _, err := js.Publish(t.Context(), "audit.v1.records", make([]byte, 1270)); err != nil {
			t.Fatal(err)
		}
	}
	r := look(t, c, nil, "streams")
	want(t, r, doctor.Warn, streams.Audit, "max_bytes is 4096, declared is 8589934592")
	want(t, r, doctor.Fail, streams.Audit, "a full stream refuses new messages")
	// Oldest messages go: no danger to who writes.
	edit(t, js, streams.Clicks, func(c *jetstream.StreamConfig) { c.MaxBytes = 2 << 10 })
	if err := js.DeleteStream(t.Context(), streams.Checks); err != nil {
		t.Fatal(err)
	}
	r = look(t, c, nil, "streams")
	want(t, r, doctor.Fail, streams.Checks, "it is missing")
	want(t, r, doctor.Warn, streams.Clicks, "max_bytes is 2048")
	// More copies are wanted than there are.
	three := c
	three.Common.NATS.Replicas = 3
	r = look(t, three, nil, "streams", "buckets", "object-stores", "nats", "settings")
	want(t, r, doctor.Warn, streams.Events, "num_replicas is 1, declared is 3")
	want(t, r, doctor.Warn, "KV_", "it has 1 copies, wanted are 3")
	want(t, r, doctor.Warn, "OBJ_", "it has 1 copies, wanted are 3")
	want(t, r, doctor.Fail, "nats.replicas", "stands alone")
}

func breakConsumers(t *testing.T, c sluice.Config, js jetstream.JetStream) {
	t.Helper()
	due := declared(t, streams.Timers)
	if err := js.DeleteConsumer(t.Context(), due.Name, "fetches-due"); err != nil {
		t.Fatal(err)
	}
	r := look(t, c, nil, "consumers")
	want(t, r, doctor.Fail, "fetches-due", "it is missing on stream TIMERS")
	if _, err := js.CreateConsumer(t.Context(), due.Name, jetstream.ConsumerConfig{
		Durable: "fetches-due", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 7,
		FilterSubjects: []string{streams.DueFetches, streams.DueFetches + ".>"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateConsumer(t.Context(), streams.Events, jetstream.ConsumerConfig{Durable: "of-old", FilterSubject: "evt.old.>", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	r = look(t, c, nil, "consumers")
	want(t, r, doctor.Warn, "fetches-due", "max_deliver is 7, declared is -1")
	want(t, r, doctor.Warn, "of-old", "nobody declares this durable")
	want(t, r, doctor.Warn, "links-checks", "since stream CHECKS does not answer")
	// Dead letters of two.
	for i, subject := range []string{"dead.webhook-objects", "dead.webhook-objects", "dead.stats-clicks"} {
		if _, err := js.Publish(t.Context(), subject, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	r = look(t, c, nil, "dead-letters")
	want(t, r, doctor.Warn, "webhook-objects", "2 of its messages were given up")
	want(t, r, doctor.Warn, "stats-clicks", "1 of its messages")
}

func breakStores(t *testing.T, c sluice.Config, js jetstream.JetStream) {
	t.Helper()
	edit(t, js, "OBJ_sluice-us-central1-001", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld })
	if err := js.DeleteStream(t.Context(), "OBJ_sluice-us-central1-000"); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OBJ_sluice-mars-000", Subjects: []string{"mars"}}); err != nil {
		t.Fatal(err)
	}
	other := c
	other.Common.Regions, other.Common.Blob.Shards = []string{"mars"}, 1
	r := look(t, other, nil, "object-stores")
	want(t, r, doctor.Fail, "us-central1-000", "it is missing")
	want(t, r, doctor.Fail, "us-central1-001", "drops its oldest content")
	want(t, r, doctor.Warn, "mars-000", "no table of shards names")
	want(t, r, doctor.Warn, "us-central1", "which is not in regions")
	want(t, r, doctor.Warn, "mars", "has no object stores")
	c.Common.Blob.Shards = 1
	want(t, look(t, c, nil, "object-stores"), doctor.Warn, "us-central1", "blob.shards says 1")
	if err := js.DeleteStream(t.Context(), "KV_"+authv1.KeyStateBucket); err != nil {
		t.Fatal(err)
	}
	want(t, look(t, c, nil, "buckets"), doctor.Fail, "KV_"+authv1.KeyStateBucket, "it is missing")
}

func breakClocks(t *testing.T, c sluice.Config) {
	t.Helper()
	for _, k := range []struct {
		off   time.Duration
		level doctor.Level
		text  string
	}{
		// What an answer takes is in the clock's favour, and may be more than a second.
		{time.Hour, doctor.Fail, "behind this host's"},
		{-time.Hour, doctor.Fail, "ahead of this host's"},
		{2900 * time.Millisecond, doctor.Warn, "behind this host's"},
	} {
		r := look(t, c, func(in *doctor.Input) { in.Now = func() time.Time { return time.Now().Add(k.off) } }, "clocks")
		want(t, r, k.level, "nats-server", k.text)
	}
	// What waits is as old as the server says; the doctor's own clock does not matter.
	clean(t, look(t, c, nil, "clocks"))
}

// breakSettingsOfARunningSystem asks it with settings that are not its own.
func breakSettingsOfARunningSystem(t *testing.T, c sluice.Config) {
	t.Helper()
	wrong := c
	creds := filepath.Join(t.TempDir(), "nats.json")
	b, err := os.ReadFile(c.Common.CredsPath())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(creds, []byte(fmt.Sprintf(`{"user":"operator","password":"wrong","url":%q}`, url(t, b))), 0o644); err != nil {
		t.Fatal(err)
	}
	wrong.Common.NATS.CredsFile = creds
	r := look(t, wrong, nil, "nats", "files")
	want(t, r, doctor.Fail, "", "Authorization Violation")
	want(t, r, doctor.Fail, creds, "may be read or written by others")
	// A public URL behind which something else is, and one that is not ready.
	for status, text := range map[int]string{http.StatusTeapot: "418", http.StatusServiceUnavailable: "no answer from webhook"} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte("not ready:\x1b[2J no answer from webhook"))
		}))
		public := c
		public.Edge.PublicURL = srv.URL
		want(t, look(t, public, nil, "edge"), doctor.Fail, srv.URL, text)
		srv.Close()
	}
	public := c
	public.Edge.PublicURL = "http://" + c.Edge.HTTPAddr
	clean(t, look(t, public, nil, "edge"))
}

func breakKey(t *testing.T, c sluice.Config) {
	t.Helper()
	path := c.Common.KeyPath()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	want(t, look(t, c, nil, "key"), doctor.Fail, path, "may be read or written by others")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want(t, look(t, c, nil, "key"), doctor.Fail, path, "there is data that only it opens")
	foreign := `{"format":"sluice-master-keys/1","current":1,"keys":[{"id":1,"created":"2026-01-01T00:00:00Z","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]}`
	if err := os.WriteFile(path, []byte(foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, look(t, c, nil, "key"), doctor.Fail, "domains", "does not open these key domains: check.master")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, look(t, c, nil, "key"), doctor.Fail, path, "is damaged")
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	clean(t, look(t, c, nil, "key"))
}

func breakDocuments(t *testing.T, c sluice.Config) {
	t.Helper()
	exec := func(service, stmt string) {
		t.Helper()
		db, err := sql.Open("sqlite", filepath.Join(c.Common.DocsDir(), service+".db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if _, err := db.ExecContext(t.Context(), stmt); err != nil {
			t.Fatal(err)
		}
	}
	exec("auth", `DROP INDEX "i_accounts_k1"`)
	exec("auth", `DROP INDEX "p_tokens"`)
	exec("stats", `DELETE FROM docstore_collections WHERE name = 'days'`)
	exec("stats", `INSERT INTO docstore_collections VALUES ('of_old', 1, '[]')`)
	exec("webhook", `UPDATE docstore_collections SET indexes = replace(indexes, '"ready":true', '"ready":false') WHERE name = 'deliveries'`)
	exec("upload", `UPDATE docstore_collections SET indexes = replace(indexes, '["due_at"]', '["due"]') WHERE name = 'ingests'`)
	if err := os.Remove(filepath.Join(c.Common.DocsDir(), "linkchecker.db")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.Common.DocsDir(), "object.db"), []byte("this is no database, but is long enough to be looked at as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"docs/mail.db", ".nats-123", ".master.key-123"} {
		if err := os.WriteFile(filepath.Join(c.Common.DataDir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(c.Common.DataDir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := look(t, c, nil, "documents", "files")
	want(t, r, doctor.Fail, "auth.accounts", "index username is missing")
	want(t, r, doctor.Fail, "auth.tokens", "the index of waiting events is missing")
	want(t, r, doctor.Fail, "stats.days", "the collection is missing")
	want(t, r, doctor.Warn, "stats.of_old", "nobody declares this collection")
	want(t, r, doctor.Warn, "webhook.deliveries", "is being filled")
	want(t, r, doctor.Fail, "upload.ingests", "declared is [due_at]")
	want(t, r, doctor.Warn, "linkchecker", "no documents in this installation yet")
	want(t, r, doctor.Fail, "object", "cannot be looked at")
	want(t, r, doctor.Warn, "mail.db", "no service keeps its documents")
	want(t, r, doctor.Warn, ".nats-123", "left a file with secrets behind")
	want(t, r, doctor.Warn, ".master.key-123", "left a file with secrets behind")
	want(t, r, doctor.Warn, c.Common.DataDir, "others than its owner may look")
}

// breakServices runs the nats-server alone: nobody answers, and messages wait.
func breakServices(t *testing.T, c sluice.Config) {
	t.Helper()
	stop := run(t, "ready: nats", func(ctx context.Context, out io.Writer) error { return sluice.Run(ctx, c, []string{"nats"}, out) })
	defer stop()
	js := operator(t, c)
	if _, err := js.Publish(t.Context(), streams.DueWebhook+".x", nil); err != nil {
		t.Fatal(err)
	}
	// The server tells its consumers of a message behind its acknowledgement.
	eventually(t, "the message waits", func() bool {
		due, err := js.Consumer(t.Context(), streams.Timers, streams.WebhookDue().Durable)
		if err != nil {
			t.Fatal(err)
		}
		return due.CachedInfo().NumPending == 1
	})
	r := look(t, c, func(in *doctor.Input) { in.Stale = time.Nanosecond }, "services", "consumers", "edge")
	for _, name := range sluice.Services() {
		want(t, r, doctor.Fail, name, "no copy of it answers")
	}
	want(t, r, doctor.Fail, c.Edge.HTTPAddr, "no edge listens")
	want(t, r, doctor.Warn, "webhook-due", "nobody takes its messages; 1 wait")
	want(t, r, doctor.Fail, "webhook-due", "its oldest message of 1 waits for")
	r = look(t, c, func(in *doctor.Input) { in.Stale = time.Hour }, "consumers")
	for _, f := range r.Findings {
		if strings.Contains(f.Finding, "its oldest message") {
			t.Errorf("a young message: %s", f.Finding)
		}
	}
}
