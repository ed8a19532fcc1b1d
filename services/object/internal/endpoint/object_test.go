package endpoint_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/object/v1/objectv1test"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/docstore/sqlite"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/pkg/natsd/natstest"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/object/internal/domain"
	"github.com/sluicehq/sluice/services/object/internal/endpoint"
	"github.com/sluicehq/sluice/services/object/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type urls struct{}

func (urls) CheckURL(_ context.Context, url string) error {
	if url == objectv1test.Refused {
		return fault.ErrInvalid
	}
	return nil
}

// collector counts the manifests that it is given.
type collector struct{}

func (collector) Collect(ctx context.Context, c blob.Contents, _ blob.CollectOptions) (blob.Report, error) {
	var r blob.Report
	err := c(ctx, func(blob.Manifest) error {
		r.Contents++
		return nil
	})
	return r, err
}

// composer adds sizes up.
type composer struct{}

func (composer) Compose(ctx context.Context, parts blob.Contents) (blob.Manifest, error) {
	var out blob.Manifest
	err := parts(ctx, func(m blob.Manifest) error {
		out.Region, out.Domain = m.Region, m.Domain
		out.Size += m.Size
		return nil
	})
	return out, err
}

func open(t *testing.T) *endpoint.Object {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "object.db"), sqlite.Options{Sync: sqlite.SyncNormal})
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	master := keystest.Master(t)
	s := domain.New(domain.Options{Regions: []string{"local"}, Workers: 2, Queue: 256, CatchUp: time.Minute}, domain.Deps{
		Store: st, URLs: urls{}, Sealer: master.Sealer(objectv1.PurposeWebhookSecret), Signer: master.Signer("list"), Composer: composer{},
		Log: slog.New(slog.DiscardHandler), Clock: time.Now,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	wg.Go(func() { s.RunTallies(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return endpoint.New(s, collector{})
}

func TestObject_Direct(t *testing.T) {
	t.Parallel()
	svc := open(t)
	objectv1test.Run(t, func(*testing.T) objectv1.Service { return svc })
	objectv1test.RunDrive(t, func(*testing.T) (objectv1.Service, objectv1.DriveService) { return svc, svc })
}

func TestObject_ThroughNATS(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	server, err := rpc.NewServer(natstest.Conn(t, srv), rpc.ServerConfig{Name: "object", Version: "1.0.0", Tel: telemetry.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	served := open(t)
	if err := errors.Join(objectv1.Register(server, served), objectv1.RegisterDrive(server, served)); err != nil {
		t.Fatal(err)
	}
	client := rpc.NewClient(natstest.Conn(t, srv), rpc.ClientConfig{Tel: telemetry.Nop()})
	svc, drive := objectv1.NewClient(client), objectv1.NewDriveClient(client)
	objectv1test.Run(t, func(*testing.T) objectv1.Service { return svc })
	objectv1test.RunDrive(t, func(*testing.T) (objectv1.Service, objectv1.DriveService) { return svc, drive })
}

func TestCollectGarbage_ReadsEveryContent(t *testing.T) {
	t.Parallel()
	r, err := open(t).CollectGarbage(t.Context(), objectv1.CollectGarbageRequest{})
	if err != nil || r.Contents != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
}
