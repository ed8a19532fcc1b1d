package platform_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
)

// logBuffer is what a service logs, for a test that waits for a line.
type logBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{}
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.wrote <- struct{}{}:
	default:
	}
	return l.b.Write(p)
}

// wait gives the line with that text.
func (l *logBuffer) wait(t *testing.T, text string) string {
	t.Helper()
	over := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		all := l.b.String()
		l.mu.Unlock()
		for line := range strings.Lines(all) {
			if strings.Contains(line, text) {
				return line
			}
		}
		select {
		case <-l.wrote:
		case <-over:
			t.Fatalf("nothing says %q:\n%s", text, all)
		}
	}
}

func logged() (*logBuffer, *telemetry.Telemetry) {
	l := &logBuffer{wrote: make(chan struct{}, 1)}
	tel := telemetry.Nop()
	tel.Log = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return l, tel
}

// declaration is something to wait for.
func declaration() bus.Declaration {
	return bus.Declaration{
		Streams:   []jetstream.StreamConfig{{Name: "EVENTS", Subjects: []string{"evt.>"}}},
		Consumers: []bus.Consumer{{Stream: "EVENTS", Durable: "who", Subjects: []string{"evt.x"}}},
		Buckets:   []jetstream.KeyValueConfig{{Bucket: "states"}},
	}
}

// TestOpen_WaitsForItsDeclaration: a service makes nothing. It waits until an
// operator has declared everything, and finds it then.
func TestOpen_WaitsForItsDeclaration(t *testing.T) {
	t.Parallel()
	s := settings(t)
	s.Blob.Shards = 1
	srv := server(t, s)
	log, tel := logged()
	opened := make(chan error, 1)
	go func() {
		p, err := platform.Open(t.Context(), s, platform.Options{Service: "test", Tel: tel, Declared: declaration()})
		if err == nil {
			_, berr := p.Blobs(t.Context())
			_, kerr := p.Bucket(t.Context(), "states")
			err = errors.Join(berr, kerr, p.Close(context.Background()))
		}
		opened <- err
	}()
	log.wait(t, "stream EVENTS is not declared")
	nc, err := srv.ConnectAs(rpc.Operator)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for range 2 { // it may be repeated
		if err := platform.Declare(t.Context(), nc, s, declaration(), telemetry.Nop()); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// TestOpen_SaysWhatIsNotDeclared when nobody has declared it by the time that
// somebody ends the wait.
func TestOpen_SaysWhatIsNotDeclared(t *testing.T) {
	t.Parallel()
	s := settings(t)
	server(t, s)
	log, tel := logged()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opened := make(chan error, 1)
	go func() {
		_, err := platform.Open(ctx, s, platform.Options{Service: "test", Tel: tel, Declared: declaration()})
		opened <- err
	}()
	log.wait(t, "waiting for what is to be declared")
	cancel()
	if err := <-opened; !errors.Is(err, bus.ErrNotDeclared) || !strings.Contains(err.Error(), "sluice bus declare") {
		t.Errorf("error %v", err)
	}
}

// TestOpen_TellsOfAnotherVersionsDeclaration and goes on.
func TestOpen_TellsOfAnotherVersionsDeclaration(t *testing.T) {
	t.Parallel()
	s := settings(t)
	server(t, s)
	open(t, s, platform.Options{Declared: declaration()})
	log, tel := logged()
	newer := declaration()
	newer.Streams[0].Description = "changed"
	p, err := platform.Open(t.Context(), s, platform.Options{Service: "test", Tel: tel, Declared: newer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	if line := log.wait(t, "stream EVENTS: description"); !strings.Contains(line, "level=WARN") {
		t.Error(line)
	}
}

// TestRefusals_AreErrorsInTheLog that name the subject.
func TestRefusals_AreErrorsInTheLog(t *testing.T) {
	t.Parallel()
	s := settings(t)
	srv := server(t, s)
	users, err := platform.ReadUsers(s.CredsPath(), []string{"test"})
	if err != nil {
		t.Fatal(err)
	}
	list := []natsd.User{{Name: users[0].User, Password: users[0].Password}, {
		Name: users[1].User, Password: users[1].Password,
		Publish: []string{"$JS.API.STREAM.INFO.*", "mine"}, Subscribe: []string{rpc.InboxPrefix("test") + ".>"},
	}}
	if err := srv.SetUsers(list); err != nil {
		t.Fatal(err)
	}
	log, tel := logged()
	p, err := platform.Open(t.Context(), s, platform.Options{Service: "test", Tel: tel})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	if err := errors.Join(p.Events.Publish("mine", nil), p.Events.Publish("another.s", nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Events.SubscribeSync("other.answers"); err != nil {
		t.Fatal(err)
	}
	if err := p.Events.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"another.s", "other.answers"} {
		if line := log.wait(t, subject); !strings.Contains(line, "level=ERROR") || !strings.Contains(line, "refused") {
			t.Error(line)
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if strings.Contains(log.b.String(), "mine") {
		t.Error("what it may was refused")
	}
}
