package endpoint_test

import (
	"context"
	"errors"
	"sync"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/upload/internal/domain"
)

// errKilled is what a call ends with that is broken off.
var errKilled = errors.New("killed")

// brokenParts is a store that breaks off before or after its n-th write, and
// stays broken until it is mended: as far as documents go, a kill.
type brokenParts struct {
	domain.MultipartStore

	mu     sync.Mutex
	left   int // writes until it breaks; 0: it does not
	after  bool
	dead   bool
	writes int
	// plan is called between the reading of parts and the writing of their plan.
	plan func()
}

// breakAt lets the n-th write from now be the last one, or the first not done.
func (b *brokenParts) breakAt(n int, after bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.after, b.dead, b.writes = n, after, false, 0
}

func (b *brokenParts) mend() { b.breakAt(0, false) }

// count tells how many writes there were since breakAt.
func (b *brokenParts) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writes
}

// write does one write, or breaks off around it.
func (b *brokenParts) write(do func() error) error {
	b.mu.Lock()
	if b.dead {
		b.mu.Unlock()
		return errKilled
	}
	b.writes++
	if b.left > 0 {
		if b.left--; b.left == 0 {
			b.dead = true
		}
	}
	broken := b.dead
	b.mu.Unlock()
	if broken && !b.after {
		return errKilled
	}
	if err := do(); err != nil {
		return err
	}
	if broken {
		return errKilled
	}
	return nil
}

func (b *brokenParts) InsertMultipart(ctx context.Context, m domain.Multipart) error {
	return b.write(func() error { return b.MultipartStore.InsertMultipart(ctx, m) })
}

func (b *brokenParts) UpdateMultipart(ctx context.Context, id string, change func(*domain.Multipart) error) (m domain.Multipart, err error) {
	err = b.write(func() (err error) { m, err = b.MultipartStore.UpdateMultipart(ctx, id, change); return err })
	return m, err
}

func (b *brokenParts) DeleteMultipart(ctx context.Context, id string) error {
	return b.write(func() error { return b.MultipartStore.DeleteMultipart(ctx, id) })
}

func (b *brokenParts) PutPart(ctx context.Context, upload string, n int, change func(*domain.Part, bool)) (p domain.Part, err error) {
	err = b.write(func() (err error) { p, err = b.MultipartStore.PutPart(ctx, upload, n, change); return err })
	return p, err
}

func (b *brokenParts) TrimPart(ctx context.Context, upload string, n int, contents []string) error {
	return b.write(func() error { return b.MultipartStore.TrimPart(ctx, upload, n, contents) })
}

func (b *brokenParts) DeletePart(ctx context.Context, upload string, n int) error {
	return b.write(func() error { return b.MultipartStore.DeletePart(ctx, upload, n) })
}

func (b *brokenParts) InsertPlan(ctx context.Context, p domain.Plan) error {
	b.mu.Lock()
	hook := b.plan
	b.plan = nil
	b.mu.Unlock()
	if hook != nil {
		hook()
	}
	return b.write(func() error { return b.MultipartStore.InsertPlan(ctx, p) })
}

func (b *brokenParts) AnswerPlan(ctx context.Context, id string, o objectv1.Object) (p domain.Plan, err error) {
	err = b.write(func() (err error) { p, err = b.MultipartStore.AnswerPlan(ctx, id, o); return err })
	return p, err
}

func (b *brokenParts) DeletePlan(ctx context.Context, id string) error {
	return b.write(func() error { return b.MultipartStore.DeletePlan(ctx, id) })
}

func (b *brokenParts) DeletePlans(ctx context.Context, upload string) error {
	return b.write(func() error { return b.MultipartStore.DeletePlans(ctx, upload) })
}
