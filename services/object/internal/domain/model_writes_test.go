package domain_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// parts writes an object in parts, one of which is dropped again.
func (m *model) parts(ctx context.Context, rnd *rand.Rand, bucket, key string) {
	ticket, err := m.e.BeginPut(ctx, objectv1.BeginPutRequest{
		Principal: alice, Bucket: bucket, Key: key, Size: -1, Hold: true, Staged: true,
	})
	if err != nil {
		m.allowed("begin in parts", err)
		return
	}
	var ids []string
	for n := range 3 {
		r := partOf(ticket, fmt.Sprint(rnd.Uint64())[:1+rnd.IntN(5)])
		if _, err := m.e.StageContent(ctx, r); err != nil {
			m.allowed("stage", err)
			return // its lease ends it
		}
		if n < 2 {
			ids = append(ids, r.ContentID)
			continue
		}
		_, err := m.e.UnstageContents(ctx, objectv1.UnstageContentsRequest{
			AccountID: "alice", VersionID: ticket.VersionID, ContentIDs: []string{r.ContentID},
		})
		m.allowed("unstage", err)
	}
	if rnd.IntN(5) == 0 {
		_, err := m.e.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID})
		m.allowed("abort", err)
		return
	}
	var cond objectv1.Conditions
	if rnd.IntN(3) == 0 {
		cond.IfNoneMatchAny = true
	}
	r := completion(ticket, bucket, key, ids...)
	r.Conditions = cond
	m.commit(ctx, rnd, ticket.VersionID, ack{bucket: bucket, key: key, cond: cond}, func(ctx context.Context) (objectv1.Object, error) {
		return m.e.CommitPut(ctx, r)
	})
}

// copy makes an object of another one, or of itself.
func (m *model) copy(ctx context.Context, rnd *rand.Rand, bucket, key string) {
	r := m.e.copyOf(modelBuckets[rnd.IntN(len(modelBuckets))], string(rune('a'+rnd.IntN(3))), bucket, key)
	m.commit(ctx, rnd, r.VersionID, ack{bucket: bucket, key: key}, func(ctx context.Context) (objectv1.Object, error) {
		o, err := m.e.CopyObject(ctx, r)
		if errors.Is(err, objectv1.ErrNotFound) {
			return o, objectv1.ErrPrecondition // a race explains it
		}
		return o, err
	})
}

// once writes an object under one of a few idempotency keys.
func (m *model) once(ctx context.Context, rnd *rand.Rand, bucket, key string) {
	name := fmt.Sprintf("once-%d", rnd.IntN(3))
	ticket, err := m.e.BeginPut(ctx, objectv1.BeginPutRequest{
		Principal: alice, Bucket: bucket, Key: key, Size: int64(len(name)), Hold: rnd.IntN(2) == 0,
		Idempotency: &objectv1.Idempotency{Key: name, Fingerprint: []byte(name)},
	})
	if fault.KindOf(err) == fault.Conflict {
		return // it runs
	}
	if err != nil {
		m.allowed("begin once", err)
		return
	}
	if ticket.Replayed != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		was, ok := m.acked[ticket.Replayed.VersionID]
		if ok && (was.bucket != bucket || was.key != key || was.etag != ticket.Replayed.ETag) || !ok && !m.maybe[ticket.Replayed.VersionID] {
			m.e.t.Errorf("replayed %+v, acknowledged was %+v", ticket.Replayed, was)
		}
		return
	}
	r := commitOf(alice, bucket, key, name, ticket)
	m.commit(ctx, rnd, ticket.VersionID, ack{bucket: bucket, key: key}, func(ctx context.Context) (objectv1.Object, error) {
		return m.e.CommitPut(ctx, r)
	})
	if rnd.IntN(4) == 0 { // of one that was committed it is told so
		_, err := m.e.AbortPut(ctx, objectv1.AbortPutRequest{AccountID: "alice", VersionID: ticket.VersionID, Idempotency: ticket.Idempotency})
		m.allowed("abort once", err)
	}
}
