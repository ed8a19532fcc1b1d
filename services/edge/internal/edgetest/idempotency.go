package edgetest

import (
	"bytes"
	"context"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// bound is what an idempotency key stands for.
type bound struct {
	fingerprint []byte
	versionID   string
	done        *objectv1.Object // nil while the first request is running
}

// bind takes an idempotency key, or gives the answer that it has.
func (o *Object) bind(t *objectv1.Ticket, r objectv1.BeginPutRequest) (done bool, err error) {
	id := t.BucketID + "\x00" + r.Key + "\x00" + r.Idempotency.Key
	if was := o.bound[id]; was != nil {
		switch {
		case !bytes.Equal(was.fingerprint, r.Idempotency.Fingerprint):
			return false, objectv1.ErrIdempotencyConflict
		case was.done == nil:
			return false, objectv1.ErrIdempotencyBusy
		}
		t.Replayed = was.done
		return true, nil
	}
	o.bound[id] = &bound{fingerprint: r.Idempotency.Fingerprint, versionID: t.VersionID}
	t.Idempotency = &objectv1.IdempotencyTicket{ID: id, Owner: t.VersionID, LeaseTill: time.Now().Add(objectv1.IdempotencyLease)}
	return false, nil
}

// KeepIdempotency implements objectv1.Service.
func (o *Object) KeepIdempotency(_ context.Context, r objectv1.KeepIdempotencyRequest) (objectv1.IdempotencyTicket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Calls = append(o.Calls, "KeepIdempotency")
	if err := o.Fail["KeepIdempotency"]; err != nil {
		return objectv1.IdempotencyTicket{}, err
	}
	if was := o.bound[r.Ticket.ID]; was == nil || was.versionID != r.Ticket.Owner {
		return objectv1.IdempotencyTicket{}, objectv1.ErrIdempotencyBusy
	}
	t := r.Ticket
	t.LeaseTill = time.Now().Add(objectv1.IdempotencyLease)
	return t, nil
}
