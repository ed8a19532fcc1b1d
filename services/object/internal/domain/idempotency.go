package domain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// maxFingerprint bounds what tells one content from another, bytes.
const maxFingerprint = 64

// bound is a write that has an idempotency key to itself, or the answer to it.
type bound struct {
	ticket  *objectv1.IdempotencyTicket
	version string
	replay  *objectv1.Object
}

// bindingName is the id of a key's binding: the hash of what it is bound to, each
// with its length before it.
func bindingName(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(p)))) // never fails
		_, _ = h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func checkIdempotency(r objectv1.BeginPutRequest) error {
	i := r.Idempotency
	if i.Key == "" || len(i.Key) > objectv1.MaxIdempotencyKey || len(i.Fingerprint) == 0 || len(i.Fingerprint) > maxFingerprint {
		return fault.ErrInvalid.Msgf("an idempotency key has 1 to %d characters", objectv1.MaxIdempotencyKey)
	}
	for n := range len(i.Key) {
		if i.Key[n] <= ' ' || i.Key[n] > '~' {
			return fault.ErrInvalid.Msgf("an idempotency key is of visible ASCII")
		}
	}
	if r.Staged {
		return fault.ErrInvalid.Msgf("a write in parts takes no idempotency key")
	}
	return nil
}

// bind takes the idempotency key for this attempt, or finds the answer to the
// write that had it.
func (s *Service) bind(ctx context.Context, b Bucket, r objectv1.BeginPutRequest) (bound, error) {
	if err := checkIdempotency(r); err != nil {
		return bound{}, err
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	key := r.Key
	if r.File != nil && r.File.FolderID != nil && *r.File.FolderID != "" {
		key = *r.File.FolderID + "\x00" + key
	}
	id := bindingName(b.Account, b.ID, key, r.Idempotency.Key)
	for range casAttempts {
		got, err := s.tryBind(ctx, b, id, r.Idempotency.Fingerprint)
		if !errors.Is(err, errAgain) {
			return got, err
		}
	}
	return bound{}, errBusy
}

func (s *Service) tryBind(ctx context.Context, b Bucket, id string, fingerprint []byte) (bound, error) {
	now := s.now()
	rec, rev, err := s.st.Bindings.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) {
		rec = Binding{
			ID: id, Account: b.Account, Fingerprint: fingerprint, Version: s.newID(), Owner: nonce(),
			LeaseTill: now.Add(objectv1.IdempotencyLease), SweepAt: now.Add(objectv1.IdempotencyLife),
		}
		err := s.st.Bindings.Insert(ctx, rec)
		if errors.Is(err, ErrTaken) {
			return bound{}, errAgain
		}
		if err != nil {
			return bound{}, fmt.Errorf("binding the idempotency key: %w", err)
		}
		return rec.bound(), nil
	}
	if err != nil {
		return bound{}, fmt.Errorf("reading the idempotency key: %w", err)
	}
	if !rec.SweepAt.After(now) && !rec.LeaseTill.After(now) {
		if err := s.st.Bindings.Delete(ctx, id, rev); err != nil && !errors.Is(err, ErrStale) {
			return bound{}, fmt.Errorf("forgetting the idempotency key: %w", err)
		}
		return bound{}, errAgain
	}
	if !bytes.Equal(rec.Fingerprint, fingerprint) {
		return bound{}, objectv1.ErrIdempotencyConflict
	}
	if rec, err = s.decide(ctx, rec); err != nil {
		return bound{}, err
	}
	switch {
	case rec.Done:
		return rec.answered()
	case rec.LeaseTill.After(now):
		return bound{}, objectv1.ErrIdempotencyBusy.After(rec.LeaseTill.Sub(now))
	}
	return s.inherit(ctx, rec)
}

func (b Binding) ticket() *objectv1.IdempotencyTicket {
	return &objectv1.IdempotencyTicket{ID: b.ID, Owner: b.Owner, LeaseTill: b.LeaseTill}
}

func (b Binding) bound() bound { return bound{ticket: b.ticket(), version: b.Version} }

// answered gives the first answer back.
func (b Binding) answered() (bound, error) {
	var o objectv1.Object
	if err := json.Unmarshal(b.Answer, &o); err != nil {
		return bound{}, fmt.Errorf("decoding the answer of an idempotency key: %w", err)
	}
	return bound{replay: &o}, nil
}

// inherit takes the key over from an attempt whose lease is over, and ends what
// that one had begun, so that this attempt begins with nothing.
func (s *Service) inherit(ctx context.Context, rec Binding) (bound, error) {
	owner, now := nonce(), s.now()
	mine, err := s.st.Bindings.Update(ctx, rec.ID, func(b *Binding) error {
		if b.Done || b.Owner != rec.Owner || b.LeaseTill.After(now) {
			return ErrRefused
		}
		b.Owner, b.LeaseTill = owner, now.Add(objectv1.IdempotencyLease)
		return nil
	})
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
		return bound{}, errAgain
	}
	if err != nil {
		return bound{}, fmt.Errorf("taking the idempotency key over: %w", err)
	}
	faultpoint.Hit("object.idempotency.inherited")
	committed, err := s.abort(ctx, rec.Account, rec.Version)
	if err != nil {
		return bound{}, err
	}
	if committed {
		if err := s.answerStands(ctx, rec.ID, rec.Version); err != nil {
			return bound{}, err
		}
		return bound{}, errAgain
	}
	return mine.bound(), nil
}

// decide finds out whether the write of a binding was done: its answer stands
// before the head can name its version, and from then on the version tells. Its
// document does not go before the binding is done.
func (s *Service) decide(ctx context.Context, rec Binding) (Binding, error) {
	if rec.Done || rec.Answer == nil {
		return rec, nil
	}
	done, err := s.wasCommitted(ctx, rec.Version)
	if err != nil || !done {
		return rec, err
	}
	rec.Done = true
	return rec, s.answerStands(ctx, rec.ID, rec.Version)
}

// wasCommitted reports whether a head ever named the version, as far as its
// document stands.
func (s *Service) wasCommitted(ctx context.Context, id string) (bool, error) {
	v, err := s.st.Versions.Get(ctx, id)
	if err == nil && (v.State == VersionPending || v.State == VersionAbandoned) {
		var h Head
		if h, _, err = s.st.Heads.Get(ctx, v.Bucket, v.Key); err == nil && h.Current == id {
			return true, nil
		}
		if err == nil { // if it was current and is no more, then its document says so by now
			v, err = s.st.Versions.Get(ctx, id)
		}
	}
	if errors.Is(err, ErrNoDocument) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("finding out about the write: %w", err)
	}
	return v.State == VersionCommitted || v.State == VersionRemoving || v.State == VersionRemoved, nil
}

// answerStands makes a binding done. Idempotent.
func (s *Service) answerStands(ctx context.Context, id, version string) error {
	_, err := s.st.Bindings.Update(ctx, id, func(b *Binding) error {
		if b.Version != version || b.Done || b.Answer == nil {
			return ErrRefused
		}
		b.Done = true
		return nil
	})
	if err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNoDocument) {
		return fmt.Errorf("closing the idempotency key: %w", err)
	}
	return nil
}

// answer writes what the commit will answer into its binding, before the head
// moves. An attempt that no longer has the key ends here.
func (s *Service) answer(ctx context.Context, d draft, v Version) error {
	if d.binding == nil {
		return nil
	}
	m := blob.Manifest{Size: v.Size, Region: d.ticket.Region, Domain: d.ticket.KeyDomain} // the bytes may go before the answer
	raw, err := json.Marshal(d.view(v, m))
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	done := false
	_, err = s.st.Bindings.Update(ctx, d.binding.ID, func(b *Binding) error {
		done = b.Done
		if b.Done || b.Owner != d.binding.Owner || b.Version != v.ID {
			return ErrRefused
		}
		b.Answer = raw
		return nil
	})
	if done {
		return s.wasDone(ctx, v.ID)
	}
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
		return objectv1.ErrIdempotencyBusy
	}
	if err != nil {
		return fmt.Errorf("writing the answer down: %w", err)
	}
	faultpoint.Hit("object.idempotency.answered")
	return nil
}

// wasDone is what an attempt meets whose write was done already: it starts over,
// and gives the answer of the version, unless that is forgotten by now.
func (s *Service) wasDone(ctx context.Context, version string) error {
	committed, err := s.wasCommitted(ctx, version)
	switch {
	case err != nil:
		return err
	case committed:
		return errAgain
	}
	return objectv1.ErrUploadGone
}

// KeepIdempotency extends the lease of the attempt that has the key.
func (s *Service) KeepIdempotency(ctx context.Context, r objectv1.KeepIdempotencyRequest) (objectv1.IdempotencyTicket, error) {
	till := s.now().Add(objectv1.IdempotencyLease)
	b, err := s.st.Bindings.Update(ctx, r.Ticket.ID, func(b *Binding) error {
		if b.Account != r.AccountID || b.Owner != r.Ticket.Owner {
			return ErrRefused
		}
		if till.After(b.LeaseTill) {
			b.LeaseTill = till
		}
		return nil
	})
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
		return objectv1.IdempotencyTicket{}, objectv1.ErrIdempotencyBusy
	}
	if err != nil {
		return objectv1.IdempotencyTicket{}, fmt.Errorf("keeping the idempotency key: %w", err)
	}
	return *b.ticket(), nil
}

// unbind gives up a version, and frees the key that its attempt has. Each round
// reads the binding first: an answer that is written meanwhile makes it start over.
func (s *Service) unbind(ctx context.Context, account string, version string, t objectv1.IdempotencyTicket) (committed bool, err error) {
	for range casAttempts {
		rec, rev, err := s.st.Bindings.Get(ctx, t.ID)
		if errors.Is(err, ErrNoDocument) || err == nil && (rec.Account != account || rec.Owner != t.Owner || rec.Version != version) {
			return false, nil // free already, or another attempt's
		}
		if err != nil {
			return false, fmt.Errorf("reading the idempotency key: %w", err)
		}
		if committed, err = s.abort(ctx, account, version); err != nil {
			return false, err
		}
		if committed {
			return true, s.answerStands(ctx, t.ID, version)
		}
		err = s.st.Bindings.Delete(ctx, t.ID, rev)
		if err == nil {
			return false, nil
		}
		if !errors.Is(err, ErrStale) {
			return false, fmt.Errorf("freeing the idempotency key: %w", err)
		}
	}
	return false, errBusy
}

// sweepBindings forgets keys whose time is over.
func (s *Service) sweepBindings(ctx context.Context) error {
	due := func(limit int) ([]Binding, error) { return s.st.Bindings.Due(ctx, s.now(), limit) }
	return sweepAll(ctx, s, due, func(b Binding) string { return b.ID }, func(b Binding) error {
		cur, rev, err := s.st.Bindings.Get(ctx, b.ID)
		if errors.Is(err, ErrNoDocument) || err == nil && (cur.SweepAt.After(s.now()) || cur.LeaseTill.After(s.now())) {
			return nil
		}
		if err == nil {
			err = s.st.Bindings.Delete(ctx, b.ID, rev)
		}
		if err != nil && !errors.Is(err, ErrStale) {
			return fmt.Errorf("forgetting an idempotency key: %w", err)
		}
		return nil
	})
}
