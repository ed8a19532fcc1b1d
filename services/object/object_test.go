package object_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/natsd"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/object"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a copy of the service until stop is called.
func start(t *testing.T, srv *natsd.Server, dir string) (p *platform.Platform, stop func()) {
	t.Helper()
	s := platform.Default()
	s.DataDir, s.Durability, s.NATS.URL = dir, platform.Process, srv.URL()
	p, err := platform.Open(t.Context(), s, platform.Options{
		Service: object.Name, Version: "test", Tel: telemetry.Nop(), Declared: streams.Declared(1), Declare: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	svc, err := object.New(object.Default(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- svc.Run(context.Background()) }()
	return p, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(svc.Stop(ctx), <-ran, p.Close(ctx)); err != nil {
			t.Error(err)
		}
	}
}

// TestService_BytesEventsRestart writes an object through the real stores, hears
// of it, starts again and reads it.
func TestService_BytesEventsRestart(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	dir := t.TempDir()
	p, stop := start(t, srv, dir)
	nc := natstest.Conn(t, srv)
	heard := make(chan *nats.Msg, 10)
	if _, err := nc.ChanSubscribe("evt.object.v1.>", heard); err != nil {
		t.Fatal(err)
	}
	svc := objectv1.NewClient(rpc.NewClient(nc, rpc.ClientConfig{}))
	who := authv1.Principal{AccountID: "acc", Username: "alice", Limits: authv1.Limits{StorageBytes: 1 << 30, ObjectBytes: 1 << 30}}
	if _, err := svc.CreateBucket(t.Context(), objectv1.CreateBucketRequest{Principal: who, Name: "files"}); err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("sluice ", 1000)
	put(t, svc, p, who, body)
	select {
	case m := <-heard:
		if m.Subject != objectv1.ObjectCreated.Type || !strings.Contains(string(m.Data), `"key":"k"`) {
			t.Fatalf("heard %s %s", m.Subject, m.Data)
		}
	case <-time.After(time.Minute):
		t.Fatal("no event")
	}
	stop()

	p, stop = start(t, srv, dir)
	defer stop()
	o, err := svc.StatObject(t.Context(), objectv1.StatObjectRequest{Principal: who, Bucket: "files", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, p, o); got != body {
		t.Fatalf("read %d bytes of %d", len(got), len(body))
	}
}

func put(t *testing.T, svc objectv1.Service, p *platform.Platform, who authv1.Principal, body string) {
	t.Helper()
	ticket, err := svc.BeginPut(t.Context(), objectv1.BeginPutRequest{Principal: who, Bucket: "files", Key: "k", Size: int64(len(body))})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := p.Blobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := blobs.NewWriter(t.Context(), blob.WriteOptions{Domain: ticket.KeyDomain, Region: ticket.Region, MaxSize: ticket.MaxSize})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	c, err := w.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = svc.CommitPut(t.Context(), objectv1.CommitPutRequest{
		Principal: who, Ticket: ticket, Bucket: "files", Key: "k", Manifest: c.Manifest, Digests: c.Digests, Compressed: c.Compressed,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, p *platform.Platform, o objectv1.Object) string {
	t.Helper()
	blobs, err := p.Blobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := blobs.Reader(t.Context(), o.Manifest, 0, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	var sb strings.Builder
	if _, err := r.WriteTo(&sb); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return sb.String()
}
