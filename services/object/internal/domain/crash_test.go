package domain_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// errCrash is what every write of a crashed operation answers.
var errCrash = errors.New("crashed")

// crasher is a point in an operation's writes at which it dies: the write
// before is done, this one is done or not, and all later ones never happen.
type crasher struct {
	left  atomic.Int64 // writes until the crash
	after bool         // the fatal write still happens
	dead  atomic.Bool

	meanwhile func() // instead of the crash: what others do before that write
}

type crashKey struct{}

// withCrash lets the operations of ctx die at one of their first n writes.
func withCrash(ctx context.Context, rnd *rand.Rand, n int) (context.Context, *crasher) {
	c := &crasher{after: rnd.IntN(2) == 0}
	c.left.Store(int64(1 + rnd.IntN(n)))
	return context.WithValue(ctx, crashKey{}, c), c
}

// crashAt lets the operations of ctx die at their n-th write, before or after it.
func crashAt(ctx context.Context, n int, after bool) (context.Context, *crasher) {
	c := &crasher{after: after}
	c.left.Store(int64(n))
	return context.WithValue(ctx, crashKey{}, c), c
}

// meanwhile has something done just before the n-th write of the operations of ctx.
func meanwhile(ctx context.Context, n int, do func()) context.Context {
	c := &crasher{meanwhile: do}
	c.left.Store(int64(n))
	return context.WithValue(ctx, crashKey{}, c)
}

// lastMeeting reports whether the operations of a ctx of meanwhile, which were met,
// made no write that is step writes behind that. Who looks at each write goes on
// until nobody is met, since their number may differ.
func lastMeeting(ctx context.Context, step int) bool {
	left := ctx.Value(crashKey{}).(*crasher).left.Load()
	return step > 1 && step > -int(left)
}

func write(ctx context.Context, do func() error) error {
	c, ok := ctx.Value(crashKey{}).(*crasher)
	if !ok {
		return do()
	}
	if c.dead.Load() {
		return errCrash
	}
	left := c.left.Add(-1)
	if c.meanwhile != nil && left == 0 {
		c.meanwhile()
	}
	if c.meanwhile != nil || left > 0 {
		return do()
	}
	c.dead.Store(true)
	if c.after {
		_ = do()
	}
	return errCrash
}

// crashing wraps the ports so that operations can die in them.
func crashing(st domain.Store) domain.Store {
	st.Buckets = crashBuckets{st.Buckets}
	st.Heads = crashHeads{st.Heads}
	st.Versions = crashVersions{st.Versions}
	st.Contents = crashContents{st.Contents}
	st.Accounts = crashAccounts{st.Accounts}
	st.Bindings = crashBindings{st.Bindings}
	st.Nodes = crashNodes{st.Nodes}
	st.Tallies = crashTallies{st.Tallies}
	st.Words = crashWords{st.Words}
	st.Cursors = crashCursors{st.Cursors}
	return st
}

type crashBuckets struct{ domain.Buckets }

func (c crashBuckets) Replace(ctx context.Context, b domain.Bucket, rev int64) error {
	return write(ctx, func() error { return c.Buckets.Replace(ctx, b, rev) })
}

func (c crashBuckets) Delete(ctx context.Context, id string, rev int64) error {
	return write(ctx, func() error { return c.Buckets.Delete(ctx, id, rev) })
}

type crashHeads struct{ domain.Heads }

func (c crashHeads) Put(ctx context.Context, h domain.Head, rev int64, events ...domain.Event) error {
	return write(ctx, func() error { return c.Heads.Put(ctx, h, rev, events...) })
}

func (c crashHeads) Delete(ctx context.Context, h domain.Head, rev int64) error {
	return write(ctx, func() error { return c.Heads.Delete(ctx, h, rev) })
}

type crashVersions struct{ domain.Versions }

func (c crashVersions) Insert(ctx context.Context, v domain.Version) error {
	return write(ctx, func() error { return c.Versions.Insert(ctx, v) })
}

func (c crashVersions) Update(ctx context.Context, id string, change func(v *domain.Version) error) (v domain.Version, err error) {
	err = write(ctx, func() error {
		v, err = c.Versions.Update(ctx, id, change)
		return err
	})
	return v, err
}

func (c crashVersions) Commit(ctx context.Context, id string, order, delta int64, settled bool) error {
	return write(ctx, func() error { return c.Versions.Commit(ctx, id, order, delta, settled) })
}

func (c crashVersions) Drop(ctx context.Context, v domain.Version) error {
	return write(ctx, func() error { return c.Versions.Drop(ctx, v) })
}

func (c crashVersions) Delete(ctx context.Context, id string) error {
	return write(ctx, func() error { return c.Versions.Delete(ctx, id) })
}

type crashContents struct{ domain.Contents }

func (c crashContents) Insert(ctx context.Context, x domain.Content) error {
	return write(ctx, func() error { return c.Contents.Insert(ctx, x) })
}

func (c crashContents) Release(ctx context.Context, id, hold string) error {
	return write(ctx, func() error { return c.Contents.Release(ctx, id, hold) })
}

func (c crashContents) Hold(ctx context.Context, id, hold string, sweepAt time.Time) error {
	return write(ctx, func() error { return c.Contents.Hold(ctx, id, hold, sweepAt) })
}

func (c crashContents) Leave(ctx context.Context, id, version string, sweepAt time.Time) error {
	return write(ctx, func() error { return c.Contents.Leave(ctx, id, version, sweepAt) })
}

type crashBindings struct{ domain.Bindings }

func (c crashBindings) Insert(ctx context.Context, b domain.Binding) error {
	return write(ctx, func() error { return c.Bindings.Insert(ctx, b) })
}

func (c crashBindings) Update(ctx context.Context, id string, change func(b *domain.Binding) error) (b domain.Binding, err error) {
	err = write(ctx, func() error {
		b, err = c.Bindings.Update(ctx, id, change)
		return err
	})
	return b, err
}

func (c crashBindings) Delete(ctx context.Context, id string, rev int64) error {
	return write(ctx, func() error { return c.Bindings.Delete(ctx, id, rev) })
}

type crashAccounts struct{ domain.Accounts }

func (c crashAccounts) Reserve(ctx context.Context, account, id string, r domain.Reservation, limit int64) error {
	return write(ctx, func() error { return c.Accounts.Reserve(ctx, account, id, r, limit) })
}

func (c crashAccounts) Resize(ctx context.Context, account, id string, old int64, r domain.Reservation, limit int64) error {
	return write(ctx, func() error { return c.Accounts.Resize(ctx, account, id, old, r, limit) })
}

func (c crashAccounts) ReserveBeside(
	ctx context.Context, account, id string, r domain.Reservation, other string, old int64, next domain.Reservation, limit int64,
) error {
	return write(ctx, func() error { return c.Accounts.ReserveBeside(ctx, account, id, r, other, old, next, limit) })
}

func (c crashAccounts) Lapse(ctx context.Context, account, id string, r domain.Reservation) error {
	return write(ctx, func() error { return c.Accounts.Lapse(ctx, account, id, r) })
}

func (c crashAccounts) Unreserve(ctx context.Context, account, id string) error {
	return write(ctx, func() error { return c.Accounts.Unreserve(ctx, account, id) })
}

func (c crashAccounts) Settle(ctx context.Context, account string, entries []domain.Settlement) error {
	return write(ctx, func() error { return c.Accounts.Settle(ctx, account, entries) })
}

func (c crashAccounts) Merge(ctx context.Context, account, into string, ids []string) error {
	return write(ctx, func() error { return c.Accounts.Merge(ctx, account, into, ids) })
}

func (c crashAccounts) GiveBack(ctx context.Context, account string, epoch int64, r domain.Return) error {
	return write(ctx, func() error { return c.Accounts.GiveBack(ctx, account, epoch, r) })
}

func (c crashAccounts) Release(ctx context.Context, account string, epoch int64, s domain.Settlement) error {
	return write(ctx, func() error { return c.Accounts.Release(ctx, account, epoch, s) })
}

func (c crashAccounts) Close(ctx context.Context, account string, was, next domain.Closing) error {
	return write(ctx, func() error { return c.Accounts.Close(ctx, account, was, next) })
}

func (c crashAccounts) Forget(ctx context.Context, account string, was domain.Closing) error {
	return write(ctx, func() error { return c.Accounts.Forget(ctx, account, was) })
}

func (c crashAccounts) DropBucket(ctx context.Context, account, bucket string) error {
	return write(ctx, func() error { return c.Accounts.DropBucket(ctx, account, bucket) })
}

func (c crashAccounts) Unmark(ctx context.Context, account string, versions []string) error {
	return write(ctx, func() error { return c.Accounts.Unmark(ctx, account, versions) })
}

type crashNodes struct{ domain.Nodes }

func (c crashNodes) Insert(ctx context.Context, n domain.Node) error {
	return write(ctx, func() error { return c.Nodes.Insert(ctx, n) })
}

func (c crashNodes) Replace(ctx context.Context, n domain.Node, rev int64) error {
	return write(ctx, func() error { return c.Nodes.Replace(ctx, n, rev) })
}

func (c crashNodes) Delete(ctx context.Context, id string, rev int64) error {
	return write(ctx, func() error { return c.Nodes.Delete(ctx, id, rev) })
}

func (c crashNodes) SetMoving(ctx context.Context, account string, m *domain.Move, rev int64) error {
	return write(ctx, func() error { return c.Nodes.SetMoving(ctx, account, m, rev) })
}

func (c crashNodes) Downloaded(ctx context.Context, id string, n int64, at time.Time) error {
	return write(ctx, func() error { return c.Nodes.Downloaded(ctx, id, n, at) })
}

func (c crashNodes) Mark(ctx context.Context, id string, at time.Time) error {
	return write(ctx, func() error { return c.Nodes.Mark(ctx, id, at) })
}

type crashTallies struct{ domain.Tallies }

func (c crashTallies) UpdateShard(ctx context.Context, id string, change func(s *domain.Shard) bool) (s domain.Shard, rev int64, err error) {
	err = write(ctx, func() error {
		s, rev, err = c.Tallies.UpdateShard(ctx, id, change)
		return err
	})
	return s, rev, err
}

func (c crashTallies) DropShard(ctx context.Context, id string) error {
	return write(ctx, func() error { return c.Tallies.DropShard(ctx, id) })
}

func (c crashTallies) SetRoot(ctx context.Context, n domain.Node, rev int64) error {
	return write(ctx, func() error { return c.Tallies.SetRoot(ctx, n, rev) })
}

func (c crashTallies) Bury(ctx context.Context, g domain.Grave) error {
	return write(ctx, func() error { return c.Tallies.Bury(ctx, g) })
}

func (c crashTallies) Forget(ctx context.Context, id string) error {
	return write(ctx, func() error { return c.Tallies.Forget(ctx, id) })
}

type crashWords struct{ domain.Words }

func (c crashWords) Put(ctx context.Context, word, node string) error {
	return write(ctx, func() error { return c.Words.Put(ctx, word, node) })
}

func (c crashWords) Drop(ctx context.Context, word, node string) error {
	return write(ctx, func() error { return c.Words.Drop(ctx, word, node) })
}

type crashCursors struct{ domain.Cursors }

func (c crashCursors) Set(ctx context.Context, name, value string) error {
	return write(ctx, func() error { return c.Cursors.Set(ctx, name, value) })
}
