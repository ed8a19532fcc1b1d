package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/services/sluice/internal/cli"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpan_Bounds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, k := range []struct {
		since, until string
		in, out      time.Time // in belongs to it, out does not
	}{
		{"1h", "", now.Add(-time.Hour), now.Add(-time.Hour - 1)},
		{"2026-11-21T06:00:00+02:00", "", now.Add(-8 * time.Hour), now.Add(-8*time.Hour - 1)},
		{"2026-11-20", "2026-11-21", now.Add(-13 * time.Hour), now.Add(-12 * time.Hour)},
		{"36h", "1h", now.Add(-time.Hour - 1), now.Add(-time.Hour)},
		{"", "1h", time.Time{}, now.Add(-time.Hour)},
	} {
		s, err := cli.NewSpan(k.since, k.until, now)
		if err != nil || !s.Has(k.in) || s.Has(k.out) {
			t.Errorf("%s to %s: %v", k.since, k.until, err)
		}
	}
	for _, k := range [][2]string{{"yesterday", ""}, {"-1h", ""}, {"1h", "2h"}, {"1h", "1h"}, {"2026-13-01", ""}, {"1", ""}, {"", "soon"}} {
		if _, err := cli.NewSpan(k[0], k[1], now); err == nil {
			t.Errorf("%q is taken", k)
		}
	}
	s, err := cli.NewSpan("3h", "2h", now)
	if err != nil || s.Behind(now.Add(-2*time.Hour)) || !s.Behind(now) {
		t.Errorf("the end of the reading: %v", err)
	}
}

// trail is a stream of audit records.
func trail(t *testing.T) (*nats.Conn, func(records ...auditv1.Record)) {
	t.Helper()
	nc := natstest.Conn(t, natstest.Start(t))
	return nc, trailOver(t, nc)
}

// trailOver is trail by a connection of the test's own.
func trailOver(t *testing.T, nc *nats.Conn) func(records ...auditv1.Record) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: auditv1.Stream, Subjects: []string{auditv1.Subjects}, Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	return func(records ...auditv1.Record) {
		t.Helper()
		data, err := json.Marshal(auditv1.Batch{Records: records})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(t.Context(), auditv1.SubjectV1, data); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQueryAudit_NewestOfTheSpan(t *testing.T) {
	t.Parallel()
	nc, add := trail(t)
	hour, err := cli.NewSpan("1h", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cli.QueryAudit(t.Context(), nc, hour, 10, ""); err != nil || len(got) != 0 {
		t.Errorf("an empty trail: %d, %v", len(got), err)
	}
	for i := range 250 {
		at := time.Now()
		if i%2 == 1 {
			at = at.Add(-2 * time.Hour) // told late: it is none of the span
		}
		add(auditv1.Record{Time: at, AccountID: fmt.Sprintf("acc_%d", i%5), RequestID: fmt.Sprintf("req_%d", i)}, auditv1.Record{Time: at, AccountID: "acc_x", RequestID: fmt.Sprintf("other_%d", i)})
	}
	for _, k := range []struct {
		limit       int
		account     string
		n           int
		first, last string
	}{
		{1000, "", 250, "req_0", "other_248"},
		{7, "acc_0", 7, "req_180", "req_240"},
		{1, "", 1, "other_248", "other_248"},
		{1000, "acc_none", 0, "", ""},
	} {
		got, err := cli.QueryAudit(t.Context(), nc, hour, k.limit, k.account)
		if err != nil || len(got) != k.n || k.n > 0 && (got[0].RequestID != k.first || got[k.n-1].RequestID != k.last) {
			t.Errorf("%+v: %d, %v", k, len(got), err)
		}
	}
	later, err := cli.NewSpan("2999-01-01", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cli.QueryAudit(t.Context(), nc, later, 10, ""); err != nil || len(got) != 0 {
		t.Errorf("the future: %d, %v", len(got), err)
	}
}

// line gives connections on which something goes wrong, once it shall.
type line struct {
	*natsd.Server
	late    atomic.Bool // what is read comes late
	unheard atomic.Bool // the next request for messages reaches nobody
}

func (l *line) InProcessConn() (net.Conn, error) {
	c, err := l.Server.InProcessConn()
	closed, end := context.WithCancel(context.Background())
	return &lineConn{c, l, closed, end}, err //nolint:wrapcheck // as the server has it
}

type lineConn struct {
	net.Conn
	line   *line
	closed context.Context //nolint:containedctx // it ends with the connection
	end    context.CancelFunc
}

func (c *lineConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.line.late.Load() {
		select {
		case <-c.closed.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
	return n, err //nolint:wrapcheck // as the connection has it
}

func (c *lineConn) Write(p []byte) (int, error) {
	if next := []byte(".CONSUMER.MSG.NEXT."); bytes.Contains(p, next) && c.line.unheard.CompareAndSwap(true, false) {
		p = bytes.Replace(p, next, []byte(".CONSUMER.MSG.NONE."), 1)
	}
	return c.Conn.Write(p) //nolint:wrapcheck // as the connection has it
}

func (c *lineConn) Close() error {
	c.end()
	return c.Conn.Close() //nolint:wrapcheck // as the connection has it
}

// TestQueryAudit_Slow: what comes late is no end of the trail, nor is it one that
// nobody heard the reader.
func TestQueryAudit_Slow(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(*line){
		"late": func(l *line) { l.late.Store(true) }, "unheard": func(l *line) { l.unheard.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &line{Server: natstest.Start(t)}
			nc := natstest.Conn(t, l.Server, nats.InProcessServer(l))
			add := trailOver(t, nc)
			const n = 3
			for i := range n {
				add(auditv1.Record{Time: time.Now(), RequestID: fmt.Sprint(i)})
			}
			all, err := cli.NewSpan("", "", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			disturb(l)
			got, err := cli.QueryAudit(t.Context(), nc, all, 1000, "")
			l.late.Store(false)
			if err != nil || len(got) != n || l.unheard.Load() {
				t.Errorf("%d of %d records, %v", len(got), n, err)
			}
		})
	}
}

// TestTailAudit_Unheard: who follows misses nothing while nobody has heard of him.
func TestTailAudit_Unheard(t *testing.T) {
	t.Parallel()
	l := &line{Server: natstest.Start(t)}
	nc := natstest.Conn(t, l.Server, nats.InProcessServer(l))
	add := trailOver(t, nc)
	add(auditv1.Record{Time: time.Now(), RequestID: "before"})
	l.unheard.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var got []string
	ended := make(chan error, 1)
	go func() {
		ended <- cli.TailAudit(ctx, nc, func(r auditv1.Record) error {
			if got = append(got, r.RequestID); r.RequestID == "last" {
				stop()
			}
			return nil
		})
	}()
	for l.unheard.Load() {
		time.Sleep(time.Millisecond)
	}
	add(auditv1.Record{Time: time.Now(), RequestID: "first"})
	add(auditv1.Record{Time: time.Now(), RequestID: "last"})
	if err := <-ended; err != nil || !slices.Equal(got, []string{"first", "last"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestQueryAudit_EndIsGone: the reading ends where the trail does, though what was
// its end when it began is too old to be kept by now.
func TestQueryAudit_EndIsGone(t *testing.T) {
	t.Parallel()
	nc, add := trail(t)
	for i := range 3 {
		add(auditv1.Record{Time: time.Now(), RequestID: fmt.Sprint(i)})
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), auditv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	all, err := cli.NewSpan("", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cli.QueryAudit(t.Context(), nc, all, 10, ""); err != nil || len(got) != 2 {
		t.Errorf("%d records, %v", len(got), err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := cli.QueryAudit(t.Context(), nc, all, 10, ""); err != nil || len(got) != 0 {
		t.Errorf("%d records of an emptied trail, %v", len(got), err)
	}
}

func TestQueryAudit_Damaged(t *testing.T) {
	t.Parallel()
	nc, add := trail(t)
	add(auditv1.Record{Time: time.Now()})
	// By a request: its answer says that the stream has it, which a flush does not.
	if _, err := nc.RequestWithContext(t.Context(), auditv1.SubjectV1, []byte(`{"records":7}`)); err != nil {
		t.Fatal(err)
	}
	all, err := cli.NewSpan("", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cli.QueryAudit(t.Context(), nc, all, 10, ""); err == nil {
		t.Error("a message that is no batch is passed over")
	}
}
