package domain

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/oklog/ulid/v2"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// How long things live.
const (
	// TicketLife is how long a ticket without a hold may be committed.
	TicketLife = 15 * time.Minute
	// HoldLease is how long a held ticket lives after its last renewal.
	HoldLease = 2 * time.Minute
	// commitLease is after how long the sweep doubts a pending version. An
	// attempt that takes longer loses its version, nothing else.
	commitLease = 2 * time.Minute
	// repairAfter is when the sweep takes over what a worker should have done long ago.
	repairAfter = time.Minute
	// emptyHeadLife is how long the head of a vanished object stays, so that no
	// writer that still knows its revision can meet another one of the same number.
	emptyHeadLife = 24 * time.Hour
	// opTimeout bounds one operation, whatever became of its caller.
	opTimeout = 20 * time.Second
	// casAttempts bounds the retries against other writers of the same key.
	casAttempts = 400
)

// Deps is what the domain stands on. Every field but Backlog is needed.
type Deps struct {
	Store  Store
	URLs   URLChecker
	Sealer Sealer
	Signer Signer
	// Composer is for uploads whose content is staged in parts.
	Composer Composer
	Log      *slog.Logger
	Clock    func() time.Time
	// Backlog gives the number of events that wait to be published.
	Backlog func() int64
	// Swept is told of each document that a sweep went on with; may be nil.
	Swept func()
}

// Options are the domain's own settings.
type Options struct {
	Regions    []string // the first is the default one
	MaxBacklog int64    // above it writes answer unavailable
	Workers    int      // background workers
	Queue      int      // jobs waiting for them; more is left to the sweep
	// Patience is how long a repeated commit waits for the attempt before it
	// takes its version over; 0 is 2 s.
	Patience time.Duration
	// CatchUp is how long a reader of counts waits for the background work that came
	// before it; 0 is 500 ms.
	CatchUp time.Duration
	// ListSteps bounds how many nodes a page of a drive's listing looks at; 0 is
	// 20,000.
	ListSteps int
	// TrashKeep is how long the trash keeps what is put into it; 0 is 30 days.
	TrashKeep time.Duration
}

// Service implements the rules of the object service. Run must be running for
// its background work; all methods are safe for concurrent use.
type Service struct {
	cfg  Options
	d    Deps
	st   Store
	tree *Tree
	jobs *jobs
	// nudge says that there is something for the sweep before its time, and
	// recounts that there is something to be counted.
	nudge, recounts chan struct{}
	// files and folders number the nodes.
	files, folders numbers
}

// New makes a Service.
func New(cfg Options, d Deps) *Service {
	if cfg.Patience <= 0 {
		cfg.Patience = 2 * time.Second
	}
	if cfg.CatchUp <= 0 {
		cfg.CatchUp = 500 * time.Millisecond
	}
	if cfg.ListSteps <= 0 {
		cfg.ListSteps = 20_000
	}
	if cfg.TrashKeep <= 0 {
		cfg.TrashKeep = 30 * 24 * time.Hour
	}
	s := &Service{
		cfg: cfg, d: d, st: d.Store, jobs: newJobs(cfg.Queue, cfg.CatchUp), nudge: make(chan struct{}, 1), recounts: make(chan struct{}, 1),
	}
	s.st.Nodes = marking{d.Store.Nodes, s.recounts}
	s.tree = NewTree(s.st.Nodes, d.Clock)
	return s
}

// Wanted tells that there is something for the sweep before its time.
func (s *Service) Wanted() <-chan struct{} { return s.nudge }

// Run does background work until ctx is done, and finishes what is under way.
func (s *Service) Run(ctx context.Context) { s.runJobs(ctx) }

// now is the time as documents keep it: UTC, milliseconds.
func (s *Service) now() time.Time { return s.d.Clock().UTC().Truncate(time.Millisecond) }

// newID gives a fresh, time-ordered id.
func (s *Service) newID() string {
	return ulid.MustNew(ulid.Timestamp(s.d.Clock()), rand.Reader).String()
}

// nonce tells attempts apart.
func nonce() string { return rand.Text()[:10] }

// nextSeq gives the sequence of the next change of a head. It follows the clock
// so that it also grows when an empty head was removed in between.
func (s *Service) nextSeq(last int64) int64 { return max(last+1, s.d.Clock().UnixMicro()) }

// detach keeps an operation going when its caller leaves: half a protocol is
// safe, but costs a sweep.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), opTimeout)
}

// admit refuses changes while too many events wait to be published.
func (s *Service) admit() error {
	if s.d.Backlog != nil && s.cfg.MaxBacklog > 0 && s.d.Backlog() > s.cfg.MaxBacklog {
		return fault.ErrUnavailable.Msgf("too many events wait to be published; repeat the request shortly").After(time.Second)
	}
	return nil
}

// bucketFor finds a bucket of the principal's account by its name.
func (s *Service) bucketFor(ctx context.Context, p authv1.Principal, name string) (Bucket, int64, error) {
	switch {
	case name == objectv1.DriveBucket:
		return s.system(ctx, driveOf(p.AccountID, s.cfg.Regions[0]))
	case name == objectv1.PlikBucket && p.System:
		return s.system(ctx, plikOf(p.AccountID, s.cfg.Regions[0]))
	case name == objectv1.PlikBucket:
		return Bucket{}, 0, objectv1.ErrBucketNotFound
	}
	b, rev, err := s.st.Buckets.ByName(ctx, p.AccountID, name)
	if errors.Is(err, ErrNoDocument) {
		return b, 0, objectv1.ErrBucketNotFound
	}
	if err != nil {
		return b, 0, fmt.Errorf("finding the bucket: %w", err)
	}
	return b, rev, nil
}

// activeBucket re-reads a bucket behind a write into it: whoever deletes the
// bucket either sees that write or is seen here.
func (s *Service) activeBucket(ctx context.Context, id string) (Bucket, error) {
	b, _, err := s.st.Buckets.Get(ctx, id)
	switch {
	case errors.Is(err, ErrNoDocument):
		return b, objectv1.ErrBucketNotFound
	case err != nil:
		return b, fmt.Errorf("reading the bucket: %w", err)
	case b.State == BucketClosed:
		return b, objectv1.ErrAccountClosed
	case b.State != BucketActive:
		return b, fault.ErrUnavailable.Msgf("the bucket is being deleted; repeat the request shortly").After(time.Second)
	}
	return b, nil
}
